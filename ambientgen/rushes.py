"""States that move faster than a scene's windows can follow, told before anything is rendered.

What is heard of a curve is a line through the windows' averages, each in its window's middle (see
`levelling.py`; long windows are flat there, but stand where curves are, too). So a ramp is followed
however steep it is, but for its corners; a peak that is shorter than a window is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ambientgen.scene.durations import spell
from ambientgen.state_values import JUMP_S, FloatArray, jumps_s, state_value, state_values
from ambientgen.survey import IntArray, known_until

if TYPE_CHECKING:
    from ambientgen.scene import Scene, State
    from ambientgen.units import Geometry
    from ambientgen.windows import Cut, WindowRule

OFF_BOUND = 0.10
"""Most that a state may be heard off its curve, or jump where a loop starts again, before it is
told: under half the distance between two level words of a known state."""

_PROBE_S = 0.1  # between moments at which curves are looked at, or a latent frame if that is longer
_ROUNDING = 1e-9  # what is off by the very bound is within it
_ALIKE = 0.005  # of places that are off alike, to the two digits told, the first is named
_AT_ONCE = 4096  # windows
_BESIDE = 2  # more on both sides, which are heard in them


@dataclass(frozen=True)
class Rush:
    """A state that moves faster than windows can follow: at `time_s` it is heard `off` its curve,
    the most of `places` such places. `window_s` is how long the windows are there."""

    state: str
    off: float
    time_s: float
    window_s: float
    places: int

    def with_more(self, later: Rush) -> Rush:
        """The worse of both, with the places of both."""
        worse = later if later.off > self.off + _ALIKE else self
        return replace(worse, places=self.places + later.places)

    def __str__(self) -> str:
        at = spell(round(self.time_s))
        more = f" (the worst of {self.places} places)" if self.places > 1 else ""
        return (
            f"{self.state} moves faster at {at}{more} than windows of {self.window_s:.1f} s can "
            f"follow: heard up to {self.off:.2f} off its curve"
        )


def rushes(
    scene: Scene,
    geometry: Geometry,
    rule: WindowRule,
    cut: Cut,
    heard: tuple[int, int] | None = None,
) -> tuple[Rush, ...]:
    """The states that windows (a `cut`) are off by more than `OFF_BOUND`.

    One for each such state, at its worst place in the frames that are `heard`: from the first to
    the one after the last; None, as in a loop: all of the cut's. Looks at some thousand windows at
    a time, so that memory does not grow with them.
    """
    if not len(cut.start_frames):
        return ()
    end = int(cut.start_frames[-1] + cut.core_frames[-1])
    line = _Line(scene, geometry, cut.start_frames, cut.frames(rule), bool(rule.levelled_frames))
    lots = [replace(line, period=end)]
    if not scene.loop:
        lots = list(line.lots(*(heard or (int(cut.start_frames[0]), end))))
    found: dict[str, Rush] = {}
    for lot in lots:
        for state in scene.states:
            rush = lot.rush(state)
            known = found.get(state.name)
            if rush is not None:
                found[state.name] = rush if known is None else known.with_more(rush)
    return tuple(found[state.name] for state in scene.states if state.name in found)


def joints(scene: Scene) -> Iterator[str]:
    """The states that jump where a loop starts again."""
    around = np.array([scene.duration_s - JUMP_S, 0.0])
    for state, (last, first) in zip(
        scene.states, state_values(scene, around).tolist(), strict=True
    ):
        if abs(first - last) > OFF_BOUND:
            yield (
                f"{state.name} jumps from {last:.2f} to {first:.2f} where the loop starts again: "
                "heard as a glide"
            )


@dataclass(frozen=True)
class _Line:
    """Windows in order of time, and what is heard of a curve through them: a `levelled` line, or
    else a stair. Looked at are the frames from `first` to `end`; with a `period`, in frames, they
    go round."""

    scene: Scene
    geometry: Geometry
    starts: IntArray
    lengths: IntArray
    levelled: bool
    period: int | None = None
    first: int | None = None
    end: int | None = None

    def lots(self, first: int, end: int) -> Iterator[_Line]:
        """The same in lots of windows, for the frames from `first` to `end`."""
        low = max(int(np.searchsorted(self.starts, first, "right")) - 1, 0)
        high = int(np.searchsorted(self.starts, end))
        for begin in range(low, high, _AT_ONCE):
            after = min(begin + _AT_ONCE, high)
            near = slice(max(begin - _BESIDE, 0), after + _BESIDE)
            yield replace(
                self,
                starts=self.starts[near],
                lengths=self.lengths[near],
                first=max(first, int(self.starts[begin])),
                end=end if after == high else int(self.starts[after]),
            )

    def rush(self, state: State) -> Rush | None:
        """Where a state is furthest off its curve, if that is past the bound."""
        off = self._off(state)
        past = self._probes[off > OFF_BOUND + _ROUNDING]
        if not len(past):
            return None
        worst = float(self._probes[np.argmax(off >= off.max() - _ALIKE)])
        away = np.abs(self._middles - worst)
        if self.period is not None:
            away = np.minimum(away, self.period - away)
        length = int(self.lengths[np.argmin(away)])
        at_s, window_s = self.geometry.seconds(worst), self.geometry.seconds(length)
        return Rush(state.name, float(off.max()), at_s, window_s, self._places(past))

    @cached_property
    def _middles(self) -> FloatArray:
        return np.asarray(self.starts + self.lengths / 2, np.float64)

    @cached_property
    def _all_probes(self) -> FloatArray:
        """Moments in frames, evenly apart, until the last window has played."""
        step = max(int(_PROBE_S / self.geometry.seconds(1)), 1)
        end = int((self.starts + self.lengths).max())
        first = int(self.starts[0]) // step * step  # of all lots on one grid
        probes = np.arange(first + step / 2, end, step, dtype=np.float64)
        return np.asarray(probes[probes > self.starts[0]])

    @cached_property
    def _probes(self) -> FloatArray:
        """Those that are looked at."""
        first, end = self.first or 0, self.period or self.end or np.inf
        probes = self._all_probes
        return np.asarray(probes[(probes >= first) & (probes < end)])

    def _off(self, state: State) -> FloatArray:
        """How far off its curve a state is heard at each of the probes. Jumps are meant: by as much
        as it jumps in the windows that are heard it may be off."""
        values = state_value(self.scene, state, self._all_probes * self.geometry.seconds(1))
        sums = np.concatenate([[0.0], np.cumsum(values)])
        first = np.searchsorted(self._all_probes, self.starts)
        last = np.searchsorted(self._all_probes, self.starts + self.lengths)
        told = (sums[last] - sums[first]) / np.maximum(last - first, 1)
        after = np.asarray(np.searchsorted(self._middles, self._probes))
        around = np.stack([after - 1, after])
        count = len(self.starts)
        around = around.clip(0, count - 1) if self.period is None else around % count
        if self.levelled:
            heard = np.interp(self._probes, self._middles, told, period=self.period)
        else:
            heard = told[np.searchsorted(self.starts, self._probes, "right") - 1]
        looked_at = values[np.searchsorted(self._all_probes, self._probes)]
        meant = self._jumps(state)[around].max(axis=0)
        return np.asarray(np.maximum(np.abs(looked_at - heard) - meant, 0.0))

    def _jumps(self, state: State) -> FloatArray:
        """By how much a state jumps in each window, or at its edges: shape (windows,)."""
        frame_s, ends = self.geometry.seconds(1), self.starts + self.lengths
        known = known_until(self.scene, self.geometry.seconds(int(ends.max()) + 1))
        at_s = jumps_s(known, state)
        sides = [state_value(self.scene, state, at_s + by) for by in (-JUMP_S, JUMP_S)]
        at, heights = at_s / frame_s, np.abs(sides[1] - sides[0])
        if self.period is not None:
            at = np.concatenate([at + turn * self.period for turn in (-1, 0, 1)])
            heights = np.tile(heights, 3)
        order = np.argsort(at)
        sums = np.concatenate([[0.0], np.cumsum(heights[order])])
        low, high = (np.searchsorted(at[order], edge) for edge in (self.starts - 0.5, ends + 0.5))
        return np.asarray(sums[high] - sums[low])

    def _places(self, past: FloatArray) -> int:
        """How many places these moments are: a peak is passed above and missed below, which is one
        place, and so is what lies around a loop's joint."""
        gaps = np.diff(past)
        if self.period is not None:
            gaps = np.append(gaps, past[0] + self.period - past[-1])
            return max(int(np.sum(gaps > self.lengths.min())), 1)
        return 1 + int(np.sum(gaps > self.lengths.min()))
