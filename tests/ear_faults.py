"""Sounds with faults planted in them: for the ear's tests, and for the table in docs/ear.md.

`python tests/ear_faults.py` prints that table.
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

from ambientgen.ear import listen
from ambientgen.ear.seams import FEATURES, auc, join_features
from ambientgen.synth import TEXTURES

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
    main()
