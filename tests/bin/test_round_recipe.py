import math

import pytest

from state_of_sparsity.bin.round_recipe import Recipe, layer_share
from state_of_sparsity.errors import UsageError


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"share": 1.0}, r"`share` must be at least 0 and below 1.*1\.0"),
        ({"share": -0.1}, r"`share`.*-0\.1"),
        ({"share": math.nan}, r"`share`.*nan"),
        ({"share": 0.0}, r"must be above 0: no round would prune"),
        ({"share": 0.0, "layer_shares": (("logits", 0.0),)}, r"must be above 0: no round would"),
        ({"layer_shares": (("logits", 2.0),)}, r"`layer_share`.*2\.0"),
        (
            {"variant": "fine_tuning", "rewind_step": 5},
            r"`rewind_step` is for.*weight_rewinding.*5",
        ),
        ({"final_rate": 0.1}, r"`final_rate` is for --variant=fine_tuning.*weight_rewinding"),
        ({"variant": "fine_tuning", "final_rate": math.inf}, r"`final_rate` must be above 0.*inf"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(wrong, said):
    with pytest.raises(UsageError, match=said):
        Recipe(rounds=2, **wrong)


def test_shares_of_layers_are_an_expression_and_a_number():
    assert layer_share("conv=1|logits=0.1") == ("conv=1|logits", 0.1)
    for wrong in ("logits", "=0.1", "logits=", "logits=a", "(=0.1"):
        with pytest.raises(UsageError, match=r"`layer_share` must be.*Received: '"):
            layer_share(wrong)
    with pytest.raises(UsageError, match=r"no `=SHARE` at its end"):
        layer_share("logits")
    assert Recipe(2, share=0.0, layer_shares=(("logits", 0.1), ("conv", 0.0))).share == 0
