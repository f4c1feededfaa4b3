"""What runs are called by where they begin: no two kinds of them alike."""

import functools

import pytest

from state_of_sparsity.training import sparse_initialization, ticket_masks
from state_of_sparsity.training.tickets import Start


class ByHand:
    def __call__(self, snapshot, seed):
        return snapshot.masks


MASKS, WEIGHTS = {"masks_of": "a"}, {"weights_of": "a"}
BOTH = MASKS | WEIGHTS
AUGMENTED = {"initialize": sparse_initialization.sparsity_aware}
FINAL = {"stretch": False, "final_rate": 0.1}
NAMES = {
    "lottery_ticket": BOTH,
    "rewinding_to_5": BOTH | {"step": 5, "rate_from": 5},
    "learning_rate_rewinding": BOTH | {"step": "last"},
    "learning_rate_rewinding_to_7": BOTH | {"step": "last", "rate_from": 7},
    "fine_tuning": BOTH | {"step": "last", "rate_from": "last"},
    "fine_tuning_2_times": BOTH | {"step": "last", "rate_from": "last", "length": 2},
    "rewinding_to_5_rate_from_0": BOTH | {"step": 5},
    "lottery_ticket_rate_from_3": BOTH | {"rate_from": 3},
    "scratch": MASKS,
    "scratch_2_times": MASKS | {"length": 2},
    "scratch_0.5_times": MASKS | {"length": 0.5},
    "scratch_2_times_at_final_rate": MASKS | {"length": 2} | FINAL,
    "scratch_rate_from_last": MASKS | {"rate_from": "last"},
    "scratch_sparse_initialization": MASKS | AUGMENTED,
    "shuffled_masks_lottery_ticket": BOTH | {"masks": ticket_masks.shuffled},
    "one_shot_masks_learning_rate_rewinding": BOTH
    | {"masks": functools.partial(ticket_masks.pruned, share=0.5), "step": "last"},
    "one_shot_masks_lottery_ticket": {"masks_of": "rounds/round_00", "weights_of": "a"}
    | {"masks": ticket_masks.pruned},
    "iterative_masks_lottery_ticket": {"masks_of": "{directory}/../round_00", "weights_of": "a"}
    | {"masks": ticket_masks.pruned},
    "iterative_masks_scratch": {"masks_of": "{directory}/../../round_03"},
    "smart_ratios_masks_scratch": MASKS
    | {"masks": functools.partial(functools.partial(ticket_masks.smart_ratios), last_density=0.2)},
    "ByHand_masks_scratch": MASKS | {"masks": ByHand()},
    "last_weights": WEIGHTS | {"step": "last"},
    "last_weights_rate_from_last": WEIGHTS | {"step": "last", "rate_from": "last"},
    "weights_of_step_5": WEIGHTS | {"step": 5},
}


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    assert Start(**NAMES[name]).name == name
