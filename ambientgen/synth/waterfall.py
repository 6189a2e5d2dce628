"""A waterfall: a weight of water falling without pause, its spray, and splashes one can tell apart.

Every band flickers by itself, because each strand of water breaks on its own; a bigger fall is
not only louder but deeper, and its splashes drown in the roar.
"""

from __future__ import annotations

import numpy as np

from ambientgen.synth.chance import lasting
from ambientgen.synth.signals import (
    Samples,
    bins,
    contour,
    decaying_tone,
    frame_times,
    level,
    shaped_noise,
    slow,
    sprinkle,
    unit,
)

KINDS: dict[str, str] = {
    "near": "a waterfall close by",
    "far": "a waterfall in the distance",
    "rocks": "a waterfall splashing on rocks",
    "pool": "a waterfall plunging into a deep pool",
}

# Kind -> spectrum at half intensity in dB, set by ear and by the long-term spectra of brooks.
_SPECTRA: dict[str, dict[float, float]] = {
    "near": {40: 4, 120: 7, 300: 6, 700: 4, 1500: 1, 3000: -4, 5000: -8, 8000: -13},
    "far": {40: 4, 150: 6, 400: 6, 900: 2, 2000: -6, 4000: -14, 8000: -26},
    "rocks": {40: -2, 150: 3, 400: 5, 900: 5, 2000: 2, 4500: -4, 8000: -10},
    "pool": {40: 5, 100: 8, 250: 8, 600: 4, 1500: -2, 4000: -8, 8000: -16},
}
# Kind -> (share of splashes, lowest and highest Hz of their bubbles).
_SPLASHES = {
    "near": (0.55, 500, 3500),
    "far": (0.25, 300, 1200),
    "rocks": (0.8, 700, 4500),
    "pool": (0.6, 150, 900),
}
_BANDS = 14


def _flicker(n: int, period: int, rng: np.random.Generator) -> Samples:
    """Each band's own unrest over `period` frames, deviation 1 dB. Shape (frames, bins)."""
    hz = np.log2(np.maximum(bins(), 40))
    centres = np.linspace(hz[0], hz[-1], _BANDS)
    reach = np.maximum(1 - np.abs(hz - centres[:, None]) / (centres[1] - centres[0]), 0)
    unrest = rng.standard_normal((len(frame_times(n)) + period - 1, _BANDS))
    sums = np.cumsum(np.vstack([np.zeros(_BANDS), unrest]), axis=0)
    smooth = (sums[period:] - sums[:-period]) / np.sqrt(period)
    return np.asarray(smooth @ reach, np.float64)


def waterfall(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Falling water from a small fall (near 0) to a huge one (1). Shape (n,), 16 kHz.

    `kind` is one of KINDS, drawn when None; KeyError if it is none of them.
    """
    n = len(intensity)
    kind = kind or str(rng.choice(list(KINDS)))
    share, low, high = _SPLASHES[kind]
    hz = bins()
    strength = intensity[frame_times(n)][:, None]
    traits = lasting(rng)
    tilt = traits.uniform(-1.5, 1.5) * np.log2(np.maximum(hz, 60) / 800)
    weight = contour({40: 12, 150: 9, 500: 2, 1500: -1, 8000: -3}, hz) * (strength - 0.5)
    gusts = 1.2 * slow(n, traits.uniform(0.8, 2), rng)[frame_times(n)][:, None]
    depth = traits.uniform(0.7, 1.1) * (1.5 - 0.7 * strength)
    unrest = depth * (1.2 * _flicker(n, 3, rng) + 1.6 * _flicker(n, 10, rng))
    fall = shaped_noise(n, contour(_SPECTRA[kind], hz) + tilt + weight + gusts + unrest, rng)
    grains = [
        decaying_tone(
            np.exp(traits.uniform(np.log(low), np.log(high))),
            traits.uniform(0.008, 0.045),
            traits,
            glide=traits.uniform(-0.1, 0.3),
            noise=traits.uniform(0.3, 0.9),
        )
        for _ in range(10)
    ]
    rate = 90 * (10**intensity) * (1 + 0.5 * slow(n, 0.4, rng))
    splashes = sprinkle(rate, grains, rng, spread=0.9) / np.sqrt(rate / 16_000)
    share = share * traits.uniform(0.7, 1.3)
    mix = unit(fall) + share * (1 - 0.7 * intensity) * splashes
    return 0.09 * level(intensity, 24) * mix
