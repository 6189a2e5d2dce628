"""Traffic: a far low roar, and vehicles that swell, pass and fade, each with engine and tyres."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.signals import (
    RATE,
    Samples,
    bins,
    choose,
    contour,
    event_times,
    frame_times,
    level,
    shaped_noise,
    shimmer,
    slow,
    unit,
)

KINDS: dict[str, str] = {
    "street": "cars passing on a city street",
    "highway": "a distant highway",
}


_TYRES_DB = {40.0: 10.0, 150: 12, 400: 8, 900: 7, 1800: 1, 4000: -10, 8000: -22}


def car(length_s: float, rng: np.random.Generator) -> Samples:
    """One car coming, passing and going within `length_s`, rms about 1 as it passes."""
    n = int(length_s * RATE)
    since = (np.arange(n) / RATE - 0.45 * length_s) / (0.13 * length_s)
    near = 1 / (1 + since**2)
    # It opens upwards as it comes near, and its engine falls in pitch as it passes.
    dull = 6 * (near[frame_times(n)][:, None] - 1) * np.log2(np.maximum(bins(), 100) / 100) / 3
    tyres = contour(_TYRES_DB, bins()) + dull + 1.5 * shimmer(n, 0.25, 1.0, rng)
    phase = 2 * np.pi * np.cumsum(rng.uniform(45, 110) * (1 - 0.06 * np.tanh(since))) / RATE
    engine = sum(np.sin(k * phase + k) / k for k in (1, 2, 3, 4))
    edge = np.clip(np.arange(n) / (0.2 * n), 0, 1) * np.clip((n - np.arange(n)) / (0.25 * n), 0, 1)
    road = unit(shaped_noise(n, tyres, rng)) + rng.uniform(0.1, 0.35) * engine
    return np.asarray(road * near * edge, np.float64)


def traffic(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Road traffic from a car now and then (near 0) to a rush hour (1). Shape (n,)."""
    n = len(intensity)
    t = np.arange(n) / RATE
    hz = bins()
    street = choose(KINDS, kind, rng) == "street"
    at = frame_times(n)
    power = 10 ** (
        contour({40: 12, 120: 11, 300: 7, 700: -2, 1500: -10, 3500: -22, 8000: -34}, hz) / 10
    )
    total = np.tile(0.5 * power, (len(at), 1))
    engines = np.zeros(n)
    tyres = 10 ** (contour(_TYRES_DB, hz) / 10)
    for start in event_times(0.08 + 0.5 * intensity, rng, lead_s=4):
        middle, width = start / RATE, rng.uniform(0.8, 2.2)
        near = rng.uniform(0.3, 1.0) ** 2 * (1.5 if street else 0.12)
        pass_by = near / (1 + ((t - middle) / width) ** 2) ** 2
        total += pass_by[at][:, None] * tyres * rng.uniform(1, 3)
        f0 = rng.uniform(45, 110) * (1 - 0.06 * np.tanh((t - middle) / width))
        phase = 2 * np.pi * np.cumsum(f0) / RATE
        engine = sum(np.sin(k * phase + k) / k for k in (1, 2, 3, 4))
        engines += engine * np.sqrt(pass_by) * rng.uniform(0.2, 0.6)
    gains = 10 * np.log10(total) + 1.5 * shimmer(n, 0.25, 1.0, rng)
    noise = shaped_noise(n, gains, rng) * (1 + 0.1 * slow(n, 0.3, rng))
    scale = np.sqrt(np.mean(noise**2)) + 1e-9
    road: Samples = unit(noise) + 0.25 * engines * min(1.0, 3 / scale)
    return 0.09 * level(intensity, 22) * road
