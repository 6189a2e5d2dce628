"""States that move faster than a scene's windows can follow, told before anything is rendered.

What is heard of a curve is a line through the windows' averages, each in its window's middle (see
`levelling.py`; the longest windows are flat there, and stand where curves are). So a ramp is
followed however steep it is, but for its corners; a peak that is shorter than a window is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ambientgen.scene.durations import spell
from ambientgen.state_values import JUMP_S, FloatArray, jumps_s, state_value, state_values
from ambientgen.survey import BoolArray, IntArray, in_turns, known_until

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
_BESIDE = 2  # windows around a stretch that are heard in it


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


def rushes(
    scene: Scene,
    geometry: Geometry,
    rule: WindowRule,
    cut: Cut,
    heard: tuple[int, int] | None = None,
) -> tuple[Rush, ...]:
    """The states that windows (`cut`, from frame 0) are off by more than `OFF_BOUND`.

    One for each such state, at its worst place in the frames that are `heard`: from the first to
    the one after the last; None: all of the cut's.
    """
    if not len(cut.start_frames):
        return ()
    windows = _Windows(scene, geometry, cut.start_frames, cut.frames(rule))
    first, end = heard or (0, int(cut.start_frames[-1] + cut.core_frames[-1]))
    if scene.loop:
        windows.period = int(cut.start_frames[-1] + cut.core_frames[-1])
    else:
        windows = windows.around(first, end)
    inside = (windows.probes >= first) & (windows.probes < end)
    if scene.loop:
        inside[:] = True
    found = []
    for state in scene.states:
        off = np.where(inside, windows.off(state), 0.0)
        past = windows.probes[off > OFF_BOUND + _ROUNDING]
        if len(past):
            worst = float(windows.probes[np.argmax(off >= off.max() - _ALIKE)])
            length = windows.lengths[np.argmin(np.abs(windows.middles - worst))]
            at_s, window_s = geometry.seconds(worst), geometry.seconds(int(length))
            places = windows.places(past)
            found.append(Rush(state.name, float(off.max()), at_s, window_s, places))
    return tuple(found)


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


@dataclass
class _Windows:
    """Windows in order of time, and what is heard of a curve through them; with a `period`, in
    frames, they go round."""

    scene: Scene
    geometry: Geometry
    starts: IntArray
    lengths: IntArray
    period: int | None = None

    def around(self, first: int, end: int) -> _Windows:
        """Those that are heard in frames `first` to `end`, and no others."""
        low = max(int(np.searchsorted(self.starts, first, "right")) - _BESIDE, 0)
        high = int(np.searchsorted(self.starts, end)) + _BESIDE
        near = slice(low, high)
        return _Windows(self.scene, self.geometry, self.starts[near], self.lengths[near])

    @cached_property
    def middles(self) -> FloatArray:
        return np.asarray(self.starts + self.lengths / 2, np.float64)

    @cached_property
    def _step(self) -> int:
        return max(int(_PROBE_S / self.geometry.seconds(1)), 1)

    @cached_property
    def _all_probes(self) -> FloatArray:
        """Moments in frames, evenly apart, until the last window has played."""
        end = int((self.starts + self.lengths).max())
        return np.arange(self.starts[0] + self._step / 2, end, self._step, dtype=np.float64)

    @cached_property
    def probes(self) -> FloatArray:
        """The same, of a loop those of one turn."""
        return self._all_probes[self._all_probes < (self.period or np.inf)]

    def off(self, state: State) -> FloatArray:
        """How far off its curve a state is heard at each of the `probes`. Jumps are meant, and so
        is what they do to windows: there it is 0."""
        values = state_value(self.scene, state, self._all_probes * self.geometry.seconds(1))
        sums = np.concatenate([[0.0], np.cumsum(values)])
        first, last = (self._index(at) for at in (self.starts, self.starts + self.lengths))
        told = (sums[last] - sums[first]) / np.maximum(last - first, 1)
        heard = np.interp(self.probes, self.middles, told, period=self.period)
        off = np.abs(values[: len(self.probes)] - heard)
        return np.where(self._beside(self._jumped(state)), 0.0, off)

    def places(self, past: FloatArray) -> int:
        """How many places these moments are: a peak is passed above and missed below, which is one
        place, and so is what lies around a loop's joint."""
        gaps = np.diff(past)
        if self.period is not None:
            gaps = np.append(gaps, past[0] + self.period - past[-1])
            return max(int(np.sum(gaps > self.lengths.min())), 1)
        return 1 + int(np.sum(gaps > self.lengths.min()))

    def _index(self, frames: IntArray) -> IntArray:
        """How many probes lie before frames."""
        return np.asarray(np.searchsorted(self._all_probes, frames))

    def _jumped(self, state: State) -> BoolArray:
        """In which windows a state jumps, or at their edges: shape (windows,)."""
        ends = self.starts + self.lengths
        known = known_until(self.scene, self.geometry.seconds(int(ends.max()) + 1))
        at = np.sort(in_turns(known, jumps_s(known, state))) / self.geometry.seconds(1)
        low = np.searchsorted(at, self.starts - 0.5)
        return np.asarray(np.searchsorted(at, ends + 0.5) > low)

    def _beside(self, windows: BoolArray) -> BoolArray:
        """Which probes are heard of one of these windows."""
        after = np.asarray(np.searchsorted(self.middles, self.probes))
        around = np.stack([after - 1, after])
        count = len(windows)
        around = around.clip(0, count - 1) if self.period is None else around % count
        return np.asarray(windows[around].any(axis=0))
