"""Where the scene is put into words: as many keyframes as straight lines between them need.

Automatic keyframes stand at the start and the end, at every bend of a curve, on both sides of a
jump, where a state passes one of its level words (so that in between each state blends the same two
words), and wherever else a straight line would leave a state's true value by more than
`STATE_ERROR`. Where two states' fractions cross, the blend's simplex changes without a keyframe:
each state is still exact there, only the pairing of words differs.

Placing looks no further than one chunk of an absolute grid: an edit moves no keyframe more than
`CHUNK_S` beyond the stretch of curve it changes. A border between chunks is a keyframe only if the
states are not perfectly straight around it. So the first keyframes of a long scene are found
without looking at the rest of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from ambientgen.prompts import Blend, Template
from ambientgen.state_values import JUMP_S, FloatArray, jumps_s, state_value, state_values

if TYPE_CHECKING:
    from ambientgen.scene import Scene

STATE_ERROR = 0.02
"""Most that a straight line between keyframes may leave a state's true value: a twelfth of the
distance between two level words of a known state."""

CHUNK_S = 10.0
"""Length of the grid on which placing is local: about one long window."""

_PROBE_S = 0.25  # first spacing of the probes: half of the fastest wander's knots
_SPLITS = 5  # where the states curve, so often are probes put between probes,
_LOOKS = np.array([0.3, 0.7])  # at these shares: not half way, where an ease crosses its own chord
_PROBES_PER_STRETCH = 4  # between bends, however close they are
_PROBED_ERROR = STATE_ERROR / 4  # what the probes themselves may hide between them, and
_SUSPECT = _PROBED_ERROR / 2  # how far off a chord one look between them makes it suspect
_STRAIGHT = 1e-12  # rounding alone bends a straight line by 1e-15; a smooth week by 1e-10 a chunk
_SLAB_S = 3600.0  # an hour at a time, so that memory does not grow with the scene
_AT_A_WORD = 1e-9  # closer than this is rounding
_FURTHER = 4  # where no keyframe is found in a stretch, the next one looked at is so much longer
_BISECTIONS = 28  # a quarter of a second is halved to 1 ns: within one grain of a level word


@dataclass(frozen=True, slots=True)
class Keyframe:
    """One moment put into words. `states` gives each state's value, `blend` the prompts that say
    it (the heaviest first, weights summing to 1), `prompt` the heaviest of them."""

    time_s: float
    states: Mapping[str, float]
    prompt: str
    blend: Blend


class Keyframes(Sequence[Keyframe]):
    """Keyframes in order of time. A day can have a hundred thousand: only their numbers are kept,
    and each is put into words whenever it is asked for. A slice is of the same kind."""

    __slots__ = ("_names", "_template", "_times_s", "_values")

    def __init__(
        self, names: tuple[str, ...], template: Template, times_s: FloatArray, values: FloatArray
    ) -> None:
        """`names` of the states, `times_s` (n,) rising, `values` (states, n) in 0 to 1."""
        self._names = names
        self._template = template
        self._times_s = times_s
        self._values = values

    def __len__(self) -> int:
        return len(self._times_s)

    @overload
    def __getitem__(self, index: int) -> Keyframe: ...
    @overload
    def __getitem__(self, index: slice) -> Keyframes: ...
    def __getitem__(self, index: int | slice) -> Keyframe | Keyframes:
        if isinstance(index, slice):
            times_s, values = self._times_s[index], self._values[:, index]
            return Keyframes(self._names, self._template, times_s, values)
        values = self._values[:, index]
        blend = self._template.blend(values)
        states = dict(zip(self._names, values.tolist(), strict=True))
        return Keyframe(float(self._times_s[index]), states, blend[0][0], blend)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Keyframes):
            return NotImplemented
        return (
            (self._names, self._template) == (other._names, other._template)
            and np.array_equal(self._times_s, other._times_s)
            and np.array_equal(self._values, other._values)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self)} keyframes>"


@dataclass(frozen=True)
class _Track:
    """The states sampled at rising times. A jump's later side is asked a moment after it."""

    times_s: FloatArray  # (n,)
    values: FloatArray  # (states, n)

    def joined(self, other: _Track) -> _Track:
        """Both, in order of time."""
        times = np.concatenate([self.times_s, other.times_s])
        order = np.argsort(times, kind="stable")
        values = np.concatenate([self.values, other.values], axis=1)
        return _Track(times[order], values[:, order])

    def part(self, first: int, last: int) -> _Track:
        """From sample `first` to sample `last`, both included."""
        return _Track(self.times_s[first : last + 1], self.values[:, first : last + 1])

    def off_the_line(self, corners: NDArray[np.intp]) -> FloatArray:
        """Largest distance of any state from straight lines between `corners`: shape (n,)."""
        off = np.zeros(len(self.times_s))
        for row in self.values:
            line = np.interp(self.times_s, self.times_s[corners], row[corners])
            np.maximum(off, np.abs(row - line), out=off)
        return off


def place_keyframes(
    scene: Scene,
    end_s: float | None = None,
    heard_s: float | None = None,
    from_s: float = 0.0,
) -> Keyframes:
    """Keyframes of `scene` from 0 to `end_s` (the scene's own end by default), in order of time.

    With `heard_s`, only those up to the first at or past that time: what is heard before it needs
    no more, and they are the very beginning of all of them. With `from_s`, only those from the last
    at or before that time on.

    A scene without end has a keyframe at each whole hour too, so that none depends on what is hours
    away; it needs `heard_s`.

    `keyframes: {every: 20s}` in the scene overrides automatic placing: every 20 s, at the scene's
    own end, from which on its last values hold, and at `end_s`.
    """
    end = scene.duration_s if end_s is None else end_s
    heard = end if heard_s is None else min(heard_s, end)
    every_s = scene.keyframes.every_s
    if every_s is not None:
        track = _regular(scene, min(end, heard + every_s) if scene.endless else end, every_s)
    elif scene.endless:
        track = _hours(scene, from_s, heard)
    else:
        track = _beginning(scene, end, heard)
    stop = int(np.searchsorted(track.times_s, heard)) + 1
    start = max(int(np.searchsorted(track.times_s, from_s, side="right")) - 1, 0)
    names = tuple(state.name for state in scene.states)
    # Copies, or a crop would hold on to what it was cut from.
    times_s, values = track.times_s[start:stop].copy(), track.values[:, start:stop].copy()
    return Keyframes(names, Template.of(scene), times_s, values)


def _regular(scene: Scene, end_s: float, every_s: float) -> _Track:
    """A keyframe every `every_s`, at the scene's own end and at the end."""
    parts, count = [], 0
    for stop_s in sorted({min(scene.duration_s, end_s), end_s}):
        ordinals = np.arange(count, int(np.ceil(stop_s / every_s - 1e-9)))
        parts.append(np.append(ordinals * every_s, stop_s))
        count = int(np.floor(stop_s / every_s + 1e-9)) + 1
    times = np.concatenate(parts)
    return _Track(times, state_values(scene, times))


def _hours(scene: Scene, from_s: float, heard_s: float) -> _Track:
    """Automatic keyframes of the whole hours that hold `from_s` to `heard_s`."""
    hours = range(int(from_s // _SLAB_S), max(int(np.ceil(heard_s / _SLAB_S)), 1))
    ends = [(hour * _SLAB_S, (hour + 1) * _SLAB_S) for hour in hours]
    tracks = [_automatic(replace(scene, duration_s=end_s), end_s, start) for start, end_s in ends]
    # An hour's end is the next one's start.
    times = [track.times_s[:-1] for track in tracks[:-1]]
    values = [track.values[:, :-1] for track in tracks[:-1]]
    return _Track(
        np.concatenate([*times, tracks[-1].times_s]),
        np.concatenate([*values, tracks[-1].values], axis=1),
    )


def _beginning(scene: Scene, end_s: float, heard_s: float) -> _Track:
    """Automatic keyframes from 0 to the first at or past `heard_s`, or some more.

    A scene that ends early has the keyframes of the whole up to the last border of chunks that is
    a full chunk before its end.
    """
    reach_s = heard_s
    while True:
        border_s = (np.ceil(reach_s / CHUNK_S) + 1) * CHUNK_S
        if scene.loop or border_s + CHUNK_S >= min(end_s, scene.duration_s):
            return _automatic(scene, end_s)
        early_s = border_s + CHUNK_S
        track = _automatic(replace(scene, duration_s=early_s), early_s)
        count = int(np.searchsorted(track.times_s, border_s - 4 * JUMP_S))
        if count and track.times_s[count - 1] >= heard_s:
            return track.part(0, count - 1)
        reach_s = _FURTHER * border_s


def _automatic(scene: Scene, end_s: float, start_s: float = 0.0) -> _Track:
    """The keyframes' times and values, found slab by slab, less the borders nobody needs.

    One stands at `start_s`, a border of chunks, and one at `end_s`.
    """
    places = _places(scene, end_s, start_s)
    borders = np.arange(start_s, end_s, CHUNK_S)
    borders = borders[_apart(borders, places.times_s)]
    anchors = places.joined(_Track(borders, state_values(scene, borders)))
    edges = np.searchsorted(anchors.times_s, np.arange(start_s, end_s, _SLAB_S))
    edges = np.unique(np.append(edges, len(anchors.times_s) - 1))
    slabs = [_slab(scene, anchors.part(*edge)) for edge in itertools.pairwise(edges.tolist())]
    times = [track.times_s[:-1] for track, _ in slabs]
    values = [track.values[:, :-1] for track, _ in slabs]
    track = _Track(np.concatenate(times), np.concatenate(values, axis=1))
    track = track.joined(anchors.part(int(edges[-1]), int(edges[-1])))
    needless = _straight_through(track, np.concatenate([straight for _, straight in slabs]))
    keep = ~(needless & np.isin(track.times_s, borders)) | _passes_a_word(scene, track)
    return _Track(track.times_s[keep], track.values[:, keep])


def _straight_through(track: _Track, straight: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the track goes on as it came: `straight` tells it of each stretch between places."""
    times, values = track.times_s, track.values
    through = np.zeros(len(times), dtype=bool)
    share = (times[1:-1] - times[:-2]) / (times[2:] - times[:-2])
    line = values[:, :-2] + share * (values[:, 2:] - values[:, :-2])
    level = np.abs(values[:, 1:-1] - line).max(axis=0) <= _STRAIGHT
    through[1:-1] = level & straight[:-1] & straight[1:]
    return through


def _passes_a_word(scene: Scene, track: _Track) -> NDArray[np.bool_]:
    """Where a straight state is at a word, or within two jumps' length of it, in passing: (n,)."""
    levels = np.array([[len(state.levels) - 1] for state in scene.states]) * track.values
    speed = np.abs(levels[:, 2:] - levels[:, :-2]) / (track.times_s[2:] - track.times_s[:-2])
    away = np.abs(levels - np.round(levels))[:, 1:-1]
    passes = np.zeros(len(track.times_s), dtype=bool)
    passes[1:-1] = ((speed > 0) & (away <= 3 * JUMP_S * speed + _AT_A_WORD)).any(axis=0)
    return passes


def _places(scene: Scene, end_s: float, start_s: float = 0.0) -> _Track:
    """Start, end, bends and both sides of the jumps of all states; shape (states, n) values."""
    own_end = scene.duration_s
    jumps = _distinct(*(jumps_s(scene, state) for state in scene.states))
    jumps = jumps[(jumps > start_s + 2 * JUMP_S) & (jumps < end_s + JUMP_S)]
    jumps = np.where(_apart(jumps, np.array([end_s])), jumps, end_s)
    turns = (np.array(state.bends_s(own_end)) for state in scene.states)
    bends = _distinct([start_s, own_end], *(times[times > start_s] for times in turns))
    bends = np.append(bends[(bends == start_s) | (bends < end_s - 2 * JUMP_S)], end_s)
    bends = bends[_apart(bends, jumps)]
    # The side after a jump is asked a moment later: rounding must not pick the side before it.
    track = _Track(jumps, state_values(scene, jumps + JUMP_S))
    for times in (bends, jumps - JUMP_S):
        track = track.joined(_Track(times, state_values(scene, times)))
    return track


def _distinct(*times: Iterable[float]) -> FloatArray:
    """All times, sorted; of those within two jumps' length of each other only the first."""
    every = np.unique(np.concatenate([np.asarray(part, dtype=np.float64) for part in times]))
    return every[np.diff(every, prepend=-np.inf) > 2 * JUMP_S]


def _apart(times: FloatArray, others: FloatArray) -> NDArray[np.bool_]:
    """Which of `times` are further than two jumps' length from all of `others` (sorted)."""
    if not len(others):
        return np.ones(len(times), dtype=bool)
    after = np.searchsorted(others, times)
    before, behind = others[np.maximum(after - 1, 0)], others[np.minimum(after, len(others) - 1)]
    return np.minimum(np.abs(times - before), np.abs(times - behind)) > 2 * JUMP_S


def _slab(scene: Scene, anchors: _Track) -> tuple[_Track, NDArray[np.bool_]]:
    """Keyframes from the first anchor to the last, and whether each stretch between is straight."""
    probes = _probes(scene, anchors)
    passings = _passings(scene, probes)
    passings = passings[_apart(passings, anchors.times_s)]
    new = passings[~np.isin(passings, probes.times_s)]
    track = probes.joined(_Track(new, state_values(scene, new)))
    return _fewest(track, np.isin(track.times_s, np.append(anchors.times_s, passings)))


def _probes(scene: Scene, anchors: _Track) -> _Track:
    """Anchors and moments between them, close enough that straight lines hide next to nothing."""
    widths = np.diff(anchors.times_s)
    counts = np.maximum(np.ceil(widths / _PROBE_S), _PROBES_PER_STRETCH).astype(int)
    counts[widths <= 2 * JUMP_S] = 1
    starts = np.repeat(anchors.times_s[:-1], counts)
    ordinal = np.arange(len(starts)) - np.repeat(np.cumsum(counts) - counts, counts)
    times = starts + ordinal * np.repeat(widths / counts, counts)
    new = times[ordinal > 0]
    track = anchors.joined(_Track(new, state_values(scene, new)))
    gaps = np.flatnonzero(np.diff(track.times_s) > 2 * JUMP_S)
    for _ in range(_SPLITS):
        widths, rises = np.diff(track.times_s)[gaps], np.diff(track.values)[:, gaps]
        within = track.times_s[gaps] + np.outer(_LOOKS, widths)  # (looks, gaps)
        found = state_values(scene, within.ravel()).reshape(-1, *within.shape)
        line = track.values[:, None, gaps] + np.multiply.outer(_LOOKS, rises).swapaxes(0, 1)
        hidden = np.abs(found - line).max(axis=(0, 1)) > _SUSPECT
        if not hidden.any():
            break
        new = within[:, hidden].ravel()
        track = track.joined(_Track(new, found[:, :, hidden].reshape(len(found), -1)))
        added = np.searchsorted(track.times_s, new)
        gaps = np.unique(np.concatenate([added - 1, added]))
    return track


def _passings(scene: Scene, probes: _Track) -> FloatArray:
    """When a state passes one of its level words, at a probe or between two, sorted."""
    found = [np.empty(0)]
    is_gap = np.diff(probes.times_s) > 2 * JUMP_S
    for row, state in zip(probes.values, scene.states, strict=True):
        last = len(state.levels) - 1
        off = row - (np.arange(1, last) / max(last, 1))[:, None]  # (words between the ends, probes)
        side = np.where(np.abs(off) < _AT_A_WORD, 0.0, np.sign(off))
        at = (side[:, 1:-1] == 0) & (side[:, :-2] * side[:, 2:] < 0)
        found.append(probes.times_s[1:-1][at.any(axis=0)])
        word, before = np.nonzero((side[:, :-1] * side[:, 1:] < 0) & is_gap)
        low, high = probes.times_s[before], probes.times_s[before + 1]
        for _ in range(_BISECTIONS if len(before) else 0):
            middle = (low + high) / 2
            value = state_value(scene, state, middle)
            early = np.sign(value - (word + 1) / last) == side[word, before]
            low, high = np.where(early, middle, low), np.where(early, high, middle)
        found.append(high)
    return _distinct(*found)


def _fewest(track: _Track, chosen: NDArray[np.bool_]) -> tuple[_Track, NDArray[np.bool_]]:
    """Add keyframes until every probe is near enough to the lines: Ramer, Douglas and Peucker's
    rule (split where the line is furthest off), in all stretches at once."""
    bound = STATE_ERROR - _PROBED_ERROR
    while True:
        corners = np.flatnonzero(chosen)
        off = track.off_the_line(corners)[:-1]
        worst = np.maximum.reduceat(off, corners[:-1])
        if worst.max() <= bound:
            return _Track(track.times_s[corners], track.values[:, corners]), worst <= _STRAIGHT
        stretch = np.repeat(np.arange(len(worst)), np.diff(corners))
        candidates = np.flatnonzero((off == worst[stretch]) & (worst[stretch] > bound))
        _, firsts = np.unique(stretch[candidates], return_index=True)
        chosen = chosen.copy()
        chosen[candidates[firsts]] = True
