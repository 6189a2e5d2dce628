"""Music: slow chords of one key, on a pad, a piano, strings or a harp; calm, never the same."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.chance import first_sample, lasting
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
    "pad": "a soft synthesizer pad",
    "piano": "slow piano notes",
    "strings": "slow string chords",
    "harp": "gently plucked strings",
}

# Semitones of the scales: major, natural minor, dorian, mixolydian, lydian.
_SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 5, 7, 9, 10),
    (0, 2, 4, 6, 7, 9, 11),
)
_TABLE = 4096


class _Score:
    """A key and a walk through its chords: what every instrument plays from."""

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        traits = lasting(rng, "key")
        scale = _SCALES[int(traits.integers(len(_SCALES)))]
        tonic = traits.uniform(46, 58)  # MIDI number; no need to be in tune with the world
        self.beat_s = traits.uniform(0.45, 0.9)
        self.bar_s = self.beat_s * float(traits.choice([4, 4, 6]))
        self.starts: list[float] = []
        self.chords: list[Samples] = []
        begun_s = None if (first := first_sample(rng)) is None else first / RATE
        # Of a long piece the bars are counted from its beginning: neighbours play the same.
        at = -(rng.uniform(0, self.bar_s) if begun_s is None else begun_s % self.bar_s)
        degree, chance = 0, rng
        while at < n / RATE:
            if begun_s is not None:
                chance = lasting(rng, "bar", round((begun_s + at) / self.bar_s))
                degree = int(chance.integers(7))
            size = int(chance.integers(3, 5))
            steps = [degree + 2 * k for k in range(size)]
            semitones = [scale[s % 7] + 12 * (s // 7) for s in steps]
            notes = tonic + np.array([semitones[0] - 12, *semitones], np.float64)
            self.starts.append(at)
            self.chords.append(440 * 2 ** ((notes - 69) / 12))
            degree = (degree + int(chance.choice([2, 3, 4, 5]))) % 7
            at += self.bar_s


def _table(fall: float, first: int, last: int, rng: np.random.Generator) -> Samples:
    turn = 2 * np.pi * np.arange(_TABLE) / _TABLE
    wave = np.zeros(_TABLE)
    for k in range(first, last + 1):
        wave += k**-fall * np.sin(k * turn + rng.uniform(0, 6.28))
    return wave


def _held(n: int, bright: Samples, score: _Score, bowed: bool, rng: np.random.Generator) -> Samples:
    """Chords that swell into one another. `bright` 0…1 per sample opens the tone. Shape (n,)."""
    out = np.zeros(n)
    traits = lasting(rng, "players")
    fall = traits.uniform(0.9, 1.2) if bowed else traits.uniform(1.2, 1.7)
    dull, rich = _table(fall, 1, 3, traits), _table(fall, 4, 11, traits)
    swell = score.bar_s * traits.uniform(0.2, 0.45)
    for start, chord in zip(score.starts, score.chords, strict=True):
        m = int((score.bar_s + 1.5 * swell) * RATE)
        first, last = max(0, int(start * RATE)), min(n, int(start * RATE) + m)
        if last <= first:
            continue
        t = np.arange(first, last) / RATE - start
        envelope = np.clip(t / swell, 0, 1) * np.clip((m / RATE - t) / swell, 0, 1)
        opening = bright[first:last]
        for hz in chord:
            for _ in range(2):
                wobble = 0.0025 * slow(len(t), 0.6, rng)
                if bowed:
                    turn = 2 * np.pi * rng.uniform(4.5, 6.2) * t + rng.uniform(0, 6.28)
                    wobble += 0.004 * np.sin(turn)
                steps = np.cumsum(hz * (1 + rng.uniform(-0.003, 0.003) + wobble)) / RATE
                index = ((steps + rng.uniform()) * _TABLE).astype(np.int64) % _TABLE
                tone = dull[index] + 1.4 * opening * rich[index]
                out[first:last] += np.sin(0.5 * np.pi * envelope) * tone * (220 / hz) ** 0.4
    if bowed:
        bow = {100.0: -24.0, 600: -8, 2000: 0, 4000: -3, 8000: -14}
        out += 0.03 * unit(shaped_noise(n, contour(bow, bins()), rng)) * np.sqrt(np.mean(out**2))
    return unit(out)


def _note(hz: float, decay_s: float, hard: float, rng: np.random.Generator) -> Samples:
    """One struck or plucked string: stretched partials, the high ones dying first."""
    n = int(min(2.2 * decay_s, 3.5) * RATE)
    t = np.arange(n) / RATE
    out = np.zeros(n)
    spot = rng.uniform(0.1, 0.3)
    for k in range(1, 9):
        partial = hz * k * np.sqrt(1 + 0.0004 * k * k)
        if partial > 7000:
            break
        m = min(n, int(7 * decay_s / k**0.8 * RATE))
        weight = abs(np.sin(np.pi * k * spot)) * k ** (-2.2 + 1.4 * hard)
        fall = np.exp(-t[:m] / (decay_s / k**0.8))
        out[:m] += weight * fall * np.sin(2 * np.pi * partial * t[:m] + rng.uniform(0, 6.28))
    knock = rng.standard_normal(400) * np.exp(-np.arange(400) / 60)
    out[:400] += 0.06 * hard * np.convolve(knock, np.ones(6) / 6, mode="same")
    return out * np.minimum(1, t / 0.003) * np.minimum(1, (n - np.arange(n)) / 800)


def _played(intensity: Samples, score: _Score, harp: bool, rng: np.random.Generator) -> Samples:
    """Notes of the chords one by one, more and harder with the intensity. Shape (n,)."""
    n = len(intensity)
    out = np.zeros(n)
    traits = lasting(rng, "strings")
    decay = traits.uniform(0.35, 0.8) if harp else traits.uniform(0.7, 1.5)
    step = score.beat_s / 2
    for start, chord in zip(score.starts, score.chords, strict=True):
        for k in range(round(score.bar_s / step)):
            at = int((start + k * step + rng.uniform(-0.015, 0.015)) * RATE)
            here = float(intensity[min(max(at, 0), n - 1)])
            odds = (0.35 + 0.3 * here) if k % 2 == 0 else (0.05 + 0.5 * here * (2 if harp else 1))
            if k and rng.random() > odds:
                continue
            for hz in [chord[0], *chord[2:]] if k == 0 else [rng.choice(chord[1:])]:
                octave = 2.0 if k and rng.random() < 0.4 else 1.0
                hard = float(np.clip(0.15 + 0.7 * here + rng.uniform(-0.15, 0.15), 0, 1))
                place(out, rng.uniform(0.5, 1) * _note(octave * hz, decay, hard, rng), at)
    return unit(out)


def single_note(harp: bool, strength: float, rng: np.random.Generator) -> Samples:
    """One note of a piano or a harp, up to 3.5 s, peak about 1; its key is a lasting trait."""
    key = lasting(rng, "key")
    scale = _SCALES[int(key.integers(len(_SCALES)))]
    tonic = key.uniform(46, 58)
    step = scale[int(rng.choice([0, 1, 2, 4, 5]))] + 12 * int(rng.integers(1, 3))
    decay = rng.uniform(0.35, 0.8) if harp else rng.uniform(0.7, 1.5)
    note = _note(440 * 2 ** ((tonic + step - 69) / 12), decay, 0.15 + 0.7 * strength, rng)
    return np.asarray(note / np.abs(note).max(), np.float64)


def music(intensity: Samples, rng: np.random.Generator, kind: str | None = None) -> Samples:
    """Slow music from faint and dull (near 0) to loud and open (1). Shape (n,), 16 kHz.

    `kind` is one of KINDS, drawn when None; KeyError if it is none of them.
    """
    n = len(intensity)
    kind = kind or str(rng.choice(list(KINDS)))
    if kind not in KINDS:
        raise KeyError(kind)
    score = _Score(n, rng)
    if kind in ("pad", "strings"):
        bright = np.clip(0.05 + 0.8 * intensity + 0.2 * slow(n, 2, rng), 0, 1)
        mix = _held(n, bright, score, kind == "strings", rng)
    else:
        mix = _played(intensity, score, kind == "harp", rng)
    air = unit(
        shaped_noise(n, contour({40: 4, 200: 0, 1000: -10, 4000: -20, 8000: -30}, bins()), rng)
    )
    return 0.07 * level(intensity, 22) * (mix + 0.01 * air)
