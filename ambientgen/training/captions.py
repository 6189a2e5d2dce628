"""Captions of a moment whose states are known: the template's own words, and many others.

Half the captions are exactly what `prompts.compose` says, since that is what a render asks; the
rest vary words, order and place so that free text within the vocabulary is understood too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ambientgen.prompts import compose, simplex_corners
from ambientgen.scene.catalogue import KNOWN
from ambientgen.synth import TEXTURES

INAUDIBLE = 0.005  # a level below this is left out of captions

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
# Settings that are put together, since scenes have others than these places: where, and when.
_WHERE = (
    "an old village",
    "a busy street",
    "a city park",
    "a small farm",
    "a rocky coast",
    "a wide field",
    "a mountain lake",
    "a pine forest",
    "a café by the sea",
    "a cabin in the woods",
    "a garden in the country",
    "a harbour",
    "the woods",
    "a square in the city",
)
_WHEN = ("at night", "at dusk", "at dawn", "in winter", "in the morning", "after midnight")
# None, the places, and those put together, in an order that mixes them.
SETTINGS = (
    "",
    *np.random.default_rng(12)
    .permutation(sorted({*PLACES, *(f"{where} {when}" for where in _WHERE for when in _WHEN)}))
    .tolist(),
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
    "waterfall": ("falling water", "a cascade", "water thundering down"),
    "conversation": ("conversation", "a chat", "voices talking", "people chatting"),
    "footsteps": ("steps", "someone walking", "people walking"),
    "train": ("a railway", "a train passing", "rails clacking"),
    "room": ("the hum of a room", "ventilation", "an empty room", "air conditioning"),
    "dishes": ("cups and plates", "clattering dishes", "tableware", "glasses clinking"),
    "music": ("soft music", "a melody", "background music", "a pad"),
    "drone": ("a drone", "a deep hum", "a dark drone", "a bass tone"),
}
_PLAIN = frozenset(state.plain for state in KNOWN.values())
_JOINS = (", ", " and ", " with ", " over ", ", then ")


_CONSONANTS = (
    "b",
    "br",
    "c",
    "ch",
    "d",
    "f",
    "g",
    "h",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "sh",
    "t",
)
_VOWELS = ("a", "e", "i", "o", "u", "ea", "oo", "é", "y")
_GLUE = ("a", "the", "of", "on", "in", "by", "at", "near", "with", "an old", "a warm", "a cold")


@dataclass(frozen=True)
class Heard:
    """What is known of a moment: level 0…1 of each state that sounds, its kind, and where it is
    heard (words, "" in the open)."""

    levels: Mapping[str, float]
    kinds: Mapping[str, str]
    place: str = ""

    @property
    def unusual(self) -> bool:
        """Whether any state is of another kind than its plain name means."""
        return any(kind != TEXTURES[n].usual for n, kind in self.kinds.items() if kind)


def heard_in(levels: Sequence[float], kinds: Sequence[str], place: str) -> Heard:
    """`levels` and `kinds` of all states in the registry's order as a `Heard`."""
    names = [(n, i) for i, n in enumerate(TEXTURES) if levels[i] > INAUDIBLE]
    return Heard(
        {n: float(levels[i]) for n, i in names}, {n: str(kinds[i]) for n, i in names}, place
    )


def with_absent(heard: Heard, rng: np.random.Generator) -> Heard:
    """`heard` and one state more, of its usual kind, that is not there."""
    absent = str(rng.choice([name for name in TEXTURES if name not in heard.levels]))
    kind = TEXTURES[absent].usual
    levels, kinds = {**heard.levels, absent: 0.5}, {**heard.kinds, absent: kind}
    return Heard(levels, kinds, heard.place)


def meaningless(rng: np.random.Generator) -> str:
    """A setting in words that pocket does not know, and that must not matter to it."""
    words = []
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.6:
            words.append(str(rng.choice(_GLUE)))
        syllables = int(rng.integers(1, 4))
        word = "".join(
            f"{rng.choice(_CONSONANTS)}{rng.choice(_VOWELS)}" for _ in range(syllables)
        ) + str(rng.choice(("", *_CONSONANTS)))
        words.append(word.capitalize() if rng.random() < 0.2 else word)
    return " ".join(words)


def setting_of(heard: Heard, rng: np.random.Generator) -> str:
    """A setting: where it is heard; else none, a place, or words that mean nothing."""
    if heard.place and rng.random() < 0.85:
        return heard.place
    kind = rng.random()
    if kind < 0.35:
        return ""
    return str(rng.choice(SETTINGS[1:])) if kind < 0.8 else meaningless(rng)


def plain_of(name: str, heard: Heard, rng: np.random.Generator) -> str:
    """A phrase for the sound itself, whatever its level.

    Unusual kinds are always named: the plain name means the usual one, which is named now and then.
    """
    kind = heard.kinds.get(name, "")
    usual = kind == TEXTURES[name].usual
    if not kind or (usual and rng.random() < 0.75):
        return KNOWN[name].plain
    return TEXTURES[name].kinds[kind]


def level_of(name: str, level: int, heard: Heard, rng: np.random.Generator) -> str | None:
    """A phrase for state `name` at level word `level` (0…4), None for silence."""
    word = KNOWN[name].levels[level]
    plain = plain_of(name, heard, rng)
    if word is None or (plain == KNOWN[name].plain and rng.random() < 0.6):
        return word
    sounds = (*_OTHER_NAMES.get(name, ()), plain)
    other = str(rng.choice(sounds)) if plain == KNOWN[name].plain else plain
    return f"{rng.choice(_AMOUNTS[level - 1])} {other}"


def caption(heard: Heard, rng: np.random.Generator) -> str:
    """A caption of a moment. Values between level words round to either by chance, with the odds
    that a render's blend gives those words as weights."""
    names = list(heard.levels)
    rng.shuffle(names)
    corners = simplex_corners([heard.levels[n] * (len(KNOWN[n].levels) - 1) for n in names])
    pick = int(rng.choice(len(corners), p=np.array([w for _, w in corners])))
    corner = corners[pick][0]
    setting = setting_of(heard, rng)
    if rng.random() < 0.5:
        words = [KNOWN[n].levels[i] for n, i in zip(names, corner, strict=True)]
        kinds = [plain_of(n, heard, rng) for n in names]
        unusual = [k for k in kinds if k not in _PLAIN]
        return compose([w for w in words if w is not None] + unusual, setting)
    phrases = [level_of(n, i, heard, rng) for n, i in zip(names, corner, strict=True)]
    told = [p for p in phrases if p is not None] or ["silence"]
    text = told[0]
    for phrase in told[1:]:
        text += str(rng.choice(_JOINS)) + phrase
    return f"{text}, {setting}" if setting else text


def level_free(heard: Heard, rng: np.random.Generator) -> str:
    """What the text stream of a render says: what there is, not how much."""
    names = list(heard.levels)
    rng.shuffle(names)
    return compose([plain_of(n, heard, rng) for n in names], setting_of(heard, rng))
