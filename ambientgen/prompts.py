"""What a moment of the scene is called: one template, and blends of its prompts.

A state's level words stand evenly spaced over 0 to 1. A value between two words is not rounded to
the nearer one: a constant 0.37 would then sound like 0.25 for as long as it lasts, and a slow
curve would climb in stairs. Such a moment is a *blend*, a weighted sum of prompts in LOA space,
whose weighted level positions give the state's value back.

With several states between words at once, blending every combination would take 2^n prompts. The
Kuhn (Freudenthal) triangulation of the cube takes n + 1: sort the states by their fractional
position and step from the lower corner to the upper one in that order. It is continuous and
piecewise linear in the states, and exact for each state by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ambientgen.state_values import FloatArray, state_value

if TYPE_CHECKING:
    from ambientgen.scene import Scene, State

IntArray = NDArray[np.int64]
Blend = tuple[tuple[str, float], ...]
"""(prompt, weight) pairs, the heaviest first; weights are above 0 and sum to exactly 1."""

Corner = tuple[int, ...]
"""One level index per state."""

UNHEARD = "silence"
"""What a moment is called when no state has a word to say."""

GRAIN = 2**-26
"""Level positions are rounded to this fraction of a level: far below hearing, it lets a keyframe
found at a level word be that word alone, and makes every weight an exact dyadic fraction."""

HEARING_STEP_S = 0.5
"""Spacing of the moments at which `scene_text` listens for a state, beside the curves' bends."""


def compose(phrases: Sequence[str], setting: str) -> str:
    """The one template: `light rain and a strong wind, a mountain lake at dusk`.

    `phrases` are the words of the states that are heard, in the scene's order; none is "silence".
    `setting` comes last as its author wrote it, or not at all when empty.
    """
    if not phrases:
        heard = UNHEARD
    elif len(phrases) == 1:
        heard = phrases[0]
    else:
        heard = ", ".join(phrases[:-1]) + " and " + phrases[-1]
    return f"{heard}, {setting}" if setting else heard


def simplex_corners(positions: Sequence[float]) -> list[tuple[Corner, float]]:
    """Corners and weights that blend to `positions` (level units, 0 to the last, one per state).

    At most one corner more than there are states; weights above 0, summing to exactly 1; the
    weighted corners equal `positions` within `GRAIN`.
    """
    grains = [round(position / GRAIN) for position in positions]
    per_level = round(1 / GRAIN)
    corner = [grain // per_level for grain in grains]
    fractions = [grain % per_level for grain in grains]
    rising = sorted((i for i, part in enumerate(fractions) if part), key=lambda i: -fractions[i])
    corners: list[tuple[Corner, float]] = []
    left = per_level
    for state in rising:
        if left > fractions[state]:
            corners.append((tuple(corner), (left - fractions[state]) * GRAIN))
        left = fractions[state]
        corner[state] += 1
    corners.append((tuple(corner), left * GRAIN))
    return corners


@dataclass(frozen=True)
class Template:
    """The prompts of one scene: its states' words and its setting, filled in on request."""

    levels: tuple[tuple[str | None, ...], ...]
    setting: str
    _known: dict[Corner, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, scene: Scene) -> Template:
        """The template of `scene`."""
        return cls(tuple(state.levels for state in scene.states), scene.setting)

    @cached_property
    def tops(self) -> FloatArray:
        """Highest level index of each state: shape (states,)."""
        return np.array([len(words) - 1 for words in self.levels], dtype=np.float64)

    def words(self, corner: Corner) -> tuple[str | None, ...]:
        """Each state's word at its level index in `corner`; None where it is not heard."""
        return tuple(words[i] for words, i in zip(self.levels, corner, strict=True))

    def prompt(self, corner: Corner) -> str:
        """The prompt in which each state stands at its level index in `corner`."""
        known = self._known.get(corner)
        if known is None:
            known = compose([word for word in self.words(corner) if word is not None], self.setting)
            self._known[corner] = known
        return known

    def nearest(self, values: FloatArray) -> Corner:
        """The level index nearest to each state's value (0 to 1); halves go up."""
        return tuple(int(level) for level in np.floor(values * self.tops + 0.5))

    def blend(self, values: FloatArray) -> Blend:
        """The prompts that together say `values` (shape (states,), each 0 to 1), heaviest first."""
        weights: dict[str, float] = {}
        for corner, weight in simplex_corners((values * self.tops).tolist()):
            prompt = self.prompt(corner)
            weights[prompt] = weights.get(prompt, 0.0) + weight
        return tuple(sorted(weights.items(), key=lambda pair: -pair[1]))

    def prompts(self, values: FloatArray) -> dict[str, None]:
        """All prompts that `blend` needs for moments of `values`, (states, times), each once."""
        some = values[:, np.sort(_alike(values * self.tops[:, None]))]
        return dict.fromkeys(prompt for each in some.T for prompt, _ in self.blend(each))


def _alike(positions: FloatArray) -> IntArray:
    """One of each kind of moments (states, times) in level units that blend the same prompts, at
    different weights: their numbers. The order of fractions decides, and where two are equal."""
    grains = np.round(positions / GRAIN).astype(np.int64)
    corners, fractions = np.divmod(grains, round(1 / GRAIN))
    ranks = (fractions[:, None] > fractions[None]).sum(axis=1)
    kinds = np.concatenate([corners, ranks, fractions > 0]).T
    return np.unique(kinds, axis=0, return_index=True)[1]


def scene_text(scene: Scene) -> str:
    """The scene in words that say what there is but not how much, the same for its whole length.

    For the model's text stream: the levels are then told by LOA alone. Names every state that is
    ever heard, by the catalogue's plain name or, for an author's own state, its middle word.
    """
    times = np.arange(0.0, scene.changes_until_s + HEARING_STEP_S, HEARING_STEP_S)
    names = [state.plain for state in scene.states if _is_heard(scene, state, times)]
    return compose(names, scene.setting)


def _is_heard(scene: Scene, state: State, times_s: FloatArray) -> bool:
    """Whether the state ever has a word to say, at `times_s` or at a point of its curve."""
    points = np.asarray(state.points_s(scene.changes_until_s), dtype=np.float64)
    values = state_value(scene, state, np.concatenate([times_s, points]))
    positions = values * (len(state.levels) - 1)
    touched = np.unique([np.floor(positions + GRAIN), np.ceil(positions - GRAIN)])
    return any(state.levels[int(level)] is not None for level in touched)
