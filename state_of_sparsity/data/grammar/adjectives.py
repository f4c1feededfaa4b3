"""The adjectives of the grammar corpus, in English and German."""

import typing


class Adjective(typing.NamedTuple):
    """An adjective in both languages.

    Attributes:
        english: the English adjective.
        german: the German one after a verb ("teuer").
        stem: the German one before an ending ("teur").
    """

    english: str
    german: str
    stem: str


def _read(table):
    for entry in table.split(","):
        english, german, *stem = entry.split()
        yield Adjective(english, german, stem[0] if stem else german)


_WORDS = {
    adjective.english: adjective
    for adjective in _read(
        """
        old alt, young jung, small klein, big groß, new neu, beautiful schön, good gut,
        tired müde müd, sick krank, happy glücklich, sad traurig, hungry hungrig,
        thirsty durstig, friendly freundlich, clever klug, strong stark, rich reich, poor arm,
        red rot, blue blau, green grün, black schwarz, white weiß, brown braun,
        expensive teuer teur, cheap billig, heavy schwer, fresh frisch, cold kalt, warm warm,
        hot heiß, long lang, short kurz, interesting interessant, quiet ruhig, dark dunkel dunkl
        """
    )
}


def _choose(names):
    return tuple(_WORDS[name] for name in names.split())


# What fits a kind of noun.
ADJECTIVES = {
    kind: _choose(names)
    for kind, names in {
        "adult": "old young tired sick happy sad hungry friendly clever strong rich poor",
        "elder": "old tired sick happy sad friendly clever",
        "relative": "young tired sick happy sad friendly clever rich",
        "young": "small tired sick happy sad hungry thirsty friendly clever",
        "animal": "old young small big beautiful hungry thirsty tired black white brown",
        "food": "fresh good small big cheap",
        "mass_food": "fresh good warm cheap expensive",
        "drink": "cold good cheap expensive",
        "hot_drink": "cold hot good expensive",
        "text": "old new good long short interesting beautiful",
        "newspaper": "old new good interesting",
        "music": "old new beautiful short sad",
        "fixture": "old new small big heavy white green",
        "thing": "old new small big beautiful expensive cheap heavy red blue green black",
        "clothes": "old new warm beautiful expensive cheap red blue green black white",
        "landscape": "old small big beautiful quiet dark",
        "town": "old new small big beautiful quiet",
        "building": "old new small big beautiful quiet dark",
    }.items()
}
# What somebody is for a while, and what goes with some verbs only.
STATES = _choose("tired sick happy sad")
MOODS = _choose("happy sad")
NEEDS = {
    "eat": _choose("hungry"),
    "cook": _choose("hungry tired"),
    "bake": _choose("hungry tired"),
    "drink": _choose("thirsty tired"),
    "cry": _choose("sad tired hungry"),
    "laugh": _choose("happy"),
    "sleep": _choose("tired sick"),
    "fall asleep": _choose("tired sick"),
}
# Why one wants or has something of a kind.
REASONS = {
    "food": _choose("fresh good cheap"),
    "mass_food": _choose("fresh good cheap"),
    "text": _choose("short interesting beautiful new"),
    "newspaper": _choose("interesting new"),
    "thing": _choose("new beautiful cheap expensive"),
    "clothes": _choose("new beautiful cheap warm"),
}
