"""Waves: the rumble of a swell, the crash across the whole spectrum, the hiss of the backwash."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.signals import (
    RATE,
    Samples,
    bins,
    contour,
    frame_times,
    level,
    shaped_noise,
    slow,
    unit,
)


def _breakers(n: int, rng: np.random.Generator) -> tuple[Samples, Samples, Samples]:
    """Envelopes 0…1 of swell, crash and backwash over n samples."""
    t = np.arange(n) / RATE
    swell, crash, wash = np.zeros(n), np.zeros(n), np.zeros(n)
    period = rng.uniform(4, 9)
    at = -rng.uniform(0, period)
    while at < n / RATE + period:
        size = rng.uniform(0.5, 1)
        swell += size * np.exp(-(((t - at) / (0.25 * period)) ** 2))
        since = np.maximum(t - at, 0)
        rise = 1 - np.exp(-since / 0.15)
        crash += size * rise * np.exp(-since / (0.16 * period)) * (t >= at)
        wash += size * (1 - np.exp(-since / 0.8)) * np.exp(-since / (0.3 * period)) * (t >= at)
        at += period * rng.uniform(0.75, 1.3)
    return swell, crash, wash


def waves(intensity: Samples, rng: np.random.Generator) -> Samples:
    """Surf from ripples on the sand (near 0) to heavy breakers (1). Shape (n,)."""
    n = len(intensity)
    swell, crash, wash = _breakers(n, rng)
    at = frame_times(n)
    hz = bins()
    tilt = rng.uniform(-2, 2)

    def band(points: dict[float, float], envelope: Samples) -> Samples:
        power = np.maximum(envelope[at], 1e-4)[:, None]
        return 10 ** (contour(points, hz) / 10) * power

    far = band({40: 6, 300: 6, 800: 3, 2000: -4, 8000: -18}, np.full(n, 0.12))
    low = band({40: 9, 200: 8, 500: 5, 1000: -2, 2500: -14, 8000: -30}, swell)
    mid = band({40: 2, 200: 5, 600: 7, 1500: 4, 3500: 0 + tilt, 8000: -8 + tilt}, crash**1.5 * 1.6)
    high = band({40: -20, 500: -10, 1500: 0, 3000: 3 + tilt, 6000: 1 + tilt, 8000: -3}, wash * 0.5)
    gains = 10 * np.log10(far + low + mid + high)
    grain = 1 + 0.15 * slow(n, 0.05, rng)
    return 0.11 * level(intensity) * unit(shaped_noise(n, gains, rng)) * grain
