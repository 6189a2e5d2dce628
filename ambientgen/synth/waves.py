"""Waves: the rumble of a swell, the crash across the whole spectrum, the hiss of the backwash."""

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
    frame_times,
    level,
    shaped_noise,
    shimmer,
    slow,
    sprinkle,
    unit,
)

KINDS: dict[str, str] = {
    "sand": "waves rolling onto a sandy beach",
    "rocks": "waves crashing on rocks",
    "pebbles": "waves dragging over pebbles",
}

# Kind -> (ranges of the crash's rise and the backwash's decay in s; level of clatter in the wash).
_SHORES = {
    "sand": ((0.2, 0.6), (1.0, 2.2), 0.0),
    "rocks": ((0.03, 0.15), (0.5, 1.2), 0.1),
    "pebbles": ((0.1, 0.3), (0.9, 1.8), 0.6),
}


def _breakers(n: int, kind: str, rng: np.random.Generator) -> tuple[Samples, Samples, Samples]:
    """Envelopes 0…1 of swell, crash and backwash over n samples."""
    t = np.arange(n) / RATE
    swell, crash, wash = np.zeros(n), np.zeros(n), np.zeros(n)
    rises, fades, _ = _SHORES[kind]
    traits = lasting(rng, "breakers")
    period = traits.uniform(4.5, 8.5)
    rise, fade = traits.uniform(*rises), traits.uniform(*fades)
    at = -rng.uniform(0, period)
    while at < n / RATE + period:
        size, front = rng.uniform(0.6, 1), rise * rng.uniform(0.7, 1.4)
        since = np.maximum(t - at, 0)
        # The swell gathers for a second before it breaks and is gone soon after.
        swell += size * np.where(t < at, np.exp((t - at) / 0.7), np.exp(-since / 0.5))
        crash += size * (1 - np.exp(-since / front)) * np.exp(-since / (0.35 * fade + front))
        wash += size * (1 - np.exp(-since / 0.7)) ** 2 * np.exp(-since / fade)
        at += period * rng.uniform(0.85, 1.15)
    return swell, crash, wash


def breaker(kind: str, length_s: float | None, rng: np.random.Generator) -> Samples:
    """One wave: it gathers for a second, breaks and runs back, 6 to 9 s or `length_s`. rms 1."""
    rises, fades, _ = _SHORES[kind]
    length_s = length_s or rng.uniform(6, 9)
    n, since = int(length_s * RATE), np.maximum(np.arange(int(length_s * RATE)) / RATE - 1, 0)
    front, fade = rng.uniform(*rises), min(rng.uniform(*fades), length_s / 4)
    gathers = np.exp((np.minimum(np.arange(n) / RATE, 1) - 1) / 0.4)
    swell = gathers * np.exp(-since / 0.5)
    crash = (1 - np.exp(-since / front)) * np.exp(-since / (0.35 * fade + front))
    wash = (1 - np.exp(-since / 0.7)) ** 2 * np.exp(-since / fade)
    tilt = rng.uniform(-2, 2)
    made = _surf(kind, (swell, crash, wash), np.full(n, 1e-4), tilt, rng)
    whole = np.arange(n) / RATE
    return made * np.clip(whole / 0.3, 0, 1) * np.clip((length_s - whole) / (0.3 * length_s), 0, 1)


def _surf(
    kind: str,
    breakers: tuple[Samples, ...],
    far_power: Samples,
    tilt: float,
    rng: np.random.Generator,
) -> Samples:
    """Waves of these envelopes (swell, crash, wash) before a far sea of such power. Shape (n,).

    tilt: dB by which the highs are stronger.
    """
    swell, crash, wash = breakers
    n, traits = len(swell), lasting(rng, "surf")
    at, hz = frame_times(n), bins()

    def band(points: dict[float, float], envelope: Samples) -> Samples:
        power = np.maximum(envelope[at], 1e-5)[:, None]
        return 10 ** (contour(points, hz) / 10) * power

    far = band({40: 6, 300: 6, 800: 3, 2000: -3, 8000: -14}, far_power)
    low = band({40: 9, 200: 8, 500: 5, 1000: -2, 2500: -14, 8000: -30}, 0.6 * swell**1.5)
    mid = band({40: 3, 200: 5, 600: 7, 1500: 5, 3500: 2 + tilt, 8000: -5 + tilt}, 2 * crash**1.5)
    high = band({40: -20, 500: -8, 1500: 0, 3000: 3 + tilt, 6000: 2 + tilt, 8000: -1}, 0.45 * wash)
    # Foam breaks in patches: short, a few bands wide.
    patches = traits.uniform(1.0, 2.2) * (shimmer(n, 0.05, 0.8, rng) + shimmer(n, 0.25, 1.5, rng))
    surf = unit(shaped_noise(n, 10 * np.log10(far + low + mid + high) + patches, rng))
    grains = [
        decaying_tone(traits.uniform(1200, 6000), traits.uniform(0.003, 0.02), traits, noise=0.5)
        for _ in range(24)
    ]
    stones = sprinkle(20 + 500 * wash + 200 * crash, grains, rng, spread=0.9)
    clatter = _SHORES[kind][2]
    return surf + (clatter + 0.05) * 4 * stones * np.minimum(wash + crash, 1)


def waves(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Surf from ripples on the sand (near 0) to heavy breakers (1). Shape (n,)."""
    n = len(intensity)
    kind = choose(KINDS, kind, rng)
    breakers = _breakers(n, kind, rng)
    traits = lasting(rng)
    tilt = traits.uniform(-2, 2)
    far_power = np.full(n, traits.uniform(0.02, 0.06)) * (1 + 0.5 * slow(n, 1.0, rng))
    return 0.11 * level(intensity) * _surf(kind, breakers, far_power, tilt, rng)
