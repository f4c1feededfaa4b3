"""Prints what packages say of themselves, and which of their files are about sparsity.

    pip download --no-deps --dest=wheels llmcompressor nvidia-modelopt torchao torch-pruning \
        pquant-ml tensorflow-model-optimization
    python studies/comparison/read_wheels.py wheels
"""

import argparse
import email
import pathlib
import re
import zipfile

SUBJECT = re.compile("sparsegpt|wanda|prun|sparsi|cluster|keras/quantize.py")
LICENSES = "License :: "


def described(path):
    """Returns a line on a wheel, and the modules in it that are about sparsity."""
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        fields = email.message_from_bytes(wheel.read(metadata))
        built = max("{:04}-{:02}-{:02}".format(*info.date_time) for info in wheel.infolist())
    classified = [c for c in fields.get_all("Classifier", []) if c.startswith(LICENSES)]
    license = fields["License-Expression"] or fields["License"] or " ".join(classified)
    modules = [n for n in names if SUBJECT.search(n) and n.endswith(".py") and "test" not in n]
    line = f"{fields['Name']} {fields['Version']}, built {built}, {license}"
    return line, sorted({str(pathlib.PurePosixPath(name).parent) for name in modules})


def main():
    """Prints each wheel of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path, help="where wheels lie")
    for path in sorted(parser.parse_args().folder.glob("*.whl")):
        line, folders = described(path)
        print(line, *folders, sep="\n    ")


if __name__ == "__main__":
    main()
