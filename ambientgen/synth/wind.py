"""Wind: turbulence, nearly all of it low, opening upwards in the gusts, whistling in a gap."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.chance import lasting
from ambientgen.synth.signals import (
    Samples,
    bins,
    choose,
    contour,
    frame_times,
    level,
    shaped_noise,
    slow,
    unit,
)

KINDS: dict[str, str] = {
    "open": "wind over open ground",
    "trees": "wind in the trees",
    "gap": "wind whistling through a gap",
}


def wind(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Wind from still air (0) to a gale (1). `intensity` per sample, shape (n,)."""
    n = len(intensity)
    kind = choose(KINDS, kind, rng)
    traits = lasting(rng)
    gust = 0.6 * slow(n, traits.uniform(1.5, 4), rng)
    gust += 0.4 * slow(n, traits.uniform(0.3, 0.8), rng)
    at = frame_times(n)
    force = (gust * (0.3 + 0.7 * intensity))[at][:, None]
    strength = intensity[at][:, None]
    hz = bins()
    trees = traits.uniform(0.4, 1) if kind == "trees" else traits.uniform(0, 0.3) ** 2
    base = contour(
        {40: 16, 100: 15, 200: 11, 450: 0, 900: -10, 1800: -20, 3500: -28, 8000: -40}, hz
    )
    octaves = np.log2(np.maximum(hz, 40) / 100)
    # A stronger wind is brighter: about 4 dB an octave from calm to gale, 2 dB with the gusts.
    gains = (
        base
        + 6 * force
        + octaves * (1.5 * force + 3.0 * strength - 1.5)
        + trees * contour({40: 0, 600: 0, 1500: 12, 4000: 18, 8000: 14}, hz)
    )
    if kind == "gap":
        centre = traits.uniform(250, 700) * 2 ** (0.5 * gust[at][:, None])
        width = traits.uniform(0.05, 0.15)
        gains = gains + 12 * np.exp(
            -((np.log2(np.maximum(hz, 40) / centre) / width) ** 2)
        ) * np.clip(force + 0.4, 0, 1)
    return 0.1 * level(intensity) * unit(shaped_noise(n, gains, rng))
