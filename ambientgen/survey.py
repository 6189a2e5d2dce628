"""What a scene's states do in consecutive pieces of its timeline: what windows are cut by."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ambientgen.state_values import FloatArray, jumps_s, state_value, state_values

if TYPE_CHECKING:
    from ambientgen.scene import Scene, State
    from ambientgen.units import Geometry

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_EDGE = 1e-9  # of a piece: what ends on its edge by a rounding error is not in it
_PROBES = 8  # moments at which the average of a piece is taken
_AT_ONCE = 4096  # pieces at a time, so that memory does not grow with the scene


@dataclass(frozen=True)
class Survey:
    """What the states do in consecutive pieces of one length.

    Average of each state, NaN before time 0 but in a loop, whether the state jumps in the piece or
    at its edge, and whether it is ever above 0 there; each of shape (states, pieces).
    """

    means: FloatArray
    jumps: BoolArray
    sounds: BoolArray

    def at_zero(self, pieces: IntArray, lengths: IntArray) -> BoolArray:
        """Whether all states stand at 0 in so many pieces from each of `pieces` on, and in the one
        after them, over which a window plays on. Where there are no states none does."""
        still = ~(self.sounds | self.jumps | np.isnan(self.means)).any(axis=0)
        count = np.concatenate([[0], np.cumsum(still & bool(len(self.means)))])
        return np.asarray(count[pieces + lengths + 1] - count[pieces] == lengths + 1)


def surveyed(scene: Scene, geometry: Geometry, core: int, first: int, count: int) -> Survey:
    """Pieces `first` to `first + count` of `core` frames each."""
    means = np.full((len(scene.states), count), np.nan)
    within = (np.arange(_PROBES) + 0.5) / _PROBES
    for start in range(first if scene.loop else max(first, 0), first + count, _AT_ONCE):
        pieces = np.arange(start, min(start + _AT_ONCE, first + count))
        times = (pieces[:, None] + within) * core / geometry.frames_per_second
        values = state_values(scene, times.ravel()).reshape(-1, *times.shape)
        means[:, pieces - first] = values.mean(axis=2)
    jumps, sounds = (np.zeros(means.shape, dtype=bool) for _ in range(2))
    end_s = geometry.seconds((first + count + 1) * core)  # what jumps later is not looked at
    scene = known_until(scene, end_s)
    for jumping, sounding, state in zip(jumps, sounds, scene.states, strict=True):
        frames = _in_turns(scene, jumps_s(scene, state)) * geometry.frames_per_second
        for shift in (-0.5, 0.5):  # what happens on an edge belongs to both pieces
            pieces = np.floor((frames + shift) / core).astype(np.int64) - first
            jumping[pieces[(pieces >= 0) & (pieces < count)]] = True
        spans = _in_turns(scene, _heard_s(scene, state)) * (geometry.frames_per_second / core)
        low = np.clip(np.floor(spans[:, 0] + _EDGE) - first, 0, count).astype(np.int64)
        high = np.clip(np.ceil(spans[:, 1] - _EDGE) - first, 0, count).astype(np.int64)
        began = np.bincount(low, minlength=count + 1) - np.bincount(high, minlength=count + 1)
        sounding |= np.cumsum(began)[:count] > 0
    return Survey(means, jumps, sounds)


def known_until(scene: Scene, time_s: float) -> Scene:
    """A scene of which nobody looks further: one without end has some end so; loops go on."""
    return scene if scene.loop else replace(scene, duration_s=min(scene.duration_s, time_s))


def _heard_s(scene: Scene, state: State) -> FloatArray:
    """Stretches in which a state may be above 0, (n, 2): past the end of what is no loop its last
    level holds."""
    spans = list(state.curve.sounding_s(scene.duration_s))
    end = np.array([scene.duration_s])
    if not scene.loop and state_value(scene, state, end)[0] > 0.0:
        spans.append((scene.duration_s, math.inf))
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


def _in_turns(scene: Scene, times_s: FloatArray) -> FloatArray:
    """Times, or rows of them, of a loop's turn, with those of the turns before and after it."""
    if not scene.loop:
        return times_s
    return np.concatenate([times_s + turn * scene.duration_s for turn in (-1, 0, 1)])
