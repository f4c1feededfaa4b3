import json

import pytest

KERNELS = {"hidden/kernel": 100, "logits/kernel": 20}


@pytest.fixture
def make_run(tmp_path):
    """Returns a function that writes a run directory as training does."""

    def make(technique, target, accuracy, seed, sparsity=None, setting="", **entries):
        sparsity = target or 0.0 if sparsity is None else sparsity
        kinds = [technique, *(entries[k] for k in ("distribution", "model") if entries.get(k))]
        name = f"{'_'.join(kinds)}_{target or setting.replace(' ', '')}"
        path = tmp_path / "runs" / name / f"{seed}"
        path.mkdir(parents=True)
        result = {
            "name": technique,
            "technique": technique,
            "target_sparsity": target,
            "sparsity": sparsity,
            "accuracy": accuracy,
            "loss": 1 - accuracy,
            "seed": seed,
            "steps": 1000,
            "config_hash": f"hash{seed}",
            "wall_time_s": 12.34,
            **entries,
        }
        (path / "result.json").write_text(json.dumps(result))
        lines = ["# Macros:", f"SEED = {seed}", f"SPARSITY = {target}", setting]
        (path / "config.gin").write_text("\n".join([*lines, "Experiment.seed = %SEED", ""]))
        rows = ["path,technique,shape,size,nonzero"]
        for name, size in KERNELS.items():
            rows.append(f"{name},{technique},{size}x1,{size},{round(size * (1 - sparsity))}")
        (path / "report.csv").write_text("\n".join(rows) + "\n")
        return path

    return make
