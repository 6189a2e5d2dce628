"""Birds: a few singers, each with its own phrase of whistles, trills and chirps."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.signals import (
    RATE,
    Samples,
    bins,
    contour,
    event_times,
    level,
    place,
    shaped_noise,
    unit,
)


def _syllable(low: float, high: float, length_s: float, shape: int) -> Samples:
    n = max(32, int(length_s * RATE))
    u = np.arange(n) / n
    path = [u, 1 - u, np.sin(np.pi * u), 0.5 + 0.5 * np.sin(2 * np.pi * 3 * u)][shape]
    hz = low + (high - low) * path
    tone = np.sin(2 * np.pi * np.cumsum(hz) / RATE)
    return tone * np.sin(np.pi * u) ** 0.7


def _phrase(rng: np.random.Generator) -> Samples:
    """One singer's phrase: 1 to 9 syllables on a rhythm."""
    count = int(rng.integers(1, 10))
    length = rng.uniform(0.03, 0.22)
    gap = rng.uniform(0.02, 0.12)
    low = rng.uniform(2000, 4200)
    high = low * rng.uniform(1.05, 1.7)
    kinds = [
        (low * rng.uniform(0.9, 1.1), high * rng.uniform(0.9, 1.1), int(rng.integers(4)))
        for _ in range(int(rng.integers(1, 4)))
    ]
    out = np.zeros(int((count * (length + gap) + 0.3) * RATE))
    for i in range(count):
        a, b, shape = kinds[i % len(kinds)]
        syllable = _syllable(min(a, 7500), min(b, 7500), length * rng.uniform(0.8, 1.2), shape)
        place(out, syllable * rng.uniform(0.7, 1), int(i * (length + gap) * RATE))
    return out


def birds(intensity: Samples, rng: np.random.Generator) -> Samples:
    """Birdsong from one distant bird (near 0) to a full chorus (1). Shape (n,)."""
    n = len(intensity)
    out = np.zeros(n)
    singers = [(_phrase(rng), rng.uniform(0.25, 1)) for _ in range(8)]
    for phrase, near in singers:
        for at in event_times(0.05 + 0.45 * intensity**1.3, rng, lead_s=1.0):
            place(out, phrase * near * rng.uniform(0.7, 1), at)
    air = unit(shaped_noise(n, contour({40: 6, 150: 2, 600: -8, 2000: -8, 8000: -14}, bins()), rng))
    return 0.14 * level(intensity, 18) * (out + 0.02 * air)
