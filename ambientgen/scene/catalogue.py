"""The one catalogue of known states: used by scenes, the procedural textures and captions alike.

Level words stand at 0, 0.25, 0.5, 0.75 and 1. Level 0 is silence, left out of every prompt. A
phrase names its sound by itself and occurs once in the whole catalogue, so that a phrase heard in a
prompt points back to one state at one level.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownState:
    """A sound everyone knows: its name in scenes, a noun phrase for any level, and level words."""

    name: str
    plain: str
    levels: tuple[str | None, ...]


def _known(name: str, plain: str, *words: str) -> KnownState:
    return KnownState(name, plain, (None, *words))


_ALL = (
    _known(
        "rain",
        "rain",
        "light rain",
        "steady rain",
        "heavy rain",
        "a torrential downpour",
    ),
    _known(
        "wind",
        "wind",
        "a light breeze",
        "a steady wind",
        "strong wind",
        "a howling gale",
    ),
    _known(
        "waves",
        "ocean waves",
        "gentle waves lapping the shore",
        "ocean waves rolling in",
        "large ocean waves breaking",
        "huge ocean waves crashing",
    ),
    _known(
        "stream",
        "a flowing stream",
        "a trickling stream",
        "a babbling stream",
        "a fast flowing stream",
        "a rushing mountain stream",
    ),
    _known(
        "waterfall",
        "a waterfall",
        "a small distant waterfall",
        "a steady waterfall",
        "a powerful waterfall",
        "a huge roaring waterfall",
    ),
    _known(
        "fire",
        "a crackling fire",
        "a few embers of a fire crackling",
        "a small fire crackling",
        "a lively campfire crackling",
        "a huge roaring fire",
    ),
    _known(
        "thunder",
        "thunder",
        "faint distant thunder",
        "rumbling thunder",
        "loud claps of thunder",
        "violent thunder crashing overhead",
    ),
    _known(
        "birds",
        "birds singing",
        "a single bird chirping",
        "a few birds singing",
        "many birds singing",
        "a loud chorus of birds",
    ),
    _known(
        "crickets",
        "crickets chirping",
        "a few crickets chirping",
        "crickets chirping steadily",
        "many crickets chirping",
        "a dense loud chorus of crickets",
    ),
    _known(
        "frogs",
        "frogs croaking",
        "a single frog croaking",
        "a few frogs croaking",
        "many frogs croaking",
        "a loud chorus of frogs",
    ),
    _known(
        "leaves",
        "rustling leaves",
        "leaves stirring faintly",
        "leaves rustling softly",
        "leaves rustling loudly",
        "leaves thrashing in the treetops",
    ),
    _known(
        "crowd",
        "a crowd of people",
        "a faint murmur of people",
        "a murmuring crowd",
        "a busy crowd",
        "a huge noisy crowd",
    ),
    _known(
        "conversation",
        "people talking",
        "two people talking quietly",
        "a relaxed conversation",
        "a lively conversation",
        "many people talking loudly at once",
    ),
    _known(
        "footsteps",
        "footsteps",
        "a few soft footsteps",
        "slow footsteps",
        "brisk footsteps",
        "many hurried footsteps",
    ),
    _known(
        "traffic",
        "road traffic",
        "faint distant traffic",
        "light traffic passing by",
        "busy road traffic",
        "heavy roaring traffic",
    ),
    _known(
        "train",
        "a train",
        "a faint distant train",
        "a train rolling slowly",
        "a train rolling fast",
        "a loud train rushing past",
    ),
    _known(
        "room",
        "room tone",
        "a faint room tone",
        "the quiet hum of a room",
        "the steady hum of ventilation in a room",
        "the loud drone of ventilation in a room",
    ),
    _known(
        "dishes",
        "clinking dishes",
        "the occasional clink of a cup",
        "cups and dishes clinking",
        "dishes clattering",
        "many dishes clattering loudly",
    ),
    _known(
        "music",
        "music",
        "faint music far away",
        "quiet background music",
        "music playing nearby",
        "loud music playing",
    ),
    _known(
        "drone",
        "a low drone",
        "a faint low drone",
        "a soft synthesizer drone",
        "a deep synthesizer drone",
        "a massive deep drone",
    ),
)

KNOWN: dict[str, KnownState] = {state.name: state for state in _ALL}
"""Every known state by name, in the catalogue's fixed order (models index states by it)."""
