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

from ambientgen.ear.jolts import Jolts
from ambientgen.ear.source import Array, Sound, finite, pieces, resampled
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
SILENCE_DB = -85.0
"""Below this, in dB of full scale, there is nothing: quieter than 14 bits can tell."""


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

    def texture(self, first: int = 0, last: int | None = None) -> tuple[TextureStats, ...]:
        """The `textures` from `first` to `last`, without those that are silent for more than half
        of their time, unless all are: moments of nothing are no texture."""
        size = round(SEGMENT_S / FINE_S)
        some = list(enumerate(self.textures))[first:last]
        levels = {i: self.level_db[i * size : (i + 1) * size] for i, _ in some}
        sounding = [each for i, each in some if np.median(levels[i]) >= SILENCE_DB]
        return tuple(sounding or (each for _, each in some))


def trace_of(sound: Sound) -> Trace:
    """What is heard of a sound file, all its channels as one."""
    return trace((sound.mono(finite(block)) for block in sound.blocks()), sound.rate)


def trace(blocks: Iterable[Array], rate: int) -> Trace:
    """The trace of mono blocks (n,) of finite samples at `rate` Hz.

    Raises:
        ValueError: the sound is shorter than 0.5 s.
    """
    bands, levels, jolts = [], [], []
    textures: list[TextureStats] = []
    surprise, length = Jolts(_FINE), 0
    for piece in pieces(resampled(blocks, rate), _PIECE, _FRAME):
        # What is left at the end is all its own, though it may be longer than a piece.
        own = piece[:_PIECE] if len(piece) == _PIECE + _FRAME else piece
        length += len(own)
        # What follows a piece is seen by its last spectra only.
        bands.append(spectra_db(piece)[: -(-len(own) // _HOP)])
        levels.append(_levels_db(own))
        jolts.append(surprise.hear(own))
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


def _textures(audio: Array, first: bool) -> list[TextureStats]:
    size = int(SEGMENT_S * RATE)
    found = [segment_stats(audio[at : at + size]) for at in range(0, len(audio) - size + 1, size)]
    rest = len(audio) // 40 * 40
    if not found and first and rest >= RATE // 2:
        found = [segment_stats(audio[:rest])]
    return found
