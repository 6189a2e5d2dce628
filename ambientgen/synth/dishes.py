"""Dishes: cups, plates, cutlery and glasses touching, each thing ringing in its own modes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ambientgen.synth.chance import lasting
from ambientgen.synth.signals import (
    RATE,
    Samples,
    bins,
    contour,
    event_times,
    level,
    place,
    shaped_noise,
    unit,
)

KINDS: dict[str, str] = {
    "cups": "cups set down on saucers",
    "plates": "plates being stacked",
    "cutlery": "cutlery clinking",
    "glasses": "glasses clinking",
}


@dataclass(frozen=True)
class _Ware:
    """What a material does: range of its lowest mode, ringing time, hardness of a touch."""

    low_hz: tuple[float, float]
    decay_s: tuple[float, float]
    click: float
    bounce: float


# Stoneware is deep and dry, china higher, glass rings longest, steel is thin and bright.
_WARES = {
    "cups": _Ware((900, 2200), (0.03, 0.13), 0.5, 0.5),
    "plates": _Ware((450, 1300), (0.05, 0.2), 0.6, 0.6),
    "cutlery": _Ware((1600, 3400), (0.04, 0.25), 0.45, 0.65),
    "glasses": _Ware((1200, 2800), (0.1, 0.4), 0.2, 0.25),
}


class _Thing:
    """One cup or fork: fixed modes, of which every touch wakes a different mixture."""

    def __init__(self, ware: _Ware, rng: np.random.Generator) -> None:
        self.ware = ware
        count = int(rng.integers(6, 11))
        low = np.exp(rng.uniform(*np.log(ware.low_hz)))
        ratios = np.cumprod(np.concatenate([[1.0], rng.uniform(1.12, 1.75, count - 1)]))
        self.modes = low * ratios[low * ratios < 7600]
        decay = np.exp(rng.uniform(*np.log(ware.decay_s)))
        self.decays = decay * ratios[: len(self.modes)] ** -0.6
        self.decays *= rng.uniform(0.5, 1.4, len(self.modes))

    def touch(self, rng: np.random.Generator) -> Samples:
        """One touch, energy 1."""
        n = int(min(5 * self.decays.max(), 1.2) * RATE) + 400
        t = np.arange(n) / RATE
        out = np.zeros(n)
        for hz, decay in zip(self.modes, self.decays, strict=True):
            tone = np.sin(2 * np.pi * hz * t + rng.uniform(0, 6.28))
            out += rng.uniform(0.05, 1) ** 1.5 * tone * np.exp(-t / decay)
        click = rng.standard_normal(n) * np.exp(-t / rng.uniform(0.0008, 0.003))
        table = np.sin(2 * np.pi * rng.uniform(120, 350) * t) * np.exp(-t / 0.02)
        out = unit(out) * (n / RATE / 0.1) ** 0.5 + self.ware.click * 8 * (click + 0.4 * table)
        out *= np.minimum(1, t / 0.0004) * np.minimum(1, (n - np.arange(n)) / 400)
        touch: Samples = out / (np.sqrt(np.sum(out**2)) + 1e-12)
        return touch


def _rattle(touches: list[Samples], bounce: float, rng: np.random.Generator) -> Samples:
    """A thing put down: one touch, or several that come closer and fainter until it lies still."""
    count = 1 + int(rng.geometric(1 - bounce)) if rng.random() < bounce else 1
    gap, fall = rng.uniform(0.04, 0.16), rng.uniform(0.55, 0.85)
    out = np.zeros(int(1.6 * RATE))
    at, size = 0.0, 1.0
    for _ in range(min(count, 9)):
        place(out, size * touches[int(rng.integers(len(touches)))], int(at * RATE))
        at += gap * rng.uniform(0.8, 1.2)
        gap, size = gap * fall, size * fall * rng.uniform(0.7, 1.2)
    return out


def _scrape(rng: np.random.Generator) -> Samples:
    """A fork or a plate drawn over another: a short stuttering hiss with a squeak in it."""
    n = int(rng.uniform(0.15, 0.5) * RATE)
    u = np.arange(n) / n
    centre = rng.uniform(2000, 5000)
    points = {100.0: -30.0, centre / 3: -14, centre: 4, min(1.8 * centre, 7500): -6, 8000: -14}
    stutter = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(20, 60) * np.cumsum(0.5 + u) / RATE)
    hiss = shaped_noise(n, contour(points, bins()), rng) * stutter * np.sin(np.pi * u)
    scrape: Samples = hiss / (np.sqrt(np.sum(hiss**2)) + 1e-12)
    return scrape


def clink(kind: str, rng: np.random.Generator) -> Samples:
    """One thing of `kind` put down, energy about 1, 1.6 s."""
    thing = _Thing(_WARES[kind], rng)
    return _rattle([thing.touch(rng) for _ in range(4)], _WARES[kind].bounce, rng)


def dishes(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Clinks from one now and then (near 0) to a kitchen clattering (1). Shape (n,), 16 kHz.

    `kind` is one of KINDS (most of the things are then of it), drawn when None; KeyError if it is
    none of them.
    """
    n = len(intensity)
    kind = kind or str(rng.choice(list(KINDS)))
    traits = lasting(rng)
    wares = [_WARES[kind]] * 4 + [_WARES[str(traits.choice(list(KINDS)))] for _ in range(2)]
    things = [_Thing(ware, traits) for ware in wares]
    touches = [[thing.touch(rng) for _ in range(4)] for thing in things]
    out = np.zeros(n)
    # Clinks a second: one in about a second and a half for the faintest, a dozen for the busiest.
    rate = 0.55 * (20**intensity)
    times = event_times(rate, rng, lead_s=1.0)
    if not times or times[-1] < 0:
        times.append(int(rng.uniform(0, 0.8) * n))
    for at in times:
        here = intensity[min(max(at, 0), n - 1)]
        k = int(rng.integers(len(things)))
        near = rng.uniform(0.35, 1) ** (1.5 - 0.7 * here)
        place(out, near * _rattle(touches[k], wares[k].bounce, rng), at)
    for at in event_times(0.06 * rate, rng):
        place(out, rng.uniform(0.3, 0.9) * _scrape(rng), at)
    air = unit(
        shaped_noise(n, contour({40: 6, 200: 2, 800: -6, 2500: -14, 8000: -24}, bins()), rng)
    )
    return level(intensity, 11) * 0.9 * np.tanh((2.4 * out + 0.0015 * air) / 0.9)
