"""Leaves: foliage in moving air, thousands of soft dry touches that come and go together."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.chance import lasting
from ambientgen.synth.signals import (
    Samples,
    bins,
    choose,
    contour,
    decaying_tone,
    level,
    shaped_noise,
    slow,
    sprinkle,
    unit,
)

KINDS: dict[str, str] = {
    "trees": "leaves rustling high in the trees",
    "dry": "dry leaves blowing over the ground",
}


def leaves(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Rustling from a stir (near 0) to trees tossing (1). Shape (n,)."""
    n = len(intensity)
    dry = choose(KINDS, kind, rng) == "dry"
    gust = 0.55 + 0.3 * slow(n, 1.5, rng) + 0.15 * slow(n, 0.35, rng)
    traits = lasting(rng)
    bright = traits.uniform(-4, 4)
    rush = shaped_noise(
        n,
        contour(
            {60: -22, 400: -12, 1200: -2, 2500: 3, 5000: 2 + bright, 8000: -2 + bright}, bins()
        ),
        rng,
    )
    grains = [
        decaying_tone(
            traits.uniform(2000, 7000),
            traits.uniform(0.003, 0.035 if dry else 0.02),
            traits,
            noise=0.95,
        )
        for _ in range(24)
    ]
    rate = (12 if dry else 40) * (15**intensity) * gust
    touches = sprinkle(rate, grains, rng, spread=0.9) / np.sqrt(rate / 16_000)
    touches *= 1.3 if dry else 0.9
    rush *= 10 ** (2 * slow(n, 0.08, rng) / 20)
    mix = gust**1.5 * (unit(rush) * (0.5 + 0.5 * intensity) + touches * (0.7 - 0.4 * intensity))
    return 0.09 * level(intensity) * mix
