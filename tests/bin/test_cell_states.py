import json
import os
import re

from state_of_sparsity.bin import cell_states


def test_what_has_become_of_a_cell(tmp_path):
    run_dir = tmp_path / "dense" / "sparsity_0.5"
    assert cell_states.of(run_dir) == ("not begun", "")
    cell_states.forget_failure(run_dir)
    cell_states.note_failure(run_dir, "The loss is\n no number.")
    assert cell_states.of(run_dir) == ("failed", "The loss is no number.")
    assert not run_dir.exists()  # which must be empty to begin in
    cell_states.forget_failure(run_dir)
    run_dir.mkdir()
    assert cell_states.of(run_dir) == ("not begun", "")
    progress = run_dir / "progress.jsonl"
    progress.write_text('{"phase": "compiling"}\n')
    os.utime(progress, (86400, 86400))
    state, text = cell_states.of(run_dir)
    assert state == "begun"
    assert re.fullmatch(r"starting, said at \d\d:\d\d:\d\d on 1970-01-0[123]", text)
    progress.write_text('{"step": 1500, "steps": 3000, "eta_s": 12.3}\n')
    assert cell_states.of(run_dir)[1].startswith("step 1,500 of 3,000  ETA 12 s, said at ")
    cell_states.note_failure(run_dir, "killed")
    assert cell_states.of(run_dir) == ("failed", "killed")
    (run_dir / "result.json").touch()
    assert cell_states.of(run_dir) == ("finished", "")


def test_a_note_that_cannot_be_written_is_no_matter(tmp_path):
    (tmp_path / "file").touch()
    cell_states.note_failure(tmp_path / "file" / "run", "no")
    assert cell_states.of(tmp_path / "file" / "run") == ("not begun", "")


def test_a_run_with_other_bindings_is_another(tmp_path):
    state = {"config": "", "settings": {"STEPS": 200, "SEED": 0, "SIZES": [1, 2]}}
    (tmp_path / "run.json").write_text(json.dumps(state))
    (tmp_path / "result.json").touch()
    same = ["STEPS = 5", "STEPS = 200", "SEED=0", "SIZES = (1, 2)", "OTHER = 1", "STEPS = @f()"]
    assert cell_states.of(tmp_path, same[1:5]) == cell_states.of(tmp_path, same[:2])
    assert cell_states.of(tmp_path, same) == ("finished", "")
    other = "was started with another configuration, STEPS = 200"
    assert cell_states.of(tmp_path, ["STEPS = 1000"]) == ("failed", other)
    (tmp_path / "run.json").write_text("{")
    assert cell_states.of(tmp_path, ["STEPS = 1000", "no binding"]) == ("finished", "")
