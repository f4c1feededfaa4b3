"""Where runs begin: masks, weights, learning rate and length against the runs they come from."""

import functools
import shutil

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.optimizers.learning_rate import learning_rate_at
from state_of_sparsity.training import kept_state, sparse_initialization, ticket_masks
from state_of_sparsity.training.runs import snapshot
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.tickets import Start
from tests.training.experiments import (
    EVAL_EVERY,
    STEPS,
    TECHNIQUES,
    network,
    small_experiment,
    trained,
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Returns the folder of a dense run, a pruning run and one of L0 regularization, seed 0."""
    path = tmp_path_factory.mktemp("runs")
    for technique in ("dense", "magnitude_pruning", "l0_regularization"):
        leave_run(RunDir(path / technique / "seed_0"), technique)
    return path


def leave_run(run_dir, technique):
    """Leaves what a run of six steps would, its weights changed at random in place of training."""
    generator = np.random.default_rng(0)
    model = small_experiment(technique).build()
    run_dir.start("")
    for step in (0, 2, STEPS):
        for variable in model.trainable_variables if step else ():
            scale = 5 if "log_alpha" in variable.name else 0.1
            variable.assign_add(generator.normal(0, scale, variable.shape))
        if technique == "magnitude_pruning":
            sos.UpdateSparsity().update(model, step)
        snapshot.save(run_dir.snapshot(step), snapshot.take(model, step))
    run_dir.finish({"technique": technique, "sparsity": 0.8, "steps": STEPS})


def kept(run, step):
    return snapshot.read(RunDir(run).snapshot(step))


def build(start, **changes):
    """Returns the experiment with a start, and its model."""
    experiment = small_experiment(start=start, **changes)
    return experiment, experiment.build()


def weights(model):
    return snapshot.take(model, 0).weights


def assert_equal(arrays, others):
    assert list(arrays) == list(others)
    for path, array in arrays.items():
        np.testing.assert_array_equal(array, others[path], err_msg=path)


def test_a_run_that_masks_and_last_weights_come_from_is_read_once(runs, monkeypatch):
    read, found = kept_state.read, []
    monkeypatch.setattr(kept_state, "read", lambda *asked: found.append(asked) or read(*asked))
    given = runs / "magnitude_pruning" / "seed_0"
    _, model = build(Start(masks_of=given, weights_of=given, step="last"))
    assert len(found) == 1
    assert_equal(weights(model), kept(given, STEPS).weights)


@pytest.mark.parametrize("step", [0, 2, "last"])
def test_a_ticket_has_the_masks_found_and_the_weights_of_the_step(runs, step):
    source = runs / "magnitude_pruning" / "seed_0"
    other = runs / ("dense" if step == 2 else "magnitude_pruning")
    given = str(runs / "magnitude_pruning" / "seed_{seed}")
    _, model = build(Start(masks_of=given, weights_of=str(other / "seed_{seed}"), step=step))
    assert_equal(sos.masks(model), kept(source, STEPS).masks)
    assert np.mean(sos.masks(model)["hidden/kernel"]) == pytest.approx(0.2, abs=0.01)
    expected = kept(other / "seed_0", STEPS if step == "last" else step)
    assert_equal(weights(model), expected.weights)
    assert all(type(w) is sos.FixedMask for w in sos.sparse_layers(model).values())


def test_the_masks_of_one_run_and_the_weights_of_another(runs):
    masks = functools.partial(ticket_masks.pruned, share=0.5, shares=[("^logits", 0)])
    start = Start(
        masks_of=runs / "dense" / "seed_0",
        masks=masks,
        weights_of=runs / "magnitude_pruning" / "seed_0",
    )
    _, model = build(start)
    source = kept(runs / "dense" / "seed_0", STEPS)
    magnitudes = np.abs(source.weights["hidden/kernel"])
    assert_equal(sos.masks(model), {"hidden/kernel": magnitudes > np.median(magnitudes)})
    assert_equal(weights(model), kept(runs / "magnitude_pruning" / "seed_0", 0).weights)


def test_a_scratch_run_draws_weights_that_no_other_has(runs):
    source = runs / "magnitude_pruning" / "seed_0"
    drawn = {}
    for seed in (0, 1):
        experiment, model = build(Start(masks_of=source), seed=seed)
        assert_equal(sos.masks(model), kept(source, STEPS).masks)
        assert_equal(weights(experiment.build()), weights(model))
        drawn[seed] = weights(model)
    drawn |= {"source": kept(source, 0).weights}
    drawn |= {"seed 1": weights(small_experiment(seed=1).build())}
    kernels = [array["hidden/kernel"] for array in drawn.values()]
    assert len({kernel.tobytes() for kernel in kernels}) == 4
    assert kernels[0].std() == pytest.approx(kernels[2].std(), rel=0.1)


def test_a_scratch_run_of_a_scratch_run_is_no_ticket_of_it(runs, tmp_path):
    source = runs / "magnitude_pruning" / "seed_0"
    first = trained(tmp_path, start=Start(masks_of=source), steps=EVAL_EVERY)
    with pytest.raises(ValueError, match=r"`masks_of` must be a run with other first weights"):
        build(Start(masks_of=first.path))
    build(Start(masks_of=first.path), seed=1)
    build(Start(masks_of=first.path, initialize=sparse_initialization.sparsity_aware))


def test_sparse_initialization_goes_by_the_seed_and_leaves_the_rest(runs):
    source = runs / "magnitude_pruning" / "seed_0"
    plain = weights(build(Start(masks_of=source))[1])
    augmented = Start(masks_of=source, initialize=sparse_initialization.sparsity_aware)
    (_, one), (_, other) = build(augmented), build(augmented, seed=1)
    assert not np.array_equal(weights(one)["hidden/kernel"], weights(other)["hidden/kernel"])
    assert weights(one)["hidden/kernel"].std() > 1.5 * plain["hidden/kernel"].std()
    np.testing.assert_array_equal(weights(one)["hidden/bias"], plain["hidden/bias"])


def test_what_l0_ends_with_is_its_weights_times_their_gates(runs):
    source = runs / "l0_regularization" / "seed_0"
    ended = kept(source, STEPS)
    _, tuned = build(Start(masks_of=source, weights_of=source, step="last"))
    assert not np.array_equal(ended.values["hidden/kernel"], ended.weights["hidden/kernel"])
    assert_equal(weights(tuned), ended.weights | ended.values)
    restored = small_experiment("l0_regularization").build()
    for path, variable in snapshot.variables_by_path(restored)[0].items():
        variable.assign(ended.weights[path])
    for path, variable in snapshot.variables_by_path(restored)[1].items():
        variable.assign(ended.technique[path])
    images, _ = small_experiment().data.validation()[0]
    np.testing.assert_allclose(
        tuned.predict(images, verbose=0), restored.predict(images, verbose=0), atol=1e-5
    )
    _, ticket = build(Start(masks_of=source, weights_of=source, step=0))
    assert_equal(weights(ticket), kept(source, 0).weights)


@pytest.mark.parametrize("technique", ["magnitude_pruning", "l0_regularization"])
def test_weights_without_the_masks_that_go_with_them_are_refused(runs, technique):
    source = runs / technique / "seed_0"
    with pytest.raises(ValueError, match=r"`weights_of` must be a dense run .*step 6"):
        build(Start(weights_of=source, step="last"))
    if technique == "l0_regularization":  # of the other, the first update is at step 0
        _, model = build(Start(weights_of=source))
        assert_equal(weights(model), kept(source, 0).weights)


LAST = {"step": "last"}


@pytest.mark.parametrize(
    ("run", "arguments", "message"),
    [
        ("magnitude_pruning", {"step": 2}, r"not pruned yet .*with 62\.67 % of zeros at step 2\."),
        ("l0_regularization", {"step": 2}, "not pruned yet at the step"),
        ("magnitude_pruning", LAST | {"masks": ticket_masks.shuffled}, "`masks` must keep"),
    ],
)
def test_weights_that_are_not_those_that_the_masks_go_with(runs, run, arguments, message):
    source = runs / run / "seed_0"
    with pytest.raises(ValueError, match=message):
        build(Start(masks_of=source, weights_of=source, **arguments))


def test_a_scratch_run_with_some_of_the_first_weights_is_refused(runs):
    def network_with_a_fixed_seed():
        model = network()
        first = kept(runs / "magnitude_pruning" / "seed_0", 0).weights
        model.get_layer("logits").kernel.assign(first["logits/kernel"])
        return model

    start = Start(masks_of=runs / "magnitude_pruning" / "seed_0")
    with pytest.raises(ValueError, match="drawn here, in 'logits/kernel'"):
        small_experiment(model=network_with_a_fixed_seed, start=start).build()


def test_pruning_that_begins_with_the_weights_of_a_run(runs, tmp_path):
    source = runs / "dense" / "seed_0"
    start = Start(weights_of=source, step="last", directory=tmp_path)
    rules = TECHNIQUES["magnitude_pruning"]
    run_dir = trained(tmp_path, start=start, rules=rules)
    assert_equal(kept(tmp_path, 0).weights, kept(source, STEPS).weights)
    result = run_dir.read_result()
    assert (result["technique"], result["start"]) == ("magnitude_pruning", "last_weights")
    assert result["sparsity"] == pytest.approx(0.8, abs=0.01)
    model = small_experiment(start=start, rules=rules).build()  # from its own directory
    assert_equal(weights(model), kept(source, STEPS).weights)


def test_weights_of_a_run_in_a_model_that_stores_powers_of_them(runs):
    """Made so by rules, or sparse as it is made."""
    source = runs / "dense" / "seed_0"
    form = {"reparametrization": sos.Powerpropagation(3)}
    rules = functools.partial(TECHNIQUES["magnitude_pruning"], **form)
    start = Start(weights_of=source, step="last")
    expected = kept(source, STEPS).weights
    for changes in ({"rules": rules}, {"model": lambda: sos.sparsify(network(), rules)}):
        _, model = build(start, **changes)
        stored = model.get_layer("hidden").layer.kernel.numpy()
        np.testing.assert_allclose(stored**3, expected["hidden/kernel"], rtol=1e-4)
        for path, array in weights(model).items():
            np.testing.assert_allclose(array, expected[path], rtol=1e-4)


def test_a_run_that_has_begun_needs_the_others_no_more(runs, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(runs / "magnitude_pruning" / "seed_0", source)
    arguments = {"masks_of": source, "weights_of": source, "step": "last"}
    start = Start(**arguments, directory=tmp_path / "ticket")
    expected = weights(build(start)[1])
    masks = kept(source, STEPS).masks
    run_dir = trained(tmp_path / "ticket", start=start)
    result = run_dir.read_result()
    assert (result["technique"], result["start"]) == ("fixed_mask", "learning_rate_rewinding")
    assert result["target_sparsity"] == pytest.approx(0.8, abs=0.001)
    shutil.rmtree(source)
    _, model = build(start)
    assert_equal(weights(model), expected)
    assert_equal(sos.masks(model), masks)
    moved = tmp_path / "moved"
    run_dir.path.rename(moved)
    with pytest.raises(Exception, match="`masks_of` must be the directory of a run"):
        build(start)
    _, model = build(Start(**arguments, directory=moved))
    assert_equal(weights(model), expected)
    # Its own first snapshot, damaged or gone.
    own = RunDir(moved).snapshot(0)
    own.write_bytes(own.read_bytes()[:99])
    with pytest.raises(snapshot.SnapshotError, match=r"step_00000000\.npz must .* Remove it, and"):
        build(Start(**arguments, directory=moved))
    own.unlink()
    with pytest.raises(snapshot.SnapshotError, match="`masks_of` must be the directory of a run"):
        build(Start(**arguments, directory=moved))


def decay():
    rate = keras.optimizers.schedules.PolynomialDecay(0.1, STEPS, end_learning_rate=0.04)
    return keras.optimizers.SGD(rate)


LINE = [0.1, 0.09, 0.08, 0.07, 0.06, 0.05, 0.04]
HALVES = [0.1, 0.095, 0.09, 0.085, 0.08, 0.075, 0.07, 0.065, 0.06, 0.055, 0.05, 0.045]
LENGTHS = {
    "from 0": ({}, LINE[:6]),
    "from k": ({"rate_from": 2}, LINE[2:6]),
    "last": ({"rate_from": "last"}, [0.04] * 6),
    "last, shorter": ({"rate_from": "last", "length": 1 / 3}, [0.04] * 2),
    "last, at a rate": ({"rate_from": "last", "final_rate": 0.002}, [0.002] * 6),
    "twice as long": ({"length": 2}, HALVES),
    "a third as long": ({"length": 1 / 3}, [0.1, 0.07]),
    "from k, twice as long": ({"rate_from": 2, "length": 2.0}, HALVES[4:]),
    "more steps": ({"length": 2, "stretch": False}, LINE[:6] + [0.04] * 6),
    "more steps at a rate": (
        {"length": 2, "stretch": False, "final_rate": 0.01},
        LINE[:6] + [0.01] * 6,
    ),
    "from k, more steps": (
        {"rate_from": 4, "length": 2, "stretch": False},
        [*LINE[4:6], 0.04, 0.04],
    ),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_steps_and_learning_rate(name):
    arguments, rates = LENGTHS[name]
    start = Start(masks_of="runs/none", **arguments)
    experiment = small_experiment(start=start, optimizer=decay)
    assert experiment.last_step == start.steps(STEPS) == len(rates)
    for wrap in (lambda inner: inner, keras.optimizers.LossScaleOptimizer):
        optimizer = wrap(decay())
        start.set_learning_rate(optimizer, STEPS)
        found = [learning_rate_at(optimizer, step) for step in range(len(rates))]
        np.testing.assert_allclose(found, rates, rtol=1e-5)


def test_a_run_follows_its_learning_rate_and_takes_its_steps(runs, tmp_path):
    source = runs / "magnitude_pruning" / "seed_0"
    dense = runs / "dense" / "seed_0"
    start = Start(masks_of=source, weights_of=dense, step=2, rate_from=2, length=2)
    run_dir = trained(tmp_path, start=start, optimizer=decay)
    rows = run_dir.read_metrics()
    assert [row["step"] for row in rows] == [2, 4, 6, 8]
    # The rate of the step that comes next.
    assert [row["learning_rate"] for row in rows] == pytest.approx([0.07, 0.06, 0.05, 0.04])
    result = run_dir.read_result()
    assert (result["steps"], result["start"]) == (8, "rewinding_to_2_2_times")
    assert result["learning_rate"] == pytest.approx(0.08)
    assert run_dir.snapshot_steps() == [0, 8]
    assert_equal(kept(tmp_path, 8).masks, kept(source, STEPS).masks)
    assert_equal(kept(tmp_path, 0).weights, kept(dense, 2).weights)


def test_a_finished_schedule_that_ends_at_nothing(runs):
    source = runs / "magnitude_pruning" / "seed_0"
    cosine = functools.partial(
        keras.optimizers.SGD, keras.optimizers.schedules.CosineDecay(0.1, STEPS)
    )
    fine_tuning = functools.partial(
        Start, masks_of=source, weights_of=source, step="last", rate_from="last"
    )
    with pytest.raises(ValueError, match="`final_rate` must be given"):
        build(fine_tuning(), optimizer=cosine)
    _, model = build(fine_tuning(final_rate=0.02), optimizer=cosine)
    assert learning_rate_at(model.optimizer, 3) == pytest.approx(0.02)


def test_runs_that_do_not_fit(runs):
    def other():
        return keras.Sequential(
            [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10, name="logits")]
        )

    source = runs / "magnitude_pruning" / "seed_0"
    for arguments in ({"masks_of": source}, {"weights_of": source}):
        with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` must be a run of a model"):
            build(Start(**arguments), model=other)
    with pytest.raises(ValueError, match="must be a run with sparse kernels"):
        build(Start(masks_of=runs / "dense" / "seed_0"))
    with pytest.raises(snapshot.SnapshotError, match=r"kept step 3\..*has kept 0, 2, 6"):
        build(Start(weights_of=source, step=3))
    with pytest.raises(snapshot.SnapshotError, match="seed_1, which is none"):
        build(Start(masks_of=runs / "magnitude_pruning" / "seed_{seed}"), seed=1)


BOTH = {"masks_of": "a", "weights_of": "b"}
WRONG = {
    "`masks_of` or `weights_of` must be given": {},
    "`masks_of` must be text": {"masks_of": 3},
    "`weights_of` must be text": {"weights_of": 3},
    "`masks_of` must be the directory of a run, or None. Received: ''": {"masks_of": ""},
    "`directory` must be text": BOTH | {"directory": 3},
    "`step` must be an integer": BOTH | {"step": "first"},
    "`step` must be at least 0": BOTH | {"step": -1},
    "`rate_from` must be an integer": BOTH | {"rate_from": True},
    "`length` must be a number above 0": BOTH | {"length": 0},
    "`stretch` must be True or False": BOTH | {"stretch": 2},
    "`final_rate` must be a number above 0": BOTH | {"rate_from": "last", "final_rate": 0.0},
    "`final_rate` is the learning rate where": BOTH | {"final_rate": 0.1},
    "`final_rate` is .*length=2": BOTH | {"final_rate": 0.1, "length": 2},
    "`stretch` may be False where .*length=0.5": BOTH | {"length": 0.5, "stretch": False},
    "`masks` must be a function": BOTH | {"masks": "as_found"},
    "`masks` must be a function.*class": BOTH | {"masks": Start},
    "`masks` makes masks of": {"weights_of": "b", "masks": ticket_masks.shuffled},
    "`step` is one of the run": {"masks_of": "a", "step": 3},
    "`initialize` must be a function": {"masks_of": "a", "initialize": 3},
    "`initialize` draws": BOTH | {"initialize": sparse_initialization.sparsity_aware},
}


@pytest.mark.parametrize("message", WRONG)
def test_arguments_that_are_wrong_or_have_no_effect(message):
    with pytest.raises(ValueError, match=message):
        Start(**WRONG[message])
