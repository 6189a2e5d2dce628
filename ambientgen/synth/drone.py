"""A drone: one deep chord held for ever, whose voices drift against each other and never repeat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ambientgen.synth.chance import lasting
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

KINDS: dict[str, str] = {
    "deep": "a deep sustained synthesizer note",
    "dark": "a dark rumbling drone",
    "airy": "an airy shimmering drone",
    "organ": "a droning organ chord",
}


@dataclass(frozen=True)
class _Voicing:
    """Ratios to the root, fall of the partials per harmonic, share of noise, of shimmer."""

    ratios: tuple[float, ...]
    fall: float
    noise: float
    shimmer: float


_VOICINGS = {
    "deep": _Voicing((1, 1, 2, 3), 1.3, 0.12, 0.05),
    "dark": _Voicing((1, 1.06, 1.5, 2), 1.6, 0.6, 0.0),
    "airy": _Voicing((2, 3, 4, 6), 1.4, 0.25, 0.5),
    "organ": _Voicing((1, 1.5, 2, 3, 4), 1.1, 0.06, 0.15),
}
_TABLE = 4096
_PARTIALS = 10


def _table(fall: float, first: int, last: int, rng: np.random.Generator) -> Samples:
    """One period made of the partials first…last, falling as harmonic ** -fall."""
    turn = 2 * np.pi * np.arange(_TABLE) / _TABLE
    wave = np.zeros(_TABLE)
    for k in range(first, last + 1):
        wave += rng.uniform(0.5, 1) * k**-fall * np.sin(k * turn + rng.uniform(0, 6.28))
    return wave


def drone(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """A low sound held, from faint and dull (near 0) to massive and open (1). Shape (n,), 16 kHz.

    `kind` is one of KINDS, drawn when None; KeyError if it is none of them.
    """
    n = len(intensity)
    kind = kind or str(rng.choice(list(KINDS)))
    voicing = _VOICINGS[kind]
    traits = lasting(rng)
    root = traits.uniform(38, 80)
    # The filter opens with the intensity and breathes slowly by itself.
    opening = np.clip(0.1 + 0.7 * intensity + 0.2 * slow(n, traits.uniform(2, 4), rng), 0, 1)
    out = np.zeros(n)
    for ratio in voicing.ratios:
        dull = _table(voicing.fall, 1, 3, traits)
        rich = _table(voicing.fall, 4, _PARTIALS, traits)
        for _ in range(2):
            detune = 1 + traits.uniform(-0.004, 0.004) + 0.0015 * slow(n, 2.5, rng)
            phase = np.cumsum(root * ratio * detune) / RATE + rng.uniform()
            index = (phase * _TABLE).astype(np.int64) % _TABLE
            loud = (0.65 + 0.35 * slow(n, traits.uniform(1.5, 4), rng)) / ratio**0.5
            out += loud * (dull[index] + 1.6 * opening * rich[index])
    mix = unit(out)
    hz = bins()
    at = frame_times(n)
    octaves = np.log2(np.maximum(hz, 40) / (2 * root))
    rumble = contour({40: 8, 90: 8, 200: 1, 500: -10, 1500: -22, 8000: -50}, hz)
    wash = rumble + (2 * opening[at][:, None] + slow(n, 1.5, rng)[at][:, None]) * np.minimum(
        octaves, 3
    )
    mix += voicing.noise * unit(shaped_noise(n, wash, rng))
    if voicing.shimmer:
        centre = 2 ** (1.5 * slow(n, 3, rng)[at][:, None]) * traits.uniform(600, 1400)
        band = np.exp(-((np.log2(np.maximum(hz, 40) / centre) / 0.8) ** 2))
        shimmer = shaped_noise(n, 40 * (band - 1), rng)
        mix += voicing.shimmer * opening * unit(shimmer) * (0.6 + 0.4 * slow(n, 1.2, rng))
    return 0.075 * level(intensity, 22) * mix
