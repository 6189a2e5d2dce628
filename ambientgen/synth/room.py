"""A room's own tone: air in ducts, a mains hum that beats slowly, a fan or a compressor behind."""

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
    "ventilation": "air blowing through ventilation",
    "fridge": "the hum of a refrigerator",
    "fan": "a fan whirring",
    "empty": "the hush of an empty room",
}


@dataclass(frozen=True)
class _Tone:
    """Spectrum of the air in dB, share of the hum, share of the fan, its turning."""

    air: dict[float, float]
    hum: float
    whir: float


_TONES = {
    "ventilation": _Tone(
        {40: 10, 120: 9, 300: 5, 700: 0, 1500: -7, 4000: -17, 8000: -30}, 0.2, 0.3
    ),
    "fridge": _Tone({40: 8, 100: 9, 250: 4, 600: -4, 1500: -14, 4000: -25, 8000: -38}, 1.1, 0.15),
    "fan": _Tone({40: 2, 120: 5, 300: 5, 800: 3, 2000: -3, 4000: -10, 8000: -22}, 0.15, 0.9),
    "empty": _Tone({40: 14, 100: 11, 250: 3, 700: -7, 2000: -16, 4000: -22, 8000: -30}, 0.35, 0.0),
}


def _hum(n: int, rng: np.random.Generator) -> Samples:
    """Mains partials, each breathing by itself: a transformer, not an oscillator. Shape (n,)."""
    t = np.arange(n) / RATE
    traits = lasting(rng, "hum")
    mains = traits.choice([50.0, 60.0]) * traits.uniform(0.998, 1.002)
    out = np.zeros(n)
    for k in (1, 2, 3, 4, 6, 8, 10):
        strength = traits.uniform(0.3, 1) * (1.0 if k % 2 == 0 else 0.5) / k**0.9
        breath = 1 + 0.35 * slow(n, traits.uniform(0.4, 2.5), rng)
        drift = 0.6 * slow(n, 1.5, rng)
        out += strength * breath * np.sin(2 * np.pi * k * mains * t + drift + rng.uniform(0, 6.28))
    return unit(out)


def _whir(n: int, speed: Samples, rng: np.random.Generator) -> Samples:
    """Blades cutting the air: noise that swells with each, and a soft tone at their rate."""
    traits = lasting(rng, "fan")
    turn = traits.uniform(9, 22) * (0.7 + 0.3 * speed) * (1 + 0.01 * slow(n, 0.5, rng))
    phase = 2 * np.pi * np.cumsum(turn) / RATE + rng.uniform(0, 6.28)
    blades = int(traits.integers(3, 8))
    low = traits.uniform(200, 500)
    draught = shaped_noise(
        n, contour({40: -6, low: 4, 4 * low: 2, 10 * low: -8, 8000: -26}, bins()), rng
    )
    swell = 1 + 0.12 * np.sin(phase) + 0.3 * np.sin(blades * phase)
    tone = sum(np.sin(k * blades * phase + k) / k**1.5 for k in (1, 2, 3))
    motion = 0.25 * tone * (1 + 0.4 * slow(n, 0.2, rng))
    return unit(unit(draught) * swell + motion)


def room(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Room tone from all but nothing (near 0) to droning ventilation (1). Shape (n,), 16 kHz.

    `kind` is one of KINDS, drawn when None; KeyError if it is none of them.
    """
    n = len(intensity)
    kind = kind or str(rng.choice(list(KINDS)))
    tone = _TONES[kind]
    at = frame_times(n)
    hz = bins()
    octaves = np.log2(np.maximum(hz, 40) / 200)
    # More air is brighter air: flow noise gains about 2 dB an octave from hush to drone.
    traits = lasting(rng)
    tilt = traits.uniform(-1.2, 1.2) + 2.0 * (intensity[at][:, None] - 0.5)
    centre = np.log2(traits.uniform(90, 500) / 200)
    duct = traits.uniform(2, 7) * np.exp(-(((octaves - centre) / traits.uniform(0.15, 0.5)) ** 2))
    unrest = 0.7 * slow(n, 0.7, rng)[at][:, None]
    air = unit(shaped_noise(n, contour(tone.air, hz) + tilt * octaves + duct + unrest, rng))
    mix = air + tone.hum * traits.uniform(0.6, 1.3) * _hum(n, rng)
    if tone.whir:
        mix += tone.whir * traits.uniform(0.6, 1.4) * _whir(n, intensity, rng)
    return 0.06 * level(intensity, 24) * mix
