"""`python -m ambientgen.training.swelling MODEL`: find how much a model's sounds must swell, and
write it down.

Each state stands still at three levels, and how far its bands swing, each by itself and together,
is compared with procedural sound (`scores/motion.py`). Where a render moves too little, swells of
LOA of several amounts and periods are tried, and the nearest is kept, unless it leads the texture
further away. Then noise that is less or more restless is tried in the same manner, beside them and
by itself, and is kept by itself where it does as well. Its seeds are neither training's nor the
scores'. LOA of states of events is not moved unless they are named: what swells there is how often
they come, which chance does too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from ambientgen.cores import usable_cores
from ambientgen.models.folder import EXTRAS
from ambientgen.models.loading import Model
from ambientgen.models.registry import resolve
from ambientgen.swells import Swell
from ambientgen.synth import TEXTURES
from ambientgen.training.keep import put_fields
from ambientgen.training.scores.bench import Takes, held
from ambientgen.training.scores.classes import LEVELS, TAKE_S
from ambientgen.training.scores.motion import mean_swing
from ambientgen.training.scores.natural import across, heard
from ambientgen.training.scores.teacher import Audio, Teacher, Wish
from ambientgen.training.scores.thresholds import EVENTS
from ambientgen.training.scores.variants import Changed
from ambientgen.training.scripts import run_script

FIRST_SEED, SEEDS = 7_000, 8
AMOUNTS = (0.05, 0.1, 0.2, 0.3)  # more outshouts a curve, and the joins of a sea can be told
# There and back: an LOA token of a long window speaks for 1.1 s, so that 2 s are about the least.
PERIODS_S = (2.0, 6.0)
CALMER = (0.75, 0.5, 0.25, 0.0)  # shares of the noise's slow part, for what moves too much
LIVELIER = (1.25, 1.5, 1.75)  # and for what still moves too little
FURTHER = 0.005  # of the texture distance, at each choice: chance, of 24 takes
WORTH = 0.1  # of the mean miss, in octaves of the swing: swells that gain less are left out
WORTH_OF_UNREST = 0.05  # which costs no prompts, and moves no level from where its curve is

Kind = TypeVar("Kind")
Heard = tuple[Audio, float]
"""Of some takes: their swings (2, 3) in dB, and their texture distance to procedural ones."""

Listen = Callable[[Swell | None, float], Heard]


@dataclass(frozen=True)
class Found:
    """How far a state's swings (bands, together; 0.16, 0.64, 2 s) are from procedural ones, in
    octaves, and its texture distance: as they are (or with swells that are kept), and with the
    `swell` (None: none is worth it) and the `unrest` (1: that of white noise) that bring swings
    nearest."""

    still: Heard
    swelling: Heard
    swell: Swell | None
    unrest: float = 1.0


def nearest(listen: Listen, wanted: Audio, periods_s: Sequence[float] = PERIODS_S) -> Found:
    """What brings swings nearest to those `wanted`, (2, 3), in the mean of their octaves, and does
    not lead texture further away: a swell of one of `periods_s`, and then the noise's unrest; or
    unrest alone where that does as well, since it moves no level on a curve's way."""
    still = _off(listen, wanted, None)
    none = Found(still, still, None)
    alone = restless(listen, wanted, none)
    if still[0].mean() >= 0:  # LOA makes nothing steadier
        return alone
    found = [_nearest_of(period_s, listen, wanted, none) for period_s in periods_s]
    swelling = min(found, key=lambda one: _miss(one.swelling))
    if swelling.swell is None:
        return alone
    both = restless(listen, wanted, swelling)
    near = _miss(alone.swelling) <= _miss(both.swelling) + WORTH_OF_UNREST
    return alone if near and alone.swelling[1] <= both.swelling[1] + FURTHER else both


def restless(listen: Listen, wanted: Audio, before: Found) -> Found:
    """The same with the unrest that brings swings nearer still, where one is worth it."""
    best = before
    for share in CALMER if before.swelling[0].mean() > 0 else LIVELIER:
        heard = _off(listen, wanted, before.swell, share)
        if _miss(heard) >= _miss(best.swelling):
            break  # too far by now: what it does grows with it
        if heard[1] <= before.swelling[1] + FURTHER:
            best = replace(before, swelling=heard, unrest=share)
    return best if _miss(before.swelling) - _miss(best.swelling) >= WORTH_OF_UNREST else before


def _off(listen: Listen, wanted: Audio, swell: Swell | None, unrest: float = 1.0) -> Heard:
    """How far swings are from those wanted, in octaves, and the texture distance."""
    swings, texture = listen(swell, unrest)
    return np.asarray(np.log2(swings / wanted)), texture


def _nearest_of(period_s: float, listen: Listen, wanted: Audio, none: Found) -> Found:
    """The nearest swell of one period; `none` where none is worth it."""
    best, still = none, none.still
    for amount in AMOUNTS:
        swell = Swell(amount, period_s)
        found = _off(listen, wanted, swell)
        if found[0].min() > 0:
            break  # too much at every scale: what is too steady is heard less than what pumps
        if _miss(found) < _miss(best.swelling):
            best = Found(still, found, swell)
    worth = _miss(still) - _miss(best.swelling) >= WORTH
    return best if worth and best.swelling[1] <= still[1] + FURTHER else none


def _miss(heard: Heard) -> float:
    return float(np.abs(heard[0]).mean())


class Listener:
    """Hears a state of a model, whose sounds lie in `folder` for a while, beside procedural takes
    at the same levels."""

    def __init__(self, model: str, state: str, teacher: Teacher, folder: Path) -> None:
        self._model, self._state, self._folder = model, state, folder
        seeds = range(FIRST_SEED, FIRST_SEED + SEEDS)
        self._wishes = [Wish.held(state, level, TAKE_S, seed) for level in LEVELS for seed in seeds]
        teacher.prepare(self._wishes)
        taught = [teacher.take(wish) for wish in self._wishes]
        self.wanted = mean_swing(taught)
        self._taught = [heard(sound) for sound in taught]

    def __call__(self, swell: Swell | None, unrest: float) -> Heard:
        """What is heard of renders whose LOA swells so, of noise that keeps so much unrest."""
        swells: Mapping[str, Swell] = {} if swell is None else {self._state: swell}
        shares = {self._state: unrest}

        def swelling(loaded: Model) -> Model:
            return replace(loaded, spec=replace(loaded.spec, swells=swells, unrest=shares))

        levels = [wish.curve[0][1] for wish in self._wishes]
        with TemporaryDirectory(dir=self._folder) as own:
            takes = Takes(Changed(swelling), self._model, Path(own))
            sounds = [
                takes.take({self._state: held(level)}, TAKE_S, wish.seed)
                for level, wish in zip(levels, self._wishes, strict=True)
            ]
        texture = across([heard(sound) for sound in sounds], self._taught, levels)
        return mean_swing(sounds), texture


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what is found of each state, and write it into the model's ambientgen.json."""
    parser = argparse.ArgumentParser(prog="python -m ambientgen.training.swelling")
    parser.add_argument("model", help="a model folder that ambientgen made")
    parser.add_argument("--states", nargs="+", metavar="STATE", choices=sorted(TEXTURES))
    parser.add_argument("--periods", type=float, nargs="+", metavar="SECONDS", default=PERIODS_S)
    parser.add_argument("--keep-swells", action="store_true", help="search for unrest alone")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for procedural takes")
    asked = parser.parse_args(arguments)
    spec = resolve(asked.model)
    states = asked.states or [s for s in spec.states or TEXTURES if s in TEXTURES]
    swells, unrest = dict(spec.swells), dict(spec.unrest)
    with TemporaryDirectory() as folder:
        teacher = Teacher(asked.keep or Path(folder), usable_cores())
        print("| state | off by, octaves; together | texture | found | texture | swell | unrest |")
        print("|---|---|---|---|---|---|---|")
        for state in states:
            listen = Listener(asked.model, state, teacher, Path(folder))
            if asked.keep_swells or (state in EVENTS and not asked.states):
                kept = swells.get(state)
                heard = _off(listen, listen.wanted, kept)
                found = restless(listen, listen.wanted, Found(heard, heard, kept))
            else:
                found = nearest(listen, listen.wanted, asked.periods)
            _put(swells, state, found.swell)
            _put(unrest, state, None if found.unrest == 1.0 else found.unrest)
            print(_row(state, found), flush=True)
    write(spec.folder / EXTRAS, swells, unrest)


def write(path: Path, swells: Mapping[str, Swell], unrest: Mapping[str, float]) -> None:
    """Put what was found into a model's `ambientgen.json`, whatever else it says."""
    pairs = {state: [swell.amount, swell.period_s] for state, swell in swells.items()}
    put_fields(path, {"swells": pairs, "unrest": dict(unrest)})


def _put(found: dict[str, Kind], state: str, value: Kind | None) -> None:
    found.pop(state, None)
    if value is not None:
        found[state] = value


def _row(state: str, found: Found) -> str:
    cells = [state]
    for off, texture in (found.still, found.swelling):
        of_bands, together = (", ".join(f"{value:+.2f}" for value in row) for row in off)
        cells += [f"{of_bands}; {together}", f"{texture:.3f}"]
    swell = found.swell
    cells.append("–" if swell is None else f"{swell.amount:g}, {swell.period_s:g} s")
    cells.append("–" if found.unrest == 1.0 else f"{found.unrest:g}")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    run_script(main)
