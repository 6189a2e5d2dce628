"""A soundscape must not repeat itself: the strongest self-similarity of a sound, at any lag.

Found on spectra, confirmed on the waveform. Each second, two seconds of spectra are compared with
the two seconds from every other moment; where they agree best, the waveforms are laid over one
another. Spectra alone do not convict: crickets that chirp evenly agree with themselves for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from ambientgen.ear.source import Array, Sound
from ambientgen.ear.texture import mono16k
from ambientgen.ear.trace import HOP_S, SILENCE_DB, Floats, Trace
from ambientgen.ear.usual import DEVIATION_SHARE
from ambientgen.ear.verdicts import Verdict, at_most

WAVEFORM = 0.4
SPECTRA = 0.93

_WIDTH = 100  # spectra compared at a time: 2 s
_QUERY = 50  # spectra between two comparisons: 1 s
_NEAREST = 125  # spectra: 2.5 s; nearer moments overlap, or belong to one event
_AVERAGE = 251  # spectra, 5 s: what is steady in a band says nothing about repetition
_DIMENSIONS = 128
_CONFIRMED = 5  # best pairs that are laid over one another
_SLACK_S = 0.05  # to both sides of the second moment
_MOST_MOMENTS = 180_000  # an hour's; longer files are looked at in larger strides
_CELLS = 8_000_000  # of agreement in memory at a time: 32 MB
_MOST_QUERIES = 7_200  # two hours' seconds; longer files are asked at even distances


@dataclass(frozen=True)
class Repeat:
    """Two moments that sound alike.

    Attributes:
        first_s, second_s: Where two seconds of alike sound begin.
        spectra: Correlation of their spectra, -1 to 1, what is steady taken off.
        waveform: The highest correlation of their waveforms, whitened, 0 to 1, within 50 ms.
    """

    first_s: float
    second_s: float
    spectra: float
    waveform: float


def strongest_repeat(sound: Sound, heard: Trace, turn_s: float | None = None) -> Repeat | None:
    """The pair of moments, 2.5 s and more apart, that are most alike; None in less than 6 s.

    Of a loop that goes round, whose turns last `turn_s`, within the first turn.
    """
    features = _features(heard)[: None if turn_s is None else int(turn_s / HOP_S)]
    if len(features) < 3 * _WIDTH:
        return None
    pairs = _alike(features)
    found = [
        Repeat(a * HOP_S, b * HOP_S, agreement, _overlay(sound, a * HOP_S, b * HOP_S))
        for agreement, a, b in pairs
    ]
    if not found:
        return None
    best = max(found, key=lambda repeat: repeat.waveform)
    return Repeat(
        best.first_s, best.second_s, max(repeat.spectra for repeat in found), best.waveform
    )


def repeat_verdicts(repeat: Repeat | None) -> list[Verdict]:
    """Verdicts about waveforms that come again, and about spectra that do."""
    if repeat is None:
        return [Verdict("repeats.waveform", None), Verdict("repeats.spectra", None)]
    where = (repeat.first_s, repeat.second_s)
    return [
        at_most("repeats.waveform", repeat.waveform, WAVEFORM, "correlation", where),
        at_most("repeats.spectra", repeat.spectra, SPECTRA, "correlation", where),
    ]


def _features(heard: Trace) -> Floats:
    """Spectra in pairs of bands, without what is steady, each as lively as any other.

    Silence is no sound: it is left out of what is steady, and is like nothing. Else a single sound
    would stand out of it by as much in every band and moment, and be like itself throughout.
    """
    pairs = heard.bands_db.reshape(len(heard.bands_db), -1, 2).mean(axis=2)
    power = np.sum(10 ** (heard.bands_db.astype(np.float64) / 10), axis=1, keepdims=True)
    sounds = (power > 10 ** (SILENCE_DB / 10)).astype(np.float64)

    def average(values: Array) -> Array:
        return np.asarray(uniform_filter1d(values, _AVERAGE, axis=0, mode="nearest"))

    steady = average(pairs * sounds) / np.maximum(average(sounds), 1 / _AVERAGE)
    moving = (pairs - steady) * sounds
    scaled: Floats = (moving / (moving.std(axis=0) + 1e-3)).astype(np.float32)
    return np.clip(scaled, -4, 4)


def _alike(features: Floats) -> list[tuple[float, int, int]]:
    """The pairs of moments that agree best: correlation, first and second spectrum's index."""
    windows = np.lib.stride_tricks.sliding_window_view(features, _WIDTH, axis=0)
    count = len(windows)
    step = max(_QUERY, -(-count // _MOST_QUERIES))
    asked = np.arange(0, count, step)
    # Random projection keeps angles to about 1 / sqrt(dimensions); the best are then made exact.
    projection = np.random.default_rng(0).standard_normal((features.shape[1] * _WIDTH, _DIMENSIONS))
    stride = -(-count // _MOST_MOMENTS)
    moments = np.arange(0, count, stride)
    sketch = _sketches(windows, moments, projection.astype(np.float32))
    best: list[tuple[float, int, int]] = []
    for some in np.array_split(asked, max(1, len(asked) * len(moments) // _CELLS)):
        agreement = _sketches(windows, some, projection.astype(np.float32)) @ sketch.T
        agreement[np.abs(some[:, None] - moments[None]) < _NEAREST] = -np.inf
        for row, other in enumerate(agreement.argmax(axis=1)):
            best.append((float(agreement[row, other]), int(some[row]), int(moments[other])))
    # In a short sound nothing is far enough from its middle.
    best = sorted((pair for pair in best if pair[0] > -np.inf), reverse=True)[: 8 * _CONFIRMED]
    exact = [
        (*max((_correlation(windows, a, near), near) for near in _near(a, b, stride)), a)
        for _, a, b in best
    ]
    ranked = sorted(((agreement, a, b) for agreement, b, a in exact), reverse=True)
    return ranked[:_CONFIRMED]


def _near(a: int, b: int, reach: int) -> list[int]:
    """The moments within `reach` of `b` that are far enough from `a`."""
    return [m for m in range(b - reach, b + reach + 1) if abs(m - a) >= _NEAREST]


def _sketches(
    windows: NDArray[np.float32], moments: NDArray[np.int64], projection: Floats
) -> Floats:
    """The two seconds from each moment in few numbers, of length 1: (moments, _DIMENSIONS)."""
    out = np.empty((len(moments), projection.shape[1]), np.float32)
    for start in range(0, len(moments), 2_048):
        part = windows[moments[start : start + 2_048]].reshape(-1, len(projection))
        out[start : start + 2_048] = part @ projection
    out /= np.linalg.norm(out, axis=1, keepdims=True) + np.float32(1e-6)
    return out


def _correlation(windows: NDArray[np.float32], a: int, b: int) -> float:
    if not 0 <= b < len(windows):
        return -1.0
    one, other = windows[a].ravel(), windows[b].ravel()
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-6))


def _overlay(sound: Sound, first_s: float, second_s: float) -> float:
    """The highest correlation of two moments' waveforms, whitened so that no tone decides."""
    length = _WIDTH * HOP_S
    one = mono16k(sound.excerpt(first_s, length), sound.rate)
    other = mono16k(sound.excerpt(second_s - _SLACK_S, length + 2 * _SLACK_S), sound.rate)
    n = 2 ** (len(one) + len(other) - 1).bit_length()
    spectra = [np.fft.rfft(each, n) for each in (_whitened(one), _whitened(other))]
    overlaid = np.fft.irfft(spectra[0].conj() * spectra[1], n)
    lags = overlaid[: max(1, len(other) - len(one) + 1)]
    return min(1.0, float(np.abs(lags).max()) / len(one))


def _whitened(audio: Array) -> Array:
    """The sound with an even spectrum and mean power 1; silence stays silence.

    What stands out is clipped at three times the usual: else one loud crackle that resembles
    another would be two alike seconds.
    """
    spectrum = np.fft.rfft(audio)
    size = np.abs(spectrum)
    smooth = uniform_filter1d(size, 101, mode="nearest") + 1e-9 * (size.max(initial=0.0) + 1e-9)
    white = np.fft.irfft(spectrum / smooth, len(audio))
    usual = float(np.median(np.abs(white))) / DEVIATION_SHARE + 1e-12
    white = np.clip(white, -3 * usual, 3 * usual)
    return np.asarray(white / (np.sqrt(np.mean(white**2)) + 1e-12))
