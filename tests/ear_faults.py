"""Sounds with faults planted in them: for the ear's tests, and for the table in docs/ear.md.

`python tests/ear_faults.py` prints that table, `python tests/ear_faults.py clicks` that of clicks.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from ambientgen.ear import Hearing, listen
from ambientgen.ear.gaps import gap_verdicts
from ambientgen.ear.seams import FEATURES, auc, join_features
from ambientgen.ear.trace import trace
from ambientgen.ear.verdicts import Verdict
from ambientgen.synth import TEXTURES
from ambientgen.synth.signals import bins, contour, shaped_noise

Audio = NDArray[np.float64]
RATE = 16_000
LENGTH_S, GAP_S = 48, 4.0
REPEAT_S, DROP_S, DIP_S = 5.0, 0.02, 0.64


@cache
def take(texture: str, seed: int) -> Audio:
    """A texture at constant intensity."""
    rng = np.random.default_rng([7, seed])
    made = TEXTURES[texture](np.full((LENGTH_S + 1) * RATE, 0.6), rng)
    # Half a second in, where a texture's beginning is over.
    return np.asarray(made[RATE // 2 :][: LENGTH_S * RATE], np.float64)


def noise(seconds: float, seed: int = 0) -> Audio:
    """White noise of -20 dBFS, (n,)."""
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def verdict(hearing: Hearing, name: str) -> Verdict:
    """What was found by that name."""
    return next(each for each in hearing.verdicts if each.name == name)


def joins(seed: int) -> list[float]:
    """Where faults are planted, in seconds: about every 4 s, at no round times."""
    rng = np.random.default_rng([11, seed])
    return [GAP_S * i + float(rng.uniform(-0.5, 0.5)) for i in range(1, int(LENGTH_S / GAP_S))]


def clean(texture: str, seed: int) -> Audio:
    """No fault."""
    return take(texture, seed)


def butt_splice(texture: str, seed: int) -> Audio:
    """Two takes, cut from one to the other at every join."""
    both = np.stack([take(texture, seed), take(texture, seed + 1_000)])
    side = np.searchsorted(np.array(joins(seed)) * RATE, np.arange(both.shape[1])) % 2
    return np.asarray(both[side, np.arange(both.shape[1])])


def step_of_1_db(texture: str, seed: int) -> Audio:
    """1 dB down at one join, up at the next."""
    return stepped(texture, seed, 1.0)


def stepped(texture: str, seed: int, step_db: float) -> Audio:
    """So many dB down at one join, up at the next."""
    out = take(texture, seed).copy()
    for index, time in enumerate(joins(seed)):
        out[int(time * RATE) :] *= 10 ** ((step_db if index % 2 else -step_db) / 20)
    return out


def dip_of_3_db(texture: str, seed: int) -> Audio:
    """What an equal-gain crossfade of 0.64 s does to sounds that do not correlate."""
    out = take(texture, seed).copy()
    n = int(DIP_S * RATE)
    fade = np.linspace(0, 1, n)
    for time in joins(seed):
        start = int(time * RATE) - n // 2
        out[start : start + n] *= np.sqrt(fade**2 + (1 - fade) ** 2)
    return out


def repeated_5_s(texture: str, seed: int) -> Audio:
    """Five seconds that come again half a minute later."""
    out = take(texture, seed).copy()
    n, first, second = int(REPEAT_S * RATE), int(5.3 * RATE), int(36.7 * RATE)
    out[second : second + n] = out[first : first + n]
    return out


def dropped_20_ms(texture: str, seed: int) -> Audio:
    """20 ms of nothing."""
    out = take(texture, seed).copy()
    start = int(joins(seed)[4] * RATE)
    out[start : start + int(DROP_S * RATE)] = 0
    return out


FAULTS: dict[str, tuple[Callable[[str, int], Audio], tuple[str, ...]]] = {
    "none": (clean, ()),
    "butt splice": (butt_splice, ("seams.",)),
    "1 dB step": (step_of_1_db, ("seams.step", "seams.auc")),
    "3 dB dip": (dip_of_3_db, ("seams.dip", "seams.auc")),
    "repeated 5 s": (repeated_5_s, ("repeats.",)),
    "dropped 20 ms": (dropped_20_ms, ("faults.dropouts",)),
}
"""Each fault: how it is planted, and the verdicts that are there to find it."""


CLICKS: dict[str, tuple[float, ...]] = {
    "impulse": (2, 4, 8, 16, 32),
    "tick": (2, 4, 8, 16, 32),
    "burst": (2, 4, 8, 16),
    "step": (1, 2, 4, 8, 16),
    "hole": (2, 4, 8, 16, 32),
    "stuck": (4, 16, 32),
    "phase": (0.5, 1.5, np.pi),
}
"""Each click and its sizes: times the sound's own level around it; of holes and stuck samples, how
many; of a phase, radians."""


def click(audio: Audio, kind: str, size: float, at: int, rng: np.random.Generator) -> Audio:
    """The sound with a click at sample `at`. A step is an offset that fades within 50 ms, as behind
    a high-pass filter; a burst lasts 1.5 ms."""
    out = audio.copy()
    rms = np.sqrt(np.mean(audio[max(0, at - RATE // 4) : at + RATE // 4] ** 2))
    high = size * rms * rng.choice([-1, 1])
    count = int(size)
    if kind in ("impulse", "tick"):
        out[at : at + 2] += high * np.array([1, -1 if kind == "tick" else 0])
    elif kind == "burst":
        out[at : at + 24] += size * rms * rng.standard_normal(24)
    elif kind == "step":
        fade = np.exp(-np.arange(RATE // 2) / (0.05 * RATE))[: len(out) - at]
        out[at : at + len(fade)] += high * fade
    elif kind == "phase":
        turned = size * (np.arange(len(out)) >= at)
        out += rms * np.sqrt(2) * np.sin(2 * np.pi * 440 / RATE * np.arange(len(out)) + turned)
    else:
        out[at : at + count] = 0 if kind == "hole" else out[at]
    return np.asarray(out, np.float64)


_STROKE = {40.0: 6.0, 300.0: 4.0, 1200.0: 3.0, 2500.0: 0.0, 8000.0: -8.0}


def stroke(decay_s: float, attack_s: float, rng: np.random.Generator) -> Audio:
    """Something that begins within a sample, or within `attack_s`, and dies away: a snap, a clap.
    Its noise has level 1."""
    times = np.arange(int(5 * decay_s * RATE) + 800) / RATE
    noise = shaped_noise(len(times) + 1024, contour(_STROKE, bins()), rng)[512:][: len(times)]
    shape = np.exp(-times / decay_s) * np.minimum(1, (times + 1 / RATE) / max(attack_s, 1 / RATE))
    return np.asarray(noise / np.std(noise) * shape, np.float64)


def click_s(audio: Audio) -> float | None:
    """Where the ear hears a click; None if nowhere."""
    found = next(v for v in gap_verdicts(trace([audio], RATE)) if v.name == "faults.clicks")
    return found.where_s[0] if found.where_s else None


def is_click(audio: Audio, at: int, within_s: float = 0.015) -> bool:
    """Whether the ear hears a click about sample `at`."""
    where_s = click_s(audio)
    return where_s is not None and abs(where_s - at / RATE) < within_s


def clicks() -> None:
    """Print how many planted clicks are found, and how many strokes are taken for one, of each kind
    in 10 s of each texture."""
    sounds = {name: take(name, 0)[: 10 * RATE] for name in TEXTURES}
    false = [name for name, audio in sounds.items() if click_s(audio) is not None]
    print(f"called clicks as they are: {', '.join(false) or 'none'}")
    for kind, sizes in CLICKS.items():
        for size in sizes:
            rng, found = np.random.default_rng([3, list(CLICKS).index(kind)]), []
            for name, audio in sounds.items():
                at = int(rng.uniform(2, 8) * RATE)
                found += [name] if is_click(click(audio, kind, size, at, rng), at) else []
            print(f"{kind} | {size:.3g} | {len(found)} of {len(sounds)}: {', '.join(found)}")
    for decay_s in (0.004, 0.01, 0.02, 0.05, 0.15, 0.4):
        for attack_s in (0.0, 0.015):
            rng, count, called = np.random.default_rng(4), 0, 0
            for audio in sounds.values():
                for high in (1.0, 4.0):
                    at, made = int(rng.uniform(2, 7) * RATE), stroke(decay_s, attack_s, rng)
                    out = audio.copy()
                    fits = made[: len(out) - at]
                    out[at : at + len(fits)] += high * np.std(audio) * fits
                    count, called = count + 1, called + is_click(out, at, 0.1)
            said = f"{1000 * decay_s:.0f} ms, attack {1000 * attack_s:.0f} ms"
            print(f"stroke of {said} | {called} of {count}", flush=True)


def main() -> None:
    """Print a line for every file, then pooled areas."""
    textures = sys.argv[1].split(",") if len(sys.argv) > 1 else ["rain", "wind", "stream", "fire"]
    seeds = range(int(sys.argv[2]) if len(sys.argv) > 2 else 3)
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            for texture in textures:
                for fault, (plant, _) in FAULTS.items():
                    path = Path(folder) / "fault.wav"
                    audio = plant(texture, seed)
                    soundfile.write(path, audio / np.abs(audio).max() / 2, RATE)
                    hearing = listen(path, joins_s=joins(seed))
                    failed = [f"{v.name} {v.value:.3g} ({v.limit:g})" for v in hearing.failures]
                    print(f"{texture} | {seed} | {fault} | {'; '.join(failed) or '-'}", flush=True)
    for texture in textures:
        for fault in ("none", "butt splice", "1 dB step", "3 dB dip"):
            found = [
                join_features(FAULTS[fault][0](texture, s), RATE, joins(s)).placements()
                for s in seeds
            ]
            areas = [auc(column) for column in np.concatenate(found).T]
            said = " ".join(f"{area.value:.2f}" for area in areas)
            last = f"{areas[-1].low:.2f} to {areas[-1].high:.2f}"
            print(f"pooled | {texture} | {fault} | {said} | {last}", flush=True)
    for texture in textures:
        for step_db in (1.0, 1.5, 2.0, 3.0):
            told_by_step(texture, step_db, seeds)


def told_by_step(texture: str, step_db: float, seeds: range) -> None:
    """Print how surely steps of a size are told: the area of the feature over the joins of all
    seeds, and the evidence that each seed's file gives."""
    column = FEATURES.index("step")
    found = [
        join_features(stepped(texture, s, step_db), RATE, joins(s)).placements()[:, column]
        for s in seeds
    ]
    evidence = [(each.mean() - 0.5) * np.sqrt(12 * len(each)) for each in found]
    area = auc(np.concatenate(found)).value
    said = " ".join(f"{each:.1f}" for each in evidence)
    print(f"step of {step_db:g} dB | {texture} | {area:.2f} | {said}", flush=True)


if __name__ == "__main__":
    clicks() if sys.argv[1:] == ["clicks"] else main()
