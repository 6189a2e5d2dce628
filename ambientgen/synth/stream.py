"""A stream: bubbles, each a short tone that rises as it nears the surface, over a soft rush."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.signals import (
    Samples,
    bins,
    contour,
    decaying_tone,
    level,
    shaped_noise,
    slow,
    sprinkle,
    unit,
)


def stream(intensity: Samples, rng: np.random.Generator) -> Samples:
    """Running water from a trickle (near 0) to a rushing brook (1). Shape (n,)."""
    n = len(intensity)
    centre = rng.uniform(700, 1500)
    grains = [
        decaying_tone(
            centre * 2 ** (0.8 * rng.standard_normal()),
            rng.uniform(0.015, 0.07),
            rng,
            glide=rng.uniform(0.02, 0.35),
            noise=0.1,
        )
        for _ in range(48)
    ]
    rate = 60 * (12**intensity) * (1 + 0.4 * slow(n, 0.3, rng))
    bubbles = sprinkle(rate, grains, rng, spread=0.9) / np.sqrt(rate / 16_000)
    rush = shaped_noise(
        n, contour({80: -16, 300: -6, 700: 3, 1500: 4, 3000: 0, 5000: -4, 8000: -6}, bins()), rng
    )
    rush *= 1 + 0.25 * slow(n, 0.15, rng) + 0.15 * slow(n, 0.04, rng)
    mix = unit(rush) * (0.45 + 0.4 * intensity) + bubbles * (0.85 - 0.45 * intensity)
    return 0.07 * level(intensity) * mix
