"""Can joins be told from other moments? Features of instants, and a detector's AUC.

Five features of an instant, each the larger the more a seam is there:

- flux: log spectra of the 60 ms after against the 60 ms before;
- step: a jump of the level, as well as the 1.2 s on both sides can tell it from the sound's own
  movement, in dB;
- dip: a hump or a hollow of the level, 0.64 s wide, told likewise, in dB;
- texture: spectrum, and its restlessness, of the 1 s after against the 1 s before;
- break: how far the waveform departs from what it foretold, within 10 ms.

Spectra are compared in units of each band's own usual difference, so that what is nothing among
gusts shows in steady noise. Joins are then compared with all
other instants of the same file: no outside norm is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, median_filter
from scipy.stats import norm
from scipy.stats import t as student

from ambientgen.ear.source import Array, finite
from ambientgen.ear.trace import FINE_S, HOP_S, Floats, Trace, trace, trace_of
from ambientgen.ear.turns import once
from ambientgen.ear.usual import DEVIATION_SHARE, MEDIANS

Mask = NDArray[np.bool_]

FEATURES = ("flux", "step", "dip", "texture", "break")

EDGE_S = 1.3
"""Instants nearer to an end of the sound lack what surrounds them, and are not judged."""

_SPACING_S = 0.1  # of other instants
_LOCAL_S = 30.0  # a join is compared with instants this near, so that a scene may change
_FEWEST_LOCAL = 100
_GUARD_S = 0.5  # instants this near to a join are partly inside a crossfade, and judged as neither
_GUARD_SHARE = 0.2  # of the distance between joins, where these are dense

# In spectra of 20 ms. A spectrum sees 32 ms, and an instant is known to 10 ms: between the last
# spectrum wholly before and the first wholly after lie three that may see both sides.
_GAP_BEFORE, _GAP_AFTER = 2, 1
_FLUX, _TEXTURE = 3, 50
_HALF_DIP = 16  # half of a dip: 0.32 s, for pocket's overlap of 0.64 s
_BIN_SIZES = (3, 3, 4, 6, 10, 14, 20)  # spectra in a context's bins, from the instant outwards
_GROUPS, _BINS = 4, len(_BIN_SIZES)  # groups of bands; bins to each side
_PARTS = 6  # of the file, each judged by what the others are like
_SEEN_S = 1.2  # what the widest features see to each side
_APART_SHARE = 0.1  # of a short file: there, others see a little of the part that is judged
_SECOND = 51  # spectra
_SHRINK = 0.01
# By so much at least features and bands are taken to vary, in dB and what counts like them: what
# moves less in a pure tone is rounding. In even noise features vary by 0.04 to 0.2.
_LEAST_SPREAD = 0.01


@dataclass(frozen=True)
class SeamFeatures:
    """The features of the joins and of all other instants of a sound.

    Attributes:
        joins_s: Times in seconds of the joins that could be judged, (n,).
        others_s: Times of the other instants, (m,), sorted.
        at_joins: The joins' features, (n, 5), in the order of `FEATURES`; medians of the other
            instants are 0, and 1 is their usual spread (`MEDIANS` median absolute deviations).
        at_others: The other instants' features, (m, 5), in the same units.
    """

    joins_s: Array
    others_s: Array
    at_joins: Array
    at_others: Array

    def placements(self) -> Array:
        """For each join the share of nearby other instants that look less like a seam: (n, 6).

        0.5 on average, and even from 0 to 1, if joins cannot be told. The first five columns are
        the features; the last is the detector, which takes the most suspicious feature of each
        instant.
        """
        joins, others = _with_detector(self)
        out = np.empty(joins.shape)
        # Of hours of sound, so that each join looks at its minute alone.
        firsts = np.searchsorted(self.others_s, self.joins_s - _LOCAL_S)
        ends = np.searchsorted(self.others_s, self.joins_s + _LOCAL_S, "right")
        for index, (first, end) in enumerate(zip(firsts, ends, strict=True)):
            near = slice(first, end) if end - first >= _FEWEST_LOCAL else slice(None)
            below = (others[near] < joins[index]).mean(axis=0)
            same = (others[near] == joins[index]).mean(axis=0)
            out[index] = below + same / 2
        return out


@dataclass(frozen=True)
class Auc:
    """Area under a detector's ROC curve over n joins, and its 95 % interval; 0.5 cannot tell."""

    joins: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Pooled:
    """The detector over the joins of many files, and each feature by itself."""

    files: int
    detector: Auc
    features: dict[str, Auc]


def join_features(audio: Array, rate: int, joins_s: Sequence[float]) -> SeamFeatures:
    """Features of a mono sound (n,) at `rate` Hz at its joins and at all other instants.

    Raises:
        ValueError: the sound is shorter than 0.5 s.
    """
    return trace_features(trace([finite(np.asarray(audio, np.float64))], rate), joins_s)


def trace_features(
    heard: Trace, joins_s: Sequence[float], apart_s: Sequence[float] = ()
) -> SeamFeatures:
    """Features at the joins and at all other instants of a sound that was heard, but for those
    near `apart_s`, which are to be judged as neither."""
    end = heard.duration_s - EDGE_S - 2 * HOP_S
    joins = np.array(sorted(t for t in joins_s if EDGE_S + HOP_S < t < end), np.float64)
    others = _others(joins, end, apart_s)
    if not len(others):
        empty = np.zeros((0, len(FEATURES)))
        return SeamFeatures(np.zeros(0), others, empty, empty)
    raw = raw_features(heard, np.concatenate([joins, others]), len(joins))
    reference = raw[len(joins) :]
    middle = np.median(reference, axis=0)
    usual = MEDIANS * np.median(np.abs(reference - middle), axis=0)
    apart = raw - middle
    apart[(np.abs(apart) < _LEAST_SPREAD) & (usual < _LEAST_SPREAD)] = 0.0
    scaled = apart / np.maximum(usual, _LEAST_SPREAD)
    return SeamFeatures(joins, others, scaled[: len(joins)], scaled[len(joins) :])


def pooled_auc(
    files: Iterable[str | PathLike[str]], joins_s: Sequence[Sequence[float]] | None = None
) -> Pooled:
    """Whether joins can be told, over all joins of many files.

    Args:
        files: Sound files; each join is compared with instants of its own file.
        joins_s: The joins of each file; those in the files' sidecars if left out, but for joins
            near the beginning of an event.

    Raises:
        UsageError: a file cannot be read.
        ValueError: no file has a join.
    """
    from ambientgen.ear.sidecar import opened_and_told

    found = []
    for index, path in enumerate(files):
        sound, told = opened_and_told(path)
        joins = told.unscripted_s if joins_s is None else joins_s[index]
        heard = trace_of(sound)
        judged, apart = once(joins or (), told.turn_s, heard.duration_s)
        found.append(trace_features(heard, judged, apart).placements())
    placements = np.concatenate(found) if found else np.zeros((0, len(FEATURES) + 1))
    if not len(placements):
        raise ValueError("no file has a join that could be judged")
    aucs = [auc(column) for column in placements.T]
    return Pooled(len(found), aucs[-1], dict(zip(FEATURES, aucs[:-1], strict=True)))


def auc(placements: Array) -> Auc:
    """The area under the ROC curve and its interval, from the joins' placements (n,).

    DeLong's interval, in which the other instants, far more numerous than the joins, add no
    uncertainty; with Student's t, and at least the spread that placements have when joins cannot be
    told (1/12), so that a handful of joins claims nothing.
    """
    n = len(placements)
    value = float(np.mean(placements))
    if n < 2:
        return Auc(n, value, 0.0, 1.0)
    deviation = max(float(np.std(placements, ddof=1)), 12**-0.5)
    reach = float(student.ppf(0.975, n - 1)) * deviation / n**0.5
    return Auc(n, value, max(0.0, value - reach), min(1.0, value + reach))


def raw_features(heard: Trace, times_s: Array, joins: int = 0) -> Array:
    """Features of every instant, unscaled: (instants, 5); the first `joins` set no norms."""
    bands = heard.bands_db.astype(np.float64)
    at = np.round(times_s / HOP_S).astype(int)
    flux = _change(bands, at, _FLUX)
    around = _contexts(bands, at)
    step, dip = _best_estimates(around, times_s, joins)
    spectra = _normed(_change(bands, at, _TEXTURE), times_s, joins)
    motion = np.abs(np.diff(bands, axis=0, prepend=bands[:1]))
    restless = _normed(_change(motion, at, _TEXTURE), times_s, joins)
    # The common part of all bands is the step's matter.
    shape = spectra - spectra.mean(axis=1, keepdims=True)
    texture = np.sqrt((shape**2).mean(axis=1) + (restless**2).mean(axis=1))
    return np.stack(
        [np.abs(flux).mean(axis=1), np.abs(step), np.abs(dip), texture, _breaks(heard, times_s)],
        axis=1,
    )


def _others(joins: Array, end: float, apart_s: Sequence[float]) -> Array:
    """All other instants; each as far from the grid of spectra as a join is, for fairness."""
    grid = np.arange(EDGE_S + 2 * HOP_S, end, _SPACING_S)
    if not len(joins):
        return grid
    apart = np.median(np.diff(joins)) if len(joins) > 1 else np.inf
    guard = min(_GUARD_S, _GUARD_SHARE * float(apart))
    phases = np.resize(joins, len(grid)) % HOP_S
    grid = np.sort(np.round(grid / HOP_S) * HOP_S + phases)
    grid = grid[(grid < end) & (grid > EDGE_S + HOP_S)]
    fenced = np.concatenate([[-np.inf], np.sort(np.concatenate([joins, apart_s])), [np.inf]])
    after = np.searchsorted(fenced, grid)
    nearest = np.minimum(grid - fenced[after - 1], fenced[after] - grid)
    return np.asarray(grid[nearest >= guard])


def _change(values: Array, at: NDArray[np.int64], span: int) -> Array:
    """Mean of `span` spectra after each instant less that of as many before: (instants, BANDS)."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    last = len(values)

    def mean(start: NDArray[np.int64]) -> Array:
        first, stop = np.clip(start, 0, last - 1), np.clip(start + span, 1, last)
        return np.asarray((total[stop] - total[first]) / (stop - first)[:, None])

    return mean(at + _GAP_AFTER) - mean(at - _GAP_BEFORE - span)


def _contexts(bands: Array, at: NDArray[np.int64]) -> Array:
    """Levels around each instant, in dB: (instants, _GROUPS * 2 * _BINS), group by group.

    In each group of neighbouring bands they count by the inverse of the variance they have from one
    spectrum to the one after next, which shares no sample with it. Spectra that stand out of their
    second are clipped, so that a crackle is no step.
    """
    if len(bands) < 3:
        return np.zeros((len(at), _GROUPS * 2 * _BINS))
    weight = 1 / (np.median(np.abs(bands[2:] - bands[:-2]), axis=0) ** 2 + 0.1)
    columns = []
    for members in np.array_split(np.arange(bands.shape[1]), _GROUPS):
        level = bands[:, members] @ weight[members] / weight[members].sum()
        middle = median_filter(level, _SECOND, mode="nearest")
        usual = MEDIANS * float(np.median(np.abs(level - middle))) + 1e-6
        columns.append(middle + np.clip(level - middle, -3 * usual, 3 * usual))
    levels = np.stack(columns)
    total = np.concatenate([np.zeros((_GROUPS, 1)), np.cumsum(levels, axis=1)], axis=1)
    edges = at[:, None, None] + _bins()[None]
    first, stop = (np.clip(edges[..., side], 0, levels.shape[1] - 1 + side) for side in (0, 1))
    binned = (total[:, stop] - total[:, first]) / np.maximum(stop - first, 1)
    return np.asarray(binned.transpose(1, 0, 2).reshape(len(at), -1))


def _bins() -> NDArray[np.int64]:
    """First and last spectrum, relative to the instant, of a context's bins: (2 * _BINS, 2)."""
    after = _GAP_AFTER + np.concatenate([[0], np.cumsum(_BIN_SIZES)])
    before = -_GAP_BEFORE + _GAP_AFTER - after
    edges = [*zip(before[:0:-1], before[-2::-1], strict=True), *pairwise(after)]
    return np.array(edges)


def _shapes() -> tuple[Array, Array]:
    """On each side, a step of 1 dB from one to the other in all groups, and a dip of 1 dB that is
    0.64 s wide, as `_best_estimate` wants them: (_GROUPS * _BINS,) each."""
    humps = []
    for first, stop in _bins()[_BINS:]:
        at = np.arange(first, stop) + 0.5
        hump = np.where(np.abs(at) < _HALF_DIP, np.cos(np.pi / 2 * at / _HALF_DIP) ** 2, 0.0)
        humps.append(np.mean(hump))
    return np.ones(_GROUPS * _BINS), np.tile(np.array(humps), _GROUPS)


def _best_estimates(around: Array, times_s: Array, joins: int) -> tuple[Array, Array]:
    """How much of a step, and of a dip, in dB, there is at each instant: best linear estimates.

    A step is what one side has more than the other, a dip what both have less. Each is told from
    that alone: half as many weights to learn are learnt better than what else there is to know.
    """
    sides = around.reshape(len(around), _GROUPS, 2, _BINS)
    before, after = sides[:, :, 0, ::-1], sides[:, :, 1]  # from the instant outwards
    step, dip = _shapes()
    apart, both = (after - before).reshape(len(around), -1), (after + before) / 2
    return (
        _best_estimate(apart, step, times_s, joins),
        _best_estimate(both.reshape(len(around), -1), dip, times_s, joins),
    )


def _best_estimate(around: Array, shape: Array, times_s: Array, joins: int) -> Array:
    """How much of `shape` (size,) there is in each of `around`, (instants, size).

    Best among the sounds that this file is made of: the covariance of its contexts says how its
    level moves by itself (Gauss and Markov). It is shrunk a little towards independence, and never
    comes from the part of the file that is judged, or joins would stand out by being new to it.
    """
    out = np.zeros(len(around))
    for inside, learnt in _parts(times_s, joins):
        known = around[learnt]
        middle = known.mean(axis=0)
        covariance = (known - middle).T @ (known - middle) / len(known)
        scale = float(np.trace(covariance)) / len(covariance) + 1e-6
        weights = np.linalg.solve(covariance + _SHRINK * scale * np.eye(len(covariance)), shape)
        out[inside] = (around[inside] - middle) @ weights / (shape @ weights)
    return out


def _normed(differences: Array, times_s: Array, joins: int) -> Array:
    """In units of each band's usual difference, clipped so that one event is not everything.

    What is usual never comes from the part of the file that is judged: an instant that had a say
    in it would look more usual than a join, which has none.
    """
    out = np.zeros_like(differences)
    for inside, learnt in _parts(times_s, joins):
        usual = np.median(np.abs(differences[learnt]), axis=0) / DEVIATION_SHARE
        usual = np.maximum(usual, _LEAST_SPREAD)
        out[inside] = np.clip(differences[inside] / usual, -6, 6)
    return out


def _parts(times_s: Array, joins: int) -> Iterator[tuple[Mask, Mask]]:
    """Each part of a file as the instants in it, and those that it is judged by: what is no join in
    any other part, and sees nothing of this one. Parts without any are left out."""
    no_join = np.arange(len(times_s)) >= joins
    apart_s = min(2 * _SEEN_S, _APART_SHARE * float(np.ptp(times_s)))
    for part in np.array_split(np.sort(times_s), _PARTS):
        if len(part):
            inside = (times_s >= part[0]) & (times_s <= part[-1])
            near = (times_s >= part[0] - apart_s) & (times_s <= part[-1] + apart_s)
            learnt = no_join & ~near
            if learnt.sum() > 1:
                yield inside, learnt


def _breaks(heard: Trace, times_s: Array) -> Array:
    """The largest jolt within 10 ms of each instant."""
    widest: Floats = maximum_filter1d(heard.jolt, 5)
    at = np.clip(np.floor(times_s / FINE_S).astype(int), 0, len(widest) - 1)
    return np.asarray(widest[at], np.float64)


def _with_detector(features: SeamFeatures) -> tuple[Array, Array]:
    """Features of joins and of others and, as last column, the most suspicious of them.

    They are on one scale, the normal score of a value among those of the other instants in other
    parts of the file: among themselves, others would never be the most unusual by as much as a
    join.
    """
    count = len(features.joins_s)
    values = np.concatenate([features.at_joins, features.at_others])
    tops = np.zeros(len(values))
    for inside, learnt in _parts(np.concatenate([features.joins_s, features.others_s]), count):
        scores = [
            _scores(values[inside, column], values[learnt, column])
            for column in range(values.shape[1])
        ]
        tops[inside] = np.max(scores, axis=0)
    both = np.column_stack([values, tops])
    return both[:count], both[count:]


def _scores(values: Array, among: Array) -> Array:
    """Normal scores of values (n,) by the share of `among`, (m,), that is smaller."""
    ranked = np.sort(among)
    below = np.searchsorted(ranked, values) + np.searchsorted(ranked, values, "right")
    floor = 0.5 / (len(ranked) + 1)
    return np.asarray(norm.ppf(np.clip(below / (2 * len(ranked)), floor, 1 - floor)))
