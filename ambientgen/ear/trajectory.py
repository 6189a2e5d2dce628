"""Does the sound follow the scene? Curves asked for against curves heard, state by state.

The measure is blind: it knows what each state sounds like (profiles of the procedural textures) and
nothing of the curves. The spectrum of every 20 ms is explained as a sum of the states' spectra,
none negative; what falls to a state is its level, how much of the time it sounds its density, and
both together tell its intensity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.stats import spearmanr

from ambientgen.ear.profiles import LEVELS, Profile, density_db, profiles
from ambientgen.ear.source import Array
from ambientgen.ear.trace import HOP_S, Trace
from ambientgen.ear.verdicts import Verdict, at_least, at_most
from ambientgen.state_values import state_value

if TYPE_CHECKING:
    from ambientgen.scene import Scene, State

BIN_S = 1.0
"""A value of a curve stands for so much time."""
RANK, ERROR, LAG_S = 0.5, 0.25, 5.0
LAG_SHARE = 0.05
"""Of the file, where that is more than LAG_S: an hour's ramp has no sharper time."""
AUDIBLE = 0.5
"""Share of a state's best band below which others cover it, and its curve cannot be heard."""
MOVING = 0.2
"""A curve that moves less, from its lowest to its highest, cannot be followed or missed."""

_SMOOTH = 5  # bins: single events are heard, the curve is about many
_FEWEST = 20  # bins
_ROUNDS = 40  # of unmixing; the gains have then settled to less than half a dB
_CHUNK = 3_000  # spectra unmixed at a time
_MOST_LAG = 20  # bins
_EQUAL = 0.1  # of the variance that the best lag leaves unexplained
_FAINT = (
    0.0,
    0.06,
)  # intensities below the profiles' first: silence, and where fading to it begins
_FAINT_DB = (-30.0, -3.0)  # what is expected there, relative to the first


@dataclass(frozen=True)
class HeardCurve:
    """A state's curve, asked for and heard, both means over `BIN_S` and smoothed over 5 s.

    Attributes:
        state: Its name.
        times_s: The bins' middles, (n,).
        asked, heard: Intensities 0 to 1, (n,).
        spearman: Rank correlation, -1 to 1; None where the curve stands still.
        rmse: Root mean square difference; the sound's gain is unknown, and fitted.
        lag_s: How much later than asked the sound moves; None where the curve stands still.
        heard_share: Which share of the power of its best band the state should have, 0 to 1,
            median over the time it sounds: little of it is left to hear under louder states.
    """

    state: str
    times_s: Array
    asked: Array
    heard: Array
    spearman: float | None
    rmse: float
    lag_s: float | None
    heard_share: float


def heard_curves(
    heard: Trace, scene: Scene, unfaded_s: tuple[float, float] = (0.0, np.inf)
) -> list[HeardCurve]:
    """The curves of those states whose sound is known, between two moments in seconds. None if
    these are less than 20 s apart."""
    known = [state for state in scene.states if state.name in profiles()]
    first = int(np.ceil(unfaded_s[0] / BIN_S))
    count = int(min(heard.duration_s, unfaded_s[1]) / BIN_S) - first
    if not known or count < _FEWEST:
        return []
    bins = slice(first, first + count)
    measured = _measured_db(heard, [profiles()[state.name] for state in known], bins)
    times = np.asarray((np.arange(first, first + count) + 0.5) * BIN_S, np.float64)
    asked = [_asked(scene, state, times) for state in known]
    shares = _shares([profiles()[state.name] for state in known], asked)
    return [
        _curve(state, times, curve, level, share)
        for state, curve, level, share in zip(known, asked, measured, shares, strict=True)
    ]


def trajectory_verdicts(curves: list[HeardCurve], scene: Scene, length_s: float) -> list[Verdict]:
    """Three verdicts a state; one whose sound is unknown, or that rests, is not judged."""
    found: list[Verdict] = []
    by_name = {curve.state: curve for curve in curves}
    for state in scene.states:
        name, curve = f"trajectory.{state.name}", by_name.get(state.name)
        if curve is None:
            unknown = state.name not in profiles()
            short = f"too short: {_FEWEST * BIN_S:g} s are needed"
            note = "no procedural sound to compare with" if unknown else short
            found.append(Verdict(f"{name}.spearman", None, note=note))
        elif curve.spearman is None or curve.lag_s is None:
            found.append(Verdict(f"{name}.rmse", curve.rmse, note="the curve stands still"))
        elif curve.heard_share < AUDIBLE:
            note = "not judged: other states cover it"
            found += [
                Verdict(f"{name}.spearman", curve.spearman, note=note),
                Verdict(f"{name}.rmse", curve.rmse, note=note),
            ]
        else:
            limit = max(LAG_S, LAG_SHARE * length_s)
            found += [
                at_least(f"{name}.spearman", curve.spearman, RANK),
                at_most(f"{name}.rmse", curve.rmse, ERROR),
                Verdict(
                    f"{name}.lag",
                    curve.lag_s,
                    "s",
                    abs(curve.lag_s) <= limit,
                    limit,
                    note="either way",
                ),
            ]
    return found


def silent_stretches(scene: Scene, length_s: float) -> tuple[tuple[float, float], ...]:
    """Where no state is asked for: (start, end) in seconds, to 0.1 s, widened by a second."""
    times = np.arange(0, length_s, 0.1)
    asked = np.stack([state_value(scene, state, times) for state in scene.states])
    empty = np.concatenate([[False], asked.max(axis=0) < _FAINT[1], [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(empty)).reshape(-1, 2)
    return tuple((start * 0.1 - 1.0, stop * 0.1 + 1.0) for start, stop in edges.tolist())


def _measured_db(heard: Trace, known: list[Profile], bins: slice) -> list[Array]:
    """Level and density of each state in dB, half and half, for each of `bins`."""
    spectra = np.concatenate([profile.spectra for profile in known])
    per_bin = round(BIN_S / HOP_S)
    frames = heard.bands_db[bins.start * per_bin : bins.stop * per_bin].astype(np.float64)
    parts = []
    for start in range(0, len(frames), _CHUNK):
        power = 10 ** (frames[start : start + _CHUNK] / 10)
        gains = _unmixed(power, spectra)
        parts.append(gains.reshape(len(gains), len(known), 2).sum(axis=2))
    shares = np.concatenate(parts)
    measured = []
    for column in shares.T:
        each_bin = np.array_split(column, bins.stop - bins.start)
        floor = 1e-9 * float(column.max()) + 1e-15
        level = np.array([10 * np.log10(each.mean() + floor) for each in each_bin])
        dense = np.array([density_db(each + floor) for each in each_bin])
        measured.append(uniform_filter1d((level + dense) / 2, _SMOOTH, mode="nearest"))
    return measured


def _unmixed(power: Array, spectra: Array) -> Array:
    """Gains (frames, spectra), none negative, whose sum of spectra is nearest to the power.

    Nearest in the sense of Kullback and Leibler (Lee & Seung's multiplicative rule, 2001), for
    which a quiet band counts as well as a loud one.
    """
    gains = np.repeat(power.sum(axis=1, keepdims=True) / len(spectra), len(spectra), axis=1)
    for _ in range(_ROUNDS):
        gains *= (power / (gains @ spectra + 1e-15)) @ spectra.T
    return gains


def _asked(scene: Scene, state: State, times_s: Array) -> Array:
    """The curve as the measure could hear it at best: means of bins around `times_s`, smoothed."""
    fine = times_s[:, None] + ((np.arange(10) + 0.5) / 10 - 0.5) * BIN_S
    means = state_value(scene, state, fine.ravel()).reshape(fine.shape).mean(axis=1)
    return np.asarray(uniform_filter1d(means, _SMOOTH, mode="nearest"))


def _shares(known: list[Profile], asked: list[Array]) -> list[float]:
    """What share of its best band's power each state should have, while it sounds."""
    expected = []
    for profile, curve in zip(known, asked, strict=True):
        level = np.interp(curve, *_scale(profile.level_db))
        faint, strong = profile.spectra
        spectra = faint + curve[:, None] * (strong - faint)
        expected.append(10 ** (level[:, None] / 10) * spectra)
    total = np.sum(expected, axis=0)
    shares = []
    for power, curve in zip(expected, asked, strict=True):
        best = (power / total).max(axis=1)[curve >= LEVELS[0]]
        shares.append(float(np.median(best)) if len(best) else 0.0)
    return shares


def _scale(levels_db: Array) -> tuple[Array, Array]:
    """Intensities from 0 to 1, and the decibels expected there, strictly rising."""
    decibels = np.concatenate([levels_db[0] + np.array(_FAINT_DB), levels_db])
    grid = np.concatenate([np.array(_FAINT), np.array(LEVELS)])
    return grid, np.maximum.accumulate(decibels) + 1e-3 * np.arange(len(decibels))


def _curve(state: State, times: Array, asked: Array, level_db: Array, share: float) -> HeardCurve:
    profile = profiles()[state.name]
    grid, expected = _scale((profile.level_db + profile.density_db) / 2)
    audible = asked >= LEVELS[0]
    if audible.any():
        level_db = level_db - np.median((level_db - np.interp(asked, grid, expected))[audible])
    heard = np.interp(level_db, expected, grid)
    rmse = float(np.sqrt(np.mean((heard - asked) ** 2)))
    if np.ptp(asked) < MOVING or np.ptp(level_db) == 0:
        return HeardCurve(state.name, times, asked, heard, None, rmse, None, share)
    rank = float(spearmanr(asked.round(4), level_db).statistic)
    return HeardCurve(state.name, times, asked, heard, rank, rmse, _lag_s(asked, heard), share)


def _lag_s(asked: Array, heard: Array) -> float:
    """By how much later the heard curve fits the asked one best.

    A long ramp fits nearly as well a little earlier or later: among lags that fit about equally
    well, given how well any does, the least counts.
    """
    most = min(_MOST_LAG, len(asked) // 4)
    lags = np.arange(-most, most + 1)
    padded = np.pad(asked, most, mode="edge")
    fits = np.full(len(lags), -1.0)
    for index, lag in enumerate(lags):
        moved = padded[most - lag : most - lag + len(asked)]
        if np.ptp(moved) > 0 and np.ptp(heard) > 0:
            fits[index] = np.corrcoef(moved, heard)[0, 1]
    good = lags[fits >= fits.max() - _EQUAL * (1 - fits.max() ** 2)]
    return float(good[np.abs(good).argmin()]) * BIN_S
