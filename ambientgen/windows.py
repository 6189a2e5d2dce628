"""How the timeline is cut into the windows a model renders: long where little changes, short where
much does.

A model hears the average of a window far better than what happens when inside it, so a scene moves
from window to window. The absolute timeline is cut into blocks of the longest core, counted from
latent frame 0, and each block is halved until no join steps a state by more than `CALM_BOUND`, and
no window averages away more than that. Every choice looks only at the piece itself and as far again
to both sides: an edit in one minute moves no window in another.

A *core* is the stretch a window has to itself; it plays on for `overlap` frames more, over which
the next window fades in. Where a scene begins with a movement, one window lies before its frame 0,
told of what holds there: by itself the first would stand still up to its middle.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ambientgen.errors import Problem, SceneError
from ambientgen.levelling import moved_frames
from ambientgen.state_values import state_values
from ambientgen.survey import BoolArray, IntArray, Survey, surveyed

if TYPE_CHECKING:
    from ambientgen.scene import Scene
    from ambientgen.units import Geometry

CALM_BOUND = 0.05
"""Most that the average of a state may step at a join while shorter windows are to be had: about
1.3 dB of the 26 dB that pocket's states span; with twice that, ramps were heard
as stairs, before windows were levelled."""

LEAD_BOUND = 0.02
"""Most that the average of a first shortest core may be off from the very first level without a
window before it: half a decibel of those 26."""

_ROUNDING = 1e-9  # a steady ramp at the very bound is within it


@dataclass(frozen=True)
class WindowRule:
    """The windows a model can render, in latent frames.

    `cores` rise, each double the former; `overlap` is what a window adds to its core. All are
    multiples of `multiple` (a UNet halves its input that often), and the overlap is no longer than
    the shortest core, so that never more than two windows sound at once. `silence`: the model is
    silent where all states stand at 0, so that windows of nothing else need not be rendered.
    `levels`: windows are levelled before they are joined. `leads`: one may lie before frame 0.

    Raises:
        ValueError: for lengths that break these rules.
    """

    cores: tuple[int, ...]
    overlap: int
    multiple: int
    silence: bool = False
    levels: bool = True
    leads: bool = True

    def __post_init__(self) -> None:
        if not self.cores or self.multiple < 1 or self.cores[0] < self.multiple:
            raise ValueError("a window rule needs a core of at least one multiple of frames")
        if any(longer != 2 * core for core, longer in itertools.pairwise(self.cores)):
            raise ValueError(f"each core must be double the one before: {self.cores}")
        if self.cores[0] % self.multiple or self.overlap % self.multiple:
            raise ValueError(f"cores and overlap must be multiples of {self.multiple}")
        if not 0 <= self.overlap <= self.cores[0]:
            raise ValueError(f"overlap {self.overlap} must be 0 to {self.cores[0]}")

    @property
    def longest(self) -> int:
        """Frames of a longest window."""
        return self.cores[-1] + self.overlap

    def at_strength(self, strength: float) -> WindowRule:
        """The rule of windows that begin with a sound, as far as a `strength` below 1 says: it may
        be heard where all states stand at 0, and there is none before frame 0."""
        return self if strength >= 1.0 else replace(self, silence=False, leads=False)

    @property
    def levelled_frames(self) -> int:
        """Frames from the middle of an overlap over which windows are levelled at most: a shortest
        core (1.92 s of pocket), so that a stretch takes few windows around it. 0: none is."""
        return self.cores[0] if self.levels and self.overlap else 0

    @property
    def averaged_frames(self) -> int:
        """Frames of the longest core whose window is told its average: what is levelled throughout
        has a line in it already."""
        return self.levelled_frames

    @property
    def shortest_in_longest(self) -> int:
        """Shortest cores in a longest one."""
        return self.cores[-1] // self.cores[0]


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch of latent frames on the absolute grid: `frames` from `start_frame`, the first
    `core_frames` of them before the next window begins. In a `silent` one nothing is heard, and
    nothing rendered."""

    index: int
    start_frame: int
    frames: int
    core_frames: int
    silent: bool = False

    @property
    def overlap(self) -> int:
        """Frames that it shares with the next window."""
        return self.frames - self.core_frames


def turns(
    windows: Sequence[Window], frames: int, first: int, end: int | None
) -> Iterator[tuple[int, Window]]:
    """Each time one of a loop's windows sounds in frames `first` to `end`: where it starts."""
    ordered = sorted(windows, key=lambda window: window.start_frame)
    for turn in itertools.count(first // frames - 1):
        for window in ordered:
            start = window.start_frame + turn * frames
            if end is not None and start >= end:
                return
            if start + window.frames > first:
                yield start, window


@dataclass(frozen=True)
class Cut:
    """Consecutive blocks cut into windows: first frames, ascending, cores, and whether all states
    stand at 0 until the window has played; shape (windows,)."""

    start_frames: IntArray
    core_frames: IntArray
    at_zero: BoolArray

    def led(self) -> Cut:
        """With another window, as long as the first, before it."""
        core = self.core_frames[:1]
        return Cut(
            np.concatenate([self.start_frames[:1] - core, self.start_frames]),
            np.concatenate([core, self.core_frames]),
            np.concatenate([[False], self.at_zero]),
        )

    def until(self, end_frame: int) -> Cut:
        """Without the windows that start at or past `end_frame`."""
        kept = self.start_frames < end_frame
        return Cut(self.start_frames[kept], self.core_frames[kept], self.at_zero[kept])

    def frames(self, rule: WindowRule) -> IntArray:
        """How many each window has, shape (windows,)."""
        return np.asarray(-(-(self.core_frames + rule.overlap) // rule.multiple) * rule.multiple)

    def _heard_in(self, rule: WindowRule, first: int, end: int) -> BoolArray:
        """Which windows frames `first` to `end` are made of, levelled: shape (windows,)."""
        frames = self.frames(rule)
        sounds = (self.start_frames + frames > first) & (self.start_frames < end)
        overlaps = frames[:-1] - self.core_frames[:-1]
        middles = self.start_frames[1:] + overlaps / 2
        before, after = (
            moved_frames(own, overlaps, rule.levelled_frames) for own in (frames[:-1], frames[1:])
        )
        chosen = sounds.copy()
        chosen[1:] |= sounds[:-1] & (overlaps > 0) & (middles - before < end)
        chosen[:-1] |= sounds[1:] & (overlaps > 0) & (middles + after > first)
        return np.asarray(chosen)

    def windows(
        self, rule: WindowRule, first_frame: int | None = None, end_frame: int | None = None
    ) -> tuple[Window, ...]:
        """The windows themselves, counted from 0; only those that sound in the frames given, and
        those that level them there.

        A core that is no multiple, as a loop's last may be, plays on until the window is one.
        """
        frames = self.frames(rule)
        chosen = np.ones(len(frames), dtype=bool)
        if first_frame is not None or end_frame is not None:
            last = int(self.start_frames[-1] + frames[-1])
            end = last if end_frame is None else end_frame
            chosen = self._heard_in(rule, first_frame or 0, end)
        rows = np.stack([self.start_frames, frames, self.core_frames])[:, chosen].T.tolist()
        silent = (self.at_zero & rule.silence)[chosen].tolist()
        indices = np.flatnonzero(chosen).tolist()
        return tuple(
            Window(index, start, count, core, still)
            for index, (start, count, core), still in zip(indices, rows, silent, strict=True)
        )


def fitted_rule(rule: WindowRule, scene: Scene, geometry: Geometry) -> WindowRule:
    """`rule` with the scene's `render: {window, overlap}` in place of its own lengths.

    A window given there makes all windows that long. Lengths are rounded to the model's multiple.

    Raises:
        SceneError: where the overlap would be longer than the rest of the window.
    """
    window_s, overlap_s = scene.render.window_s, scene.render.overlap_s
    if window_s is None and overlap_s is None:
        return rule
    overlap = rule.overlap if overlap_s is None else _rounded(rule, geometry, overlap_s)
    cores = rule.cores
    if window_s is not None:
        window = max(_rounded(rule, geometry, window_s), rule.multiple)
        if overlap_s is None:
            overlap = min(overlap, window // 2 // rule.multiple * rule.multiple)
        cores = (window - overlap,)
    if overlap > cores[0] or cores[0] < rule.multiple:
        longest = geometry.seconds(cores[0] if window_s is None else (cores[0] + overlap) // 2)
        what = f"an overlap of {geometry.seconds(overlap):.2f} s is more than half the window"
        raise SceneError(Problem("render.overlap", what, f"write at most `{longest:.2f}s`"))
    return replace(rule, cores=cores, overlap=overlap)


def _rounded(rule: WindowRule, geometry: Geometry, length_s: float) -> int:
    """The multiple of frames nearest to `length_s`."""
    return round(length_s * geometry.frames_per_second / rule.multiple) * rule.multiple


def cut_blocks(scene: Scene, geometry: Geometry, rule: WindowRule, first: int, count: int) -> Cut:
    """The windows of `count` blocks from block `first` on, whatever lies before or after them, and
    one more before frame 0 where a scene begins with a movement.

    A block is one longest core; its number counts from absolute frame 0.
    """
    shortest = rule.shortest_in_longest
    survey = surveyed(
        scene, geometry, rule.cores[0], (first - 1) * shortest, (count + 2) * shortest
    )
    open_pieces = np.ones(count, dtype=bool)
    starts, cores = [], []
    for core in reversed(rule.cores):
        length = core // rule.cores[0]
        calm = _is_calm(survey, length)[shortest // length : -(shortest // length)]
        taken = open_pieces & (calm | (length == 1))
        starts.append(np.flatnonzero(taken) * core + first * rule.cores[-1])
        cores.append(np.full(len(starts[-1]), core))
        open_pieces = np.repeat(open_pieces & ~taken, 2)
    order = np.argsort(np.concatenate(starts))
    start_frames, core_frames = np.concatenate(starts)[order], np.concatenate(cores)[order]
    pieces = start_frames // rule.cores[0] - (first - 1) * shortest
    still = survey.at_zero(pieces, core_frames // rule.cores[0])
    # A state with a word for its level 0 is heard there.
    wordless = all(state.levels[0] is None for state in scene.states)
    cut = Cut(start_frames, core_frames, still & wordless)
    return cut.led() if first == 0 and _begins_moving(scene, rule, survey, cut) else cut


def _begins_moving(scene: Scene, rule: WindowRule, survey: Survey, cut: Cut) -> bool:
    """Whether the first window (of a `cut` from block 0 on) is to be led in by one before it: it is
    a shortest one, and tells of something else than the scene begins with."""
    if scene.loop or not (rule.leads and rule.levelled_frames) or not scene.states:
        return False
    if cut.core_frames[0] != rule.cores[0]:
        return False
    begins = state_values(scene, np.zeros(1))[:, 0]
    off = np.abs(survey.means[:, rule.shortest_in_longest] - begins)
    return bool((off > LEAD_BOUND).any())


def cut_timeline(scene: Scene, geometry: Geometry, rule: WindowRule, total_frames: int) -> Cut:
    """The windows that cover frames 0 to `total_frames`; the last may play on past the end."""
    blocks = -(-total_frames // rule.cores[-1])
    return cut_blocks(scene, geometry, rule, 0, blocks).until(total_frames)


def fitted_to_loop(rule: WindowRule, frames: int) -> WindowRule:
    """`rule` for a loop of `frames`: no core is longer than it, no overlap than half of it."""
    cores = tuple(core for core in rule.cores if core <= frames)
    cores = cores or (frames // rule.multiple * rule.multiple,)
    overlap = min(rule.overlap, frames // 2 // rule.multiple * rule.multiple)
    return replace(rule, cores=cores, overlap=overlap)


def fitted_to_cut(rule: WindowRule, cut: Cut) -> WindowRule:
    """`rule` with an overlap that no core of a loop's `cut` is shorter than.

    What a loop leaves over may make a core short, or no multiple: then its window plays on for a
    little longer than the overlap says, and must have ended when the next but one begins. Where
    that is more than half of a window, none is levelled (not so in pocket's loops, nor in those of
    published models).
    """
    whole = not (cut.core_frames % rule.multiple).any()
    longest = int(cut.core_frames.min()) - (0 if whole else rule.multiple - 1)
    rule = replace(rule, overlap=min(rule.overlap, longest // rule.multiple * rule.multiple))
    frames = cut.frames(rule)
    halves = np.minimum(frames, np.roll(frames, -1)) // 2
    return replace(rule, levels=bool((frames - cut.core_frames <= halves).all()))


def cut_loop(scene: Scene, geometry: Geometry, rule: WindowRule, frames: int) -> Cut:
    """The windows of one turn of a loop of `frames`: they end where the first begins again.

    What the blocks leave over is cut as long as it goes; what is shorter than the shortest core
    joins the last window, which is halved if that makes it longer than the longest (one of a single
    multiple stays whole). The last window is rendered even where all states stand at 0, and so is
    what is cut here.
    """
    blocks = -(-frames // rule.cores[-1])
    whole = cut_blocks(scene, geometry, rule, 0, blocks)
    fits = whole.start_frames + whole.core_frames <= frames
    cores = whole.core_frames[fits].tolist()
    for core in reversed(rule.cores):
        while frames - sum(cores) >= core:
            cores.append(core)
    last = cores.pop()
    last += frames - sum(cores) - last
    half = last // 2 // rule.multiple * rule.multiple
    if half and last > rule.cores[-1]:
        cores, last = [*cores, half], last - half
    lengths = np.array([*cores, last])
    still = np.zeros(len(lengths), dtype=bool)
    still[: fits.sum()] = whole.at_zero[fits]
    still[-1] = False
    return Cut(np.cumsum(lengths) - lengths, lengths, still)


def _is_calm(survey: Survey, length: int) -> BoolArray:
    """Which pieces of `length` shortest cores may stay whole: shape (pieces // length,).

    Their average is within `CALM_BOUND` of that of every shorter piece inside them, and of any
    that could be their neighbour; nothing jumps in them.
    """
    states = survey.means.shape[0]
    parts = survey.means.reshape(states, -1, length)
    means = parts.mean(axis=2)
    off = np.abs(parts - means[:, :, None]).max(axis=(0, 2))
    reach = 1
    while reach <= length:
        heads = parts[:, 1:, :reach].mean(axis=2)
        tails = parts[:, :-1, -reach:].mean(axis=2)
        off[:-1] = np.fmax(off[:-1], np.abs(means[:, :-1] - heads).max(axis=0))
        off[1:] = np.fmax(off[1:], np.abs(means[:, 1:] - tails).max(axis=0))
        reach *= 2
    jumps = survey.jumps.reshape(states, -1, length).any(axis=(0, 2))
    return np.asarray((off <= CALM_BOUND + _ROUNDING) & ~jumps)
