"""Packaging of state_of_sparsity; all metadata lives here."""

import pathlib

import setuptools

HERE = pathlib.Path(__file__).parent

version = {}
exec((HERE / "state_of_sparsity" / "version.py").read_text(encoding="utf-8"), version)
readme = HERE / "README.md"

# The gin files lie beside the package in the repository and inside it once installed, so that
# `include "quickstart/digits.gin"` finds them in both cases (see bin/gin_app.py).
GIN_PACKAGE = "state_of_sparsity.gin_configs"

setuptools.setup(
    name="state_of_sparsity",
    version=version["__version__"],
    description="Sparse training for Keras 3, and the experiments of 'The State of Sparsity in "
    "Deep Neural Networks'",
    long_description=readme.read_text(encoding="utf-8") if readme.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=[
        *setuptools.find_packages(include=["state_of_sparsity", "state_of_sparsity.*"]),
        GIN_PACKAGE,
    ],
    package_dir={GIN_PACKAGE: "gin_configs"},
    package_data={"state_of_sparsity": ["py.typed", "*.pyi"], GIN_PACKAGE: ["**/*.gin"]},
    python_requires=">=3.11",
    install_requires=[
        "absl-py>=1.4",
        "gin-config>=0.5",
        # TFDS 4.9 imports it on every Python and asks for it only below 3.9.
        "importlib_resources>=6",
        "keras>=3.15,<4",
        "matplotlib>=3.8",
        "numpy>=1.26",
        "sacrebleu>=2.4",
        "sacremoses>=0.1",
        "scikit-learn>=1.4",
        "sentencepiece>=0.2.1,<0.3",
        # tf.summary needs it, and TensorFlow 2.21 no longer brings it.
        "tensorboard>=2.20",
        "tensorflow>=2.20,<3",
        "tensorflow-datasets>=4.9.8",
        # 0.8.1 refuses Keras 3 models; only its pruning schedules are used, which need tf_keras.
        "tensorflow-model-optimization>=0.8,<0.9",
        "tf_keras>=2.20,<3",
    ],
    extras_require={
        # For the slow tests of its models: no code here needs it.
        "hub": ["keras-hub>=0.32"],
        "test": ["hypothesis>=6", "jax>=0.7", "pytest>=8", "pytest-xdist>=3.5", "ruff>=0.9"],
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
