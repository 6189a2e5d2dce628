"""Texture statistics: what a listener keeps of rain, wind or fire once the moments are forgotten.

After McDermott & Simoncelli, "Sound texture perception via statistics of the auditory periphery"
(Neuron 71, 2011): sound is split into cochlear channels, whose envelopes are compressed; moments of
the envelopes, their correlations across channels, the power of their modulations, and correlations
of modulations across channels and across rates stand for the texture. No weights, no training.

Statistics do not know loudness: every segment is brought to one level first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly
from scipy.signal.windows import tukey

from ambientgen.units import MODEL_RATE

Array = NDArray[np.float64]

RATE = MODEL_RATE
"""Everything is heard at 16 kHz, AudioLDM 2's rate."""

CHANNELS, LOWEST_HZ, HIGHEST_HZ = (
    32,
    50.0,
    7_600.0,
)  # 32 as in the paper; 7.6 kHz is what 16 kHz has
COMPRESSION = 0.3  # the basilar membrane's, as in the paper
ENVELOPE_RATE = 400  # Hz, as in the paper
SEGMENT_S = 5.0  # the paper synthesises, and judges, excerpts of 5 s
SHORTEST_S = 0.5
"""Less says nothing about modulations."""

_MODULATIONS_HZ = 0.5 * 2 ** (np.arange(18) / 2)  # 0.5 to 181 Hz, two an octave; the paper: to 200
_OCTAVE = 2  # bands in an octave
_APART = (1, 2, 3, 5, 8, 11, 16, 21)  # channels, between correlated envelopes: the paper's choice
_MODULATIONS_APART = (1, 2)  # channels, between correlated modulations: the paper's choice
_SLOWEST, _FASTEST = 4, 13  # bands of modulation correlations: 2 to 64 Hz, about the paper's six
_LEVEL = 0.01  # root mean square of a segment when it is heard
_PAD = 1_600  # samples, mirrored on both sides and then cut off, so that ends do not click
_UNIT = RATE // ENVELOPE_RATE  # samples of a frame of envelope

UNITS = {
    "mean": 0.047,
    "variation": 0.09,
    "skewness": 0.8,
    "kurtosis": 0.38,
    "correlation": 0.25,
    "modulation": 0.4,
    "across_channels": 0.29,
    "across_rates": 0.35,
}
"""A group's mean difference that counts as 1.

Over pairs of natural recordings of different kinds the median of each group is then 0.84, so that
all count the same; but phase relations, which 5 s tell with an error nearly as large as that
median, count half. docs/ear.md has the measurement.
"""


@dataclass(frozen=True)
class TextureStats:
    """The statistics of one sound, each a flat array; of any length of sound the same shapes.

    Attributes:
        mean: Mean compressed envelope of each channel, (CHANNELS,).
        variation: Standard deviation of each envelope over its mean, (CHANNELS,).
        skewness: Third standardised moment, (CHANNELS,).
        kurtosis: ln of the fourth standardised moment, (CHANNELS,).
        correlation: Between envelopes of channels 1, 2, 3, 5, 8, 11, 16 and 21 apart, -1 to 1.
        modulation: log10 of the share of each envelope's variance in each of 18 modulation bands,
            (CHANNELS * 18,), not below -4.
        across_channels: Correlation of one band's modulations in neighbouring channels, -1 to 1.
        across_rates: Real and imaginary part of the phase relation between modulations an octave
            apart in one channel, -1 to 1: it tells attacks from decays.
    """

    mean: Array
    variation: Array
    skewness: Array
    kurtosis: Array
    correlation: Array
    modulation: Array
    across_channels: Array
    across_rates: Array

    @classmethod
    def average(cls, parts: Iterable[TextureStats]) -> TextureStats:
        """The mean of statistics of several sounds, or of one sound's segments.

        Raises:
            ValueError: there are none.
        """
        listed = list(parts)
        if not listed:
            raise ValueError("no statistics to average")
        means = {
            f.name: np.mean([getattr(part, f.name) for part in listed], axis=0) for f in fields(cls)
        }
        return cls(**means)


def stats(audio: Array, rate: int) -> TextureStats:
    """Statistics of a sound: means over its 5 s segments, the last of which may overlap.

    Args:
        audio: Samples (n,), or (n, channels), whose channels are mixed; any level.
        rate: Its sampling rate in Hz; it is resampled to 16 kHz.

    Raises:
        ValueError: the sound is shorter than 0.5 s.
    """
    return TextureStats.average(segment_stats(part) for part in segments(mono16k(audio, rate)))


def distance(a: TextureStats, b: TextureStats) -> float:
    """How different two textures are: the mean over groups of their scaled mean differences.

    0 for equal statistics. The halves of natural recordings of 6 to 30 s are 0.28 apart (median;
    0.17 to 0.39), pieces of recordings of different kinds 0.82 (0.53 to 1.22).
    """
    return float(np.mean(list(differences(a, b).values())))


def differences(a: TextureStats, b: TextureStats) -> dict[str, float]:
    """The distance by group of statistics; `distance` is their mean."""
    return {
        name: float(np.mean(np.abs(getattr(a, name) - getattr(b, name)))) / unit
        for name, unit in UNITS.items()
    }


def mono16k(audio: Array, rate: int) -> Array:
    """Samples (n,) or (n, channels) at `rate` Hz as one channel at 16 kHz, shape (m,)."""
    mixed = np.asarray(audio, np.float64)
    if mixed.ndim == 2:
        mixed = mixed.mean(axis=1)
    if rate == RATE:
        return mixed
    common = gcd(rate, RATE)
    return np.asarray(resample_poly(mixed, RATE // common, rate // common), np.float64)


def segments(audio: Array) -> list[Array]:
    """5 s pieces of 16 kHz sound that cover it all, evenly; a shorter sound is one piece.

    Raises:
        ValueError: the sound is shorter than 0.5 s.
    """
    whole = len(audio) // _UNIT * _UNIT
    if whole < SHORTEST_S * RATE:
        raise ValueError(f"{len(audio) / RATE:.2f} s are too short for texture statistics")
    size = min(int(SEGMENT_S * RATE), whole)
    count = -(-whole // size)
    starts = np.linspace(0, whole - size, count).astype(int)
    return [audio[start : start + size] for start in starts]


def segment_stats(audio: Array) -> TextureStats:
    """Statistics of one piece of 16 kHz sound; its length is a multiple of 40 samples."""
    centred = audio - audio.mean()
    e = envelopes(centred * (_LEVEL / (np.sqrt(np.mean(centred**2)) + 1e-9)))
    mean, deviation = e.mean(axis=1), e.std(axis=1)
    z = (e - mean[:, None]) / (deviation[:, None] + 1e-9)
    correlations = z @ z.T / z.shape[1]
    bands, channels, rates = _modulations(z)
    return TextureStats(
        mean=mean,
        variation=deviation / (mean + 1e-9),
        skewness=np.mean(z**3, axis=1),
        kurtosis=np.log(np.mean(z**4, axis=1) + 1e-9),
        correlation=np.concatenate([np.diag(correlations, apart) for apart in _APART]),
        modulation=bands,
        across_channels=channels,
        across_rates=rates,
    )


def envelopes(audio: Array) -> Array:
    """Compressed envelopes of the cochlear channels at 400 Hz: (CHANNELS, len(audio) / 40).

    `audio` is at 16 kHz, and a multiple of 40 samples long. Each channel's analytic signal is made
    only as fast as its band needs, by taking its part of the spectrum.
    """
    padded = np.pad(audio, _PAD, mode="reflect" if len(audio) > _PAD else "wrap")
    spectrum = np.fft.fft(padded)
    frames, edge = len(padded) // _UNIT, _PAD // _UNIT
    out = np.empty((CHANNELS, frames))
    for channel, (first, weights, size) in enumerate(_cochlea(len(padded))):
        part = np.zeros(size, np.complex128)
        part[: len(weights)] = 2 * weights * spectrum[first : first + len(weights)]
        envelope = np.abs(np.fft.ifft(part)) * (size / len(padded))
        slow = np.fft.rfft(envelope**COMPRESSION)[: frames // 2 + 1]
        out[channel] = np.fft.irfft(slow, frames) * (frames / size)
    return np.maximum(out[:, edge : frames - edge], 0.0)


@lru_cache(maxsize=4)
def _cochlea(n: int) -> list[tuple[int, Array, int]]:
    """Half-cosine bands, evenly spaced in ERB, for a spectrum of n samples.

    For each: its first bin, its weights, and how many samples its envelope is made at.
    """

    # Glasberg & Moore (1990): ERB number of a frequency.
    def number(hz: NDArray[np.floating]) -> Array:
        return np.asarray(9.265 * np.log(1 + hz / (24.7 * 9.265)))

    low, high = number(np.array([LOWEST_HZ, HIGHEST_HZ]))
    edges = np.linspace(low, high, CHANNELS + 2, dtype=np.float64)
    step = edges[1] - edges[0]
    at = number(np.fft.rfftfreq(n, 1 / RATE))
    bands = []
    for centre in edges[1:-1]:
        inside = np.flatnonzero(np.abs(at - centre) < step)
        weights = np.cos(np.pi / 2 * (at[inside] - centre) / step)
        # At least 800 Hz, so that 400 Hz can be cut from it; twice the band, so that the compressed
        # envelope's overtones do not fold.
        size = 2 * n // _UNIT
        while size < 2 * len(weights):
            size *= 2
        bands.append((int(inside[0]), weights, size))
    return bands


@lru_cache(maxsize=4)
def _modulation_bank(frames: int) -> Array:
    """Half-cosine bands, two an octave in log frequency: weights (18, frames / 2 + 1)."""
    hz = np.fft.rfftfreq(frames, 1 / ENVELOPE_RATE)
    octaves = np.log2(np.maximum(hz, 1e-6))[None] - np.log2(_MODULATIONS_HZ)[:, None]
    inside = np.abs(octaves * _OCTAVE) < 1
    bank: Array = np.where(inside, np.cos(np.pi / 2 * octaves * _OCTAVE), 0.0)
    return bank


def _modulations(z: Array) -> tuple[Array, Array, Array]:
    """Modulation power, correlations across channels, and across rates, of envelopes z."""
    frames = z.shape[1]
    bank = _modulation_bank(frames)
    window = tukey(frames, 0.1)
    spectrum = np.fft.rfft(z * (window / np.sqrt(np.mean(window**2))), axis=1)
    # By Parseval: no band has to be heard in time to know its power.
    density = 2 * np.abs(spectrum) ** 2 / frames**2
    power = density @ (bank**2).T
    bands = np.log10(power + 1e-4).ravel()

    some = bank[_SLOWEST : _FASTEST + 1]
    own = power[:, _SLOWEST : _FASTEST + 1]
    channels = []
    for apart in _MODULATIONS_APART:
        cross = 2 * np.real(spectrum[:-apart] * spectrum[apart:].conj()) / frames**2
        scale = np.sqrt(own[:-apart] * own[apart:]) + 1e-9
        channels.append((cross @ (some**2).T / scale).ravel())
    return bands, np.concatenate(channels), _phases(spectrum, some, frames)


def _phases(spectrum: NDArray[np.complex128], bank: Array, frames: int) -> Array:
    """How each modulation band's doubled phase lies in the band an octave above."""
    part = np.zeros((len(spectrum), len(bank), frames // 4), np.complex128)
    bins = min(spectrum.shape[1], frames // 4)  # up to 100 Hz: the fastest band ends at 64 * sqrt 2
    part[..., :bins] = (spectrum[:, None] * bank)[..., :bins]
    analytic = np.fft.ifft(part, axis=2)
    size = np.abs(analytic)
    below, above = analytic[:, :-_OCTAVE], analytic[:, _OCTAVE:]
    doubled = below**2 / (size[:, :-_OCTAVE] + 1e-12)
    scale = np.sqrt(np.mean(size[:, :-_OCTAVE] ** 2, 2) * np.mean(size[:, _OCTAVE:] ** 2, 2))
    relation = np.mean(doubled.conj() * above, axis=2) / (scale + 1e-12)
    return np.concatenate([relation.real.ravel(), relation.imag.ravel()])
