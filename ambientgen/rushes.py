"""States that move faster than a scene's windows can follow, told before anything is rendered.

What is heard of a curve is a line through the windows' averages, each in its window's middle (see
`levelling.py`). So a ramp is followed however steep it is, but for its corners; a peak that is
shorter than a window is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ambientgen.scene.durations import spell
from ambientgen.state_values import FloatArray, jumps_s, state_values
from ambientgen.survey import BoolArray, IntArray, in_turns, known_until

if TYPE_CHECKING:
    from ambientgen.scene import Scene
    from ambientgen.units import Geometry
    from ambientgen.windows import Cut, WindowRule

OFF_BOUND = 0.10
"""Most that a state may be heard off its curve before it is told: under half the distance between
two level words of a known state."""

_PROBES = 8  # moments in a shortest core at which curves are looked at
_ROUNDING = 1e-9  # what is off by the very bound is within it
_ALIKE = 0.005  # of places that are off alike, to the two digits told, the first is named


@dataclass(frozen=True)
class Rush:
    """A state that moves faster than windows can follow: at `time_s` it is heard `off` its curve,
    the most of `places` such places. `window_s` is how long the windows are there."""

    state: str
    off: float
    time_s: float
    window_s: float
    places: int

    def __str__(self) -> str:
        at = spell(round(self.time_s))
        more = f" (the worst of {self.places} places)" if self.places > 1 else ""
        return (
            f"{self.state} moves faster at {at}{more} than windows of {self.window_s:.1f} s can "
            f"follow: heard up to {self.off:.2f} off its curve"
        )


@dataclass(frozen=True)
class _Heard:
    """Moments at `frames`, shape (probes,), and how far off its curve each state is heard there,
    (states, probes); jumps are meant, and so is what they do to the windows they lie in."""

    frames: FloatArray
    off: FloatArray


def rushes(
    scene: Scene, geometry: Geometry, rule: WindowRule, cut: Cut, first_frame: int = 0
) -> tuple[Rush, ...]:
    """The states that windows (`cut`, from frame 0) are off by more than `OFF_BOUND`.

    One for each such state, at its worst place from `first_frame` on.
    """
    if not len(cut.start_frames):
        return ()
    heard = _heard(scene, geometry, rule, cut)
    lengths = cut.frames(rule)
    middles = cut.start_frames + lengths / 2
    found = []
    for state, row in zip(scene.states, heard.off, strict=True):
        seen = np.where(heard.frames >= first_frame, row, 0.0)
        past = heard.frames[seen > OFF_BOUND + _ROUNDING]
        if len(past):
            # A peak is passed above and missed below: one place.
            places = 1 + int(np.sum(np.diff(past) > lengths.min()))
            worst = int(np.argmax(seen >= seen.max() - _ALIKE))
            frame = float(heard.frames[worst])
            length = lengths[np.argmin(np.abs(middles - frame))]
            at_s, window_s = geometry.seconds(frame), geometry.seconds(int(length))
            found.append(Rush(state.name, float(seen[worst]), at_s, window_s, places))
    return tuple(found)


def _heard(scene: Scene, geometry: Geometry, rule: WindowRule, cut: Cut) -> _Heard:
    """What a line through the windows' averages is off by."""
    lengths = cut.frames(rule)
    end = int(cut.start_frames[-1] + cut.core_frames[-1])
    period = end if scene.loop else None
    step = max(rule.cores[0] // _PROBES, 1)
    stop = end if period else int(cut.start_frames[-1] + lengths[-1])
    frames = np.arange(step / 2, stop, step, dtype=np.float64)
    values = state_values(scene, frames * geometry.seconds(1))
    first = np.ceil((cut.start_frames - step / 2) / step).astype(np.int64)
    last = np.ceil((cut.start_frames + lengths - step / 2) / step).astype(np.int64)
    middles = cut.start_frames + lengths / 2
    off = np.empty_like(values)
    known = known_until(scene, geometry.seconds(stop + 1))
    for row, state, out in zip(values, scene.states, off, strict=True):
        around = np.concatenate([row, row]) if period else row
        sums = np.concatenate([[0.0], np.cumsum(around)])
        told = (sums[last] - sums[first]) / (last - first)
        out[:] = np.abs(row - np.interp(frames, middles, told, period=period))
        jumped = _jumped(known, geometry, cut, lengths, jumps_s(known, state))
        out[_beside(jumped, middles, frames, scene.loop)] = 0.0
    off[:, frames >= end] = 0.0  # where the next window would be heard
    return _Heard(frames, off)


def _jumped(
    scene: Scene, geometry: Geometry, cut: Cut, lengths: IntArray, jumps: FloatArray
) -> BoolArray:
    """In which windows a state jumps, or at their edges: shape (windows,)."""
    at = np.sort(in_turns(scene, jumps)) / geometry.seconds(1)
    low = np.searchsorted(at, cut.start_frames - 0.5)
    return np.asarray(np.searchsorted(at, cut.start_frames + lengths + 0.5) > low)


def _beside(windows: BoolArray, middles: FloatArray, frames: FloatArray, loop: bool) -> BoolArray:
    """Which moments are heard of one of these windows: shape (probes,)."""
    after = np.asarray(np.searchsorted(middles, frames))
    around = np.stack([after - 1, after])
    last = len(windows) - 1
    around = around % len(windows) if loop else around.clip(0, last)
    return np.asarray(windows[around].any(axis=0))
