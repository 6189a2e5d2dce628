"""Curve kinds: pure functions from absolute time to 0…1, one small class each, all with `at`.

Easings follow CSS keyframes: a point's easing shapes the way *from* that point to the next. Curves
are right-continuous: at the very moment of a jump the new value already holds.

numpy is imported inside the methods that need it: a scene is read and checked without numbers, and
numpy would double the time that takes.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

_GOLDEN = 0x9E3779B97F4A7C15  # SplitMix64's increment (Steele, Lea, Flood: OOPSLA 2014)
_MIX_1, _MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # SplitMix64's multipliers, ibid.
_SLOPE_TOLERANCE = 1e-9  # slopes closer than this, relatively, are one straight line


@dataclass(frozen=True)
class Easing:
    """The way from one point to the next.

    `blend` maps progress 0…1 to how much of the next point's value is reached; `edge_slope` is its
    slope at both ends; the two flags say where it jumps.
    """

    about: str
    blend: Callable[[FloatArray], FloatArray]
    edge_slope: float = 0.0
    jumps_at_start: bool = False
    jumps_at_end: bool = False


EASINGS: dict[str, Easing] = {
    "linear": Easing("a straight line to the next point", lambda u: u, edge_slope=1.0),
    "smooth": Easing("leaves slowly, arrives slowly", lambda u: u * u * (3.0 - 2.0 * u)),
    "step": Easing("jumps to the next point's value at once", lambda u: 1 + 0 * u, 0.0, True),
    "hold": Easing(
        "keeps its value, and jumps when the next point comes", lambda u: 0 * u, jumps_at_end=True
    ),
}


class Curve(ABC):
    """A level over time. Equal curves give equal values, whenever and in whatever slices asked."""

    @abstractmethod
    def at(self, times_s: FloatArray) -> FloatArray:
        """Values in [0, 1], float64, of the shape of `times_s` (seconds from the scene's start)."""

    def bends_s(self, duration_s: float) -> tuple[float, ...]:
        """Moments inside (0, `duration_s`) where the slope changes abruptly or the curve jumps."""
        return ()

    def steps_s(self, duration_s: float) -> tuple[float, ...]:
        """Moments inside (0, `duration_s`) where the curve jumps."""
        return ()

    def points_s(self, duration_s: float) -> tuple[float, ...]:
        """The drawn points from 0 to `duration_s`: between two of them a level only rises, or only
        falls, but for what wanders."""
        return ()

    @abstractmethod
    def sounding_s(self, duration_s: float) -> Iterator[tuple[float, float]]:
        """Stretches from 0 to `duration_s`, in order: outside of them the level is 0."""

    def reseeded(self, seed: int) -> Curve:
        """The same curve in a scene of another seed."""
        return self

    def looped(self, loop_s: float) -> Curve:
        """The curve as it goes in a loop of `loop_s` seconds, for times from 0 to `loop_s`."""
        return self

    @property
    def changes_until_s(self) -> float:
        """How long the curve changes: afterwards it holds, or only repeats what it did before."""
        return 0.0

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The curve as plain values, `kind` first."""


@dataclass(frozen=True)
class Constant(Curve):
    """One level for ever."""

    level: float

    def at(self, times_s: FloatArray) -> FloatArray:
        import numpy as np

        return np.full(np.shape(times_s), self.level, dtype=np.float64)

    def sounding_s(self, duration_s: float) -> Iterator[tuple[float, float]]:
        if self.level > 0.0:
            yield 0.0, duration_s

    def to_json(self) -> dict[str, Any]:
        return {"kind": "constant", "level": self.level}


@dataclass(frozen=True)
class Points(Curve):
    """Points in time; each point's easing leads to the next. The ends hold.

    `times_s` increase strictly; `levels` lie in [0, 1]; `easings` name entries of `EASINGS`, one
    for each point (the last one's leads nowhere). All three are of one length, at least 1.
    """

    times_s: tuple[float, ...]
    levels: tuple[float, ...]
    easings: tuple[str, ...]

    @cached_property
    def _columns(self) -> tuple[FloatArray, FloatArray, NDArray[np.str_]]:
        import numpy as np

        return np.array(self.times_s), np.array(self.levels), np.array(self.easings)

    def at(self, times_s: FloatArray) -> FloatArray:
        import numpy as np

        asked = np.asarray(times_s, dtype=np.float64)
        times, levels, easings = self._columns
        if len(times) == 1:
            return np.full(asked.shape, levels[0])
        left = np.clip(np.searchsorted(times, asked, side="right") - 1, 0, len(times) - 2)
        progress = np.clip((asked - times[left]) / (times[left + 1] - times[left]), 0.0, 1.0)
        blend = np.zeros_like(progress)
        for name in set(self.easings):
            chosen = easings[left] == name
            blend = np.where(chosen, EASINGS[name].blend(progress), blend)
        inside = levels[left] + (levels[left + 1] - levels[left]) * blend
        before = np.where(asked < times[0], levels[0], inside)
        return np.clip(np.where(asked >= times[-1], levels[-1], before), 0.0, 1.0)

    def bends_s(self, duration_s: float) -> tuple[float, ...]:
        return _between(self.corners(jumps_only=False), duration_s)

    def steps_s(self, duration_s: float) -> tuple[float, ...]:
        return _between(self.corners(jumps_only=True), duration_s)

    def points_s(self, duration_s: float) -> tuple[float, ...]:
        return tuple(time_s for time_s in self.times_s if 0.0 <= time_s <= duration_s)

    def sounding_s(self, duration_s: float) -> Iterator[tuple[float, float]]:
        edges_s = (-math.inf, *self.times_s, math.inf)
        levels = (self.levels[0], *self.levels, self.levels[-1])
        easings = ("linear", *self.easings)
        for i, (start_s, end_s) in enumerate(pairwise(edges_s)):
            easing, (left, right) = EASINGS[easings[i]], levels[i : i + 2]
            left = right if easing.jumps_at_start else left
            right = left if easing.jumps_at_end else right
            if max(left, right) > 0.0 and end_s > 0.0 and start_s < duration_s:
                yield max(start_s, 0.0), min(end_s, duration_s)

    def looped(self, loop_s: float) -> Curve:
        """The curve in a loop of `loop_s`: its last point leads back to the first.

        But where points stand at both ends and differ, the curve jumps there, as it is drawn.
        """
        spans = self.times_s[-1] - self.times_s[0] >= loop_s
        return self if spans and self.levels[0] != self.levels[-1] else Repeating(self, loop_s)

    @property
    def changes_until_s(self) -> float:
        return self.times_s[-1]

    def corners(self, *, jumps_only: bool) -> tuple[float, ...]:
        """Times of the points where the curve jumps, or (also) changes its slope abruptly."""
        found = []
        for i, time_s in enumerate(self.times_s):
            (slope_before, before), (slope_after, after) = self._arrival(i), self._departure(i)
            bend = not math.isclose(slope_before, slope_after, rel_tol=_SLOPE_TOLERANCE)
            if before != after or (bend and not jumps_only):
                found.append(time_s)
        return tuple(found)

    def _arrival(self, i: int) -> tuple[float, float]:
        """Slope a second, and level, just before point `i`."""
        if i == 0:
            return 0.0, self.levels[0]
        easing = EASINGS[self.easings[i - 1]]
        rise, length_s = self.levels[i] - self.levels[i - 1], self.times_s[i] - self.times_s[i - 1]
        level = self.levels[i - 1] if easing.jumps_at_end else self.levels[i]
        return easing.edge_slope * rise / length_s, level

    def _departure(self, i: int) -> tuple[float, float]:
        """Slope a second, and level, from point `i` on."""
        if i == len(self.times_s) - 1:
            return 0.0, self.levels[i]
        easing = EASINGS[self.easings[i]]
        rise, length_s = self.levels[i + 1] - self.levels[i], self.times_s[i + 1] - self.times_s[i]
        level = self.levels[i + 1] if easing.jumps_at_start else self.levels[i]
        return easing.edge_slope * rise / length_s, level

    def to_json(self) -> dict[str, Any]:
        rows = zip(self.times_s, self.levels, self.easings, strict=True)
        points = [{"time_s": t, "level": v, "easing": e} for t, v, e in rows]
        return {"kind": "points", "points": points}


@dataclass(frozen=True)
class Repeating(Curve):
    """Points inside 0…`period_s`, over and over; the last leads to the first of the next turn.

    A point at `period_s` itself must have the level of a point at 0: it is the same moment.
    `written_s` is the period that a loop made this one of; None: it is as it was written.
    """

    turn: Points
    period_s: float
    written_s: float | None = field(default=None, compare=False)

    @cached_property
    def _closed(self) -> Points:
        """One turn with its neighbours' nearest points, so that it covers the whole period."""
        rows = list(zip(self.turn.times_s, self.turn.levels, self.turn.easings, strict=True))
        if len(rows) > 1 and rows[-1][0] - rows[0][0] >= self.period_s:
            rows.pop()
        first, last = rows[0], rows[-1]
        before = (last[0] - self.period_s, last[1], last[2])
        after = (first[0] + self.period_s, first[1], first[2])
        return Points(*zip(*[before, *rows, after], strict=True))

    def at(self, times_s: FloatArray) -> FloatArray:
        import numpy as np

        return self._closed.at(np.mod(np.asarray(times_s, dtype=np.float64), self.period_s))

    def bends_s(self, duration_s: float) -> tuple[float, ...]:
        return self._every_turn(self._closed.corners(jumps_only=False), duration_s)

    def steps_s(self, duration_s: float) -> tuple[float, ...]:
        return self._every_turn(self._closed.corners(jumps_only=True), duration_s)

    def points_s(self, duration_s: float) -> tuple[float, ...]:
        own = self._closed.times_s[1:-1]
        found = (turn * self.period_s + t for turn in self._turns(duration_s) for t in own)
        return tuple(time_s for time_s in found if time_s <= duration_s)

    def sounding_s(self, duration_s: float) -> Iterator[tuple[float, float]]:
        own = list(self._closed.sounding_s(self.period_s))
        for turn in self._turns(duration_s):
            shift_s = turn * self.period_s
            for start_s, end_s in own:
                if shift_s + start_s < duration_s:
                    yield shift_s + start_s, min(shift_s + end_s, duration_s)

    def looped(self, loop_s: float) -> Repeating:
        """The curve in a loop of `loop_s`: a whole number of turns, a little longer or shorter."""
        period_s = loop_s / max(1, round(loop_s / self.period_s))
        if period_s == self.period_s:
            return self
        times_s = tuple(time_s / self.period_s * period_s for time_s in self.turn.times_s)
        return Repeating(replace(self.turn, times_s=times_s), period_s, self.period_s)

    @property
    def changes_until_s(self) -> float:
        return self.period_s

    def _every_turn(self, corners: Iterable[float], duration_s: float) -> tuple[float, ...]:
        own = set(self._closed.times_s[1:-1])  # the outer two only close the turn
        found, turns = [time_s for time_s in corners if time_s in own], self._turns(duration_s)
        return _between((turn * self.period_s + t for turn in turns for t in found), duration_s)

    def _turns(self, duration_s: float) -> range:
        return range(math.ceil(duration_s / self.period_s) + 1)

    def to_json(self) -> dict[str, Any]:
        return {**self.turn.to_json(), "kind": "repeating", "period_s": self.period_s}


@dataclass(frozen=True)
class Wander(Curve):
    """A curve with a slow drift of up to ±`amount` on it, clipped to [0, 1].

    The drift is value noise: a hash of (seed, stream, number of the knot) in [-1, 1] at knots half
    a period apart, joined smoothly; so a swing there and back takes about `period_s`. Where 0 means
    nothing at all (`from_nothing`) and the curve lies below `amount`, the drift shrinks with it:
    silence stays silence.

    In a loop of `loop_s` seconds the knots are moved apart or together so that a whole number of
    them, at least two, makes a turn; None: it never repeats.
    """

    base: Curve
    amount: float
    period_s: float
    seed: int
    stream: str
    loop_s: float | None = None
    from_nothing: bool = True

    @cached_property
    def _turn(self) -> int | None:
        """Knots of a loop's turn."""
        return None if self.loop_s is None else max(2, round(2.0 * self.loop_s / self.period_s))

    @cached_property
    def _key(self) -> int:
        spoken = f"wander\0{self.seed}\0{self.stream}".encode()
        return int.from_bytes(hashlib.blake2b(spoken, digest_size=8).digest(), "little")

    def drift(self, times_s: FloatArray) -> FloatArray:
        """The noise itself, in [-1, 1], of the shape of `times_s`."""
        import numpy as np

        spacing_s = self.period_s / 2.0
        if self.loop_s is not None and self._turn is not None:
            spacing_s = self.loop_s / self._turn
        place = np.asarray(times_s, dtype=np.float64) / spacing_s
        knot = np.floor(place)
        blend = EASINGS["smooth"].blend(place - knot)
        left, right = (self._at_knots(knot + side) for side in (0.0, 1.0))
        return left + (right - left) * blend

    def _at_knots(self, knots: FloatArray) -> FloatArray:
        """SplitMix64's finaliser over (key, knot): the knot's own number in [-1, 1)."""
        import numpy as np

        whole = np.atleast_1d(knots).astype(np.int64)
        index = (whole if self._turn is None else whole % self._turn).view(np.uint64)
        mixed = index * np.uint64(_GOLDEN) + np.array([self._key], dtype=np.uint64)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_MIX_1)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_MIX_2)
        mixed = mixed ^ (mixed >> np.uint64(31))
        unit = (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53  # 53 bits: a float's all
        values: FloatArray = (2.0 * unit - 1.0).reshape(np.shape(knots))
        return values

    def at(self, times_s: FloatArray) -> FloatArray:
        import numpy as np

        base = self.base.at(times_s)
        most = np.minimum(self.amount, base) if self.from_nothing else self.amount
        return np.clip(base + most * self.drift(times_s), 0.0, 1.0)

    def bends_s(self, duration_s: float) -> tuple[float, ...]:
        return self.base.bends_s(duration_s)

    def steps_s(self, duration_s: float) -> tuple[float, ...]:
        return self.base.steps_s(duration_s)

    def points_s(self, duration_s: float) -> tuple[float, ...]:
        return self.base.points_s(duration_s)

    def sounding_s(self, duration_s: float) -> Iterator[tuple[float, float]]:
        return self.base.sounding_s(duration_s) if self.from_nothing else iter([(0.0, duration_s)])

    @property
    def changes_until_s(self) -> float:
        return self.base.changes_until_s + self.period_s

    def looped(self, loop_s: float) -> Wander:
        return replace(self, base=self.base.looped(loop_s), loop_s=loop_s)

    def reseeded(self, seed: int) -> Wander:
        return replace(self, seed=seed)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "wander",
            "amount": self.amount,
            "period_s": self.period_s,
            "seed": self.seed,
            "stream": self.stream,
            "loop_s": self.loop_s,
            "base": self.base.to_json(),
        }


def within(times_s: FloatArray, end_s: float, loop: bool) -> FloatArray:
    """Where a scene that ends at `end_s` stands at any times: past its ends the nearest holds; a
    loop goes round."""
    import numpy as np

    return np.asarray(np.mod(times_s, end_s) if loop else np.clip(times_s, 0.0, end_s))


def _between(times_s: Iterable[float], duration_s: float) -> tuple[float, ...]:
    """The times strictly inside (0, `duration_s`), sorted, each once."""
    return tuple(sorted({time_s for time_s in times_s if 0.0 < time_s < duration_s}))
