"""Procedural layers: textures without end, made in pieces on an absolute grid.

A texture knows clips. Here each piece of the timeline is such a clip, with the intensity its state
has at that very time, and fades into the next one. What makes a sound this very one (how deep the
brook is, who sings) is the same in all pieces; what passes in it is each piece's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ambientgen.crossfade import join
from ambientgen.noise import Take
from ambientgen.scene.layers import Layer
from ambientgen.scene.scene import Scene
from ambientgen.scene.state import State
from ambientgen.state_values import state_value
from ambientgen.stream import FloatArray, Stretch, from_start
from ambientgen.stretch import Grid, Piece
from ambientgen.synth import TEXTURES
from ambientgen.synth.chance import Passing
from ambientgen.synth.signals import RATE
from ambientgen.units import samples_at

Each = Callable[..., Iterator[Any]]
"""`map`, or the workers', which gives the same in the same order, some of it made beforehand."""

# Twice the span of the clips that the textures were made for; the traits keep what is longer alike.
CORE = 20 * RATE
# A texture without events hides its joins in long fades. Steps and calls would be heard twice in
# them, so sparse ones change over in less than the time between two.
FADE = 2 * RATE
SPARSE_FADE = 2 * RATE // 5
_MOST_RAISED = 2.0  # 6 dB: a piece in which nobody sings would otherwise hiss
_TINY = 1e-20


@dataclass(frozen=True)
class Procedural:
    """The states of a layer, synthesised and summed: 16 kHz, at the level they were made at.

    That is the level of the corpus that pocket learnt from. `each` makes the pieces: `map`, or an
    engine's `map` to make them in its threads. `loop_samples`: of a loop that is resampled later,
    the samples it is made of here. There is a channel for each of `takes`: all are one place, whose
    drops and calls are partly the same, as far as the takes have their noise in common.
    """

    layer: Layer
    scene: Scene
    each: Each = map
    loop_samples: int | None = None
    rate: int = RATE
    takes: tuple[Take, ...] = (Take(0),)

    @property
    def channels(self) -> int:
        """As many as there are takes."""
        return len(self.takes)

    @property
    def period(self) -> int | None:
        """Of a loop, its length in samples; None: it never repeats."""
        return self.loop_samples or period_of(self.scene, self.rate)

    def reach(self, stretch: Stretch) -> Stretch:
        """The very stretch: it comes from nothing else."""
        return stretch

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The samples of a stretch, float32 (n, channels): see `Stream`."""
        silent, (first, end) = from_start(stretch, self.period)
        if silent:
            yield np.zeros((silent, self.channels), np.float32)
        if end is not None and end <= first:
            return
        grid = Grid(CORE, self.period)
        pieces = grid.pieces(first, end)
        here = next(pieces)
        starts_there = self.period is None and here[0] == 0
        before = [] if starts_there else [next(grid.pieces(here[0] - 1, here[0]))]
        wanted = chain(before, [here], pieces)
        left: NDArray[np.float64] | None = None
        for (start, stop), made in self.each(self._made, wanted):
            if left is not None or starts_there:
                whole = self._summed(left, made[..., : stop - start])
                low = max(first - start, 0)
                high = None if end is None else min(end, stop) - start
                yield whole[low:high]
            left = made[..., stop - start :]

    def _made(self, piece: Piece) -> tuple[Piece, NDArray[np.float64]]:
        """A piece and its fade-out: (states, takes, n + FADE), float64."""
        start, stop = piece
        number = start if self.period is None else start % self.period
        times = np.arange(number, number + stop - start + FADE)
        if self.period is not None:
            times %= self.period
        return piece, np.stack([self._played(s, times, number) for s in self.layer.states])

    def _played(self, state: State, times: NDArray[np.int64], number: int) -> NDArray[np.float64]:
        """One state as each take has it: (takes, n)."""
        per_second = pace_of(self.scene, self.loop_samples, self.rate)
        intensity = state_value(self.scene, state, times / per_second)
        if not intensity.any():
            return np.zeros((self.channels, len(times)))
        texture = TEXTURES[state.name]
        kind = dict(self.layer.kinds).get(state.name) or texture.usual
        who = (self.scene.seed_of(self.layer), state.name)

        @cache
        def made(feed: int | None) -> NDArray[np.float64]:
            return texture(intensity, Passing(who, number, feed), kind)

        return np.stack([_mixed(take, made) for take in self.takes])

    def _summed(self, left: NDArray[np.float64] | None, made: NDArray[np.float64]) -> FloatArray:
        """All states as one, (n, takes), where each came over from what the piece before left."""
        total = np.zeros(made.shape[1:])
        for index, state in enumerate(self.layer.states):
            own = made[index]
            if left is not None:
                fade = SPARSE_FADE if TEXTURES[state.name].sparse else FADE
                joined = join(left[index, :, :fade], own[:, :fade], rows_per_group=1)
                own = np.concatenate([joined, own[:, fade:]], axis=1)
            total += own
        return np.ascontiguousarray(total.T, np.float32)


def _mixed(take: Take, made: Callable[[int | None], NDArray[np.float64]]) -> NDArray[np.float64]:
    """What a take hears: some of what all hear (`made(None)`), and some of its own.

    What both have in common (a hum, a beat) would add up to more than either: their power is kept.
    Of each it is made the same first: where own singers sing more than those that all hear, these
    would be too small a share of what is heard.
    """
    if take.common == 1.0:
        return made(None)
    if take.common == 0.0:
        return made(take.feed)
    shared, own = made(None), made(take.feed)
    powers = float(np.mean(shared**2)), float(np.mean(own**2))
    power = take.common * powers[0] + (1.0 - take.common) * powers[1]
    gains = [min(math.sqrt(power / max(each, _TINY)), _MOST_RAISED) for each in powers]
    mixed = math.sqrt(take.common) * gains[0] * shared
    mixed += math.sqrt(1.0 - take.common) * gains[1] * own
    both: NDArray[np.float64] = mixed * math.sqrt(power / max(float(np.mean(mixed**2)), _TINY))
    return both


def period_of(scene: Scene, rate: int) -> int | None:
    """The samples of a scene's loop at `rate`; None where it is none."""
    return samples_at(scene.duration_s, rate) if scene.loop else None


def pace_of(scene: Scene, loop_samples: int | None, rate: int) -> float:
    """Samples a second of the scene: the rate, unless a loop is made of another number of them."""
    return rate if loop_samples is None else loop_samples / scene.duration_s
