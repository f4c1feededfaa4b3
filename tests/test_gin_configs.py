"""Every gin file parses, says how it is run, and trains."""

import re
import shlex

import gin
import pytest

from state_of_sparsity.bin import gin_app, train
from state_of_sparsity.surgery.structure import sparse_layers
from state_of_sparsity.training.experiment import Experiment
from tests.slow_variants import slow_but
from tests.small_cifar10 import random_cifar10, write_cifar10
from tests.small_mnist import random_mnist, write_mnist
from tests.technique import technique_files

GIN_CONFIGS = gin_app.gin_configs()
FILES = sorted(str(path.relative_to(GIN_CONFIGS)) for path in GIN_CONFIGS.rglob("*.gin"))
# These are given beside a run's own file.
HARDWARE = [name for name in FILES if name.startswith("hardware/")]

NETS = {
    "lenet_300_100": ("hidden_1", "hidden_2", "logits"),
    "lenet_5": ("convolution_1", "convolution_2", "hidden", "logits"),
}
SHORT = ["STEPS = 3", "EVAL_EVERY = 3", "STEPS_PER_EXECUTION = 1"]
SHORT_SCHEDULE = {"BEGIN_STEP": 0, "END_STEP": 2, "FREQUENCY": 1, "PHASE_STEPS": 1, "TWIN_STEP": 1}
# Files that are not named after the technique.
TECHNIQUE_OF = {
    "grow_and_prune": "rigl",
    "powerpropagation": "magnitude_pruning",
    "snip": "saliency_pruning",
}


def header(name):
    """Returns the comment that a gin file begins with."""
    lines = (GIN_CONFIGS / name).read_text().splitlines()
    end = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(line.removeprefix("#").strip() for line in lines[:end])


# Files to include say so in their first lines and have no command of their own.
BASES = [name for name in FILES if "base of" in header(name)]
OF_STARTS = [n for n in FILES if re.search("tickets/|mask_sources/", n) and n not in BASES]
RUNS = [name for name in FILES if name not in [*BASES, *HARDWARE, *OF_STARTS]]
# Those that begin from other runs have tests of their own, in test_gin_configs_of_starts.py.
OTHERS = [name for name in RUNS if 'include "tickets/' not in (GIN_CONFIGS / name).read_text()]
LENET = [name for name in OTHERS if name.startswith("lenet/")]
RESNET50 = [name for name in OTHERS if name.startswith("resnet50/")]
# Those whose rules say most; the others name a technique alone.
BUILT_RESNET50 = [
    f"resnet50/{name}.gin"
    for name in ("magnitude_nonuniform", "magnitude_erdos_renyi_kernel", "l0_regularization")
]
BUILT_CIFAR10 = ["cifar10/variational_dropout.gin", "cifar10/rigl.gin", "cifar10/acdc.gin"]
CIFAR10 = [name for name in OTHERS if name.startswith("cifar10/")]
TRANSFORMER = [name for name in OTHERS if name.startswith("transformer/")]
TRANSLATION = [name for name in OTHERS if name.startswith("translation/")]
MULTI30K = [name for name in OTHERS if name.startswith("multi30k/")]


def command(name):
    """Returns the arguments of the command in a file's header, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", header(name))
    program = r"^(?:python -m state_of_sparsity\.bin\.train|launch/tpu_vm\.sh) (.*)$"
    found = re.search(program, text, re.MULTILINE)
    assert found, f"{name} has no command in its header"
    return shlex.split(found[1])


def flags_of(name, flag):
    return [a.split("=", 1)[1] for a in command(name) if a.startswith(f"--{flag}=")]


@pytest.fixture(scope="module")
def mnist_folder(tmp_path_factory):
    """MNIST with 120 training images."""
    folder = tmp_path_factory.mktemp("mnist")
    write_mnist(folder, *random_mnist(train=120, test=20))
    return folder


def test_every_technique_is_in_the_quickstart():
    # A mask is no text for a gin file, and Wanda prunes what has been trained.
    others = {"fixed_mask", "wanda"}
    files = {f"quickstart/{name}.gin" for name in {*technique_files()} - others}
    assert files | {"quickstart/dense.gin"} <= {*RUNS}


@pytest.mark.parametrize("experiment", ["quickstart/transformer_", "resnet50/", "transformer/"])
def test_the_techniques_of_the_paper_are_in_its_experiments(experiment):
    paper = ("magnitude_pruning", "random_pruning", "variational_dropout", "l0_regularization")
    assert {f"{experiment}{name}.gin" for name in ("dense", *paper)} <= {*RUNS}


@pytest.mark.parametrize("name", RUNS)
def test_the_command_in_the_header_runs_this_file(name):
    assert flags_of(name, "gin_file") == [name]
    assert flags_of(name, "run_dir")
    gin_app.parse([name], flags_of(name, "gin_binding"))  # all macros filled, none unused


@pytest.mark.parametrize("name", [name for name in OF_STARTS if "python -m" in header(name)])
def test_a_file_beside_that_of_a_start_goes_with_it(name):
    run, beside = flags_of(name, "gin_file")
    assert beside == name and run in RUNS
    gin_app.parse([run, beside], flags_of(name, "gin_binding"))


@pytest.mark.parametrize("name", HARDWARE)
def test_a_file_for_hardware_sets_what_every_run_has(name):
    run, hardware = flags_of(name, "gin_file")
    assert hardware == name and run in RUNS
    gin_app.parse([run, hardware], flags_of(name, "gin_binding"))
    with gin.unlock_config():
        experiment = gin.get_configurable(Experiment)()
    text = (GIN_CONFIGS / name).read_text()
    knobs = ["PRECISION", "JIT_COMPILE", "STEPS_PER_EXECUTION"]
    assert re.findall(r"(?m)^([A-Z_]+) =", text) == knobs
    precisions = {"cpu": "float32", "gpu": "mixed_bfloat16", "tpu": "mixed_bfloat16"}
    assert experiment.precision == precisions[name.split("/")[1].removesuffix(".gin")]


@pytest.mark.parametrize(
    "run", [*CIFAR10[:1], "quickstart/transformer_dense.gin", *TRANSFORMER[:1]]
)
def test_a_file_for_hardware_fits_every_kind_of_run(run):
    gin_app.parse([run, "hardware/tpu.gin"], flags_of(run, "gin_binding"))
    with gin.unlock_config():
        gin.get_configurable(Experiment)()


@pytest.mark.parametrize("name", BASES)
def test_a_base_is_included_and_has_no_command(name):
    assert any(f'include "{name}"' in (GIN_CONFIGS / file).read_text() for file in FILES)
    assert "python -m" not in header(name)


# Of the Transformer one: they take the longest, and the others differ in the wrapper alone.
QUICKSTART = [
    pytest.param(
        name,
        marks=[pytest.mark.slow]
        if re.search(
            "transformer_|movement|power|set|straight|top_kast|saliency|acdc|grow|random|(l0.*|soft.*)_target",
            name,
        )
        else [],
    )
    for name in OTHERS
    if name.startswith("quickstart/")
]


@pytest.mark.filterwarnings("ignore:No gate of sos.L0")
@pytest.mark.filterwarnings("ignore:.*has not led to its target")
@pytest.mark.parametrize("name", QUICKSTART)
def test_quickstart_files_train_three_steps(name, tmp_path):
    text = (GIN_CONFIGS / name).read_text()
    schedule = [f"{k} = {v}" for k, v in SHORT_SCHEDULE.items() if f"\n{k} = " in text]
    translates = "transformer_" in name
    few = [
        "SENTENCES = 2000",
        "GrammarCorpus.validation_examples = 4",
        "BEAM_SIZE = 1",
        "MAXIMUM_LENGTH = 24",
    ]
    few = [*few, "NUM_LAYERS = 1", "HIDDEN_DIM = 8", "NUM_HEADS = 1"] if translates else []
    bindings = [*flags_of(name, "gin_binding"), *SHORT, *schedule, *few]
    result = train.run([name], bindings, tmp_path / "run", verbose=False)
    assert result["steps"] == 3
    technique = name.split("/")[1].removesuffix(".gin").removeprefix("transformer_")
    technique = TECHNIQUE_OF.get(technique, technique).removesuffix("_target")
    assert result["technique"] == technique and ("bleu" in result) == translates
    assert (tmp_path / "run" / "model.keras").exists()


@pytest.mark.parametrize(
    "name", [*MULTI30K, *(name for name in OTHERS if name.startswith("quickstart/transformer_"))]
)
def test_small_transformer_files_build_without_data(name):
    small = [
        "NUM_LAYERS = 1",
        "HIDDEN_DIM = 8",
        "NUM_HEADS = 1",
        "INTERMEDIATE_DIM = 8",
        "VOCABULARY_SIZE = 300",
    ]
    gin_app.parse([name], [*flags_of(name, "gin_binding"), *small])
    with gin.unlock_config():
        experiment = gin.get_configurable(Experiment)()
    model = experiment.build()
    gin_app.check_all_used()
    # The shared matrix; attention and two layers in the encoder, two attentions in the decoder.
    assert len(sparse_layers(model)) == (0 if "dense" in name else 1 + 6 + 10)


def test_both_lenets_have_the_same_files():
    names = [sorted(n.split("/")[1] for n in LENET if n.endswith(f"/{net}.gin")) for net in NETS]
    assert names[0] == names[1] != []


@pytest.mark.parametrize("name", LENET)
def test_lenet_files_build(name, mnist_folder):
    gin_app.parse([name], flags_of(name, "gin_binding"), str(mnist_folder))
    with gin.unlock_config():
        experiment = gin.get_configurable(Experiment)()
    model = experiment.build()
    gin_app.check_all_used()
    network = name.split("/")[2].removesuffix(".gin")
    assert model.name == network
    wrapped = len(sparse_layers(model))
    assert wrapped == (0 if "dense" in name else len(NETS[network]))


@pytest.mark.filterwarnings("ignore:No gate of sos.L0")
def test_a_lenet_file_trains_three_steps(tmp_path, mnist_folder):
    name = "lenet/l0_groups/lenet_300_100.gin"
    bindings = [*SHORT, "END_STEP = 2", "BATCH_SIZE = 10"]
    result = train.run([name], bindings, tmp_path / "run", str(mnist_folder), verbose=False)
    assert result["steps"] == 3
    assert (tmp_path / "run" / "model.keras").exists()


@pytest.mark.parametrize(
    "name", slow_but(BUILT_RESNET50, [name for name in RESNET50 if name.count("/") == 1])
)
def test_resnet50_files_build_without_data(name):
    gin_app.parse([name], ["WIDTH = 0.0625"])
    with gin.unlock_config():
        experiment = gin.get_configurable(Experiment)()
    model = experiment.build()
    gin_app.check_all_used()
    technique = name.split("/")[1].removesuffix(".gin")
    dense = {"dense": 54, "magnitude_nonuniform": 1, "set": 1, "snip": 1, "straight_through": 1}
    assert len(sparse_layers(model)) == 54 - dense.get(technique, 0)


@pytest.mark.parametrize("name", [name for name in RESNET50 if name.count("/") == 2])
def test_resnet50_settings_hold_another_sparsity_of_their_technique(name):
    _, technique, setting = name.split("/")
    assert f'include "resnet50/{technique}.gin"' in (GIN_CONFIGS / name).read_text()
    sparsity = setting.removeprefix("sparsity_").removesuffix(".gin")
    if "pruning" in technique or "magnitude" in technique:  # others have no such knob
        assert f"\nSPARSITY = {sparsity}\n" in (GIN_CONFIGS / name).read_text()


@pytest.mark.parametrize("name", slow_but(BUILT_CIFAR10, CIFAR10))
def test_cifar10_files_build_and_their_learning_rate_ends_at_zero(name, tmp_path):
    write_cifar10(tmp_path, *random_cifar10(train=150, test=10))
    gin_app.parse([name], flags_of(name, "gin_binding"), str(tmp_path))
    with gin.unlock_config():
        experiment = gin.get_configurable(Experiment)()
    model = experiment.build()
    gin_app.check_all_used()
    rate = model.optimizer._learning_rate
    highest = 0.1 if "variational" in name else 0.3
    assert float(rate(660)) == pytest.approx(highest)
    assert float(rate(5460)) == pytest.approx(0, abs=1e-7)
    assert len(sparse_layers(model)) == (0 if "dense" in name else 7)


@pytest.mark.parametrize(
    "technique",
    [
        "magnitude_nonuniform",
        pytest.param("l0_regularization", marks=pytest.mark.slow),
        pytest.param("variational_dropout", marks=pytest.mark.slow),
        pytest.param("magnitude_pruning", marks=pytest.mark.slow),
        pytest.param("magnitude_erdos_renyi_kernel", marks=pytest.mark.slow),
    ],
)
def test_transformer_files_build_without_data(technique):
    name = f"transformer/{technique}.gin"
    # The base has 61 million weights, which take long to draw.
    gin_app.parse([name], ["VOCABULARY_SIZE = 300"])
    with gin.unlock_config():
        experiment = gin.get_configurable(Experiment)()
    assert experiment.steps == 500_000 and experiment.data.batch_size == 64
    model = experiment.build()
    gin_app.check_all_used()
    assert len(sparse_layers(model)) == 97


@pytest.mark.parametrize("name", [name for name in TRANSFORMER if name.count("/") == 2])
def test_transformer_settings_hold_another_sparsity_of_their_technique(name):
    _, technique, setting = name.split("/")
    text = (GIN_CONFIGS / name).read_text()
    assert f'include "transformer/{technique}.gin"' in text
    sparsity = setting.removeprefix("sparsity_").removesuffix(".gin")
    assert f"\nSPARSITY = {sparsity}\n" in text or "pruning" not in technique
    # The study searched dropout and label smoothing together.
    values = [float(value) for value in re.findall(r"(?:DROPOUT|SMOOTHING) = (.*)", text)]
    assert values in ([0.1] * 4, [0.0, 0.0, 0.0, 0.1], [0.0] * 4)


@pytest.mark.parametrize("name", TRANSLATION)
def test_translation_files_parse_and_refuse_to_go_without_text(name):
    gin_app.parse([name], flags_of(name, "gin_binding"))
    with gin.unlock_config(), pytest.raises(ValueError, match="`train_source` must be a text"):
        gin.get_configurable(Experiment)()
