"""A crowd: many voices at once, no word to be understood; syllables, formants, a room's blur."""

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
    shaped_noise,
    shimmer,
    slow,
    unit,
)

KINDS: dict[str, str] = {
    "cafe": "people chatting in a café",
    "square": "a crowd in an open square",
    "hall": "an audience murmuring in a hall",
}

# Kind -> (tail of the place in s, share of its echoes, share of the far murmur).
_PLACES = {"cafe": (0.5, 0.35, 0.35), "square": (0.25, 0.15, 0.5), "hall": (1.6, 0.55, 0.55)}


def _voice(n: int, rng: np.random.Generator) -> Samples:
    """One talker: a harmonic source in syllables of about a quarter second. Shape (n,)."""
    traits = lasting(rng)
    f0 = traits.choice([110.0, 200.0]) * traits.uniform(0.8, 1.25)
    pitch = f0 * 2 ** (0.25 * slow(n, 0.4, rng) + 0.05 * slow(n, 0.1, rng))
    phase = np.cumsum(pitch) / RATE
    source = 2 * (phase % 1) - 1 + 0.15 * rng.standard_normal(n)
    syllables = np.clip(slow(n, traits.uniform(0.09, 0.15), rng) + 0.15, 0, 1)
    phrases = np.clip(3 * slow(n, 1.2, rng) + 0.7, 0, 1)
    first = 550 * 2 ** (0.6 * slow(n, 0.15, rng))
    second = 1700 * 2 ** (0.5 * slow(n, 0.15, rng))
    t = 2 * np.pi / RATE
    # Two formants as amplitude-modulated copies of the source: cheap, and enough for a murmur.
    body = np.convolve(source, np.ones(24) / 24, mode="same")
    ring = source * (0.5 * np.sin(t * np.cumsum(first)) + 0.25 * np.sin(t * np.cumsum(second)))
    ring = np.convolve(ring, np.hanning(8) / 4, mode="same")
    voice: Samples = (body + 0.5 * ring) * syllables * phrases
    return voice


def crowd(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """People talking, from a few in a far corner (near 0) to a packed hall (1). Shape (n,)."""
    n = len(intensity)
    tail_s, wet, far = _PLACES[choose(KINDS, kind, rng)]
    out = np.zeros(n)
    talkers = 8
    traits = lasting(rng)
    for k in range(talkers):
        present = np.clip(intensity * talkers - k + 1.5, 0, 1)
        near = 10 ** traits.uniform(-0.7, 0.0)
        voice_rng = apart(rng, k)
        if present.max() > 0:
            out += present * near * _voice(n, voice_rng)
    spectrum = contour(
        {40: -6, 100: 6, 220: 14, 450: 9, 900: 1, 1800: -10, 3500: -15, 8000: -22}, bins()
    )
    # Far voices melt into patches of a syllable's length and a formant's width.
    patches = 6 * shimmer(n, 0.12, 0.7, rng) + 3 * shimmer(n, 0.35, 2.5, rng)
    murmur = unit(shaped_noise(n, spectrum + patches, rng))
    voices: Samples = blur(out, tail_s, wet, lasting(rng, "walls"))
    voices = voices / (np.sqrt(np.mean(voices**2)) + 1e-3)
    hall: Samples = np.sqrt(1 - far**2) * voices + far * murmur
    return 0.08 * level(intensity, 22) * hall
