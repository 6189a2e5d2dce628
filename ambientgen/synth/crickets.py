"""Crickets: pulse trains on pure high tones, several animals each keeping its own time."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.signals import RATE, Samples, bins, contour, level, place, shaped_noise, unit


def _animal(n: int, rng: np.random.Generator, base_hz: float, trill: bool) -> Samples:
    """One cricket for n samples, level about 1 in its chirps."""
    hz = base_hz * rng.uniform(0.93, 1.07)
    pulse_s = rng.uniform(0.010, 0.018)
    pulse_n = int(pulse_s * RATE)
    u = np.arange(pulse_n) / pulse_n
    spacing = pulse_s * rng.uniform(1.6, 2.2)
    pulses = int(rng.integers(2, 5))
    period = spacing if trill else spacing * pulses + rng.uniform(0.15, 0.45)
    envelope = np.zeros(n)
    at = -rng.uniform(0, period)
    while at < n / RATE:
        for k in range(1 if trill else pulses):
            loud = 1.0 if trill else 0.6 + 0.4 * k / pulses
            place(envelope, loud * np.sin(np.pi * u), int((at + k * spacing) * RATE))
        at += period * rng.uniform(0.97, 1.03)
    tone = np.sin(2 * np.pi * hz * np.arange(n) / RATE + rng.uniform(0, 6.28))
    return envelope * tone


def crickets(intensity: Samples, rng: np.random.Generator) -> Samples:
    """Crickets from a single one (near 0) to a field full (1). Shape (n,)."""
    n = len(intensity)
    base_hz = rng.uniform(4000, 5200)
    trill = rng.random() < 0.3
    out = np.zeros(n)
    animals = 8
    for k in range(animals):
        # Animal k joins as the intensity passes its share of the way.
        present = np.clip(intensity * animals - k + 0.5, 0, 1)
        if present.max() > 0 or k == 0:
            near = rng.uniform(0.4, 1.0) if k else 1.0
            out += near * np.maximum(present, float(k == 0)) * _animal(n, rng, base_hz, trill)
    night = unit(
        shaped_noise(n, contour({40: 10, 150: 2, 600: -5, 2000: -12, 8000: -20}, bins()), rng)
    )
    return level(intensity, 18) * (0.05 * out + 0.008 * night)
