"""Packaging of state_of_sparsity; all metadata lives here."""

import pathlib

import setuptools

HERE = pathlib.Path(__file__).parent

version = {}
exec((HERE / "state_of_sparsity" / "version.py").read_text(encoding="utf-8"), version)
readme = HERE / "README.md"

PACKAGE = "state_of_sparsity"

# The gin files lie beside the package in the repository and inside it once installed, so that
# `include "quickstart/digits.gin"` finds them in both cases (see bin/gin_app.py).
GIN_PACKAGE = f"{PACKAGE}.gin_configs"

# Console commands: `sos-train` is `python -m state_of_sparsity.bin.train`, and so on.
PROGRAMS = ["train", "evaluate", "decode", "sweep", "rounds", "interpolate", "report"]

TENSORFLOW = [
    "tensorflow>=2.20,<3",
    # 0.8.1 refuses Keras 3 models; only its pruning schedules are used, which need tf_keras.
    "tensorflow-model-optimization>=0.8,<0.9",
    "tf_keras>=2.20,<3",
]
EXPERIMENTS = [
    *TENSORFLOW,
    "absl-py>=1.4",
    "bokeh>=3.7",  # one HTML page of a report, which fetches nothing
    "gin-config>=0.5",
    # TFDS 4.9 imports it on every Python and asks for it only below 3.9.
    "importlib_resources>=6",
    "matplotlib>=3.8",
    "pandas>=2.2",
    "sacrebleu>=2.4",
    "sacremoses>=0.1",
    "scikit-learn>=1.4",
    "scipy>=1.11",
    "sentencepiece>=0.2.1,<0.3",
    # tf.summary needs it, and TensorFlow 2.21 no longer brings it.
    "tensorboard>=2.20",
    "tensorflow-datasets>=4.9.8",
]
JAX = ["jax>=0.7"]
HUB = ["keras-hub>=0.32"]
ONNX = ["onnxruntime>=1.20", "tf2onnx>=1.17"]
INFERENCE = ["numba>=0.61"]
SITE = [
    "furo>=2025.7",
    "myst-nb>=1.3",
    "sphinx>=8.2",
    "sphinx-copybutton>=0.5",
    "sphinx-design>=0.6",
]
NOTEBOOKS = ["ipykernel>=6.29", "nbclient>=0.10"]
TEST = ["build>=1.2", "hypothesis>=6", "mypy>=1.11", "pytest>=8", "pytest-xdist>=3.5", "ruff>=0.9"]
# The core runs on keras, numpy and a backend of Keras; what else does what:
EXTRAS = {
    "tensorflow": TENSORFLOW,  # the backend, and TF-MOT's schedules
    "experiments": EXPERIMENTS,  # programs, data sets, reports
    "hub": HUB,  # the slow tests of keras-hub's models
    "onnx": ONNX,  # export to ONNX from TensorFlow, and its test
    "examples": [*EXPERIMENTS, *JAX, *NOTEBOOKS],  # notebooks of examples/, launch/run_notebooks.py
    "inference": INFERENCE,  # products with sparse kernels on a processor
    "site": [*EXPERIMENTS, *INFERENCE, *JAX, *SITE],  # launch/site.sh
    "test": [*EXPERIMENTS, *INFERENCE, *JAX, *SITE, *TEST],  # launch/test.sh
    "docs": [*EXPERIMENTS, *INFERENCE, *JAX, *HUB, *ONNX],  # what pages of docs/ are measured with
    "release": ["twine>=6"],  # with `test`, launch/release.sh
}

setuptools.setup(
    name=PACKAGE,
    version=version["__version__"],
    description="Sparse training for Keras 3, and the experiments of 'The State of Sparsity in "
    "Deep Neural Networks'",
    long_description=readme.read_text(encoding="utf-8") if readme.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=[
        *setuptools.find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
        GIN_PACKAGE,
    ],
    package_dir={GIN_PACKAGE: "gin_configs"},
    package_data={PACKAGE: ["py.typed", "*.pyi"], GIN_PACKAGE: ["**/*.gin", "**/*.grid"]},
    python_requires=">=3.11",
    install_requires=["keras>=3.15,<4", "numpy>=1.26"],
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": [
            f"sos-{program} = {PACKAGE}.bin.commands:{program}" for program in PROGRAMS
        ]
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
