"""Crickets and their kin: pulse trains on high tones, several animals each keeping its own time."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.chance import apart, lasting
from ambientgen.synth.signals import (
    RATE,
    Samples,
    bins,
    choose,
    contour,
    level,
    place,
    shaped_noise,
    slow,
    unit,
)

KINDS: dict[str, str] = {
    "field": "field crickets chirping",
    "tree": "tree crickets trilling",
    "katydids": "katydids rasping",
    "cicadas": "cicadas buzzing",
}

_ANIMALS = 8


def _chirps(n: int, rng: np.random.Generator, kind: str) -> Samples:
    """Envelope 0…1 of one animal: pulses, in chirps or without end. Shape (n,)."""
    trill = kind == "tree"
    traits = lasting(rng, "chirps")
    pulse_hz = traits.uniform(35, 60) if trill else traits.uniform(20, 45)
    pulse_n = int(traits.uniform(0.45, 0.65) / pulse_hz * RATE)
    pulse = np.sin(np.pi * np.arange(pulse_n) / pulse_n)
    pulses = int(traits.integers(2, 4)) if kind == "katydids" else int(traits.integers(3, 6))
    rest = traits.uniform(0.4, 0.9) if kind == "katydids" else traits.uniform(0.12, 0.45)
    period = 1 / pulse_hz if trill else pulses / pulse_hz + rest
    envelope = np.zeros(n)
    at = -rng.uniform(0, period)
    while at < n / RATE:
        for k in range(1 if trill else pulses):
            loud = 1.0 if trill else 0.5 + 0.5 * (k + 1) / pulses
            place(envelope, loud * pulse, int((at + k / pulse_hz) * RATE))
        at += period * rng.uniform(0.97, 1.03)
    if trill:
        envelope *= 0.8 + 0.2 * slow(n, 1.5, rng)
    return envelope


def _rasp(n: int, rng: np.random.Generator, base_hz: float) -> Samples:
    """A band of noise around `base_hz`, root mean square 0.7."""
    width = lasting(rng, "rasp").uniform(0.15, 0.3)
    octaves = np.log2(np.maximum(bins(), 40) / base_hz) / width
    return 0.7 * unit(shaped_noise(n, -12 * np.minimum(octaves**2, 5), rng))


def _animal(n: int, rng: np.random.Generator, base_hz: float, kind: str) -> Samples:
    """One animal for n samples, level about 1 in its chirps."""
    traits = lasting(rng, "animal")
    hz = base_hz * traits.uniform(0.93, 1.07)
    t = np.arange(n) / RATE
    if kind == "cicadas":
        buzz = 0.55 + 0.45 * np.sin(2 * np.pi * traits.uniform(45, 130) * t)
        return 0.7 * buzz * (0.65 + 0.35 * slow(n, 2.5, rng)) * _rasp(n, rng, hz)
    if kind == "katydids":
        return _chirps(n, rng, kind) * _rasp(n, rng, hz)
    # The file's teeth pass a little slower towards a wing stroke's end: tones are not quite still.
    wander = 0.004 * np.cumsum(slow(n, 0.05, rng)) * hz
    tone: Samples = np.sin(2 * np.pi * (hz * t + wander / RATE) + rng.uniform(0, 6.28))
    return _chirps(n, rng, kind) * tone


def chirp(kind: str, rng: np.random.Generator) -> Samples:
    """One chirp of one animal (field crickets, katydids), peak about 1, up to a second."""
    rasping = kind == "katydids"
    pulse_hz = lasting(rng, "chirps").uniform(20, 45)
    pulses = int(rng.integers(2, 4)) if rasping else int(rng.integers(3, 6))
    n = int((pulses + 0.2) / pulse_hz * RATE)
    t = np.arange(n) / RATE
    hz = lasting(rng).uniform(4200, 6500) if rasping else lasting(rng).uniform(3700, 5100)
    carrier = _rasp(n, rng, hz) if rasping else np.sin(2 * np.pi * hz * t)
    beat = t * pulse_hz
    envelope = np.where(beat < pulses, np.maximum(0, np.sin(2 * np.pi * beat)), 0)
    rise = 0.5 + 0.5 * (np.floor(beat) + 1) / pulses
    return np.asarray(envelope * rise * carrier, np.float64)


def crickets(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Crickets from a single one (near 0) to a field full (1). Shape (n,)."""
    n = len(intensity)
    kind = choose(KINDS, kind, rng)
    traits = lasting(rng)
    rasping = kind in ("katydids", "cicadas")
    base_hz = traits.uniform(4200, 6500) if rasping else traits.uniform(3700, 5100)
    out = np.zeros(n)
    for k in range(_ANIMALS):
        # Animal k joins as the intensity passes its share of the way.
        present = np.clip(intensity * _ANIMALS - k + 0.5, 0, 1)
        near = 10 ** traits.uniform(-0.9, -0.1) if k else 1.0
        own = apart(rng, k)
        if present.max() > 0 or k == 0:
            present = np.maximum(present, float(k == 0))
            out += near * present * _animal(n, own, base_hz, kind)
    low = traits.uniform(4, 14)
    night = contour({40: low, 150: 0.5 * low, 600: -3, 2000: -11, 8000: -20}, bins())
    hush = 10 ** traits.uniform(-2.2, -1.5)
    return level(intensity, 18) * (0.07 * out + hush * unit(shaped_noise(n, night, rng)))
