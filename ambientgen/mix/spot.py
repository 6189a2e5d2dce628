"""What a place does to a sound: the filters of one direction, one distance and a room."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from ambientgen.mix.distance import air, half_taps, loss
from ambientgen.mix.feeds import spread
from ambientgen.mix.layouts import Layout, lateral
from ambientgen.mix.rooms import LONGEST_S, ROOMS, SOUND_M_PER_S
from ambientgen.scene.layers import RoomName

Array = NDArray[np.float64]
Spectra = NDArray[np.complex128]

HEAD_RADIUS_M = 0.0875  # the usual mean of adults, as in Woodworth's formula

_SINC = 24  # taps to each side of a fraction of a sample, under a Blackman window: flat to
# within 0.1 dB up to 0.9 of the band
_DULL_S = 0.25e-3  # a reflection is as long: walls, leaves and trunks take the highs


def ear_delays_s(direction_deg: float) -> tuple[float, float]:
    """When a far sound reaches the left and right ear, in seconds around the head's middle.

    Woodworth's formula for a rigid sphere (Experimental Psychology, 1938): the ears are
    r/c (θ + sin θ) apart, θ being the angle to the side: 0.66 ms at 90°.
    """
    side = lateral(direction_deg)
    apart = HEAD_RADIUS_M / SOUND_M_PER_S * (math.asin(side) + side)
    return apart / 2, -apart / 2


LONGEST_EAR_DELAY_S = 2 * ear_delays_s(90.0)[0]


@dataclass(frozen=True)
class Surroundings:
    """All that does not move: the rate, the layout, a room, how many feeds and how alike they are.

    `distant`: whether air is heard; a filter for it is not made otherwise.
    """

    rate: int
    layout: Layout
    room: RoomName
    distant: bool
    feeds: int = 1
    common: float = 1.0

    @property
    def near(self) -> int:
        """Taps to each side of a direct sound."""
        if not self.layout.ears:
            return 0
        return _SINC + math.ceil(LONGEST_EAR_DELAY_S * self.rate)

    @property
    def air_taps(self) -> int:
        """Taps to each side of the air in between."""
        return half_taps(self.rate) if self.distant else 0

    @property
    def lead(self) -> int:
        """Taps before time zero."""
        return self.near + self.air_taps

    @property
    def taps(self) -> int:
        """Taps in all."""
        late = 0 if self.room == "none" else math.ceil((LONGEST_S + _DULL_S) * self.rate)
        return 2 * self.lead + 1 + late

    @cached_property
    def dull(self) -> Array:
        """The taps of one reflection, of energy 1."""
        length = max(3, round(_DULL_S * self.rate))
        shape = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(length) + 0.5) / length)
        return np.asarray(shape / math.sqrt(float((shape**2).sum())), np.float64)

    @cached_property
    def together(self) -> float:
        """The gain at which the sum of all feeds is as loud as one of them."""
        return 1.0 / math.sqrt(self.feeds + self.common * self.feeds * (self.feeds - 1))


@dataclass
class Spot:
    """The filters of one direction (degrees; None: nowhere) and one distance (0…1; None: here).

    `early`: the nearer ear hears at once, rather than before the head's middle would.
    """

    around: Surroundings
    direction_deg: float | None
    distance: float | None
    early: bool = False
    gains: Array = field(init=False)
    """Of each feed in each channel's direct sound, (channels, feeds)."""

    def __post_init__(self) -> None:
        around = self.around
        self.gains = spread(around.layout, self.direction_deg, around.feeds, around.common)

    def direct(self) -> Array:
        """The direct sound's taps of each channel, (channels or 1, n), without gains and air."""
        near, share = self.around.near, self._shares()[0]
        if near == 0:
            return np.full((1, 1), share)
        delays = ear_delays_s(self.direction_deg or 0.0)
        if self.early:
            delays = (delays[0] - min(delays), delays[1] - min(delays))
        return share * _fractions(np.array(delays) * self.around.rate, near)

    def reflected(self) -> Array | None:
        """The reflections of all feeds' sum: taps of each channel, (channels, n), without air.

        Each is a single tap, to be dulled by `Surroundings.dull`.
        """
        if self.around.room == "none":
            return None
        return _reflected(self.around, round(self.direction_deg or 0.0)) * self._shares()[1]

    def air(self) -> Array:
        """The taps of the air in between, with the level that is lost."""
        if self.distance is None or not self.around.distant:
            return np.ones(1)
        return air(self.distance, self.around.rate) * loss(self.distance)

    def taps(self) -> Array:
        """All of it for a single feed, (channels, around.taps)."""
        around, through = self.around, self.air()
        taps = np.zeros((len(around.layout.channels), around.taps))
        direct = self.direct() * self.gains
        for row, near in zip(taps, direct, strict=True):
            heard = np.convolve(near, through)
            row[: len(heard)] += heard
        if (reflected := self.reflected()) is not None:
            dulled = np.convolve(around.dull, through)
            for row, late in zip(taps, reflected, strict=True):
                heard = np.convolve(late, dulled)
                row[: len(heard)] += heard
        return taps

    def filter(self, size: int) -> Filter:
        """The same as spectra of transforms of `size` samples."""
        through = rfft(self.air(), size)
        direct = rfft(self.direct(), size) * through
        if self.around.room == "none":
            return Filter(self.gains, direct)
        reflected = _reflected_spectra(self.around, round(self.direction_deg or 0.0), size)
        return Filter(self.gains, direct, reflected * (through * self._shares()[1]))

    def _shares(self) -> tuple[float, float]:
        if self.around.room == "none":
            return 1.0, 0.0
        return ROOMS[self.around.room].shares(self.distance or 0.0)


@dataclass(frozen=True)
class Filter:
    """A spot in frequency: gains (channels, feeds), and what direct sound and sum go through."""

    gains: Array
    direct: Spectra
    reflected: Spectra | None = None

    def of(self, feeds: Spectra) -> Spectra:
        """The channels' spectra (channels, bins) of the feeds' (feeds, bins)."""
        if len(feeds) == 1:
            through = self.gains * self.direct
            if self.reflected is not None:
                through += self.reflected
            return np.asarray(through * feeds, np.complex128)
        mixed = self.gains[:, 0, None] * feeds[0]
        total = feeds[0]
        for k in range(1, len(feeds)):
            mixed += self.gains[:, k, None] * feeds[k]
            total = total + feeds[k]
        mixed *= self.direct
        if self.reflected is not None:
            mixed += total * self.reflected
        return np.asarray(mixed, np.complex128)


def _fractions(delays: Array, near: int) -> Array:
    """Delays (n,) by fractions of samples as (n, 2 · near + 1) taps; one tap where it is whole."""
    whole = np.rint(delays)
    at = np.arange(-_SINC, _SINC + 1) - (delays - whole)[:, None]
    turn = np.pi / (_SINC + 0.5) * at
    window = 0.42 + 0.5 * np.cos(turn) + 0.08 * np.cos(2 * turn)
    kernels = np.where(at == 0.0, 1.0, np.sin(np.pi * at) / (np.pi * at + (at == 0.0))) * window
    kernels = np.where((delays == whole)[:, None], at == 0.0, kernels)
    taps = np.zeros((len(delays), 2 * near + 1))
    for row, kernel, shift in zip(taps, kernels, whole.astype(np.int64).tolist(), strict=True):
        first = near + shift - _SINC
        row[first : first + len(kernel)] = kernel / kernel.sum()
    return taps


@lru_cache(maxsize=4)
def _reflected(around: Surroundings, direction_deg: int) -> Array:
    """The taps of all reflections, (channels, n), as if they were all there is.

    For whole degrees, since nobody hears where a reflection comes from more exactly.
    """
    found = ROOMS[around.room].reflections(direction_deg)
    taps = np.zeros(
        (len(around.layout.channels), around.taps - 2 * around.air_taps - len(around.dull))
    )
    at = around.near + np.rint(found.delays_s * around.rate).astype(np.int64)
    panned = np.array([around.layout.gains(each) for each in found.directions_deg.tolist()])
    rows = zip(at.tolist(), panned * (around.together * found.gains)[:, None], strict=True)
    for tap, gains in rows:
        if tap < taps.shape[1]:
            taps[:, tap] += gains
    return taps


@lru_cache(maxsize=8)
def _reflected_spectra(around: Surroundings, direction_deg: int, size: int) -> Spectra:
    """The same, dulled, as spectra (channels, bins)."""
    dulled = rfft(_reflected(around, direction_deg), size) * rfft(around.dull, size)
    return np.asarray(dulled, np.complex128)
