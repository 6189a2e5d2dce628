"""`python -m ambientgen.training.gains MODEL`: find how much louder or softer a model's sounds are
than what they were learnt from, and write down what makes up for it.

Each state stands still at three levels, alone, and its loudness (EBU R128) is compared with that of
procedural sound at the same levels. A state's gain is one number for all its levels: how much
louder one level is than another is the model's to know. Its seeds are neither training's nor the
scores'.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyloudnorm

from ambientgen.cores import usable_cores
from ambientgen.models.folder import EXTRAS
from ambientgen.models.loading import Model
from ambientgen.models.registry import resolve
from ambientgen.synth import TEXTURES
from ambientgen.synth.signals import RATE
from ambientgen.training.keep import put_fields
from ambientgen.training.scores.bench import Takes, held
from ambientgen.training.scores.classes import LEVELS, TAKE_S
from ambientgen.training.scores.teacher import Audio, Teacher, Wish
from ambientgen.training.scores.variants import Changed
from ambientgen.training.scripts import run_script

FIRST_SEED, SEEDS = 7_000, 8
WORTH_DB = 2.0  # as far as an identity of one state may be louder than another
SURE = 2.0  # standard errors of the mean over seeds; less may be chance


@dataclass(frozen=True)
class Off:
    """How much louder renders are than procedural sound, in dB: at each level, the mean of all, and
    its standard error."""

    levels_db: tuple[float, ...]
    mean_db: float
    error_db: float

    @property
    def gain_db(self) -> float | None:
        """What makes up for it, in tenths; None: it is too little, or may be chance, or some take
        was silent."""
        told = abs(self.mean_db) >= max(WORTH_DB, SURE * self.error_db)
        told = told and math.isfinite(self.mean_db) and math.isfinite(self.error_db)
        return round(-self.mean_db, 1) if told else None


def compared(renders: Audio, taught: Audio) -> Off:
    """Loudness in LUFS of renders and of procedural takes, each (levels, seeds). A seed's takes at
    all levels share an identity, so that chance is counted by seeds."""
    apart = renders - taught
    of_seeds = apart.mean(0)
    error = float(of_seeds.std(ddof=1) / math.sqrt(len(of_seeds)))
    return Off(tuple(apart.mean(1).tolist()), float(of_seeds.mean()), error)


def listen(model: str, state: str, teacher: Teacher, folder: Path) -> Off:
    """How loud a state of a model is without gains of states; its sounds lie in `folder`."""
    seeds = range(FIRST_SEED, FIRST_SEED + SEEDS)
    wishes = [Wish.held(state, level, TAKE_S, seed) for level in LEVELS for seed in seeds]
    teacher.prepare(wishes)
    takes = Takes(Changed(_plain), model, folder)
    renders = [
        takes.take({state: held(wish.curve[0][1])}, TAKE_S, wish.seed, apart=False)
        for wish in wishes
    ]
    gain_db = resolve(model).gain_db  # what is procedural has none
    return compared(_loudness(renders) - gain_db, _loudness([teacher.take(w) for w in wishes]))


def _loudness(sounds: Sequence[Audio]) -> Audio:
    """In LUFS, (levels, seeds)."""
    meter = pyloudnorm.Meter(RATE)
    heard = [meter.integrated_loudness(sound) for sound in sounds]
    return np.reshape(heard, (len(LEVELS), SEEDS))


def _plain(loaded: Model) -> Model:
    return replace(loaded, spec=replace(loaded.spec, gains={}))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how loud each state is, and write gains into the model's ambientgen.json."""
    parser = argparse.ArgumentParser(prog="python -m ambientgen.training.gains")
    parser.add_argument("model", help="a model folder that ambientgen made")
    parser.add_argument("--states", nargs="+", metavar="STATE", choices=sorted(TEXTURES))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for procedural takes")
    asked = parser.parse_args(arguments)
    spec = resolve(asked.model)
    states = asked.states or [s for s in spec.states or TEXTURES if s in TEXTURES]
    gains = dict(spec.gains)
    levels = " | ".join(f"at {level:g}" for level in LEVELS)
    with TemporaryDirectory() as folder:
        teacher = Teacher(asked.keep or Path(folder), usable_cores())
        print(f"| state | {levels} | louder by, dB | error | gain, dB |")
        print("|---" * (len(LEVELS) + 4) + "|")
        for state in states:
            off = listen(asked.model, state, teacher, Path(folder))
            gains.pop(state, None)
            if off.gain_db is not None:
                gains[state] = off.gain_db
            print(_row(state, off), flush=True)
    put_fields(spec.folder / EXTRAS, {"gains": gains})


def _row(state: str, off: Off) -> str:
    cells = [state, *(f"{value:+.1f}" for value in off.levels_db), f"{off.mean_db:+.1f}"]
    cells += [f"{off.error_db:.1f}", "–" if off.gain_db is None else f"{off.gain_db:+.1f}"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    run_script(main)
