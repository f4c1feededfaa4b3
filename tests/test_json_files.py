import os

import pytest

from state_of_sparsity import json_files
from state_of_sparsity.json_files import DamagedFileError

ENTRIES = {"step": int, "loss": float, "name": str}
GOOD = '{"step": 2, "loss": 1, "name": "a", "more": null}'
BAD = {
    b"": "no JSON",
    b"{": "no JSON",
    b"[]": "holds a list",
    b"null": "holds a NoneType",
    b"5": "holds a int",
    b"\xff\xfe": "no UTF-8",
    b"[" * 100_000: "no JSON",
    b'{"step": ' + b"9" * 5000 + b"}": "no JSON",
    b'{"step": 2, "loss": 1.5}': "`name` must be of type str. Received: none",
    b'{"step": true, "loss": 1.5, "name": "a"}': "`step` must be of type int. Received: True",
    b'{"step": 2.5, "loss": 1.5, "name": "a"}': "`step` must be of type int. Received: 2.5",
    b'{"step": 2, "loss": "1", "name": "a"}': "`loss` must be of type float. Received: '1'",
    b'{"step": 2, "loss": 1, "name": ["a"]}': "`name` must be of type str",
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes that have names")
def test_nothing_is_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(DamagedFileError, match=r"is damaged: it is no file\. Remove it\."):
            json_files.read(path, ENTRIES, "Remove it.")


def test_reads_what_was_written(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(GOOD)
    found = json_files.read(path, ENTRIES, "Remove it.")
    assert found == {"step": 2, "loss": 1, "name": "a", "more": None}
    path.write_text(f"{GOOD}\n{GOOD}\n")
    assert json_files.read_rows(path, ENTRIES, "Remove it.") == [found, found]
    assert json_files.read_rows(tmp_path / "none", ENTRIES, "Remove it.") == []


@pytest.mark.parametrize("content", BAD, ids=[f"{i}" for i in range(len(BAD))])
def test_damage_is_said_with_the_file_and_what_to_do(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError) as raised:
        json_files.read(path, ENTRIES, "Remove it.")
    message = str(raised.value)
    assert message.startswith(f"{path} is damaged: ") and message.endswith(" Remove it.")
    assert BAD[content] in message and "\n" not in message
    path.write_bytes(GOOD.encode() + b"\n" + content)
    if content and b"\xff" not in content:
        with pytest.raises(DamagedFileError, match=r"a.json, line 2, is damaged: "):
            json_files.read_rows(path, ENTRIES, "Remove it.")
