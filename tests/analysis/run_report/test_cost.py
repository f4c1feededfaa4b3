import json

from state_of_sparsity.analysis import results
from state_of_sparsity.analysis.run_report import cost


def aggregates_of(paths):
    return results.aggregate(results.read_runs(paths)[0], "accuracy")


def test_costs_are_medians_and_relative_to_dense(make_run):
    def run(technique, target, seed, seconds, training, left, peak):
        counted = {"training_multiply_adds": training, "sparse_multiply_adds": left}
        path = make_run(technique, target, 0.9, seed, wall_time_s=seconds, **counted)
        rows = [{"phase": "training"}, {"peak_memory_bytes": peak - 1}, {"peak_memory_bytes": peak}]
        lines = [*map(json.dumps, rows), '{"peak_memory']  # cut off by a kill
        (path / "progress.jsonl").write_text("\n".join(lines))
        return path

    paths = [run("dense", None, s, 10.0, 3000, 1000, 10**9) for s in range(3)]
    paths += [run("set", 0.9, s, 11.0 + s, 300, 100, 12 * 10**8 + s) for s in range(3)]
    (dense, sparse) = cost.section(aggregates_of(paths)).table.to_dict("records")
    assert dense["Seconds a step"] == "0.01 (1.00)"
    assert sparse["Seconds a step"] == "0.012 (1.20)"
    assert sparse["Peak memory (MB)"] == "1,200"
    assert sparse["Training multiply-adds"] == "300 (0.10)"
    assert sparse["Inference multiply-adds"] == "100 (0.10)"


def test_an_accelerator_counts_before_the_process(make_run):
    path = make_run("set", 0.9, 0.9, 0)
    line = {"peak_memory_bytes": 10**9, "peak_device_memory_bytes": 5 * 10**6}
    (path / "progress.jsonl").write_text(json.dumps(line))
    (row,) = cost.section(aggregates_of([path])).table.to_dict("records")
    assert row["Peak memory (MB)"] == "5" and row["Training multiply-adds"] is None


def test_runs_that_recorded_nothing_have_no_section(make_run):
    path = make_run("set", 0.9, 0.9, 0, wall_time_s=None)
    assert cost.section(aggregates_of([path])) is None


def test_dense_runs_of_another_length_are_no_measure(make_run):
    counted = {"training_multiply_adds": 1000, "batch_size": 64}
    paths = [make_run("dense", None, 0.9, 0, steps=n, **counted) for n in (400,)]
    paths += [make_run("set", 0.9, 0.9, 0, steps=1000, **counted)]
    paths += [make_run("rigl", 0.9, 0.9, 0, steps=400, **counted)]
    rows = cost.section(aggregates_of(paths)).table.to_dict("records")
    found = {row["Technique"]: row["Training multiply-adds"] for row in rows}
    assert found == {"Dense": "1,000 (1.00)", "SET": "1,000", "RigL": "1,000 (1.00)"}


def test_runs_that_stopped_early_are_held_against_dense_ones_as_long(make_run):
    def run(technique, target, seed, steps, each):
        return make_run(technique, target, 0.9, seed, steps=steps, training_multiply_adds=each)

    paths = [run("dense", None, s, n, 2 * n) for s, n in enumerate([1000, 500, 500])]
    paths += [run("set", 0.9, s, n, n) for s, n in enumerate([1000, 500, 500])]
    rows = cost.section(aggregates_of(paths)).table.to_dict("records")
    assert [row["Training multiply-adds"][-6:] for row in rows] == ["(1.00)", "(0.50)"]
