"""Air: what a texture would have above the band of its source, made from noise.

A model of 16 kHz says nothing above 8 kHz, where rain has its drops and a fire its sparks. What is
missing is noise, and short: it cannot be known, but its level, its slope and its beat can, from the
octave below.

- The *floor* of that octave is a straight line laid through its spectrum of 0.16 s, in decibels. A
  tone stands over it in a few bins and hardly moves it. The further a spectrum strays from its
  line, the more it is made of tones, and the less air it gets: crickets do not hiss.
- The line's slope goes on above, weaker, and bends down (`Slope`).
- The *beat* is how far the octave's sub-bands rise and fall within milliseconds. Of six only the
  four lowest count, so that a drop, which is in all of them, is heard above, and a chirp is not.

Noise keyed by place, times the beat, is filtered by the slope, times the floor. All of it looks no
further than `Air.context_s`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ambientgen.noise import Take
from ambientgen.stream import FloatArray

Floats = NDArray[np.float64]

LOWEST, HIGHEST = 0.45, 0.9
"""The octave that is listened to, in shares of half the source's rate: 3.6 to 7.2 kHz."""

_FRAME_S, _HOP_S = 0.032, 0.016  # of the floor's spectra
_AVERAGED = 11  # spectra, weighted by a Hann window: 0.16 s, about a syllable
_LOG_BIAS_DB = 2.507  # noise's mean power over its mean level: 10 log10(e) times Euler's gamma
_ROUGH_DB = 3.0  # deviation about the line, up to which it is a texture's: noise has 2.0, birds 5
_TONAL = 5.0  # dB taken away for each dB of deviation above: what is made of tones has no floor
_BEAT_RATE = 4000  # Hz, of the beat before it is smoothed
_BEAT_S = 0.0025  # its smoothing: clicks last as long
_SUB_BANDS, _LOWEST_BANDS = 6, 4
_STEADY = 0.552  # mean of the four lowest of six sub-bands in steady noise, that of all being 1
_NOISE_S = 0.02  # of noise to both sides of a chunk: more than the slope's filters ring
STEEPEST_DB = 8.0
"""The most a slope rises or falls in an octave and is still believed to go on above."""

_SLOPES_DB = np.linspace(-STEEPEST_DB, STEEPEST_DB, 5)  # others are weighted means of two of these
_TINY = 1e-16  # a power no ear has heard; of silence there is no logarithm
_TOP_HZ = 20_000.0  # where hearing ends; what there is fades out above
_FROM, _WITHIN = 0.91, 0.09
"""Where air comes in and within how much more it is whole, in shares of half the source's rate: as
the resampler's filter, which keeps 0.91 of it whole, goes out."""
_TOP_SHARE, _FADING = 0.9, 0.08  # of half the rate, if that is lower; of the top, to nothing
_MOST_DB = 12.0  # over the band's end: no slope and bend lead further


@dataclass(frozen=True)
class Slope:
    """How levels go on above the band's end: kept · slope · o + bend · o² dB, o octaves above it.

    kept: what is kept of the slope below (dB an octave). bend: dB an octave squared; sources,
    air and microphones take away more the higher one comes. Fitted as docs/air.md tells.
    """

    kept: float = 0.71
    bend: float = -4.75

    def level_db(self, octaves: Floats, slope_db: float) -> Floats:
        """The level over that at the band's end."""
        return self.kept * slope_db * octaves + self.bend * octaves**2


@dataclass(frozen=True)
class Place:
    """Where a chunk lies: samples `first` to `end` of a source of `rate` Hz, to be of `to_rate` Hz.

    context: samples that are given on both sides of it. period: of the source, in its samples, of a
    loop; None: it is none.
    """

    first: int
    end: int
    context: int
    rate: int
    to_rate: int
    period: int | None

    def sources(self, places: Floats) -> Floats:
        """Samples of the piece, which begins with the context, at samples of the chunk made."""
        return self.context + places * (self.rate / self.to_rate)

    @property
    def made(self) -> int:
        """Samples of the chunk at its new rate."""
        return (self.end - self.first) * self.to_rate // self.rate

    @property
    def made_first(self) -> int:
        """Number of the first of them."""
        return self.first * self.to_rate // self.rate

    @property
    def made_period(self) -> int | None:
        """The period at the new rate."""
        return None if self.period is None else self.period * self.to_rate // self.rate


@dataclass(frozen=True)
class Air:
    """Noise and transients above a source's band, shaped by what lies below.

    seed, name: what its noise is keyed by. common: the share of it that all channels have in
    common, 0 to 1, as in `noise.Take`. slope: how levels go on above the band.
    """

    seed: int
    name: str
    common: float = 1.0
    slope: Slope = Slope()

    @property
    def context_s(self) -> float:
        """Seconds to both sides of a moment that can matter to it."""
        return 0.15

    def above(self, piece: FloatArray, place: Place) -> Floats:
        """What to add to a chunk at its new rate, (n, channels).

        piece: the source's samples (n, channels), with context on both sides.
        """
        if place.rate >= min(place.to_rate, 2 * _TOP_HZ):
            return np.zeros((place.made, piece.shape[1]))
        channels = piece.T.astype(np.float64)
        made = [self._channel(sound, place, number) for number, sound in enumerate(channels)]
        return np.stack(made, axis=1)

    def _channel(self, sound: Floats, place: Place, number: int) -> Floats:
        """Air of one channel."""
        beside = round(_NOISE_S * place.to_rate)
        count = place.made + 2 * beside
        at = place.sources(np.arange(-beside, place.made + beside, dtype=np.float64))
        take = Take(self.seed, number, self.common)
        noise = take.field(f"air of {self.name}", 1, place.made_period)
        excited = noise.frames(place.made_first - beside, count)[:, 0] * beat(sound, place, at)
        centres, floor_db, slope_db = floor(sound, place)
        slopes = np.interp(at, centres, slope_db)
        filtered = self._filtered(excited, slopes, place)
        # White noise of power 1 has the density 1 / (rate / 2); the floor is of that at `rate`.
        levels_db = np.interp(at, centres, floor_db) + 10 * np.log10(place.to_rate / place.rate)
        made: Floats = filtered * 10.0 ** (levels_db / 20)
        return made[beside : beside + place.made]

    def _filtered(self, excited: Floats, slopes: Floats, place: Place) -> Floats:
        """Noise with the slopes wanted at each sample."""
        size = -(-len(excited) // 1024) * 1024
        spectrum = np.fft.rfft(excited, size)
        steps = (slopes - _SLOPES_DB[0]) / (_SLOPES_DB[1] - _SLOPES_DB[0])
        made = np.zeros(len(excited))
        for number, response in enumerate(_responses(self.slope, size, place.rate, place.to_rate)):
            weights = np.maximum(0.0, 1.0 - np.abs(steps - number))
            if weights.any():
                made += weights * np.fft.irfft(spectrum * response, size)[: len(excited)]
        return made


@lru_cache(maxsize=8)
def _responses(slope: Slope, size: int, rate: int, to_rate: int) -> list[Floats]:
    """What filters of `size` do to each frequency, for each of the slopes."""
    hertz = np.fft.rfftfreq(size, 1 / to_rate)
    half = rate / 2
    octaves = np.log2(np.maximum(hertz, 1.0) / (HIGHEST * half))
    # It comes in as soxr's filter goes out.
    rising = np.sin(np.pi / 2 * np.clip((hertz / half - _FROM) / _WITHIN, 0.0, 1.0))
    top = min(_TOP_HZ, _TOP_SHARE * to_rate / 2)
    falling = np.cos(np.pi / 2 * np.clip((hertz / top - 1.0) / _FADING, 0.0, 1.0))
    levels = [slope.level_db(octaves, float(wanted)) for wanted in _SLOPES_DB]
    return [rising * falling * 10.0 ** (np.minimum(level, _MOST_DB) / 20) for level in levels]


def floor(sound: Floats, place: Place) -> tuple[Floats, Floats, Floats]:
    """The floor of a piece: places of the piece, level at the band's end in dB, slope in dB/octave.

    The level is the power of white noise of that density, at the piece's own rate. Slopes lie
    within `STEEPEST_DB`.
    """
    size = round(_FRAME_S * place.rate)
    starts = _starts(place, len(sound) - size)
    window = np.hanning(size + 2)[1:-1]
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)[starts]
    bins = np.arange(int(LOWEST * size / 2), int(HIGHEST * size / 2) + 1)
    powers = np.abs(np.fft.rfft(frames * window, axis=1)[:, bins]) ** 2 / (window**2).sum()
    weights = np.hanning(_AVERAGED + 2)[1:-1]
    weights /= weights.sum()
    decibels = 10 * np.log10(powers + _TINY) + _LOG_BIAS_DB
    levels_db = np.stack([np.convolve(levels, weights, "valid") for levels in decibels.T], axis=1)
    octaves = np.log2(bins / (HIGHEST * size / 2))
    terms = np.stack([np.ones(len(bins)), octaves])
    line: Floats = (levels_db[None] * np.linalg.pinv(terms).T[:, None]).sum(axis=2)
    heights, slopes = line
    rough_db = (levels_db - (line[:, :, None] * terms[:, None]).sum(axis=0)).std(axis=1)
    tonal_db = _TONAL * np.maximum(0.0, rough_db - _ROUGH_DB)
    aside = _AVERAGED // 2
    centres = starts[aside : len(starts) - aside].astype(np.float64) + size / 2
    believed: Floats = np.clip(slopes, -STEEPEST_DB, STEEPEST_DB)
    return centres, heights - tonal_db, believed


def _starts(place: Place, last: int) -> NDArray[np.int64]:
    """Where spectra begin in a piece: on a grid of absolute time, in a loop of its turns."""
    hop = round(_HOP_S * place.rate)
    period = place.period or hop
    steps = max(1, round(period / hop))
    begin = place.first - place.context
    numbers = np.arange(begin * steps // period - 1, (begin + last) * steps // period + 2)
    starts: NDArray[np.int64] = numbers * period // steps - begin
    return starts[(starts >= 0) & (starts <= last)]


def beat(sound: Floats, place: Place, at: Floats) -> Floats:
    """How a piece rises and falls within milliseconds, at places `at` of it; 1 on average."""
    factor = place.rate // _BEAT_RATE
    size = -(-len(sound) // (512 * factor)) * 512 * factor
    spectrum = np.fft.rfft(sound, size)
    edges = np.linspace(LOWEST, HIGHEST, _SUB_BANDS + 1) * size / 2
    ratios = []
    for low, high in zip(edges[:-1].astype(int), edges[1:].astype(int), strict=True):
        band = np.zeros(size // factor, np.complex128)
        shares = np.arange(high - low) / (high - low)
        band[: high - low] = spectrum[low:high] * np.sin(np.pi * shares)
        powers = np.abs(np.fft.ifft(band)) ** 2
        level = np.log(_smoothed(powers, _FRAME_S / 2) + _TINY)
        ratios.append(powers / np.exp(_smoothed(level, _HOP_S * _AVERAGED / 2)))
    lowest = np.sort(np.stack(ratios), axis=0)[:_LOWEST_BANDS].mean(axis=0) / _STEADY
    smooth = _smoothed(lowest, _BEAT_S / 2)
    return np.sqrt(np.interp(at, np.arange(len(smooth)) * factor, np.maximum(smooth, 0.0)))


def _smoothed(powers: Floats, width_s: float) -> Floats:
    """A moving mean of `width_s` twice over: a triangle. Wrong at the ends, which are context."""
    half = max(1, round(width_s * _BEAT_RATE / 2))
    for _ in range(2):
        sums = np.cumsum(powers)  # whose end goes on: another sum may be a little less than it
        sums = np.concatenate([np.zeros(half + 1), sums, np.full(half, sums[-1])])
        powers = (sums[2 * half + 1 :] - sums[: -2 * half - 1]) / (2 * half + 1)
    return powers
