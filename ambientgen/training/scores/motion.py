"""Does it move as much as it should? How far levels of bands swing, against procedural takes."""

from __future__ import annotations

import numpy as np

from ambientgen.synth.signals import RATE
from ambientgen.training.scores.bench import Bench
from ambientgen.training.scores.classes import single_wishes, singles
from ambientgen.training.scores.hearing import HOP, band_powers, decibels
from ambientgen.training.scores.report import Row, Table
from ambientgen.training.scores.teacher import Audio

TOGETHER = 4  # neighbouring bands taken as one: seven in all, of an octave each
STILL_DB = 0.01  # far below what any sound swings: silence has a ratio too
SCALES_S = (0.16, 0.64, 2.0)  # over which powers are averaged first: syllables, calls, swells
NAMES = [f"{how}{scale_s:g} s" for how in ("", "together, ") for scale_s in SCALES_S]


def swing_db(audio: Audio) -> Audio:
    """How far levels of seven bands deviate in time, in dB, at each of SCALES_S: (2, 3). First each
    band by itself, their mean; then the mean of their levels, which is how far they do so together.
    `audio` (n,) lasts 4 s or more; what does not move at all has STILL_DB."""
    powers = band_powers(audio)
    powers = powers.reshape(len(powers), -1, TOGETHER).sum(2)
    swings = []
    for scale_s in SCALES_S:
        frames = round(scale_s * RATE / HOP)
        whole = len(powers) // frames * frames
        levels = decibels(powers[:whole].reshape(-1, frames, powers.shape[1]).mean(1))
        swings.append([levels.std(0).mean(), levels.mean(1).std()])
    return np.asarray(swings).T.clip(STILL_DB)


def score(bench: Bench) -> Table:
    """Swings of single renders and of procedural takes, and how far apart they are."""
    bench.teacher.prepare(w for s in bench.states for w in single_wishes(bench, s))
    rows, apart = [], []
    for state in bench.states:
        renders = mean_swing(singles(bench, state))
        taught = mean_swing([bench.teacher.take(w) for w in single_wishes(bench, state)])
        apart.append(np.abs(np.log2(renders / taught)))
        figures = {}
        for name, own, wanted in zip(NAMES, renders.flat, taught.flat, strict=True):
            figures[f"{name}, dB"] = float(own)
            figures[f"procedural, {name}"] = float(wanted)
        rows.append(Row(state, figures))
    overall = {
        f"{name}, dB": f"{2**value:.2f} ×"
        for name, value in zip(NAMES, np.mean(apart, axis=0).flat, strict=True)
    }
    rows.append(Row("**too much or too little, on the whole**", overall))
    return Table(
        "motion",
        "Moves as much as it should",
        "How far the levels of bands swing in renders of one state at one level, once powers are "
        "averaged over so many seconds, and in procedural takes; and how far bands do so together. "
        "Nothing to reach, but steady sounds should be steady, and the sea should swell.",
        rows,
    )


def mean_swing(takes: list[Audio]) -> Audio:
    """The geometric mean of swings over takes: (2, 3)."""
    return np.asarray(np.exp(np.mean([np.log(swing_db(audio)) for audio in takes], axis=0)))
