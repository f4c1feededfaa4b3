import pytest

from state_of_sparsity.bin import gin_app, round_plan, settings
from state_of_sparsity.bin.round_recipe import Recipe
from state_of_sparsity.errors import UsageError

FILES = ["quickstart/dense.gin"]


def planned(bindings=(), files=FILES, **recipe):
    gin_app.parse(files, bindings)
    recipe = Recipe(**{"rounds": 2, **recipe})
    runs = round_plan.plan(files, list(bindings), settings.of_parsed(), recipe)
    return {run.directory: run for run in runs}


def bound(run):
    return dict(binding.split(" = ", 1) for binding in run.bindings)


def test_lottery_tickets_are_the_default():
    runs = planned(["STEPS = 400"], layer_shares=(("logits", 0.1),))
    assert list(runs) == ["round_00", "round_01", "round_02"]
    assert [run.needs for run in runs.values()] == [None, "round_00", "round_01"]
    dense, _, last = runs.values()
    assert (dense.gin_files, dense.bindings) == (tuple(FILES), ("STEPS = 400",))
    assert last.gin_files[1:] == ("tickets/lottery_ticket.gin", "tickets/one_shot_masks.gin")
    assert bound(last) == {
        "STEPS": "400",
        "MASKS_OF": "'{directory}/../round_01'",
        "WEIGHTS_OF": "'{directory}/../round_00'",
        "SHARE": "0.2",
        "BY_LAYER": "False",
        "SHARES": "(('logits', 0.1),)",
    }


@pytest.mark.parametrize(
    ("recipe", "fragment", "own"),
    [
        (
            {"rewind_step": 200},
            "late_rewinding",
            {"WEIGHTS_OF": "'{directory}/../round_00'", "REWIND_STEP": "200"},
        ),
        (
            {"variant": "learning_rate_rewinding"},
            "learning_rate_rewinding",
            {"WEIGHTS_OF": "'{directory}/../round_01'"},
        ),
        (
            {"variant": "fine_tuning", "final_rate": 1e-4},
            "fine_tuning",
            {"WEIGHTS_OF": "'{directory}/../round_01'", "FINAL_RATE": "0.0001"},
        ),
    ],
)
def test_the_other_variants(recipe, fragment, own):
    last = planned(**recipe)["round_02"]
    assert last.gin_files[1] == f"tickets/{fragment}.gin"
    assert own.items() <= bound(last).items()
    assert ("REWIND_STEP" in bound(last)) == ("rewind_step" in recipe)


def test_the_dense_run_keeps_the_step_to_rewind_to_beside_those_it_keeps_already(tmp_path):
    assert bound(planned(rewind_step=200)["round_00"]) == {"Experiment.kept_steps": "[200]"}
    of_a_binding = planned(["Experiment.kept_steps = (100, 400)"], rewind_step=200)["round_00"]
    assert of_a_binding.bindings[-1] == "experiment.Experiment.kept_steps = [100, 400, 200]"
    gin = tmp_path / "kept.gin"
    gin.write_text(
        "from __gin__ import dynamic_registration\n"
        "from state_of_sparsity.training import experiment\n"
        'include "quickstart/dense.gin"\n'
        "KEPT = [400]\n"
        "experiment.Experiment.kept_steps = %KEPT\n"
    )
    of_a_macro = planned(files=[str(gin)], rewind_step=200)
    assert bound(of_a_macro["round_00"]) == {"KEPT": "[400, 200]"}
    assert "KEPT" not in bound(of_a_macro["round_01"])


def test_branches_have_the_masks_of_their_round_and_seeds_of_their_own():
    seeds = set()
    for seed in range(3):
        runs = planned([f"SEED = {seed}"], rounds=3, reinitializations=2)
        branches = [run for run in runs.values() if run.is_branch]
        assert list(runs)[4:6] == ["reinitialized_1/round_01", "reinitialized_2/round_01"]
        assert [run.needs for run in branches] == [
            f"round_{number:02d}" for number in (1, 1, 2, 2, 3, 3)
        ]
        for run in branches:
            assert run.gin_files[1:] == ("tickets/reinitialized.gin",)
            assert bound(run)["MASKS_OF"] == f"'{{directory}}/../../{run.needs}'"
        seeds |= {seed, *(int(bound(run)["SEED"]) for run in branches)}
    assert len(seeds) == 3 * (1 + 6)


def test_the_seeds_of_branches_are_seeds_up_to_the_last_of_them():
    most = {"rounds": round_plan.MOST_ROUNDS, "reinitializations": round_plan.MOST_BRANCHES}
    for seed in (9_999, 2**32 - 1):
        last = list(planned([f"SEED = {seed}"], **most).values())[-1]
        assert 0 <= int(bound(last)["SEED"]) < 2**32


def test_branches_need_a_macro_for_their_seed():
    said = r"`reinitializations` needs.*macro SEED.*Received: SEED = None"
    with pytest.raises(UsageError, match=said):
        round_plan.plan(["own.gin"], [], {"STEPS": 3}, Recipe(1, reinitializations=1))
