"""`Rules`: which layers of a model the user wants sparse, and by which technique."""

import re
from collections.abc import Callable, Sequence

import keras

from state_of_sparsity.arguments import can_be_called_with
from state_of_sparsity.user_warnings import warn
from state_of_sparsity.wrapping.base import SparseWrapper

Rule = Callable[[keras.layers.Layer], SparseWrapper | None]
RulesLike = Rule | Sequence[tuple[str, Rule | None]]


class Rules:
    """The rules of one call of `sparsify`, and what they matched.

    Args:
        rules: a callable `layer -> wrapper or None`, asked for every layer with a kernel; or a
            list of `(regular expression, callable or None)`, of which the first whose expression
            is found in the layer's path decides. `None` leaves a layer dense.

    Raises:
        ValueError: if `rules` has another form.
    """

    def __init__(self, rules: RulesLike):
        self.rules = [(re.compile(""), rules)] if _is_rule(rules) else _compiled(rules)
        self.matched = [0] * len(self.rules)
        self.decided = [0] * len(self.rules)
        # Paths of layers that a rule was asked for, and of others; who took each kernel, by its id.
        self.candidates, self.others, self.taken = [], [], {}
        self.refused = []  # paths of layers for which a callable returned None

    def wrap(self, path, layer, kernels):
        """Returns `(decided, wrapper)` for a layer.

        Args:
            path: the layer's path.
            layer: a layer with a kernel.
            kernels: its `SparseKernel`s.
        """
        kernel_paths = [f"{path}/{kernel.name}" for kernel in kernels]
        self.candidates.append(path)
        decision = None
        for index, (pattern, _) in enumerate(self.rules):
            if _matches(pattern, path, kernel_paths):
                self.matched[index] += 1
                if decision is None:
                    self.decided[index] += 1
                    decision = index
        if decision is None:
            return False, None
        pattern, make = self.rules[decision]
        if len(kernels) > 1 and not pattern.search(path):
            raise ValueError(
                f"`rules` act on layers: {pattern.pattern!r} names one kernel of '{path}', which "
                f"has {kernel_paths}. Name the layer, and choose the kernel in the wrapper, as in "
                f"sos.MagnitudePruning(layer, schedule, kernels=({kernels[0].name!r},))."
            )
        if make is None:
            return True, None
        wrapper = _made_by(make, layer, path)
        _check_wrapper(wrapper, layer, path)
        if wrapper is None:
            self.refused.append(path)
        else:
            self._take(path, kernels)
        return wrapper is not None, wrapper

    def _take(self, path, kernels):
        for kernel in kernels:
            other = self.taken.setdefault(id(kernel.variable), path)
            if other != path:
                raise ValueError(
                    f"`rules` must not make a kernel sparse twice: '{kernel.name}' of the layer "
                    f"'{path}' is also used by the layer '{other}'. Let one of them hold the other "
                    "layer, not its variable, and read the kernel from it in `call`."
                )

    def prefers_inside(self, path, inner_paths):
        """Returns whether a rule for a layer inside comes before the first that matches the layer.

        Then the user has the layers inside in mind, since the first match decides.
        """
        own = self._first_match(path)
        inner = [self._first_match(inner) for inner in inner_paths]
        return any(index < own for index in inner)

    def mean_the_layer_alone(self, path, inner_paths):
        """Returns whether the rule for a layer matches none inside it, as `attention$` would."""
        own = self._first_match(path)
        if own == len(self.rules):
            return False
        return not any(self.rules[own][0].search(inner) for inner in inner_paths)

    def name(self, path, kernels):
        """Returns whether the rule for a layer names it, and is not meant for all layers.

        Tried with a layer called `layer` in its place: `.*` matches that too, `position` does not.
        """
        kernel_paths = [f"{path}/{kernel.name}" for kernel in kernels]
        elsewhere = f"{path.rpartition('/')[0]}/layer".removeprefix("/")
        for pattern, _ in self.rules:
            if _matches(pattern, path, kernel_paths):
                return not pattern.search(elsewhere)
        return False

    def _first_match(self, path):
        matching = (i for i, (pattern, _) in enumerate(self.rules) if pattern.search(path))
        return next(matching, len(self.rules))

    def leave(self, path):
        """Notes a layer that has no kernel."""
        self.others.append(path)

    def leave_alone(self, path):
        """Notes a layer that no rule is asked for, though it has a kernel."""
        own = self._first_match(path)
        if own < len(self.rules):
            self.matched[own] += 1
            self.decided[own] += 1

    def check_used(self):
        """Raises a `ValueError` if a rule, or the model, matched nothing."""
        if not self.candidates:
            raise ValueError(
                "`model` must have a layer with a kernel that is not sparse yet, nor quantized. "
                f"Received: a model with the layers {self.others}. Layers made sparse already are "
                "left alone: for another technique, begin with sos.strip(model)."
            )
        if self.refused and not self.taken:
            warn(
                f"`rules` returned None for every layer: {self.refused[:8]}. The model stays "
                "dense. Does the callable return its wrapper?"
            )
        for (pattern, _), matched, decided in zip(
            self.rules, self.matched, self.decided, strict=True
        ):
            if not matched:
                without = [path for path in self.others if pattern.search(path)]
                hint = f" It is found in {without}, which have no kernel." if without else ""
                raise ValueError(
                    f"`rules` must match layers: {pattern.pattern!r} is found in the path of no "
                    f"layer with a kernel.{hint} The layers with a kernel are {self.candidates}."
                )
            if not decided:
                warn(
                    f"`rules`: {pattern.pattern!r} decides nothing, since earlier rules match "
                    "every layer that it matches. The first match wins."
                )


def _is_rule(rules):
    # A schedule can be called too, but makes no wrapper.
    return callable(rules) and (isinstance(rules, type) or not hasattr(rules, "get_config"))


def _compiled(rules):
    form = "a callable `layer -> wrapper` or a list of (regular expression, callable or None)"
    try:
        pairs = [(pattern, make) for pattern, make in rules]
    except (TypeError, ValueError):
        raise ValueError(f"`rules` must be {form}. Received: {rules!r}.") from None
    compiled = []
    for pattern, make in pairs:
        if make is not None and not _is_rule(make):
            raise ValueError(f"`rules` must be {form}. Received: {make!r} for {pattern!r}.")
        compiled.append((_expression(pattern), make))
    if not compiled:
        raise ValueError(f"`rules` must be {form}, and not empty. Received: {rules!r}.")
    return compiled


def _expression(pattern):
    try:
        expression = re.compile(pattern)
        expression.search("")  # bytes compile too, and find nothing in a path
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"`rules` must hold regular expressions. Received: {pattern!r} ({error})."
        ) from None
    return expression


def _matches(pattern, path, kernel_paths):
    if pattern.search(path):
        return True
    # A kernel as reports name it, `dense/kernel`: only where the rule spells the kernel's name,
    # lest an expression that excludes a layer's path find it in the longer one.
    return any(
        kernel_path.rsplit("/", 1)[-1] in pattern.pattern and pattern.search(kernel_path)
        for kernel_path in kernel_paths
    )


def _made_by(make, layer, path):
    if not can_be_called_with(make, layer):
        name = getattr(make, "__name__", repr(make))
        technique = name if isinstance(make, type) else "MagnitudePruning"
        raise ValueError(
            "`rules` must hold callables of one argument, the layer. Received: "
            f"{'the class ' * isinstance(make, type)}{name}, which cannot be called with the layer "
            f"'{path}' alone. Write lambda layer: sos.{technique}(layer, ...)."
        )
    return make(layer)


def _check_wrapper(wrapper, layer, path):
    if wrapper is None:
        return
    if not isinstance(wrapper, SparseWrapper) or wrapper.layer is not layer:
        raise ValueError(
            "`rules` must return a sparse wrapper around the layer it is given, such as "
            "sos.MagnitudePruning(layer, schedule), or None to leave it dense. "
            f"Received: {wrapper!r} for the layer '{path}'."
        )
