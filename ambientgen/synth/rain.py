"""Rain: a hiss of countless far drops, and the near drops one can tell apart."""

from __future__ import annotations

import math

import numpy as np

from ambientgen.synth.chance import first_sample, lasting
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
    "leaves": "rain on leaves",
    "roof": "rain on a tin roof",
    "water": "rain on water",
    "ground": "rain on bare ground",
}

# Surface -> (Hz range, decay range in s, share of noise) of a near drop.
_SURFACES = {
    "leaves": ((900, 3500), (0.004, 0.015), 0.8),
    "roof": ((300, 1800), (0.008, 0.04), 0.35),
    "water": ((700, 2600), (0.008, 0.03), 0.15),
    "ground": ((1500, 6000), (0.002, 0.008), 0.9),
}

# In a long sound no near drop is more than so many times as large as they are on the whole: 12 dB.
LARGEST = 4.0


def drop(kind: str, rng: np.random.Generator) -> Samples:
    """One near drop on a surface, energy 1, up to a tenth of a second."""
    (lo, hi), (short, long), noise = _SURFACES[kind]
    hz = np.exp(rng.uniform(np.log(lo), np.log(hi)))
    return decaying_tone(hz, 2 * rng.uniform(short, long), rng, glide=0.2, noise=noise)


def rain(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Rain from a few drops (near 0) to a downpour (1). `intensity` per sample, shape (n,)."""
    n = len(intensity)
    (lo, hi), (short, long), noise = _SURFACES[choose(KINDS, kind, rng)]
    traits = lasting(rng)
    tilt = traits.uniform(-3, 3)
    spectrum = {
        60: -6,
        250: 3,
        600: 4.5,
        1200: 4,
        2400: 0.5 + tilt,
        5000: -4 + tilt,
        8000: -5 + tilt,
    }
    hiss = shaped_noise(n, contour({float(k): v for k, v in spectrum.items()}, bins()), rng)
    hiss *= 10 ** (1.2 * slow(n, 1.5, rng) / 20)
    grains = [
        decaying_tone(
            np.exp(traits.uniform(np.log(lo), np.log(hi))),
            traits.uniform(short, long),
            traits,
            glide=traits.uniform(0, 0.4),
            noise=noise,
        )
        for _ in range(24)
    ]
    rate = 5 * (140**intensity)
    # In minutes of rain some drop among tens of thousands would come down 30 dB above the others.
    most = math.inf if first_sample(rng) is None else LARGEST
    drops = sprinkle(rate, grains, rng, traits.uniform(0.8, 1.2), most)
    # Each drop carries unit energy: dividing by the rate's root keeps the drops' level even.
    drops /= np.sqrt(rate / 16_000)
    share = traits.uniform(0.35, 0.8) * (1.15 - 0.6 * intensity)
    # In a drizzle the far drops are too faint to melt into a hiss: single near ones stand out.
    far = np.sqrt(1 - 0.6 * share) * (0.4 + 0.6 * np.minimum(1, intensity / 0.35))
    return 0.1 * level(intensity) * (far * unit(hiss) + share * drops)
