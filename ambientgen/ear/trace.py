"""What is kept of a sound once it has been heard: a few kilobytes a second.

Spectra every 20 ms, level and jolts every 5 ms, and texture statistics of every 5 s, at 16 kHz. All
measures but the plainest faults are made from this trace, so that ten hours fit into memory: it
takes about 11 kB for each second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

from ambientgen.ear.source import Array, pieces, resampled
from ambientgen.ear.texture import RATE, SEGMENT_S, TextureStats, segment_stats

Floats = NDArray[np.float32]

HOP_S = 0.02
"""Between spectra."""
SEEN_S = 0.032
"""What a spectrum sees."""
FINE_S = 0.005
"""Between levels, and between jolts."""
BANDS = 32

_HOP, _FRAME, _FINE = int(HOP_S * RATE), int(SEEN_S * RATE), int(FINE_S * RATE)
_PIECE = 10 * RATE
FLOOR_DB = -120.0  # below 16 bits' own noise, -98 dB
_ORDER = 32  # of linear prediction: 2 ms at 16 kHz, enough for any smooth spectrum
_PREDICTED = RATE // 2  # samples that one predictor serves
_JOLT = 16  # samples a jolt is averaged over: prediction fails for about as long as its order


@dataclass(frozen=True)
class Trace:
    """A sound's trace.

    Attributes:
        bands_db: Power in 32 bands, even in ERB, every 20 ms, in dB of full scale: (n, BANDS).
            Spectrum *i* sees 20 i to 20 i + 32 ms.
        level_db: Level of every 5 ms, in dB of full scale: (m,).
        jolt: How far the waveform departs in every 5 ms from what its last 2 ms foretold, as a
            multiple of its usual departure: (m,). About 2 in noise; a broken waveform has more.
        textures: Statistics of each 5 s; a shorter rest is left out if there is anything else.
        samples: Length, in samples at 16 kHz.
    """

    bands_db: Floats
    level_db: Floats
    jolt: Floats
    textures: tuple[TextureStats, ...]
    samples: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / RATE


def trace(blocks: Iterable[Array], rate: int) -> Trace:
    """The trace of mono blocks (n,) of finite samples at `rate` Hz.

    Raises:
        ValueError: the sound is shorter than 0.5 s.
    """
    bands, levels, jolts = [], [], []
    textures: list[TextureStats] = []
    length = 0
    for piece in pieces(resampled(blocks, rate), _PIECE, _FRAME):
        # What is left at the end is all its own, though it may be longer than a piece.
        own = piece[:_PIECE] if len(piece) == _PIECE + _FRAME else piece
        length += len(own)
        # What follows a piece is seen by its last spectra only.
        bands.append(spectra_db(piece)[: -(-len(own) // _HOP)])
        levels.append(_levels_db(own))
        jolts.append(_jolts(own))
        textures += _textures(own, first=not textures)
    if not textures:
        raise ValueError(f"{length / RATE:.2f} s are too short to be heard")
    fine = [np.concatenate(parts).astype(np.float32) for parts in (levels, jolts)]
    return Trace(
        np.concatenate(bands).astype(np.float32), fine[0], fine[1], tuple(textures), length
    )


def spectra_db(audio: Array) -> Array:
    """Power in BANDS bands of each whole 32 ms, every 20 ms, in dB: (frames, BANDS)."""
    count = (len(audio) - _FRAME) // _HOP + 1
    if count < 1:
        return np.zeros((0, BANDS))
    frames = np.lib.stride_tricks.sliding_window_view(audio, _FRAME)[::_HOP][:count]
    window = np.hanning(_FRAME + 1)[:-1]
    # Full scale is a sine of amplitude 1: its power in one band is then 0 dB.
    power = np.abs(np.fft.rfft(frames * (window / window.sum() * 2), axis=1)) ** 2
    return np.asarray(10 * np.log10(power @ band_weights().T + 10 ** (FLOOR_DB / 10)))


@cache
def band_weights() -> Array:
    """Triangles, even in ERB from 50 Hz to 7.6 kHz, over the bins of a spectrum: (BANDS, bins)."""
    hz = np.fft.rfftfreq(_FRAME, 1 / RATE)
    number = 9.265 * np.log(1 + hz / (24.7 * 9.265))  # Glasberg & Moore (1990)
    low, high = np.interp([50.0, 7_600.0], hz, number)
    edges = np.linspace(low, high, BANDS + 2)
    rise = (number - edges[:-2, None]) / (edges[1] - edges[0])
    weights: Array = np.maximum(0, 1 - np.abs(rise - 1))
    # The narrowest bands may fall between two bins: each has at least its nearest.
    nearest = np.abs(number[None] - edges[1:-1, None]).argmin(axis=1)
    weights[np.arange(BANDS), nearest] = np.maximum(weights[np.arange(BANDS), nearest], 0.5)
    return weights


@cache
def band_centres_hz() -> Array:
    """The middle frequency of each band, (BANDS,)."""
    weights = band_weights()
    return np.asarray(weights @ np.fft.rfftfreq(_FRAME, 1 / RATE) / weights.sum(axis=1))


def _levels_db(audio: Array) -> Array:
    whole = len(audio) // _FINE * _FINE
    power = np.mean(audio[:whole].reshape(-1, _FINE) ** 2, axis=1)
    return np.asarray(10 * np.log10(power + 10 ** (FLOOR_DB / 10)))


def _jolts(audio: Array) -> Array:
    """The worst 16 samples of each 5 ms: their prediction error over its usual size."""
    whole = len(audio) // _FINE * _FINE
    error = np.concatenate(
        [_surprise(audio, start) for start in range(0, max(whole, 1), _PREDICTED)]
    )[:whole]
    size = np.sqrt(np.maximum(uniform_filter1d(error**2, _JOLT, origin=-(_JOLT // 2)), 0.0))
    return np.asarray(size.reshape(-1, _FINE).max(axis=1))


def _surprise(audio: Array, start: int) -> Array:
    """Prediction error of half a second from `start`, in units of its median size."""
    part = audio[start : start + _PREDICTED]
    lead = audio[max(0, start - _ORDER) : start]  # so that the filter is warm
    n = 2 ** (len(part) - 1).bit_length() * 2
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)), n)) ** 2
    lags = np.fft.irfft(power)[: _ORDER + 1]
    # -60 dB of white noise: what a 16-bit file in the quietest use has anyway.
    lags[0] = lags[0] * (1 + 1e-6) + 1e-12
    coefficients = solve_toeplitz(lags[:-1], lags[1:])
    error = lfilter(np.concatenate([[1.0], -coefficients]), 1.0, np.concatenate([lead, part]))
    error = error[len(lead) :]
    if not len(lead):
        error[:_ORDER] = 0.0  # nothing foretells a beginning
    usual = np.median(np.abs(error)) / 0.6745  # of normal noise: its standard deviation
    return np.asarray(error / max(usual, 1e-6))


def _textures(audio: Array, first: bool) -> list[TextureStats]:
    size = int(SEGMENT_S * RATE)
    found = [segment_stats(audio[at : at + size]) for at in range(0, len(audio) - size + 1, size)]
    rest = len(audio) // 40 * 40
    if not found and first and rest >= RATE // 2:
        found = [segment_stats(audio[:rest])]
    return found
