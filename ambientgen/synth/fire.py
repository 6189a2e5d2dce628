"""A fire: a deep flickering roar, a thin hiss, and crackles few enough to count."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.chance import lasting
from ambientgen.synth.signals import (
    RATE,
    Samples,
    bins,
    choose,
    contour,
    decaying_tone,
    event_times,
    level,
    place,
    shaped_noise,
    slow,
    sprinkle,
    unit,
)

KINDS: dict[str, str] = {
    "campfire": "an open campfire",
    "fireplace": "a log fire in a fireplace",
    "twigs": "dry twigs burning",
}

# Kind -> range of dryness: 0 is roar and hiss, 1 is clean snaps over a low roar.
_DRYNESS = {"campfire": (0.25, 0.75), "fireplace": (0.0, 0.3), "twigs": (0.7, 1.0)}


def snap(rng: np.random.Generator) -> Samples:
    """A large crackle: one to six clicks in a tenth of a second, as a fibre tears."""
    out = np.zeros(int(0.2 * RATE))
    at, size = 0.0, 1.0
    for _ in range(int(rng.integers(1, 7))):
        decay_s = np.exp(rng.uniform(np.log(0.006), np.log(0.05)))
        click = decaying_tone(rng.uniform(600, 5000), decay_s, rng, noise=0.9)
        place(out, size * click, int(at * RATE))
        at += rng.exponential(0.02)
        size *= rng.uniform(0.3, 1.0)
    return out


def fire(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Burning wood from embers (near 0) to a blaze (1). Shape (n,)."""
    n = len(intensity)
    traits = lasting(rng)
    dry = traits.uniform(*_DRYNESS[choose(KINDS, kind, rng)])
    # A dry fire has little flame: its roar stays low.
    full = contour({40: 16, 120: 14, 200: 5, 400: -4, 900: -10, 3000: -11, 8000: -12}, bins())
    bare = contour({40: 0, 120: 0, 200: -3, 400: -8, 900: -9, 3000: -13, 8000: -16}, bins())
    roar = shaped_noise(n, full + dry * bare, rng)
    roar *= 1 + (0.5 - 0.2 * dry) * slow(n, 0.12, rng) + 0.25 * slow(n, 0.6, rng)
    hiss = shaped_noise(n, contour({40: -30, 1500: -12, 4000: 0, 8000: 2}, bins()), rng)
    hiss *= 10 ** ((3 + 3 * dry) * slow(n, 0.5, rng) / 20)
    grains = [
        decaying_tone(
            np.exp(traits.uniform(np.log(500), np.log(6000))),
            np.exp(traits.uniform(np.log(0.002), np.log(0.015))),
            traits,
            noise=0.8,
        )
        for _ in range(24)
    ]
    bursts = 0.25 + 2.5 * np.maximum(slow(n, 0.25, rng), 0) ** 2
    crackle = sprinkle((3 - 2 * dry) * (10**intensity) * bursts, grains, rng, spread=1.1)
    snaps = np.zeros(n)
    kinds = [snap(traits) for _ in range(12)]
    for at in event_times((0.4 + 3 * dry) * (0.4 + 1.2 * intensity), rng, lead_s=0.2):
        place(snaps, kinds[rng.integers(12)] * np.exp(0.8 * rng.standard_normal()), at)
    mix = unit(roar) + (traits.uniform(0.15, 0.3) * (1 - dry) ** 2 + 0.004) * unit(hiss)
    mix += (traits.uniform(6, 10) - 4.5 * dry) * crackle + traits.uniform(4, 8) * snaps
    return 0.05 * level(intensity, 22) * mix
