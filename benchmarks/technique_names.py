"""What the variants are called that train with a technique."""

# Those of the study, and those of later papers.
STUDIED = ("magnitude", "random", "l0", "variational_dropout")
LATER = (
    "snip",
    "set",
    "rigl",
    "acdc",
    "straight_through",
    "top_kast",
    "movement",
    "soft_threshold",
)
