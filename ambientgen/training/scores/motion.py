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


def swing_db(audio: Audio) -> Audio:
    """Deviation of the levels of seven bands in time, their mean in dB, at each of SCALES_S: (3,).
    `audio` (n,) lasts 4 s or more; what does not move at all has STILL_DB."""
    powers = band_powers(audio)
    powers = powers.reshape(len(powers), -1, TOGETHER).sum(2)
    swings = []
    for scale_s in SCALES_S:
        frames = round(scale_s * RATE / HOP)
        whole = len(powers) // frames * frames
        means = powers[:whole].reshape(-1, frames, powers.shape[1]).mean(1)
        swings.append(max(STILL_DB, decibels(means).std(0).mean()))
    return np.asarray(swings)


def score(bench: Bench) -> Table:
    """Swings of single renders and of procedural takes, and how far apart they are."""
    bench.teacher.prepare(w for s in bench.states for w in single_wishes(bench, s))
    rows, apart = [], []
    for state in bench.states:
        renders = mean_swing(singles(bench, state))
        taught = mean_swing([bench.teacher.take(w) for w in single_wishes(bench, state)])
        apart.append(np.abs(np.log2(renders / taught)))
        figures = {}
        for scale_s, own, wanted in zip(SCALES_S, renders, taught, strict=True):
            figures[f"{scale_s:g} s, dB"] = float(own)
            figures[f"procedural, {scale_s:g} s"] = float(wanted)
        rows.append(Row(state, figures))
    overall = {
        f"{scale_s:g} s, dB": f"{2**value:.2f} ×"
        for scale_s, value in zip(SCALES_S, np.mean(apart, axis=0), strict=True)
    }
    rows.append(Row("**too much or too little, on the whole**", overall))
    return Table(
        "motion",
        "Moves as much as it should",
        "How far the levels of bands swing in renders of one state at one level, once powers are "
        "averaged over so many seconds, and in procedural takes: nothing to reach, but steady "
        "sounds should be steady, and the sea should swell.",
        rows,
    )


def mean_swing(takes: list[Audio]) -> Audio:
    """The geometric mean over takes."""
    return np.asarray(np.exp(np.mean([np.log(swing_db(audio)) for audio in takes], axis=0)))
