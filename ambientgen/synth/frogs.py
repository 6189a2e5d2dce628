"""Frogs: croaks, each a short train of pulses through a throat, in answer to one another."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.chance import apart, lasting
from ambientgen.synth.signals import (
    RATE,
    Samples,
    bins,
    blur,
    choose,
    contour,
    level,
    place,
    shaped_noise,
    unit,
)

KINDS: dict[str, str] = {
    "pond": "pond frogs croaking",
    "peepers": "tiny tree frogs peeping",
    "bullfrogs": "bullfrogs bellowing",
}

_ANIMALS = 7


def croak(rng: np.random.Generator, kind: str) -> Samples:
    """One call, peak about 1: pulses far enough apart to count, or one whistle (peepers)."""
    length = {
        "pond": rng.uniform(0.12, 0.4),
        "peepers": rng.uniform(0.07, 0.18),
        "bullfrogs": rng.uniform(0.35, 0.8),
    }[kind]
    n = int(length * RATE)
    t = np.arange(n) / RATE
    swell = np.sin(np.pi * np.minimum(1, t / length)) ** 0.6
    if kind == "peepers":
        hz = rng.uniform(2300, 3200) * (1 + rng.uniform(0.03, 0.15) * t / length)
        return swell * np.sin(2 * np.pi * np.cumsum(hz) / RATE)
    deep = kind == "bullfrogs"
    pulse_hz = rng.uniform(70, 110) if deep else rng.uniform(16, 42)
    phase = np.cumsum(pulse_hz * (1 + rng.uniform(-0.2, 0.2) * t / length)) / RATE % 1
    # Each pulse springs up and rings out in the throat before the next one.
    pulses = np.minimum(1, phase / 0.06) * np.exp(-phase * (3 if deep else rng.uniform(4, 7)))
    carrier = rng.uniform(180, 330) if deep else rng.uniform(600, 1700)
    drift = 1 + rng.uniform(-0.08, 0.12) * t / length
    turn = 2 * np.pi * np.cumsum(carrier * drift) / RATE
    voice = np.sin(turn) + 0.5 * np.sin(2 * turn + 1) + 0.25 * np.sin(3 * turn + 2)
    call = pulses * voice * swell
    whole: Samples = call / np.abs(call).max()
    return whole


def _calls(n: int, present: Samples, rng: np.random.Generator, kind: str) -> Samples:
    """One frog over n samples: bouts of calls with silence between the calls. Shape (n,)."""
    out = np.zeros(n)
    traits = lasting(rng)
    call = croak(traits, kind)
    period = len(call) / RATE + traits.uniform(0.25, 1.1 if kind != "bullfrogs" else 2.0)
    at = -rng.uniform(0, period)
    while at < n / RATE:
        here = present[min(max(int(at * RATE), 0), n - 1)]
        if rng.random() < 0.8:
            place(out, call * here * rng.uniform(0.7, 1), int(at * RATE))
        at += period * rng.uniform(0.85, 1.2)
    return out


def frogs(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Frogs from one by the pond (near 0) to a chorus (1). Shape (n,)."""
    n = len(intensity)
    kind = choose(KINDS, kind, rng)
    out = np.zeros(n)
    traits = lasting(rng)
    for k in range(_ANIMALS):
        near = 10 ** traits.uniform(-0.8, -0.1) if k else 1.0
        present = np.clip(intensity * _ANIMALS - k + 0.5, float(k == 0), 1)
        out += near * _calls(n, present, apart(rng, k), kind)
    out = blur(out, traits.uniform(0.15, 0.5), traits.uniform(0.05, 0.2), traits)
    low = traits.uniform(2, 12)
    pond = contour({40: low, 150: 0.4 * low, 600: -5, 2000: -11, 8000: -19}, bins())
    hush = 10 ** traits.uniform(-2.5, -1.9)
    return level(intensity, 18) * (0.19 * out + hush * unit(shaped_noise(n, pond, rng)))
