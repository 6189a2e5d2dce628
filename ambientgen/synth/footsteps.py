"""Footsteps: walkers who keep their own time; every step a heel, a roll and a ball on a surface."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.chance import lasting
from ambientgen.synth.signals import (
    RATE,
    Samples,
    bins,
    contour,
    level,
    place,
    shaped_noise,
    slow,
    unit,
)

KINDS: dict[str, str] = {
    "gravel": "footsteps on gravel",
    "wood": "footsteps on a wooden floor",
    "snow": "footsteps in snow",
    "pavement": "footsteps on pavement",
}

_WALKERS = 6
_VARIANTS = 6  # steps per walker that differ: the ear notices fewer, not more


def _coloured(n: int, points: dict[float, float], rng: np.random.Generator) -> Samples:
    return unit(shaped_noise(n, contour(points, bins()), rng))


def _contact(n: int, at_s: float, rise_s: float, fall_s: float) -> Samples:
    """The force of one contact of the foot, 0…1, shape (n,)."""
    since = np.arange(n) / RATE - at_s
    force = np.clip(since / rise_s, 0, 1) * np.exp(-np.maximum(since - rise_s, 0) / fall_s)
    return np.asarray(force, np.float64)


def _ringing(n: int, modes: Samples, decay_s: float, at: int, rng: np.random.Generator) -> Samples:
    """A board or a slab struck at sample `at`: its modes dying, shape (n,)."""
    out = np.zeros(n)
    t = np.arange(n - at) / RATE
    for hz in modes:
        fall = decay_s * (modes[0] / hz) ** 0.5 * rng.uniform(0.7, 1.3)
        tone = np.sin(2 * np.pi * hz * t + rng.uniform(-0.5, 0.5)) * np.exp(-t / fall)
        out[at:] += rng.uniform(0.3, 1) * tone * np.minimum(1, t / 0.001)
    return out


def _loose(force: Samples, grain_rate: float, points: dict[float, float], shoe: Shoe) -> Samples:
    """Loose ground under a force: noise broken into grains, as many as the force moves."""
    n, rng = len(force), shoe.rng
    hits = (rng.random(n) < grain_rate * force / RATE) * np.exp(0.9 * rng.standard_normal(n))
    decay = np.exp(-np.arange(160) / RATE / shoe.grain_s)
    crunch = np.convolve(hits, decay)[:n] * _coloured(n, points, rng)
    return unit(crunch)


class Shoe:
    """What one walker keeps from step to step: weight, shoe, floor board, gait."""

    def __init__(self, kind: str, rng: np.random.Generator, walker: int = 0) -> None:
        self.rng = rng
        self.kind = kind
        traits = lasting(rng, "shoe", walker)
        self.roll_s = traits.uniform(0.06, 0.13)
        self.heel = traits.uniform(0.6, 1.0)
        self.bright = traits.uniform(-5, 5)
        self.grain_s = traits.uniform(0.0008, 0.0025)
        base = traits.uniform(70, 160) if kind == "wood" else traits.uniform(110, 240)
        self.modes: Samples = base * np.cumprod(traits.uniform(1.25, 1.8, 6)).astype(np.float64)

    def step(self) -> Samples:
        """One step, about 0.4 s, energy 1."""
        rng, n = self.rng, int(0.4 * RATE)
        roll = self.roll_s * rng.uniform(0.85, 1.15)
        heel, ball = self.heel * rng.uniform(0.8, 1.1), rng.uniform(0.4, 0.8)
        made = {"gravel": self._gravel, "snow": self._snow}.get(self.kind, self._hard)
        step = made(n, roll, heel, ball)
        out: Samples = step / (np.sqrt(np.sum(step**2)) + 1e-12)
        return out

    def _gravel(self, n: int, roll: float, heel: float, ball: float) -> Samples:
        force = heel * _contact(n, 0.005, 0.012, 0.035) + ball * _contact(n, roll, 0.04, 0.05)
        stones = {100.0: -18.0, 500: -8, 1500: 0, 3500: 3 + self.bright, 8000: -2 + self.bright}
        thud = _coloured(n, {40: 6, 120: 6, 300: -6, 800: -24, 8000: -50}, self.rng)
        return force * (_loose(force, 900, stones, self) + 0.35 * thud)

    def _snow(self, n: int, roll: float, heel: float, ball: float) -> Samples:
        force = heel * _contact(n, 0.02, 0.05, 0.05) + ball * _contact(n, roll + 0.06, 0.06, 0.06)
        pitch = 800 * 2 ** (self.bright / 12)
        creak = {80.0: -6.0, 300: -3, pitch: 4, 2 * pitch: 3, 4 * pitch: -6, 8000: -16}
        thud = _coloured(n, {40: 4, 120: 5, 250: -3, 800: -20, 8000: -50}, self.rng)
        return force * (_loose(force, 2600, creak, self) + 0.3 * thud)

    def _hard(self, n: int, roll: float, heel: float, ball: float) -> Samples:
        """A floor that rings (wood) or only knocks (pavement)."""
        rng, wood = self.rng, self.kind == "wood"
        decay = 0.035 if wood else 0.009
        out = np.zeros(n)
        scuff = {100.0: -20.0, 600: -6, 1500: 0, 3500: 1 + self.bright, 8000: -8 + self.bright}
        for at_s, size in ((0.004, heel), (roll, 0.45 * ball)):
            knock = _ringing(n, self.modes, decay, int(at_s * RATE), rng)
            click = _contact(n, at_s, 0.001, 0.004 if wood else 0.007)
            slide = _contact(n, at_s + 0.01, 0.02, 0.03)
            dry = _coloured(n, scuff, rng) * (click + (0.05 if wood else 0.12) * slide)
            out += size * (knock * (0.5 if wood else 0.35) + dry * (0.5 if wood else 1.0))
        return out


def footsteps(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Steps from one slow walker (near 0) to six in a hurry (1). Shape (n,), 16 kHz.

    `kind` is one of KINDS, drawn when None; KeyError if it is none of them.
    """
    n = len(intensity)
    kind = kind or str(rng.choice(list(KINDS)))
    if kind not in KINDS:
        raise KeyError(kind)
    out = np.zeros(n)
    for k in range(_WALKERS):
        # Walker k joins as the intensity passes their share of the way; the first always walks.
        present = np.clip(intensity * (_WALKERS + 0.5) - k, float(k == 0), 1)
        if present.max() <= 0:
            continue
        shoe = Shoe(kind, rng, k)
        steps = [shoe.step() for _ in range(_VARIANTS)]
        traits = lasting(rng, "gait", k)
        near = traits.uniform(0.35, 0.9) if k else 1.0
        limp = traits.uniform(-0.04, 0.04)
        # Steps a second: a stroll is about 1.4, a hurried walk 2.4, a run 2.9.
        pace = (1.25 + 1.35 * intensity) * traits.uniform(0.88, 1.14)
        pace *= 1 + 0.05 * slow(n, 2, rng)
        beat = np.cumsum(pace) / RATE + rng.uniform()
        count = int(beat[-1]) + 1
        due = np.arange(count) + limp * (np.arange(count) % 2) + rng.uniform(-0.03, 0.03, count)
        for i, at in enumerate(np.searchsorted(beat, due)):
            if at < n and due[i] > beat[0]:
                gain = near * present[at] * rng.uniform(0.75, 1.1)
                place(out, gain * steps[int(rng.integers(_VARIANTS))], int(at))
    air = _coloured(n, {40: 4, 150: 0, 600: -8, 2000: -14, 8000: -24}, rng)
    # Steps that fall together are rounded off rather than cut.
    return level(intensity, 14) * 0.9 * np.tanh((2.9 * out + 0.0012 * air) / 0.9)
