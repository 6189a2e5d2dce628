"""`python -m ambientgen.training.colours MODEL`: find how much brighter or duller, louder or softer
a model's sounds are than what they were learnt from, and write down what makes up for it.

Each state stands still at three levels, alone, and the mean power of each of its mel's bands is
compared with that of procedural sound at the same levels; then, so coloured, its loudness (EBU
R128). A state's colour is one gain for each band, at all its levels: how one level differs from
another is the model's to know. Its seeds are neither training's nor the scores'.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyloudnorm
from numpy.lib.stride_tricks import sliding_window_view

from ambientgen.cores import usable_cores
from ambientgen.mel import log_mel
from ambientgen.models.folder import EXTRAS
from ambientgen.models.loading import Model
from ambientgen.models.registry import ModelSpec, resolve
from ambientgen.synth import TEXTURES
from ambientgen.synth.signals import RATE
from ambientgen.training.keep import put_fields
from ambientgen.training.scores.bench import Takes, held
from ambientgen.training.scores.classes import LEVELS, TAKE_S
from ambientgen.training.scores.teacher import Audio, Teacher, Wish
from ambientgen.training.scores.variants import Changed
from ambientgen.training.scripts import run_script

Gains = tuple[float, ...]

FIRST_SEED, SEEDS = 7_000, 16
SURE = 2.0  # standard errors of the mean over seeds; less may be chance
WORTH_DB = 1.0  # root of a colour's mean square, or a loudness; less is as far as identities differ
BETWEEN = (0.25, 0.5, 0.25)  # neighbouring bands, of which one identity sounds in this or that
_TINY = 1e-12


@dataclass(frozen=True)
class Off:
    """How much louder renders are than procedural sound, in dB: means of bands (bands,), or one
    number, and their standard errors."""

    mean_db: Audio
    error_db: Audio

    @classmethod
    def of(cls, of_seeds: Audio) -> Off:
        """Of (seeds, ...): a seed's takes at all levels share an identity, and are one chance."""
        return cls(of_seeds.mean(0), of_seeds.std(0, ddof=1) / np.sqrt(len(of_seeds)))


def evened(off: Off) -> Audio:
    """What makes up for bands that are off, in dB (bands,); zeros if it is too little.

    Garrotte of each band (Breiman 1995): nothing up to `SURE` errors, nearly all of what is far
    beyond.
    """
    chance = (SURE * off.error_db) ** 2 / np.maximum(off.mean_db**2, _TINY)
    gains = -off.mean_db * np.maximum(0.0, 1.0 - chance)
    worth = np.sqrt(np.mean(gains**2)) >= WORTH_DB
    return np.asarray(gains if worth else np.zeros_like(gains))


def raised(loudness: Off, left: Off) -> Audio:
    """What makes up for a loudness that is off, in dB (bands,), as far as `left`, what bands are
    still off by, may be chance; zeros if it is too little, or may be chance, or a take was silent.

    A cricket's pitch is another in each identity, so that no band is off by much, nor surely. But
    the night air below and between must not be raised with the chirps.
    """
    mean, error = float(loudness.mean_db), float(loudness.error_db)
    sure = math.isfinite(mean) and math.isfinite(error)
    if not sure or abs(mean) < max(WORTH_DB, SURE * error):
        return np.zeros_like(left.mean_db)
    chance = SURE * left.error_db
    lower = np.minimum(0.0, -chance - left.mean_db)
    return np.asarray(np.clip(-mean, lower, np.maximum(0.0, chance - left.mean_db)))


def compared(renders: Audio, taught: Audio) -> Off:
    """Of levels in dB of renders and of procedural takes, each (levels, seeds, bands)."""
    padded = np.pad((renders - taught).mean(0), ((0, 0), (1, 1)), "edge")
    return Off.of(np.asarray(sliding_window_view(padded, 3, axis=1) @ np.array(BETWEEN)))


@dataclass(frozen=True)
class Comparison:
    """Of a model's sounds, which lie in `folder` meanwhile, with procedural ones."""

    spec: ModelSpec
    teacher: Teacher
    folder: Path

    def of(self, state: str) -> tuple[Off, Audio]:
        """How far bands are off without any colour, and what makes up for it (bands,)."""
        seeds = range(FIRST_SEED, FIRST_SEED + SEEDS)
        wishes = [Wish.held(state, level, TAKE_S, seed) for level in LEVELS for seed in seeds]
        self.teacher.prepare(wishes)
        taught = [self.teacher.take(wish) for wish in wishes]
        taught_db = _levels_db(taught, self.spec.geometry.mel_bins)
        off = compared(_levels_db(self._renders(wishes, {}), taught_db.shape[-1]), taught_db)
        gains = evened(off)
        coloured = self._renders(wishes, {state: tuple(gains.tolist())})
        loudness = (_loudness(coloured) - _loudness(taught)).mean(0)
        left = Off(off.mean_db + gains, off.error_db)
        return off, gains + raised(Off.of(loudness), left)

    def _renders(self, wishes: Sequence[Wish], colours: Mapping[str, Gains]) -> list[Audio]:
        """At the model's own level, without the gain of all that it renders."""

        def changed(loaded: Model) -> Model:
            return replace(loaded, spec=replace(loaded.spec, colours=colours, gain_db=0.0))

        with TemporaryDirectory(dir=self.folder) as own:  # takes are known by their scenes alone
            takes = Takes(Changed(changed), str(self.spec.folder), Path(own))
            return [
                takes.take({wish.state: held(wish.curve[0][1])}, TAKE_S, wish.seed, apart=False)
                for wish in wishes
            ]


def _levels_db(sounds: Sequence[Audio], count: int) -> Audio:
    """Mean powers of mel bands, (levels, seeds, count)."""
    mels = [log_mel(np.asarray(sound, np.float32), count) for sound in sounds]
    powers = [np.exp(2.0 * mel.astype(np.float64)).mean(0) for mel in mels]
    return np.reshape(10 * np.log10(powers), (len(LEVELS), SEEDS, count))


def _loudness(sounds: Sequence[Audio]) -> Audio:
    """In LUFS, (levels, seeds)."""
    meter = pyloudnorm.Meter(RATE)
    heard = [meter.integrated_loudness(sound) for sound in sounds]
    return np.reshape(heard, (len(LEVELS), SEEDS))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how each state sounds, and write colours into the model's ambientgen.json."""
    parser = argparse.ArgumentParser(prog="python -m ambientgen.training.colours")
    parser.add_argument("model", help="a model folder that ambientgen made")
    parser.add_argument("--states", nargs="+", metavar="STATE", choices=sorted(TEXTURES))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for procedural takes")
    asked = parser.parse_args(arguments)
    spec = resolve(asked.model)
    states = asked.states or [s for s in spec.states or TEXTURES if s in TEXTURES]
    colours = dict(spec.colours)
    with TemporaryDirectory() as folder:
        teacher = Teacher(asked.keep or Path(folder), usable_cores())
        comparison = Comparison(spec, teacher, Path(folder))
        print("| state | bands are off by, dB (root of mean square) | left | gains, dB |")
        print("|---|---|---|---|")
        for state in states:
            off, gains = comparison.of(state)
            colours.pop(state, None)
            if gains.any():
                colours[state] = tuple((np.round(gains, 1) + 0.0).tolist())
            put_fields(spec.folder / EXTRAS, {"colours": colours})
            print(_row(state, off, gains), flush=True)


def _row(state: str, off: Off, gains: Audio) -> str:
    left = off.mean_db + gains
    sizes = [f"{np.sqrt(np.mean(each**2)):.1f}" for each in (off.mean_db, left)]
    told = f"{gains.min():+.1f} to {gains.max():+.1f}" if gains.any() else "–"
    return f"| {state} | {' | '.join(sizes)} | {told} |"


if __name__ == "__main__":
    run_script(main)
