"""Gin files of runs that begin from others: each with its source, its length and its settings."""

import re

import pytest

from state_of_sparsity.bin import configured_experiment, gin_app, header_commands, settings, train
from state_of_sparsity.training.devices.strategies import Strategy
from tests.small_cifar10 import random_cifar10, write_cifar10
from tests.small_mnist import random_mnist, write_mnist
from tests.test_gin_configs import GIN_CONFIGS, OF_STARTS, OTHERS, RUNS, SHORT, flags_of

STARTS = {
    "lottery_ticket": "lottery_ticket",
    "late_rewinding": r"rewinding_to_\d+",
    "learning_rate_rewinding": "learning_rate_rewinding",
    "fine_tuning": "fine_tuning",
    "scratch_e": "scratch",
    "scratch_b": "scratch_2_times",
    "reinitialized": "scratch",
}
FOLDERS = ["quickstart", "cifar10", "multi30k", "resnet50", "transformer"]
FILES = [name for name in RUNS if name not in OTHERS]
SOURCES = [name for name in OF_STARTS if "mask_sources/" in name]


def start_of(name):
    """Returns which start a file is of."""
    return next(s for s in STARTS if s in re.split("[/.]|transformer_", name))


def parsed(files, bindings=(), data_dir=None):
    """Returns the settings of gin files, and their experiment."""
    gin_app.parse(files, bindings, data_dir)
    return settings.of_parsed(), configured_experiment.make()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folders of the data sets that a file of a gin folder asks for."""
    mnist, cifar10 = (tmp_path_factory.mktemp(name) for name in ("mnist", "cifar10"))
    write_mnist(mnist, *random_mnist(train=120, test=20))
    write_cifar10(cifar10, *random_cifar10(train=150, test=10))
    folders = {"lenet": str(mnist), "cifar10": str(cifar10)}
    return lambda name: folders.get(name.split("/")[0])


def test_every_start_is_in_every_folder():
    networks = ("lenet_300_100", "lenet_5")
    names = {f"{folder}/{start}.gin" for folder in FOLDERS for start in STARTS}
    names |= {f"lenet/{start}/{network}.gin" for start in STARTS for network in networks}
    names |= {
        f"quickstart/transformer_{s}.gin" for s in ("lottery_ticket", "scratch_e", "scratch_b")
    }
    assert names == {*FILES}


@pytest.mark.parametrize("name", [*FILES, *SOURCES])
def test_a_start_goes_on_with_the_settings_of_the_run_that_a_header_makes(name, data):
    files = flags_of(name, "gin_file")
    own, experiment = parsed(files, data_dir=data(name))
    if name in FILES:
        check_kind(name, experiment)
    pruned = made_by_a_header(own["MASKS_OF"], name, own, data)
    assert pruned.rules is not None and experiment.rules is None
    if name in FILES and experiment.start.step not in (0, "last"):
        lender = pruned
        if experiment.start.weights_of != experiment.start.masks_of:
            lender = made_by_a_header(experiment.start.weights_of, name, own, data)
        assert lender.kept_steps == (experiment.start.step,)
        begins = None if lender.rules is None else settings.of_parsed()["BEGIN_STEP"]
        assert begins is None or begins >= experiment.start.step


def made_by_a_header(run_dir, name, own, data):
    """Returns the experiment of the command that makes a run, once its settings are those given."""
    command = header_commands.that_makes(run_dir, GIN_CONFIGS)
    flags = [a.split("=", 1) for a in header_commands.arguments(command)]
    theirs, source = parsed(
        [value for flag, value in flags if flag == "--gin_file"],
        [value for flag, value in flags if flag == "--gin_binding"],
        data(name),
    )
    of_the_start = {"STEPS"} if name == "transformer/scratch_b.gin" else set()
    differing = {k for k in own.keys() & theirs.keys() if own[k] != theirs[k]} - of_the_start
    assert differing == {"experiment.Experiment.name"}
    assert source.start is None
    return source


def check_kind(name, experiment):
    """Checks that a start is what its file is called, and how long it trains."""
    start, steps = experiment.start, experiment.steps
    is_the_studys = name == "transformer/scratch_b.gin"
    assert re.fullmatch("scratch" if is_the_studys else STARTS[start_of(name)], start.name)
    twice = 2 * steps if "scratch_b" in name and not is_the_studys else steps
    assert experiment.last_step == (steps - start.rate_from if "late" in name else twice)
    # Raises where a rate is needed that has fallen to nothing.
    start.set_learning_rate(experiment.optimizer(), steps)


def test_fine_tuning_takes_a_hundredth_of_a_peak_that_falls_to_nothing(data):
    for name in FILES:
        if "fine_tuning" in name:
            own, experiment = parsed([name], data_dir=data(name))
            falls = name.split("/")[0] in ("quickstart", "cifar10", "lenet")
            expected = own["LEARNING_RATE"] / 100 if falls else None
            assert experiment.start.final_rate == (pytest.approx(expected) if falls else None)


@pytest.mark.parametrize(
    ("files", "bindings"),
    [
        (["lenet/scratch_b/lenet_5.gin", "tickets/sparse_initialization.gin"], []),
        (["cifar10/late_rewinding.gin", "tickets/one_shot_masks.gin"], ["SHARE = 0.9"]),
        (["resnet50/lottery_ticket.gin", "resnet50/mask_sources/sparsity_0.95.gin"], []),
        (["lenet/late_rewinding/lenet_300_100.gin"], []),
    ],
)
def test_a_dry_run_needs_no_run_to_begin_from(files, bindings, data, capsys):
    small = ["WIDTH = 0.0625"] if "resnet50" in files[0] else []
    train.dry_run(files, [*bindings, *small], None, data(files[0]), Strategy())
    text = capsys.readouterr().out
    assert "FixedMask, if it has one there" in text and "It begins as " in text
    made = re.findall(r"(?m)^The command that makes it:\n\n  (.*)$", text)
    assert "cannot begin yet" in text and "magnitude_" in made[0]
    assert len(made) == (2 if "lenet/late" in files[0] else 1)
    assert ("kept_steps" in made[-1]) == ("rewinding" in files[0])


def test_training_needs_the_run_to_begin_from_and_says_what_makes_it(tmp_path):
    message = r"`masks_of` must be the directory of a run.*makes it: python .*SPARSITY = 0\.9"
    with pytest.raises(train.UsageError, match=message) as raised:
        train.run(["quickstart/scratch_e.gin"], [], tmp_path / "run")
    assert "\n" not in str(raised.value)


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    """A run of three steps, beside a dense one; both have kept the second."""
    path = tmp_path_factory.mktemp("runs") / "pruned_0"
    bindings = [*SHORT, "Experiment.kept_steps = (2,)"]
    train.run(["quickstart/dense.gin"], bindings, path.with_name("dense_0"), verbose=False)
    bindings += ["SPARSITY = 0.9", "BEGIN_STEP = 0", "END_STEP = 2", "FREQUENCY = 1"]
    train.run(["quickstart/magnitude_pruning.gin"], bindings, path, verbose=False)
    return path


@pytest.mark.parametrize("start", ["late_rewinding", "scratch_b"])
def test_quickstart_files_train_from_a_run(start, pruned, capsys):
    files = [f"quickstart/{start}.gin"]
    bindings = [*SHORT, "MASKS_OF = '{directory}/../pruned_{seed}'"]
    if start == "late_rewinding":
        bindings += ["REWIND_STEP = 2", "EVAL_EVERY = 1"]
        wrong = [*bindings, "WEIGHTS_OF = %MASKS_OF"]
        with pytest.raises(train.UsageError, match=r"90\.00 % of zeros at step 2\. Give the dense"):
            train.run(files, wrong, pruned.parent / "wrong", verbose=False)
        bindings += ["WEIGHTS_OF = '{directory}/../dense_{seed}'"]
    run_dir = pruned.parent / start
    train.dry_run(files, bindings, run_dir, None, Strategy())
    text = capsys.readouterr().out
    assert f"masks          of the last step of {pruned}" in text
    assert re.search("weights that fixed masks leave +5,020", text) and "cannot" not in text
    result = train.run(files, bindings, run_dir, verbose=False)
    assert result["technique"] == "fixed_mask" and re.fullmatch(STARTS[start], result["start"])
    assert result["steps"] == {"late_rewinding": 1, "scratch_b": 6}.get(start, 3)
    assert result["sparsity"] == pytest.approx(0.9, abs=1e-3)


def test_a_run_goes_on_without_what_made_its_masks(pruned, tmp_path):
    files = ["quickstart/lottery_ticket.gin", "tickets/one_shot_masks.gin"]
    bindings = [*SHORT, "SHARE = 0.5", f"MASKS_OF = '{pruned}'"]
    result = train.run(files, bindings, tmp_path, verbose=False)
    (tmp_path / "result.json").unlink()
    again = train.run(files, bindings, tmp_path, verbose=False)
    assert again["sparsity"] == result["sparsity"] == pytest.approx(0.95, abs=1e-3)
