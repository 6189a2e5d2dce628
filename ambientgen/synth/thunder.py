"""Thunder: near strokes that crack and tear, far ones that only roll; all low, all long."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.chance import lasting
from ambientgen.synth.signals import (
    RATE,
    Samples,
    bins,
    choose,
    contour,
    event_times,
    frame_times,
    level,
    place,
    shaped_noise,
    shimmer,
    slow,
    unit,
)

KINDS: dict[str, str] = {
    "near": "thunder cracking close by",
    "far": "thunder rolling far away",
}

# How near the strokes of a kind are: 0 is a far roll, 1 overhead.
_NEARNESS = {"near": (0.55, 1.0), "far": (0.0, 0.3)}
_TAIL_S = 9.0
_FAR_DB: dict[float, float] = {
    40: 14,
    120: 13,
    300: 9,
    600: 5,
    1200: -8,
    2500: -27,
    5000: -44,
    8000: -50,
}


def _stroke(near: float, rng: np.random.Generator, lasts_s: float = _TAIL_S) -> Samples:
    """One thunder; `near` 0 (a far roll) … 1 (overhead).

    One that lasts longer comes of a longer channel: it cracks as ever, and rolls on for longer.
    """
    n = int(lasts_s * RATE)
    t = np.arange(n) / RATE
    onset = 0.9 * (1 - near) ** 2 + 0.015
    decay = rng.uniform(1.3, 2.6) * (lasts_s / _TAIL_S)
    # The channel is kilometres long and crooked: its parts arrive one after another, as rolls.
    roll = 10 ** ((7 * slow(n, rng.uniform(0.3, 0.7), rng) + 3 * slow(n, 0.09, rng)) / 20)
    envelope = (1 - np.exp(-t / onset)) * np.exp(-t / decay) * roll
    at, hz = frame_times(n), bins()
    crack = np.exp(-t / rng.uniform(0.12, 0.35))
    for _ in range(int(rng.integers(1, 4))):
        after = t - rng.uniform(0.1, 1.5)
        crack += rng.uniform(0.3, 0.9) * np.exp(-np.maximum(after, 0) / 0.15) * (after > 0)
    bright = near * np.minimum(crack, 1)[at][:, None]
    bright_db = bright * contour({40: 0, 300: 3, 1200: 14, 2500: 26, 8000: 34}, hz)
    gains = contour(_FAR_DB, hz) + bright_db + 3.5 * shimmer(n, 0.15, 1.0, rng)
    stroke: Samples = shaped_noise(n, gains, rng) * envelope
    stroke *= 1 + 1.5 * near**2 * np.minimum(crack, 1)
    fade = np.minimum(1, (n - np.arange(n)) / RATE)
    stroke *= fade / (np.abs(stroke).max() + 1e-9)
    return stroke


def clap(
    kind: str, near: float, rng: np.random.Generator, length_s: float | None = None
) -> Samples:
    """One stroke of a kind, 9 s or a longer `length_s`, peak 1; `near` 0 (the kind's farthest)
    … 1."""
    lowest, highest = _NEARNESS[kind]
    return _stroke(lowest + (highest - lowest) * near, rng, max(_TAIL_S, length_s or 0.0))


def thunder(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """A thunderstorm from a rare far roll (near 0) to stroke on stroke (1). Shape (n,)."""
    n = len(intensity)
    lowest, highest = _NEARNESS[choose(KINDS, kind, rng)]
    # The storm's own breath never stops: strokes beyond the horizon, melted into one.
    gains = contour(_FAR_DB, bins()) + 5 * slow(n, 0.7, rng)[frame_times(n)][:, None]
    bed = unit(shaped_noise(n, gains + 4 * shimmer(n, 0.2, 1.2, rng), rng))
    out = lasting(rng).uniform(0.02, 0.06) * bed
    for at in event_times(0.12 + 0.33 * intensity, rng, lead_s=_TAIL_S):
        here = intensity[min(max(at, 0), n - 1)]
        near = float(np.clip(here + rng.uniform(-0.2, 0.2), 0, 1))
        stroke = _stroke(lowest + (highest - lowest) * near, rng)
        place(out, stroke * rng.uniform(0.4, 1), at)
    return 0.45 * level(intensity, 22) * out
