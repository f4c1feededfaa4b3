"""Wrong types and ranges in gin: one line that names parameter, macro and place; nothing left."""

import keras
import pytest

from state_of_sparsity.bin import gin_values, train
from state_of_sparsity.bin.gin_app import parse
from state_of_sparsity.errors import UsageError

DENSE, PRUNING = "quickstart/dense.gin", "quickstart/magnitude_pruning.gin"
SHORT = ["STEPS = 2", "EVAL_EVERY = 1", "STEPS_PER_EXECUTION = 1"]
PRUNED = [*SHORT, "SPARSITY = 0.9", "END_STEP = 2", "FREQUENCY = 1"]
LONG = "1" + "0" * 31
INTEGER = "must be an integer, "


def refused(folder, file, *bindings):
    """Returns what a run is told that is refused; it leaves nothing behind."""
    bindings = [*(SHORT if file == DENSE else PRUNED), *bindings]
    with pytest.raises(UsageError) as raised:
        train.run([file], bindings, folder / "runs" / "one", verbose=False)
    assert "\n" not in str(raised.value)
    assert not (folder / "runs").exists()
    return str(raised.value)


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("STEPS = 'many'", f"`steps` {INTEGER}from 1 to 2147483647. Received: 'many'."),
        ("STEPS = 2.0", f"`steps` {INTEGER}"),
        ("STEPS = True", f"`steps` {INTEGER}"),
        ("STEPS = None", f"`steps` {INTEGER}"),
        (f"STEPS = {LONG}", "`steps` must be from 1 to 2147483647."),
        (f"EVAL_EVERY = {LONG}", "`eval_every` must be from 1 to 2147483647."),
        ("STEPS_PER_EXECUTION = [1]", f"`steps_per_execution` {INTEGER}"),
        ("SEED = 'a'", f"`seed` {INTEGER}"),
        ("SEED = True", "`seed` must be an integer, at least 0. Received: True"),
        ("SEED = 4294967296", "`seed` must be from 0 to 4294967295."),
        ("BATCH_SIZE = 'fast'", f"`batch_size` {INTEGER}from 1 to 1077."),
        (f"BATCH_SIZE = {LONG}", "`batch_size` must be from 1 to 1077."),
        ("BATCH_SIZE = '64'", "`batch_size` must be a number, without quotes."),
        ("LEARNING_RATE = 'fast'", "`initial_learning_rate` must be a number from 0 to 1e+38."),
        ("LEARNING_RATE = -1", "`initial_learning_rate` must be a number from 0 to 1e+38."),
        ("LEARNING_RATE = None", "`initial_learning_rate` must be a number from 0 to 1e+38."),
        ("LEARNING_RATE = [1]", "`initial_learning_rate` must be a number from 0 to 1e+38."),
        ("LEARNING_RATE = True", "`initial_learning_rate` must be a number from 0 to 1e+38."),
        ("LEARNING_RATE = 1e300", "`initial_learning_rate` must be a number from 0 to 1e+38."),
        ("PRECISION = 'float31'", "`precision` must be one of float32, mixed_bfloat16, mixed_f"),
        ("JIT_COMPILE = 'fast'", "`jit_compile` must be True, False or 'auto'."),
        ("Experiment.name = 5", "`name` must be text."),
        ("Experiment.model = @lenet_300_100()", "`model` must be a callable that returns a new"),
        ("Experiment.model = @Digits", "`model` must be a callable that returns a Keras model."),
        ("Experiment.optimizer = @Adam()", "`optimizer` must be a callable that returns a new"),
        ("Experiment.optimizer = @Digits", "`optimizer` must be a callable that returns a Keras"),
        ("Experiment.data = @Digits", "`data` must be a data set such as digits.Digits(), with"),
        ("Experiment.data = 5", "`data` must be a data set"),
        ("Experiment.loss = @SparseCategoricalCrossentropy", "`loss` must be a Keras loss such as"),
        ("Experiment.loss = 'mean_sqared'", "`loss` must be the name of a Keras loss"),
        ("Experiment.loss = None", "`loss` must be a Keras loss"),
        ("Experiment.metrics = 'accuracy'", "`metrics` must be a list of Keras metrics or their"),
        ("Experiment.metrics = ['acuracy']", "Received: 'acuracy'"),
        ("Experiment.evaluators = 5", "`evaluators` must be a list of callables, in brackets."),
        ("Experiment.callbacks = [@Adam()]", "`callbacks` must be a list of Keras callbacks"),
        ("Experiment.rules = 5", "`rules` must be a callable"),
        ("Experiment.averaged_checkpoints = 5", "`averaged_checkpoints` must be at most"),
        ("Adam.beta_1 = 1.5", "`beta_1` must be a number in [0, 1)."),
        ("Adam.beta_2 = 'a'", "`beta_2` must be a number in [0, 1)."),
        ("Adam.epsilon = -1e-9", "`epsilon` must be a number of at least 0."),
        ("Adam.weight_decay = -5", "`weight_decay` must be a number of at least 0."),
        ("Adam.clipnorm = 0", "`clipnorm` must be a number above 0."),
        ("Adam.use_ema = 'a'", "`use_ema` must be True or False."),
        ("CosineDecay.decay_steps = 'x'", "decay_steps = 'x', set in --gin_binding"),
        ("CosineDecay.alpha = -3", "`alpha` must be a number from 0"),
        ("lenet_300_100.classes = 'ten'", "`classes` must be an integer, at least 2."),
        (f"lenet_300_100.classes = {LONG}", f"classes = {LONG}, set in --gin_binding"),
        ("lenet_300_100.input_shape = 8", "`input_shape` must be integers above 0"),
        ("lenet_300_100.input_shape = (9, 8, 1)", "incompatible with the layer"),
        ("lenet_300_100.classes = 5", "labels that the model has no class for"),
        ("Digits.split_seed = -1", "`split_seed` must be at least 0."),
    ],
)
def test_a_wrong_value_is_one_line_and_leaves_nothing(tmp_path, binding, message):
    assert message in refused(tmp_path, DENSE, binding)


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("SPARSITY = 95", "set by SPARSITY (--gin_binding 'SPARSITY = 95'). A fraction is wanted"),
        ("SPARSITY = 1.5", "`final_sparsity` is 1.5, set by SPARSITY (--gin_binding"),
        ("SPARSITY = -1", "`final_sparsity` is -1, set by SPARSITY (--gin_binding"),
        ("SPARSITY = 'a'", "final_sparsity = 'a', set by SPARSITY (--gin_binding"),
        ("BEGIN_STEP = None", "begin_step = None, set by BEGIN_STEP (--gin_binding"),
        (f"BEGIN_STEP = {LONG}", "begin_step should be <= end_step"),
        ("FREQUENCY = 0", "`frequency` is 0, set by FREQUENCY (--gin_binding"),
        ("FREQUENCY = [1]", "frequency = [1], set by FREQUENCY (--gin_binding"),
        ("MagnitudePruning.schedule = 0.9", "`schedule` must be callable as schedule(step)"),
    ],
)
def test_a_wrong_value_of_a_schedule_names_the_macro(tmp_path, binding, message):
    assert message in refused(tmp_path, PRUNING, binding)


def test_values_are_named_with_the_file_that_bound_them(tmp_path):
    (tmp_path / "mine.gin").write_text(f"include '{PRUNING}'\nEND_STEP = %STEPS\nSPARSITY = 95\n")
    said = refused(tmp_path, str(tmp_path / "mine.gin"), "SPARSITY = 0.9", "END_STEP = 0")
    assert "`end_step` is set by END_STEP (--gin_binding 'END_STEP = 0')." in said
    parse([str(tmp_path / "mine.gin")], ["STEPS = 7"])
    error = ValueError("`final_sparsity` must be in [0, 1). Received: 95.")
    assert gin_values.named_in(error) == [
        f"`final_sparsity` is set by SPARSITY ({tmp_path}/mine.gin, line 3 (`SPARSITY = 95`)). "
        "A fraction is wanted: 0.95."
    ]
    error = ValueError("`end_step` is wrong.")
    assert gin_values.named_in(error) == [
        "`end_step` is 7, set by END_STEP, which is STEPS (--gin_binding 'STEPS = 7')."
    ]


def test_after_a_wrong_value_the_corrected_command_trains(tmp_path):
    refused(tmp_path, DENSE, "LEARNING_RATE = 'fast'")
    refused(tmp_path, DENSE, "lenet_300_100.input_shape = (9, 8, 1)")
    assert train.run([DENSE], SHORT, tmp_path / "runs" / "one", verbose=False)["steps"] == 2


def test_a_directory_that_was_there_stays_as_it_was(tmp_path):
    (tmp_path / "runs").mkdir()
    with pytest.raises(UsageError):
        train.run([DENSE], [*SHORT, "LEARNING_RATE = -1"], tmp_path / "runs", verbose=False)
    assert list((tmp_path / "runs").iterdir()) == []


def test_an_interruption_before_the_first_step_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "fit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train.run([DENSE], SHORT, tmp_path / "runs" / "one", verbose=False)
    assert not (tmp_path / "runs").exists()
