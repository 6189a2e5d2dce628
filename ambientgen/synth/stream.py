"""A stream: bubbles, each a short tone that rises as it nears the surface, over a soft rush."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.chance import lasting
from ambientgen.synth.signals import (
    Samples,
    bins,
    choose,
    contour,
    decaying_tone,
    frame_times,
    level,
    shaped_noise,
    shimmer,
    slow,
    sprinkle,
    unit,
)

KINDS: dict[str, str] = {
    "brook": "a babbling brook",
    "trickle": "water trickling over stones",
    "river": "a rushing river",
}

# Kind -> (share of bubbles, ranges of bubbles' centre in Hz and of the rush's unrest in dB).
_WATER = {
    "brook": (0.8, (650, 1300), (1.0, 3.0)),
    "trickle": (1.0, (900, 2200), (1.0, 3.0)),
    "river": (0.4, (500, 1000), (2.5, 5.0)),
}


def stream(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Running water from a trickle (near 0) to a rushing brook (1). Shape (n,)."""
    n = len(intensity)
    bubbly, (lowest, highest), unrest = _WATER[choose(KINDS, kind, rng)]
    traits = lasting(rng)
    centre = traits.uniform(lowest, highest)
    grains = [
        decaying_tone(
            min(7500.0, centre * 2 ** (0.9 * traits.standard_normal())),
            traits.uniform(0.01, 0.06),
            traits,
            glide=traits.uniform(0.02, 0.35),
            noise=0.15,
        )
        for _ in range(48)
    ]
    rate = 60 * (10**intensity) * (1 + 0.5 * slow(n, 0.3, rng))
    bubbles = sprinkle(rate, grains, rng, spread=0.9) / np.sqrt(rate / 16_000)
    below = traits.uniform(-26, -8)
    tilt = traits.uniform(-3, 2)
    field = contour(
        {
            80: below,
            250: 0.35 * below - 3,
            500: 0,
            900: 3,
            1500: 4,
            3000: 1,
            5000: -1 + tilt,
            8000: -3 + 1.5 * tilt,
        },
        bins(),
    )
    # Splashes lift the whole spectrum at once, eddies a few bands of it.
    together = slow(n, 0.05, rng) + slow(n, 0.12, rng) + slow(n, 0.7, rng)
    motion = traits.uniform(*unrest) * together[frame_times(n)][:, None]
    motion = motion + traits.uniform(1.0, 3.0) * shimmer(n, 0.06, 0.6, rng)
    rush = shaped_noise(n, field + motion, rng)
    share = bubbly * (0.9 - 0.45 * intensity)
    mix = unit(rush) * np.sqrt(np.maximum(0.05, 1 - share**2)) + bubbles * share
    return 0.075 * level(intensity) * mix
