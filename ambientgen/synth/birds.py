"""Birds: a few singers, each with its own phrases of whistles, trills and chirps, and pauses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ambientgen.synth.chance import lasting
from ambientgen.synth.signals import (
    RATE,
    Samples,
    bins,
    blur,
    choose,
    contour,
    event_times,
    level,
    place,
    shaped_noise,
    unit,
)

KINDS: dict[str, str] = {
    "song": "songbirds whistling",
    "trill": "small birds trilling",
    "chirp": "sparrows chirping",
    "cuckoo": "a cuckoo calling",
    "gulls": "gulls crying",
}

_SINGERS = 8


def _syllable(
    low: float, high: float, length_s: float, shape: int, overtones: tuple[float, ...] = ()
) -> Samples:
    """A whistle between two pitches; `overtones` are the levels of its 2nd, 3rd... harmonic."""
    n = max(32, int(length_s * RATE))
    u = np.arange(n) / n
    path = [u, 1 - u, np.sin(np.pi * u), 0.5 + 0.5 * np.sin(2 * np.pi * 3 * u)][shape]
    hz = low + (high - low) * path
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    tone = np.sin(phase)
    for k, loud in enumerate(overtones, 2):
        if k * high < 7800:
            tone += loud * np.sin(k * phase)
    return tone * np.sin(np.pi * u) ** 0.7


def _line(notes: list[tuple[Samples, float]]) -> Samples:
    """Syllables one after another, each followed by its pause in seconds."""
    return np.concatenate([np.append(s, np.zeros(int(gap * RATE))) for s, gap in notes])


def _song(rng: np.random.Generator) -> Samples:
    """Three to nine unhurried whistles out of two to four."""
    low = rng.uniform(1700, 3800)
    motif = [
        (low * rng.uniform(0.9, 1.25), low * rng.uniform(1.1, 1.8), rng.uniform(0.06, 0.28))
        for _ in range(int(rng.integers(2, 5)))
    ]
    shapes = rng.integers(0, 4, len(motif))
    gap = rng.uniform(0.03, 0.15)
    notes = []
    for _ in range(int(rng.integers(3, 10))):
        k = int(rng.integers(len(motif)))
        a, b, length = motif[k]
        whistle = _syllable(min(a, 7000), min(b, 7200), length, int(shapes[k]), (0.06,))
        notes.append((whistle * rng.uniform(0.5, 1), gap * rng.uniform(0.6, 2)))
    return _line(notes)


def _trill(rng: np.random.Generator) -> Samples:
    """One short note, eight to thirty times in a second or two."""
    low = rng.uniform(2600, 5200)
    high, beat = min(7400.0, low * rng.uniform(1.1, 1.5)), 1 / rng.uniform(9, 24)
    note = _syllable(low, high, beat * rng.uniform(0.45, 0.8), int(rng.integers(3)))
    count = int(rng.uniform(0.6, 1.8) / beat)
    swell = np.sin(np.pi * (np.arange(count) + 1) / (count + 1)) ** 0.5
    return _line([(note * loud, beat - len(note) / RATE) for loud in swell])


def _chirp(rng: np.random.Generator) -> Samples:
    """One to four bright chirps, falling, with a second harmonic."""
    high = rng.uniform(3200, 5600)
    low, length = high * rng.uniform(0.5, 0.8), rng.uniform(0.04, 0.11)
    notes = []
    for _ in range(int(rng.integers(1, 5))):
        whistle = _syllable(low, high, length, int(rng.integers(1, 3)), (0.25, 0.1))
        notes.append((whistle * rng.uniform(0.6, 1), rng.uniform(0.08, 0.3)))
    return _line(notes)


def _cuckoo(rng: np.random.Generator) -> Samples:
    """Two hollow notes, a third apart, up to three times."""
    high = rng.uniform(560, 760)
    low = high * rng.uniform(0.78, 0.86)
    call = [
        (_syllable(high * 0.98, high, 0.2, 2, (0.08,)), 0.12),
        (_syllable(low * 0.98, low, 0.32, 2, (0.08,)), rng.uniform(0.5, 0.9)),
    ]
    return _line(call * int(rng.integers(1, 4)))


def _gull(rng: np.random.Generator) -> Samples:
    """One to six mewing cries full of harmonics."""
    high = rng.uniform(900, 1500)
    cry = _syllable(high * rng.uniform(0.6, 0.85), high, rng.uniform(0.25, 0.7), 2, (0.8, 0.6, 0.3))
    return _line([(cry * rng.uniform(0.6, 1), rng.uniform(0.05, 0.3))] * int(rng.integers(1, 7)))


_PHRASES: dict[str, Callable[[np.random.Generator], Samples]] = {
    "song": _song,
    "trill": _trill,
    "chirp": _chirp,
    "cuckoo": _cuckoo,
    "gulls": _gull,
}


def phrase(kind: str, rng: np.random.Generator) -> Samples:
    """One phrase of a bird of `kind`, peak about 1, up to 6 s."""
    return _PHRASES[kind](rng)


def birds(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Birdsong from one distant bird (near 0) to a full chorus (1). Shape (n,)."""
    n = len(intensity)
    kind = choose(KINDS, kind, rng)
    out = np.zeros(n)
    traits = lasting(rng)
    for k in range(_SINGERS):
        # The first singers are the kind's own; a few others of any song answer from farther off.
        own = k < 4 or kind == "gulls"
        sort = kind if own else str(traits.choice(["song", "trill", "chirp"]))
        near = 10 ** traits.uniform(-0.5, 0) if own else 10 ** traits.uniform(-1.3, -0.4)
        phrases = [_PHRASES[sort](traits) for _ in range(1 if sort == "trill" else 3)]
        for at in event_times(0.04 + 0.2 * intensity**1.3, rng, lead_s=1.0):
            place(out, phrases[at % len(phrases)] * near * rng.uniform(0.6, 1), at)
    out = blur(out, traits.uniform(0.2, 0.9), traits.uniform(0.05, 0.3), traits)
    low = traits.uniform(4, 18)
    air = contour({40: low, 150: 0.6 * low, 600: 0, 2000: -4, 5000: -6, 8000: -9}, bins())
    hush = 10 ** traits.uniform(-1.9, -0.9)
    mix = 1.2 * out + hush * unit(shaped_noise(n, air, rng))
    return 0.18 * level(intensity, 18) * mix
