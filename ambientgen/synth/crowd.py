"""A crowd: many voices at once, no word to be understood; syllables, formants, a room's blur."""

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


def _voice(n: int, rng: np.random.Generator) -> Samples:
    """One talker: a harmonic source in syllables of about a quarter second. Shape (n,)."""
    f0 = rng.choice([110.0, 200.0]) * rng.uniform(0.8, 1.25)
    pitch = f0 * 2 ** (0.25 * slow(n, 0.4, rng) + 0.05 * slow(n, 0.1, rng))
    phase = np.cumsum(pitch) / RATE
    source = 2 * (phase % 1) - 1 + 0.15 * rng.standard_normal(n)
    syllables = np.clip(slow(n, rng.uniform(0.1, 0.16), rng) + 0.25, 0, 1)
    phrases = np.clip(3 * slow(n, 1.6, rng) + 1, 0, 1)
    first = 550 * 2 ** (0.6 * slow(n, 0.15, rng))
    second = 1500 * 2 ** (0.5 * slow(n, 0.15, rng))
    t = 2 * np.pi / RATE
    # Two formants as amplitude-modulated copies of the source: cheap, and enough for a murmur.
    body = np.convolve(source, np.ones(24) / 24, mode="same")
    ring = source * (0.5 * np.sin(t * np.cumsum(first)) + 0.2 * np.sin(t * np.cumsum(second)))
    ring = np.convolve(ring, np.hanning(10) / 5, mode="same")
    voice: Samples = (body + 0.5 * ring) * syllables * phrases
    return voice


def crowd(intensity: Samples, rng: np.random.Generator) -> Samples:
    """People talking, from a few in a far corner (near 0) to a packed hall (1). Shape (n,)."""
    n = len(intensity)
    out = np.zeros(n)
    talkers = 10
    for k in range(talkers):
        present = np.clip(intensity * talkers - k + 1.5, 0, 1)
        if present.max() > 0:
            out += present * rng.uniform(0.4, 1.0) * _voice(n, rng)
    at = frame_times(n)
    spectrum = contour(
        {40: 4, 120: 10, 220: 14, 450: 9, 900: 1, 1800: -10, 3500: -16, 8000: -26}, bins()
    )
    motion = 3 * slow(n, 0.12, rng)[at][:, None]
    murmur = unit(shaped_noise(n, spectrum + motion, rng))
    voices: Samples = out / (np.sqrt(np.mean(out**2)) + 1e-3)
    hall: Samples = 0.75 * voices + 0.65 * murmur
    return 0.08 * level(intensity, 22) * hall
