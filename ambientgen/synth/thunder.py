"""Thunder: near strokes that crack and tear, far ones that only roll; all low, all long."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.signals import (
    RATE,
    Samples,
    bins,
    contour,
    event_times,
    frame_times,
    level,
    place,
    shaped_noise,
    slow,
)

_TAIL_S = 7.0


def _stroke(near: float, rng: np.random.Generator) -> Samples:
    """One thunder, 7 s; `near` 0 (a far roll) … 1 (overhead)."""
    n = int(_TAIL_S * RATE)
    t = np.arange(n) / RATE
    onset = 0.6 * (1 - near) + 0.03
    decay = rng.uniform(1.0, 2.0)
    roll = 10 ** (8 * slow(n, 0.35, rng) / 20)
    envelope = (1 - np.exp(-t / onset)) * np.exp(-t / decay) * roll
    at = frame_times(n)
    hz = bins()
    far_db = contour({40: 15, 120: 13, 300: 8, 600: 2, 1200: -12, 2500: -28, 8000: -50}, hz)
    brightness = near * np.exp(-t[at] / 0.5)[:, None]
    bright_db = brightness * contour({40: 0, 300: 3, 1200: 14, 2500: 24, 8000: 34}, hz)
    stroke: Samples = shaped_noise(n, far_db + bright_db, rng) * envelope
    fade = np.minimum(1, (n - np.arange(n)) / RATE)
    stroke *= fade / (np.abs(stroke).max() + 1e-9)
    return stroke


def thunder(intensity: Samples, rng: np.random.Generator) -> Samples:
    """A thunderstorm from a rare far roll (near 0) to stroke on stroke (1). Shape (n,)."""
    n = len(intensity)
    out = np.zeros(n)
    for at in event_times(0.12 + 0.33 * intensity, rng, lead_s=_TAIL_S):
        here = intensity[min(max(at, 0), n - 1)]
        near = float(np.clip(here + rng.uniform(-0.35, 0.25), 0, 1))
        place(out, _stroke(near, rng) * rng.uniform(0.5, 1), at)
    return 0.45 * level(intensity, 22) * out
