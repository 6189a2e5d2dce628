"""A fire: a deep flickering roar, a thin hiss, and crackles few enough to count."""

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


def fire(intensity: Samples, rng: np.random.Generator) -> Samples:
    """Burning wood from embers (near 0) to a blaze (1). Shape (n,)."""
    n = len(intensity)
    roar = shaped_noise(
        n, contour({40: 16, 120: 15, 200: 5, 400: -4, 900: -9, 3000: -9, 8000: -9}, bins()), rng
    )
    roar *= 1 + 0.5 * slow(n, 0.12, rng) + 0.3 * slow(n, 0.6, rng)
    hiss = shaped_noise(n, contour({40: -30, 1500: -12, 4000: 0, 8000: 2}, bins()), rng)
    hiss *= 10 ** (6 * slow(n, 0.5, rng) / 20)
    grains = [
        decaying_tone(
            np.exp(rng.uniform(np.log(500), np.log(6000))),
            rng.uniform(0.003, 0.025),
            rng,
            noise=0.75,
        )
        for _ in range(24)
    ]
    bursts = 0.25 + 2.5 * np.maximum(slow(n, 0.25, rng), 0) ** 2
    crackle = sprinkle(2 * (12**intensity) * bursts, grains, rng, spread=1.1)
    mix = unit(roar) + rng.uniform(0.1, 0.25) * unit(hiss) + rng.uniform(6, 12) * crackle
    return 0.05 * level(intensity, 22) * mix
