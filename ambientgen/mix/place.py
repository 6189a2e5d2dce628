"""Where a layer stands: its feeds become a layout's channels, placed and moving."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from ambientgen.mix.feeds import spread
from ambientgen.mix.gain import Gained
from ambientgen.mix.layouts import Layout, lateral
from ambientgen.mix.moments import Moments
from ambientgen.mix.moving import Moving, Spectra
from ambientgen.mix.spot import Filter, Spot, Surroundings
from ambientgen.noise import common_of
from ambientgen.scene.layers import Placement, Ranged, RoomName
from ambientgen.stream import Derived, FloatArray, Stream, Stretch, from_start

# Filters are renewed so often. What turns half round in a second turns by 4.5° between two; their
# delays are then at most 0.04 ms apart, whose mixture is still flat up to 4 kHz. Reflections
# make filters long: half as often costs half as much.
_RENEWED_PER_S, _RENEWED_IN_ROOMS_PER_S = 40, 25
_BATCH = 64  # so many moments' curves are asked for at once

Where = tuple[float | None, float | None]
"""Direction and distance."""


def placed(stream: Stream, placement: Placement, layout: Layout, width: float) -> Stream:
    """`stream` where `placement` says, in `layout`'s channels.

    The stream's channels are the feeds of one sound, as unlike as `width` (0 to 1) makes them.
    What nothing is said of costs nothing: in mono, without gain and distance, it is the stream
    itself.
    """
    if placement.gain_db is not None:
        stream = Gained(stream, placement.gain_db)
    common = common_of(width)
    nowhere = placement.direction is None or layout.name == "mono"
    if nowhere and placement.distance is None and placement.room == "none":
        gains = spread(layout, None, stream.channels, common)
        same = gains.shape[0] == gains.shape[1] and bool((gains == np.eye(len(gains))).all())
        return stream if same else Matrixed(stream, gains)
    return _Moved(stream, placement, layout, common)


@dataclass(frozen=True, eq=False)
class Matrixed(Derived):
    """A stream whose channels are sums of another's: `gains` (channels, feeds)."""

    gains: NDArray[np.float64]

    @property
    def channels(self) -> int:
        return len(self.gains)

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """As the stream's."""
        for block in self.stream.blocks(stretch):
            out = np.zeros((len(block), self.channels), np.float32)
            for channel, row in enumerate(self.gains.tolist()):
                for feed, gain in enumerate(row):
                    if gain:
                        out[:, channel] += np.float32(gain) * block[:, feed]
            yield out


@dataclass(frozen=True, eq=False)
class _Moved(Derived):
    """A stream with a direction, a distance or a room."""

    placement: Placement
    layout: Layout
    common: float

    @property
    def channels(self) -> int:
        return len(self.layout.channels)

    def reach(self, stretch: Stretch) -> Stretch:
        """What the frames that are heard in the stretch take."""
        return self.stream.reach(self._held(self._moving.need(stretch)))

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """As the stream's; silence before sample 0."""
        silent, (first, end) = from_start(stretch, self.period)
        if silent:
            yield np.zeros((silent, self.channels), np.float32)
        if end is None or first < end:
            yield from self._sounding((first, end))

    def _sounding(self, stretch: Stretch) -> Iterator[FloatArray]:
        need = self._moving.need(stretch)
        held = self._held(need)
        lead = np.zeros((held[0] - need[0], self.stream.channels), np.float32)

        def source() -> Iterator[FloatArray]:
            if len(lead):
                yield lead
            yield from self.stream.blocks(held)

        yield from self._moving.blocks(source(), self._filtering(), stretch)

    def _held(self, need: Stretch) -> Stretch:
        """What of it the stream holds: there is silence before 0."""
        return (need[0] if self.period is not None else max(need[0], 0)), need[1]

    @cached_property
    def _around(self) -> Surroundings:
        distant = self.placement.distance is not None
        feeds = self.stream.channels
        return Surroundings(
            self.rate, self.layout, self.placement.room, distant, feeds, self.common
        )

    @cached_property
    def _moving(self) -> Moving:
        renewed = _RENEWED_PER_S if self._around.room == "none" else _RENEWED_IN_ROOMS_PER_S
        moments = Moments(max(1, self.rate // renewed), self.period)
        return Moving(moments, self._around.lead, self._around.taps)

    def _filtering(self) -> Callable[[int, Spectra], Spectra]:
        """What turns the feeds' spectra at a moment into the channels'."""
        moving, size = self._moving, self._moving.size
        distance = self.placement.distance
        direction = None if self.layout.name == "mono" else self.placement.direction
        where: list[Where] = []
        batch: int | None = None
        last: tuple[Where, Filter] | None = None

        def filtered(index: int, feeds: Spectra) -> Spectra:
            nonlocal where, batch, last
            if index // _BATCH != batch:
                batch = index // _BATCH
                moments = (moving.moments.at(batch * _BATCH + k) for k in range(_BATCH))
                times = np.array([moving.moments.seconds(at, self.rate) for at in moments])
                where = list(zip(_values(direction, times), _values(distance, times), strict=True))
            now = where[index % _BATCH]
            if last is None or last[0] != now:
                last = now, Spot(self._around, *now).filter(size)
            return last[1].of(feeds)

        return filtered


def _values(curve: Ranged | None, times_s: NDArray[np.float64]) -> Sequence[float | None]:
    return [None] * len(times_s) if curve is None else curve.at(times_s).tolist()


def place_clip(
    clip: FloatArray,
    rate: int,
    layout: Layout,
    direction_deg: float = 0.0,
    distance: float = 0.0,
    room: RoomName = "none",
) -> FloatArray:
    """A short sound (n,) where it stands, float32 (m, channels) with m >= n, from its own start on.

    Ahead at distance 0 it is as it was. The nearer ear hears it at once, the farther one later.
    """
    ahead = not layout.ears or lateral(direction_deg) == 0.0
    if ahead and distance == 0.0 and room == "none":
        gains = np.array(layout.gains(direction_deg), np.float32)
        return np.asarray(clip[:, None] * gains, np.float32)
    around = Surroundings(rate, layout, room, distance > 0.0)
    spot = Spot(around, direction_deg, distance, early=True)
    taps = spot.taps()
    length = len(clip) + around.taps - 1
    size = int(next_fast_len(length, real=True))
    wave = rfft(clip.astype(np.float64), size)
    heard = [irfft(wave * rfft(each, size), size)[around.lead : length] for each in taps]
    return np.stack(heard, axis=1).astype(np.float32)
