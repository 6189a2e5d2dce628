"""Captions of a moment whose states are known: the template's own words, and many others.

Half the captions are exactly what `prompts.compose` says, since that is what a render asks; the
rest vary words, order and place so that free text within the vocabulary is understood too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ambientgen.prompts import compose, simplex_corners
from ambientgen.scene.catalogue import KNOWN

PLACES = (
    "a mountain lake at dusk",
    "a forest",
    "a pine forest at night",
    "a quiet village",
    "a summer night",
    "a summer night in the country",
    "a rocky beach",
    "a beach at night",
    "a city street",
    "a city after midnight",
    "a small café",
    "a café in the morning",
    "a wide valley",
    "a garden",
    "a meadow at dawn",
    "a harbour",
    "an old harbour at night",
    "a mountain pass",
    "a campsite by a stream",
    "a clearing in the woods",
    "a wooden cabin",
    "a tin roof",
    "a park",
    "a railway station",
    "a cave",
    "an open field",
    "the jungle",
    "a desert at night",
    "a marsh",
    "the coast in winter",
    "a tent in the rain",
    "a busy square",
    "a farm",
    "a pond at night",
    "a cliff above the sea",
    "outdoors",
    "in the distance",
    "close by",
    "field recording",
    "a field recording at night",
)
_AMOUNTS = (
    ("faint", "soft", "quiet", "distant", "barely audible", "a little"),
    ("light", "gentle", "moderate", "some"),
    ("loud", "strong", "heavy", "a lot of"),
    ("very loud", "intense", "extremely loud", "violent", "overwhelming"),
)
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "rain": ("rainfall", "raindrops falling", "rain falling"),
    "wind": ("wind blowing", "gusts of wind", "a breeze"),
    "waves": ("surf", "the sea", "waves on a beach", "ocean surf"),
    "stream": ("a brook", "running water", "a creek", "a small river"),
    "fire": ("a campfire", "burning wood", "a fireplace", "fire"),
    "thunder": ("a thunderstorm", "thunderclaps", "rolling thunder"),
    "birds": ("birdsong", "chirping birds", "songbirds"),
    "crickets": ("crickets", "insects chirping", "cicadas", "night insects"),
    "frogs": ("frogs", "croaking frogs", "toads"),
    "leaves": ("leaves rustling", "foliage in the wind", "trees rustling"),
    "crowd": ("people talking", "a crowd", "voices", "a murmur of voices"),
    "traffic": ("cars passing", "cars", "a busy road", "street noise"),
}
_JOINS = (", ", " and ", " with ", " over ", ", then ")


def place(rng: np.random.Generator) -> str:
    """A setting: none, a known place, or words that mean nothing to pocket and must not matter."""
    kind = rng.random()
    if kind < 0.35:
        return ""
    if kind < 0.85:
        return str(rng.choice(PLACES))
    letters = np.array(
        list("abcdefghijklmnopqrstuvwxyzaeiouaeiouéABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'-")
    )
    words = [
        "".join(rng.choice(letters, int(rng.integers(2, 9))))
        for _ in range(int(rng.integers(1, 5)))
    ]
    return " ".join(words)


def level_of(name: str, level: int, rng: np.random.Generator) -> str | None:
    """A phrase for state `name` at level word `level` (0…4), None for silence."""
    word = KNOWN[name].levels[level]
    if word is None or rng.random() < 0.75:
        return word
    sound = str(rng.choice((*_OTHER_NAMES.get(name, ()), KNOWN[name].plain)))
    return f"{rng.choice(_AMOUNTS[level - 1])} {sound}"


def caption(states: Mapping[str, float], rng: np.random.Generator) -> str:
    """A caption of `states` (name -> 0…1). Values between level words round to either by chance,
    with the odds that a render's blend gives those words as weights."""
    names = list(states)
    rng.shuffle(names)
    corners = simplex_corners([states[n] * (len(KNOWN[n].levels) - 1) for n in names])
    pick = int(rng.choice(len(corners), p=np.array([w for _, w in corners])))
    corner = corners[pick][0]
    setting = place(rng)
    if rng.random() < 0.5:
        words = [KNOWN[n].levels[i] for n, i in zip(names, corner, strict=True)]
        return compose([w for w in words if w is not None], setting)
    phrases = [level_of(n, i, rng) for n, i in zip(names, corner, strict=True)]
    heard = [p for p in phrases if p is not None] or ["silence"]
    text = heard[0]
    for phrase in heard[1:]:
        text += str(rng.choice(_JOINS)) + phrase
    return f"{text}, {setting}" if setting else text


def level_free(states: Mapping[str, float], rng: np.random.Generator) -> str:
    """What the text stream of a render says: what there is, not how much."""
    names = [n for n, value in states.items() if value > 0]
    rng.shuffle(names)
    setting = place(rng)
    return compose([KNOWN[n].plain for n in names], setting)
