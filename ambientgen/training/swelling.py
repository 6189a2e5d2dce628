"""`python -m ambientgen.training.swelling MODEL`: find how much LOA must swell, and write it down.

Each state stands still at three levels, and how far its bands swing is compared with procedural
sound (`scores/motion.py`). Where a render moves too little, swells of several amounts and periods
are tried, and the nearest is kept. Its seeds are neither training's nor the scores'.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ambientgen.models.loading import Model
from ambientgen.models.registry import EXTRAS, resolve
from ambientgen.swells import Swell
from ambientgen.synth import TEXTURES
from ambientgen.training.scores.bench import Takes, held
from ambientgen.training.scores.classes import LEVELS, TAKE_S
from ambientgen.training.scores.motion import mean_swing
from ambientgen.training.scores.teacher import Audio, Teacher, Wish, available_workers
from ambientgen.training.scores.variants import Changed

FIRST_SEED, SEEDS = 7_000, 4
AMOUNTS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
PERIODS_S = (4.0, 8.0)  # an LOA token of a long window speaks for 1.1 s
WORTH = 0.1  # of the mean miss, in octaves of the swing: what gains less is left out

Swings = Callable[[str, Swell | None], Audio]


@dataclass(frozen=True)
class Found:
    """How far a state's swings (0.16, 0.64, 2 s) are from procedural ones, in octaves: as they are,
    and with the `swell` that brings them nearest (None: none is worth it)."""

    still: Audio
    swelling: Audio
    swell: Swell | None


def nearest(state: str, swings: Swings, wanted: Audio) -> Found:
    """What brings a state's swings (3,) nearest to those `wanted`, in the mean of their octaves."""
    still = np.log2(swings(state, None) / wanted)
    best = Found(still, still, None)
    if still.mean() >= 0:
        return best  # nothing makes a sound steadier
    for period_s in PERIODS_S:
        for amount in AMOUNTS:
            swell = Swell(amount, period_s)
            off = np.log2(swings(state, swell) / wanted)
            if _miss(off) < _miss(best.swelling):
                best = Found(still, off, swell)
            if off.min() > 0:
                break  # more of it would move more still
    return best if _miss(still) - _miss(best.swelling) >= WORTH else Found(still, still, None)


def _miss(off: Audio) -> float:
    return float(np.abs(off).mean())


def rendered(model: str, folder: Path) -> Swings:
    """The swings of renders by `model`, whose sounds lie in `folder` for a while."""
    wishes = [(level, FIRST_SEED + seed) for level in LEVELS for seed in range(SEEDS)]

    def swings(state: str, swell: Swell | None) -> Audio:
        swells: Mapping[str, Swell] = {} if swell is None else {state: swell}

        def swelling(loaded: Model) -> Model:
            return replace(loaded, spec=replace(loaded.spec, swells=swells))

        with TemporaryDirectory(dir=folder) as own:
            takes = Takes(Changed(swelling), model, Path(own))
            return mean_swing(
                [takes.take({state: held(level)}, TAKE_S, seed) for level, seed in wishes]
            )

    return swings


def taught(state: str, teacher: Teacher) -> Audio:
    """The swings of procedural takes at the same levels."""
    seeds = range(FIRST_SEED, FIRST_SEED + SEEDS)
    wishes = [Wish.held(state, level, TAKE_S, seed) for level in LEVELS for seed in seeds]
    teacher.prepare(wishes)
    return mean_swing([teacher.take(wish) for wish in wishes])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what is found of each state, and write it into the model's ambientgen.json."""
    parser = argparse.ArgumentParser(prog="python -m ambientgen.training.swelling")
    parser.add_argument("model", help="a model folder that ambientgen made")
    parser.add_argument("--states", nargs="+", metavar="STATE", choices=sorted(TEXTURES))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for procedural takes")
    asked = parser.parse_args(arguments)
    spec = resolve(asked.model)
    states = asked.states or [s for s in spec.states or TEXTURES if s in TEXTURES]
    swells = {state: swell for state, swell in spec.swells.items() if state not in states}
    with TemporaryDirectory() as folder:
        teacher = Teacher(asked.keep or Path(folder), available_workers())
        swings = rendered(asked.model, Path(folder))
        print(
            "| state | swings off by, octaves | with swells | amount, period |\n|---|---|---|---|"
        )
        for state in states:
            found = nearest(state, swings, taught(state, teacher))
            if found.swell is not None:
                swells[state] = found.swell
            told = (
                "–"
                if found.swell is None
                else f"{found.swell.amount:g}, {found.swell.period_s:g} s"
            )
            print(
                f"| {state} | {_row(found.still)} | {_row(found.swelling)} | {told} |", flush=True
            )
    write(spec.folder / EXTRAS, swells)


def write(path: Path, swells: Mapping[str, Swell]) -> None:
    """Put swells into a model's `ambientgen.json`, whatever else it says."""
    extras = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    extras["swells"] = {state: [swell.amount, swell.period_s] for state, swell in swells.items()}
    path.write_text(json.dumps(extras, indent=2) + "\n", encoding="utf-8")


def _row(off: Audio) -> str:
    return ", ".join(f"{value:+.2f}" for value in off)


if __name__ == "__main__":
    main()
