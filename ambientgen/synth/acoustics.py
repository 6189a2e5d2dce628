"""Places: what a room, a cave, a distance or a telephone does to a sound on its way to the ear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from ambientgen.synth.signals import RATE, Samples, bins, contour, frame_times, shaped_noise

# The widest band at 16 kHz: a place with these limits leaves the band alone.
OPEN_LOW_HZ, OPEN_HIGH_HZ = 20.0, 8000.0
# How much fainter the farthest sound is, and how far a narrow band may be raised to its old level.
FARTHEST_DB, MOST_GAIN_DB = -9.0, 15.0
# Reverberation time over frequency, as a factor of that at 500 Hz: walls and air take the highs.
_DECAY_OF_HZ = {60.0: 1.15, 250.0: 1.1, 500.0: 1.0, 1000.0: 0.95, 2000.0: 0.8, 4000.0: 0.55}


@dataclass(frozen=True)
class Place:
    """Where a sound is heard; the default is in the open, close by.

    reverb_s: RT60 at 500 Hz, 0…6 s. wet: share of the reverberation, 0…1. distance: 0 (here) … 1
    (far: dull and up to 9 dB fainter). low_hz, high_hz: limits of the band that passes. words: how
    a caption says it, "" where there is nothing to say.
    """

    reverb_s: float = 0.0
    wet: float = 0.0
    distance: float = 0.0
    low_hz: float = OPEN_LOW_HZ
    high_hz: float = OPEN_HIGH_HZ
    words: str = ""

    @staticmethod
    def draw(rng: np.random.Generator) -> Place:
        """A random place: about half are open and dry, the others of every sort in _SORTS."""
        if rng.random() < 0.5:
            return Place()
        sort = _SORTS[int(rng.integers(len(_SORTS)))]
        return Place(
            reverb_s=float(rng.uniform(*sort.reverb_s)),
            wet=float(rng.uniform(*sort.wet)),
            distance=float(rng.uniform(*sort.distance)),
            low_hz=float(np.exp(rng.uniform(*np.log(sort.low_hz)))),
            high_hz=float(np.exp(rng.uniform(*np.log(sort.high_hz)))),
            words=str(rng.choice(sort.words)),
        )


Range = tuple[float, float]
_NONE: Range = (0.0, 0.0)
_LOW: Range = (OPEN_LOW_HZ, OPEN_LOW_HZ)
_HIGH: Range = (OPEN_HIGH_HZ, OPEN_HIGH_HZ)


@dataclass(frozen=True)
class _Sort:
    """The ranges from which the places of one sort are drawn, and the words for them."""

    words: tuple[str, ...]
    reverb_s: Range = _NONE
    wet: Range = _NONE
    distance: Range = _NONE
    low_hz: Range = _LOW
    high_hz: Range = _HIGH


_SORTS = (
    _Sort(("in a small room", "indoors", "in a room"), (0.25, 0.7), (0.25, 0.55)),
    _Sort(("echoing in a large hall", "in a large hall"), (1.6, 3.2), (0.4, 0.7), (0.0, 0.3)),
    _Sort(("in a cave", "echoing in a cave"), (3.2, 6.0), (0.5, 0.85), (0.0, 0.4)),
    _Sort(
        ("echoing through a forest", "in a forest"),
        (0.9, 1.8),
        (0.15, 0.35),
        (0.1, 0.4),
        (80, 150),
        (4500, 7000),
    ),
    _Sort(("through a telephone", "over an old radio"), low_hz=(280, 420), high_hz=(2600, 3600)),
    _Sort(("muffled", "behind a wall", "from the next room"), high_hz=(450, 900)),
    _Sort(("far away", "in the distance"), (0.5, 1.8), (0.1, 0.35), (0.65, 1.0)),
)


def _tail(place: Place, rng: np.random.Generator) -> Samples:
    """An impulse response without its direct sound, energy 1: echoes, then dense decaying noise."""
    n = int(min(place.reverb_s, 6.0) * RATE) + RATE // 20
    at = frame_times(n)[:, None] / RATE
    hz = bins()
    decay_s = place.reverb_s * np.interp(hz, list(_DECAY_OF_HZ), list(_DECAY_OF_HZ.values()))
    colour = contour({60: -3, 200: 0, 2000: -1, 5000: -4, 8000: -9}, hz)
    tail = shaped_noise(n, np.maximum(colour - 60 * at / decay_s, -120), rng)
    # The bigger the place, the later its first echo and the slower the tail fills up.
    size = np.clip(place.reverb_s / 3, 0.05, 1.0)
    first = int(0.03 * size * RATE) + 16
    tail *= np.clip((np.arange(n) - first) / (0.04 * size * RATE), 0, 1)
    loudness = np.sqrt(np.sum(tail**2))
    for _ in range(int(rng.integers(4, 9))):
        late = int(first * rng.uniform(0.6, 4))
        if late < n:
            tail[late] += rng.choice([-1, 1]) * rng.uniform(0.1, 0.3) * loudness * first / late
    return np.asarray(tail / (np.sqrt(np.sum(tail**2)) + 1e-12), np.float64)


def _reverberant(samples: Samples, place: Place, rng: np.random.Generator) -> Samples:
    tail = _tail(place, rng)
    # The clip is heard in the midst of things: its mirrored start has already filled the place.
    lead = min(len(tail), len(samples))
    full = np.concatenate([samples[:lead][::-1], samples])
    wet = fftconvolve(full, tail)[lead : lead + len(samples)]
    mixed = np.sqrt(1 - place.wet) * samples + np.sqrt(place.wet) * wet
    return np.asarray(mixed, np.float64)


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def apply(samples: Samples, place: Place, rng: np.random.Generator) -> Samples:
    """`samples` (n,), 16 kHz, as heard in `place`, shape (n,).

    The rms stays (it falls by up to 9 dB with the distance); only where a band limit leaves less
    than -15 dB of the sound does it stay fainter, so that noise is never pulled up. Silence stays
    silence.
    """
    before = _rms(samples)
    if before == 0.0:
        return np.zeros_like(samples)
    out = samples
    if place.reverb_s > 0 and place.wet > 0:
        out = _reverberant(out, place, rng)
    if place.distance > 0:
        # Air and ground take about an octave of highs for each fifth of the way to the horizon.
        cut_hz = 7000 * 2 ** (-3.5 * place.distance)
        out = sosfilt(butter(1, cut_hz, "low", fs=RATE, output="sos"), out)
    if place.high_hz < 0.98 * OPEN_HIGH_HZ:
        out = sosfilt(butter(3, place.high_hz, "low", fs=RATE, output="sos"), out)
    if place.low_hz > 1.02 * OPEN_LOW_HZ:
        out = sosfilt(butter(3, place.low_hz, "high", fs=RATE, output="sos"), out)
    gain = min(before / (_rms(out) + 1e-12), 10 ** (MOST_GAIN_DB / 20))
    heard: Samples = out * gain * 10 ** (FARTHEST_DB * place.distance / 20)
    return heard
