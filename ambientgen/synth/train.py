"""A train: wheels rolling on steel, the double beat of the rail joints, sometimes a whistle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from ambientgen.synth.chance import lasting
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
    unit,
)

KINDS: dict[str, str] = {
    "rails": "a train clattering over the rail joints",
    "far": "a train rumbling in the distance",
    "whistle": "a train blowing its whistle",
    "inside": "the inside of a moving train",
}

# Where the wheels of one carriage meet a joint, in carriage lengths: two bogies of two axles.
_WHEELS = (0.0, 0.12, 0.66, 0.78)
_ECHO_S = 1.2  # so long after a blow of the horn nothing of it is left


@dataclass(frozen=True)
class _Ride:
    """Spectrum of the rolling in dB, share of the joints, their tone, whistles a second, damping.

    `damping` is the share of the previous sample kept by a one-pole low-pass on the joints.
    """

    rolling: dict[float, float]
    joints: float
    ring: tuple[float, float]
    whistles_hz: float
    damping: float


_RIDES = {
    "rails": _Ride(
        {40: 6, 120: 8, 300: 6, 800: 4, 1600: 1, 3000: -5, 8000: -19}, 0.9, (500, 1800), 0.02, 0.2
    ),
    "far": _Ride(
        {40: 10, 100: 12, 250: 8, 500: 1, 1000: -10, 2500: -26, 8000: -48},
        0.55,
        (180, 500),
        0.07,
        0.8,
    ),
    "whistle": _Ride(
        {40: 8, 120: 9, 300: 6, 800: 1, 1600: -5, 3000: -13, 8000: -28}, 0.6, (400, 1200), 0.2, 0.5
    ),
    "inside": _Ride(
        {40: 15, 90: 15, 200: 9, 500: 0, 1200: -8, 3000: -15, 8000: -30}, 0.75, (90, 350), 0.0, 0.75
    ),
}


def _joint(ride: _Ride, rng: np.random.Generator) -> Samples:
    """One wheel over one joint: a thump in the ground, a clack in the rail. Energy 1."""
    n = int(0.25 * RATE)
    t = np.arange(n) / RATE
    thump = np.sin(2 * np.pi * rng.uniform(45, 85) * t) * np.exp(-t / 0.035)
    clack = rng.standard_normal(n) * np.exp(-t / rng.uniform(0.008, 0.018))
    for _ in range(5):
        hz = rng.uniform(*ride.ring)
        clack += 0.5 * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6.28)) * np.exp(-t / 0.03)
    body = thump + 0.8 * clack
    body = lfilter([1 - ride.damping], [1, -ride.damping], body) * np.minimum(1, t / 0.002)
    grain: Samples = body / (np.sqrt(np.sum(body**2)) + 1e-12)
    return grain


def _clatter(speed: Samples, ride: _Ride, rng: np.random.Generator) -> Samples:
    """The joints under passing carriages, level about 1 at full speed. Shape (n,)."""
    n = len(speed)
    out = np.zeros(n)
    traits = lasting(rng, "rails")
    carriages = np.cumsum(traits.uniform(1.2, 1.7) * speed) / RATE + rng.uniform()
    first = traits.uniform(0.08, 0.14) / _WHEELS[1]
    grains = [_joint(ride, traits) for _ in range(6)]
    for k in range(int(carriages[-1]) + 1):
        size = rng.uniform(0.7, 1.1)
        for i, wheel in enumerate(_WHEELS):
            due = k + (wheel if i != 1 else wheel * first) + rng.uniform(-0.006, 0.006)
            at = int(np.searchsorted(carriages, due))
            if due > carriages[0] and at < n:
                hit = size * (0.6 + 0.4 * speed[at]) * rng.uniform(0.6, 1.1)
                place(out, hit * grains[int(rng.integers(6))], at)
    return 55 * out


def _blast(chord: Samples, length_s: float, rng: np.random.Generator) -> Samples:
    """One blow of the horn: reeds that sag as they start and stop, breath around them."""
    n = int(length_s * RATE)
    t = np.arange(n) / RATE
    envelope = np.minimum(1, t / 0.12) * np.minimum(1, (length_s - t) / 0.25)
    bend = 1 - 0.03 * np.exp(-t / 0.06) - 0.04 * np.clip(1 - (length_s - t) / 0.2, 0, 1)
    out = np.zeros(n)
    for hz in chord:
        phase = 2 * np.pi * np.cumsum(hz * bend * (1 + 0.002 * slow(n, 0.15, rng))) / RATE
        for k in range(1, 6):
            out += rng.uniform(0.5, 1) / k * np.sin(k * phase + k)
    breath = rng.standard_normal(n)
    breath = lfilter([0.3], [1, -0.7], breath)
    out = (out + 0.25 * breath) * (1 + 0.15 * slow(n, 0.08, rng))
    return np.asarray(unit(out) * envelope, np.float64)


def _horn(rng: np.random.Generator) -> tuple[Samples, float]:
    """The reeds of a train's horn in Hz, and how long the driver blows it in seconds."""
    traits = lasting(rng, "horn")
    lowest_hz = traits.uniform(250, 420)
    chord = lowest_hz * np.cumprod([1, *traits.choice([1.122, 1.189, 1.26, 1.335], 3)])
    chord = np.asarray(chord[: int(traits.integers(2, 5))], np.float64)
    return chord, float(traits.uniform(0.5, 2.5))


def _whistles(n: int, ride: _Ride, rng: np.random.Generator) -> Samples:
    """Blows of one horn, each with its echo off the land. Shape (n,), level about 1."""
    out = np.zeros(n)
    chord, length = _horn(rng)
    times = event_times(np.full(n, ride.whistles_hz), rng, lead_s=1.0)
    if ride.whistles_hz > 0.1 and not times:
        times = [int(rng.uniform(0, 0.7) * n)]
    for at in times:
        for gap in (0.0, length + 0.3) if rng.random() < 0.5 else (0.0,):
            blast = _blast(chord, length * rng.uniform(0.7, 1.2), rng)
            for late, gain in ((0.0, 1.0), (rng.uniform(0.2, 0.5), 0.3), (0.8, 0.12)):
                place(out, gain * blast, at + int((gap + late) * RATE))
    soft: Samples = np.asarray(lfilter([0.5], [1, -0.5], out), np.float64)
    return 2.5 * np.tanh(soft / 2.5)


def whistle(length_s: float | None, rng: np.random.Generator) -> Samples:
    """One blow of a horn with its echo off the land, up to 4 s or `length_s`, though never less
    than 1.6 s; the horn is a lasting trait."""
    chord, usual_s = _horn(rng)
    blow_s = usual_s
    if length_s is not None:  # of a short one the better part is the blow, of a long one nearly all
        blow_s = 0.6 * length_s if length_s <= 2.5 * _ECHO_S else length_s - _ECHO_S
    blast = _blast(chord, max(0.4, blow_s), rng)
    out = np.zeros(len(blast) + int(_ECHO_S * RATE))
    for late, gain in ((0.0, 1.0), (rng.uniform(0.2, 0.5), 0.3), (0.8, 0.12)):
        place(out, gain * blast, int(late * RATE))
    return np.asarray(lfilter([0.5], [1, -0.5], out), np.float64)


def train(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """A train from faint and slow (near 0) to rushing past (1); its joints beat faster with it.

    Shape (n,), 16 kHz. `kind` is one of KINDS, drawn when None; KeyError if it is none of them.
    """
    n = len(intensity)
    kind = kind or str(rng.choice(list(KINDS)))
    ride = _RIDES[kind]
    hz, at = bins(), frame_times(n)
    speed = 0.3 + 0.7 * intensity
    octaves = np.log2(np.maximum(hz, 40) / 250)
    # Rolling noise grows brighter with speed, about 3 dB an octave from a crawl to a rush.
    traits = lasting(rng)
    tilt = traits.uniform(-1, 1) + 3 * (speed[at][:, None] - 0.65)
    sway = 1.5 * slow(n, 0.5, rng)[at][:, None]
    centre = np.log2(traits.uniform(300, 1400) / 250) + 0.3 * speed[at][:, None]
    ring = traits.uniform(0, 6) * np.exp(-(((octaves - centre) / 0.25) ** 2))
    rolling = unit(shaped_noise(n, contour(ride.rolling, hz) + tilt * octaves + sway + ring, rng))
    phase = 2 * np.pi * np.cumsum(traits.uniform(70, 130) * speed) / RATE
    motor = sum(np.sin(k * phase + k) / k for k in (1, 2, 3, 4)) * (1 + 0.3 * slow(n, 0.3, rng))
    mix = rolling + traits.uniform(0.05, 0.3) * motor
    mix += ride.joints * traits.uniform(0.6, 1.1) * _clatter(speed, ride, rng)
    if ride.whistles_hz:
        mix += _whistles(n, ride, rng)
    return 0.06 * level(intensity, 22) * mix
