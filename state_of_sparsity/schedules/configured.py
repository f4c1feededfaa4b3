"""What schedules share: a configuration, and steps that are checked."""

from typing import Any, Self

from state_of_sparsity.arguments import is_number


class Configured:
    """Equal, printed and made anew by its configuration."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        raise NotImplementedError

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.get_config() == self.get_config()

    def __hash__(self) -> int:
        return hash(repr(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Creates the schedule from its configuration."""
        return cls(**config)


def check_steps(begin_step: float, end_step: float, frequency: float) -> None:
    """Raises a `ValueError` unless steps are whole, from 0, and in order; `end_step` may be -1."""
    for name, value, least in (
        ("begin_step", begin_step, 0),
        ("end_step", end_step, -1),
        ("frequency", frequency, 1),
    ):
        if not (is_number(value) and value == int(value) and value >= least):
            raise ValueError(
                f"`{name}` must be an integer of at least {least}. Received: {value!r}."
            )
    if 0 <= int(end_step) < int(begin_step):
        raise ValueError(
            "`end_step` must not be below `begin_step`. "
            f"Received: begin_step={begin_step}, end_step={end_step}."
        )
