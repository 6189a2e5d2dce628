"""Frogs: croaks, each a rapid train of pulses through a throat, in answer to one another."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.signals import RATE, Samples, bins, contour, level, place, shaped_noise, unit


def _croak(rng: np.random.Generator) -> Samples:
    length = rng.uniform(0.12, 0.5)
    n = int(length * RATE)
    t = np.arange(n) / RATE
    pulse_hz = rng.uniform(25, 90) * (1 + rng.uniform(-0.2, 0.2) * t / length)
    pulses = np.maximum(np.sin(2 * np.pi * np.cumsum(pulse_hz) / RATE), 0) ** 3
    carrier = rng.uniform(500, 1800)
    voice = np.sin(2 * np.pi * carrier * t) + 0.5 * np.sin(2 * np.pi * 2 * carrier * t + 1)
    return pulses * voice * np.sin(np.pi * t / length) ** 0.5


def frogs(intensity: Samples, rng: np.random.Generator) -> Samples:
    """Frogs from one by the pond (near 0) to a chorus (1). Shape (n,)."""
    n = len(intensity)
    out = np.zeros(n)
    animals = 7
    for k in range(animals):
        croak, near = _croak(rng), (rng.uniform(0.3, 1.0) if k else 1.0)
        present = np.clip(intensity * animals - k + 0.5, float(k == 0), 1)
        period = rng.uniform(0.6, 1.8)
        at = -rng.uniform(0, period)
        while at < n / RATE:
            here = present[min(max(int(at * RATE), 0), n - 1)]
            if rng.random() < 0.85:
                place(out, croak * near * here * rng.uniform(0.8, 1), int(at * RATE))
            at += period * rng.uniform(0.85, 1.15)
    pond = unit(
        shaped_noise(n, contour({40: 8, 150: 2, 600: -6, 2000: -12, 8000: -20}, bins()), rng)
    )
    return level(intensity, 18) * (0.1 * out + 0.006 * pond)
