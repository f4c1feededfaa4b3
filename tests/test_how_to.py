"""Every snippet of docs/how_to/ runs, after the model that its README.md trains."""

import importlib.util
import os
import pathlib
import re
import runpy
import subprocess
import sys

import keras
import pytest

from tests.slow_variants import slow_but

FOLDER = pathlib.Path(__file__).parents[1] / "docs" / "how_to"
PAGES = {page.stem: page for page in sorted(FOLDER.glob("*.md"))}
START = PAGES.pop("README")
# What pages warn of, and say so.
WARNINGS = (
    "ignore:`schedule` does not reach",
    "ignore:Layer .* does not have a `quantize`",
    "ignore:Statistics for quantized inputs",  # TensorFlow's converter, which had them
    "ignore:.*tf.lite.Interpreter is deprecated",
    "ignore:In the future `np.object`",  # tf2onnx
)
# Backends, of which there is one at a time.
BACKENDS = ("tensorflow", "jax", "torch")
QUICK = [page for page in PAGES if page not in ("structured_and_n_of_m", "targets")]


def snippets(page):
    """Yields `(packages that it needs, code)` for each Python snippet of a page."""
    text = page.read_text(encoding="utf-8")
    for needs, code in re.findall(r"^```python(?: needs=(\S+))?\n(.*?)^```", text, re.M | re.S):
        yield (needs.split(",") if needs else []), code


def can_run(needs):
    """Returns whether what a snippet needs is here; of backends, whether Keras runs on it."""
    return all(
        keras.backend.backend() == package
        if package in BACKENDS
        else importlib.util.find_spec(package)
        for package in needs
    )


def run(codes, folder, namespace):
    """Runs snippets as one script; returns what it defines."""
    script = folder / "page.py"
    script.write_text("\n".join(codes), encoding="utf-8")
    return runpy.run_path(str(script), init_globals=namespace)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """What README.md makes: a trained model, and data."""
    codes = [code for _, code in snippets(START)]
    return run(codes, tmp_path_factory.mktemp("start"), {})


@pytest.fixture
def namespace(start):
    """The same with a model of its own."""
    model = keras.models.clone_model(start["model"])
    model.set_weights(start["model"].get_weights())
    model.compile("adam", start["loss"], metrics=["accuracy"])
    return {**start, "model": model}


@pytest.mark.filterwarnings(*WARNINGS)
@pytest.mark.parametrize("page", slow_but(QUICK, PAGES))
def test_a_page_runs_from_top_to_bottom(page, namespace, tmp_path, monkeypatch):
    found = list(snippets(PAGES[page]))
    codes = [code for needs, code in found if can_run(needs)]
    if not codes:
        pytest.skip(f"needs {', '.join(name for needs, _ in found for name in needs)}")
    monkeypatch.chdir(tmp_path)
    run(codes, tmp_path, namespace)


@pytest.mark.slow
def test_the_loop_on_jax():
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    command = [sys.executable, "-m", "pytest", "-q", __file__, "-k", "custom_loops", "-m", ""]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert " passed" in done.stdout and done.returncode == 0, done.stdout


def test_every_page_is_listed_once():
    listed = re.findall(r"\]\((\w+)\.md\)", START.read_text(encoding="utf-8"))
    assert sorted(listed) == [*PAGES]


@pytest.mark.parametrize("page", [START, *PAGES.values()], ids=lambda page: page.stem)
def test_what_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    paths = [FOLDER / link for link in re.findall(r"\]\(([^)#:]+)\)", text)]
    paths += [
        FOLDER.parents[1] / path for path in re.findall(r"(?:benchmarks|tests)/[\w/.]+py", text)
    ]
    assert [path for path in paths if not path.exists()] == []
