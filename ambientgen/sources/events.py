"""Events: single sounds at their very sample, and random ones at a rate, each where it is heard.

Where random events fall is a pure function of absolute time: a Poisson process in cells of an
absolute grid, thinned to the rate's curve. All that an event draws is keyed by the layer's seed,
what its entry is called, the cell and its number there; so it is the same whatever else is asked
for, and whatever other sounds are written into the list before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from ambientgen.scene.layers import Event, Layer, Ranged, RoomName
from ambientgen.scene.scene import Scene
from ambientgen.sources.procedural import pace_of, period_of
from ambientgen.stream import FloatArray, Stretch
from ambientgen.synth.chance import Passing, seed_of
from ambientgen.synth.events import longest_s, single
from ambientgen.synth.signals import RATE
from ambientgen.units import samples_at


class Layout(Protocol):
    """What events must know of a `mix.layouts.Layout`."""

    @property
    def channels(self) -> tuple[str, ...]: ...


PlaceClip = Callable[..., FloatArray]
"""`mix.place.place_clip`: (clip (n,), rate, layout, direction_deg, distance, room) ->
(m, channels)."""
RaiseClip = Callable[[FloatArray, str], FloatArray]
"""`mix.clip.ClipToRate`: (clip (n,) of `RATE`, a name that no other clip has) -> (m,) of another
rate."""

CELL_S = 10.0
BLOCK_S = 4.0
# What placing may add to a sound: its way to the ear and its reflections.
TAIL_S = 2.0


@dataclass(frozen=True, order=True)
class Occurrence:
    """One event: its first sample at the output rate, then what makes it this very one.

    entry: its place in the layer's list. cell, number: of random ones; 0 of single ones.
    """

    first: int
    entry: int
    cell: int = 0
    number: int = 0


@dataclass(frozen=True)
class Events:
    """All events of a layer, placed, at the output's rate: see `Stream`.

    place: `mix.place.place_clip`; an event begins at its very sample where it adds no delay.
    The layer's gain is not in it. `loop_samples` is as of `Procedural`. raised: brings clips to
    `rate`; None: they get there without air.
    """

    layer: Layer
    scene: Scene
    layout: Layout
    rate: int
    place: PlaceClip
    loop_samples: int | None = None
    raised: RaiseClip | None = None

    @property
    def channels(self) -> int:
        """The layout's."""
        return len(self.layout.channels)

    @property
    def period(self) -> int | None:
        """Of a loop, its length in samples; None: it never repeats."""
        return self.loop_samples or period_of(self.scene, self.rate)

    @property
    def _pace(self) -> float:
        return pace_of(self.scene, self.loop_samples, self.rate)

    def reach(self, stretch: Stretch) -> Stretch:
        """The very stretch: it comes from nothing else."""
        return stretch

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The samples of a stretch, float32 (n, channels)."""
        first, end = stretch
        size = int(BLOCK_S * self.rate)
        clips: dict[Occurrence, FloatArray] = {}
        while end is None or first < end:
            stop = first + size if end is None else min(first + size, end)
            found = sorted(self.occurrences(first - self._longest(), stop))
            total = np.zeros((stop - first, self.channels))
            clips = {one: clips[one] for one in found if one in clips}
            for one in found:  # in their order, so that every sample is summed alike
                clip = clips[one] = clips[one] if one in clips else self._clip(one)
                low, high = max(one.first, first), min(one.first + len(clip), stop)
                if low < high:
                    heard = clip[low - one.first : high - one.first]
                    total[low - first : high - first] += heard
            yield total.astype(np.float32)
            first = stop

    def occurrences(self, first: int, end: int) -> Iterator[Occurrence]:
        """Every event that begins in samples `first` to `end` (not included), in no order."""
        for entry, event in enumerate(self.layer.events):
            for one in self._of(event, entry, first, end):
                if first <= one.first < end:
                    yield one

    def _of(self, event: Event, entry: int, first: int, end: int) -> Iterator[Occurrence]:
        """At least the occurrences of one entry that begin between these samples."""
        period, length_s = self.period, self.scene.duration_s
        if event.rate is None:
            at = samples_at(event.at_s or 0.0, self._pace)
            if period is None:
                yield Occurrence(at, entry)
                return
            for turn in range((first - at % period) // period, end // period + 1):
                yield Occurrence(at % period + turn * period, entry)
            return
        cells = None if period is None else max(1, round(length_s / CELL_S))
        cell_s = CELL_S if cells is None else length_s / cells
        low = int(first / self._pace // cell_s) - 1
        for cell in range(low if cells else max(0, low), int(end / self._pace // cell_s) + 2):
            turn, place = divmod(cell, cells) if cells else (0, cell)
            for number, time_s in self._drawn(event.rate, entry, place, cell_s):
                # Rounded up at a turn's end, an event is the next turn's first.
                at = samples_at(time_s, self._pace) + turn * (period or 0)
                yield Occurrence(at, entry, place, number)

    def _drawn(
        self, rate: Ranged, entry: int, cell: int, cell_s: float
    ) -> Iterator[tuple[int, float]]:
        """Number and time in seconds of each random event of a cell."""
        most = max(rate.low, rate.high) / 60
        rng = self._chance(entry, cell, "cell")
        shares, chosen = rng.random((int(rng.poisson(most * cell_s)), 2)).T
        times_s = (cell + shares) * cell_s
        for number in np.flatnonzero(chosen * most < rate.at(times_s) / 60).tolist():
            yield number, float(times_s[number])

    @cached_property
    def _called(self) -> list[tuple[str, str, int]]:
        """What each entry draws by: its sound, whether it has a time or a rate, and how many of
        these stand before it."""
        before: Counter[tuple[str, str]] = Counter()
        called = []
        for event in self.layer.events:
            like = (event.sound, "at" if event.rate is None else "rate")
            called.append((*like, before[like]))
            before[like] += 1
        return called

    def _chance(self, entry: int, *key: int | str) -> np.random.Generator:
        seed = self.scene.seed_of(self.layer)
        return np.random.default_rng(seed_of(seed, "event", *self._called[entry], *key))

    def _longest(self) -> int:
        """No event sounds for more samples than these."""
        lengths = (longest_s(event.sound, event.length_s) for event in self.layer.events)
        return int((max(lengths, default=0.0) + TAIL_S) * self.rate)

    def _clip(self, one: Occurrence) -> FloatArray:
        """An event as it is heard, float32 (n, channels)."""
        event = self.layer.events[one.entry]
        time_s = (one.first if self.period is None else one.first % self.period) / self._pace
        rng = self._chance(one.entry, one.cell, one.number, "place")
        strength = rng.uniform(*event.level)
        of_layer = self.layer.placement
        turned, away = rng.random(2)
        direction = _between(event.direction, turned, of_layer.direction, time_s)
        distance = _between(event.distance, away, of_layer.distance, time_s)
        # All events of an entry have the same source: one bell, one walker, one horn.
        who = (self.scene.seed_of(self.layer), "event", *self._called[one.entry])
        chance = Passing(who, seed_of(one.cell, one.number))
        made = partial(single, event.sound, strength, chance)
        sound = made(kind=event.kind, distance=distance, length_s=event.length_s)
        clip: FloatArray = (sound * 10 ** (event.gain_db / 20)).astype(np.float32)
        if self.raised is not None:
            called = " ".join(map(str, self._called[one.entry]))
            clip = self.raised(clip, f"event {called}, {one.cell}, {one.number}")
        elif self.rate != RATE:
            clip = soxr.resample(clip, RATE, self.rate, quality="VHQ")
        where = direction, distance, of_layer.room
        placed = self.place(clip, self.rate, self.layout, *where)
        return placed[: self._longest()]


def _between(
    span: tuple[float, float] | None, share: float, layer: Ranged | None, time_s: float
) -> float:
    """The event's own, `share` of the way; else the layer's at that time; else 0."""
    if span is not None:
        return span[0] + (span[1] - span[0]) * share
    return 0.0 if layer is None else float(layer.at(np.array([time_s]))[0])


def unplaced(
    clip: NDArray[np.float32],
    rate: int,
    layout: Layout,
    direction_deg: float,
    distance: float,
    room: RoomName = "none",
) -> FloatArray:
    """A `PlaceClip` that places nothing: the clip in every channel, (n, channels)."""
    return np.repeat(clip[:, np.newaxis], len(layout.channels), axis=1)
