"""People talking: voices with throats, vowels and turns to speak, but no word in any language.

Each talker is a train of glottal pulses through four moving resonances, about four syllables a
second, in phrases that fall in pitch and end in a pause. Two talkers take turns; the more
lively the talk, the more voices join and the less they wait for one another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, rfft

from ambientgen.synth.chance import lasting
from ambientgen.synth.signals import (
    HOP,
    N_FFT,
    RATE,
    Samples,
    bins,
    contour,
    frame_times,
    level,
    shaped_noise,
    slow,
    unit,
)

KINDS: dict[str, str] = {
    "men": "men talking",
    "women": "women talking",
    "mixed": "men and women talking",
    "children": "children talking",
}

# Voice -> (lowest and highest pitch in Hz, length of the throat: formants as a factor of a man's).
_VOICES = {
    "man": (85.0, 145.0, 1.0),
    "woman": (165.0, 240.0, 1.16),
    "child": (240.0, 340.0, 1.32),
}
_CAST = {"men": ("man",), "women": ("woman",), "mixed": ("man", "woman"), "children": ("child",)}
# First three formants in Hz of ten vowels of men, rounded from Peterson & Barney (1952).
_VOWELS = np.array(
    [
        (270, 2290, 3010),
        (390, 1990, 2550),
        (530, 1840, 2480),
        (660, 1720, 2410),
        (730, 1090, 2440),
        (570, 840, 2410),
        (440, 1020, 2240),
        (300, 870, 2240),
        (640, 1190, 2390),
        (490, 1350, 1690),
    ],
    np.float64,
)
# Strength of the four resonances and their widths in Hz.
_STRENGTHS = (1.0, 0.5, 0.25, 0.12)
_WIDTHS = (80.0, 110.0, 170.0, 260.0)
# Centre and width in octaves of the hisses of s, sh and f.
_HISSES = ((5500.0, 0.5), (3000.0, 0.6), (4000.0, 1.6))
# Where the mouth rests between phrases: formants in Hz.
_REST = (500.0, 1500.0, 2500.0)
_TALKERS = 6
_TABLE = 2048

Gap = tuple[float, float]  # first and last second of a silence


@dataclass
class _Track:
    """What one mouth does, one row per moment: s, pitch factor, three formants, voice, hiss."""

    rows: list[tuple[float, ...]]
    hiss: int

    def at(self, seconds: Samples) -> Samples:
        """The seven columns at `seconds`, shape (columns - 1, len(seconds))."""
        table = np.array(self.rows).T
        return np.array([np.interp(seconds, table[0], column) for column in table[1:]])


def _phrase(track: _Track, at: float, length: float, rng: np.random.Generator) -> float:
    """Add the syllables of one phrase from `at` s on; returns the second at which it ends."""
    end, tempo = at + length, rng.uniform(0.85, 1.2)
    start, lift = at, rng.uniform(0.9, 1.15)
    question = rng.random() < 0.2
    pitch, vowel = lift, _VOWELS[int(rng.integers(10))]
    # The mouth is shut until just before, else the first sound would creep through the pause.
    track.rows.append((at - 0.04, lift, *_REST, 0.0, 0.0))
    while at < end:
        stress = rng.random() < 0.35
        fall = (at - start) / length
        last = at + 0.25 > end
        pitch = lift * (1.12 - 0.28 * fall) * (rng.uniform(1.08, 1.25) if stress else 1.0)
        pitch *= rng.uniform(0.95, 1.05) * ((1.3 if question else 0.85) if last else 1.0)
        vowel = _VOWELS[int(rng.integers(10))] * rng.uniform(0.93, 1.07, 3)
        loud = rng.uniform(0.75, 1.0) if stress else rng.uniform(0.4, 0.7)
        # The consonant: a hiss, a stop with its burst, or a hum through the nose.
        sort, closed = rng.random(), rng.uniform(0.03, 0.09) * tempo
        mouth = (250.0, vowel[1] * 0.9, vowel[2])
        voice, hiss = (0.03, rng.uniform(0.15, 0.5)) if sort < 0.35 else (0.02, 0.0)
        if sort > 0.65:
            voice = 0.35 * loud
        track.rows.append((at, pitch, *mouth, voice, 0.0))
        track.rows.append((at + 0.5 * closed, pitch, *mouth, voice, hiss))
        burst = 0.3 if 0.35 <= sort <= 0.65 else hiss * 0.5
        track.rows.append((at + closed, pitch, *(0.5 * (np.array(mouth) + vowel)), voice, burst))
        long = tempo * (0.07 + 0.11 * rng.random() + 0.06 * stress + 0.1 * last)
        track.rows.append((at + closed + 0.025, pitch, *vowel, loud, 0.0))
        track.rows.append((at + closed + long, pitch * 0.97, *vowel, 0.75 * loud, 0.0))
        at += closed + long + 0.02
    track.rows.append((at + 0.06, pitch * 0.9, *vowel, 0.0, 0.0))
    return at


def _turns(n: int, k: int, gaps: list[Gap], lively: Samples, rng: np.random.Generator) -> _Track:
    """All that talker k says in n samples.

    Talker 0 leaves `gaps`, in which talker 1 answers; others only listen to themselves.
    """
    track = _Track([(-9.0, 1.0, *_REST, 0.0, 0.0)], int(lasting(rng, "hiss", k).integers(3)))
    if k == 1:
        for at, end in gaps:
            while at < end - 0.3:
                length = float(np.clip(rng.uniform(0.5, 2.0), 0.3, end - at))
                at = _phrase(track, at, length, rng) + rng.uniform(0.1, 0.4)
        return track
    at = -rng.uniform(0, 2.5)
    while at < n / RATE:
        here = float(lively[min(max(int(at * RATE), 0), n - 1)])
        for _ in range(int(rng.integers(1, 3))):
            at = _phrase(track, at, rng.uniform(0.6, 2.2), rng) + rng.uniform(0.1, 0.4)
        # In lively talk nobody waits until the other has finished.
        pause = rng.uniform(0.8, 3.5) * (1.1 - 0.75 * here)
        if k == 0:
            gaps.append((at, at + pause + here))
        at += pause
    return track


def _pulses(pitch: Samples, rng: np.random.Generator, k: int) -> Samples:
    """Talker k's glottal pulses at `pitch` Hz per sample with some breath, shape (n,)."""
    n = len(pitch)
    turn = 2 * np.pi * np.arange(_TABLE) / _TABLE
    wave = np.zeros(_TABLE)
    traits = lasting(rng, "throat", k)
    slope = traits.uniform(0.95, 1.3)
    for i in range(1, int(min(7600 / pitch.max(), 70)) + 1):
        wave += i**-slope * np.cos(i * turn + 0.3 * i**0.5)
    phase = np.cumsum(pitch * (1 + 0.008 * slow(n, 0.02, rng))) / RATE + rng.uniform()
    source = wave[(phase * _TABLE).astype(np.int64) % _TABLE]
    return source + traits.uniform(0.02, 0.08) * rng.standard_normal(n)


def _spoken(source: Samples, gains: Samples) -> Samples:
    """`source` through gains that move by the frame, shape (frames, bins). Shape (n,).

    Frame j is centred where `frame_times` puts it; silent frames cost nothing.
    """
    frames = len(gains)
    window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    padded = np.pad(source.astype(np.float32), (N_FFT // 2, N_FFT + frames * HOP - len(source)))
    live = np.flatnonzero(gains.max(1) > 1e-4)
    index = live[:, None] * HOP + np.arange(N_FFT)
    pieces = np.zeros((frames, N_FFT), np.float32)
    pieces[live] = irfft(rfft(padded[index] * window) * gains[live], N_FFT)
    pieces *= window / 1.5
    out = np.zeros(frames * HOP + N_FFT)
    for offset in range(N_FFT // HOP):
        part = pieces[:, offset * HOP : (offset + 1) * HOP].reshape(-1)
        out[offset * HOP : offset * HOP + len(part)] += part
    return out[N_FFT // 2 : N_FFT // 2 + len(source)]


def _talker(
    n: int, track: _Track, k: int, cast: tuple[str, ...], rng: np.random.Generator
) -> tuple[Samples, Samples]:
    """Talker k's voice (n,), about 1 while speaking, and hiss power per frame and bin."""
    traits = lasting(rng, "talker", k)
    low, high, throat = _VOICES[cast[(k + int(traits.integers(2))) % len(cast)]]
    at = frame_times(n)
    columns = track.at(at / RATE)
    knots = np.interp(np.arange(n), at, columns[0])
    wander = 2 ** (0.06 * slow(n, 0.5, rng) + 0.05 * slow(n, 3, rng))
    source = _pulses(np.clip(traits.uniform(low, high) * knots * wander, 60, 600), rng, k)
    throat *= traits.uniform(0.94, 1.06)
    hz = bins().astype(np.float32)
    power = np.full((len(at), len(hz)), 0.0015, np.float32)
    formants = [*columns[1:4], np.full(len(at), 3500.0)]
    for path, strength, width in zip(formants, _STRENGTHS, _WIDTHS, strict=True):
        off = (hz - (throat * path).astype(np.float32)[:, None]) / (
            width * traits.uniform(0.9, 1.4)
        )
        power += strength**2 / (1 + off * off)
    speech = _spoken(source, np.sqrt(power) * columns[4].astype(np.float32)[:, None])
    active = np.sqrt(np.mean(speech**2) / (np.mean(columns[4] > 0.05) + 0.02)) + 1e-9
    centre, octaves = _HISSES[track.hiss]
    band = np.exp(-((np.log2(np.maximum(hz, 40) / centre) / octaves) ** 2))
    return speech / active, (0.5 * columns[5])[:, None] ** 2 * band


def conversation(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """People talking, from two in low voices (near 0) to many at once (1). Shape (n,), 16 kHz.

    `kind` is one of KINDS, drawn when None; KeyError if it is none of them.
    """
    n = len(intensity)
    kind = kind or str(rng.choice(list(KINDS)))
    cast = _CAST[kind]
    at = frame_times(n)
    hz = bins()
    out = np.zeros(n)
    hiss = np.zeros((len(at), len(hz)))
    gaps: list[Gap] = []
    for k in range(_TALKERS):
        # Talker k joins as the intensity passes their share of the way; the first two always talk.
        present = np.clip(intensity * (_TALKERS + 0.5) - k, float(k < 2), 1)
        if present.max() <= 0:
            continue
        track = _turns(n, k, gaps, intensity, rng)
        speech, hisses = _talker(n, track, k, cast, rng)
        stands = lasting(rng, "near", k)
        near = stands.uniform(0.6, 1.0) if k < 2 else stands.uniform(0.3, 0.9)
        out += near * present * speech
        hiss += hisses * (near * present[at][:, None]) ** 2
    out += shaped_noise(n, 10 * np.log10(hiss + 1e-7), rng)
    # The air of the room they stand in.
    air = unit(shaped_noise(n, contour({40: 6, 200: 0, 800: -8, 8000: -24}, hz), rng))
    return 0.05 * level(intensity, 18) * (out + 0.02 * air)
