"""The rows of a picture: each draws one kind of thing into its axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ambientgen.picture.likeness import Likeness
from ambientgen.picture.spectrogram import Spectrogram
from ambientgen.picture.timeline import FloatArray, Line, Mark, Strip, Timeline
from ambientgen.picture.words import Word, placed, shortened

INK, MUTED, FAINT = "#1f2328", "#59636e", "#e4e7eb"
COLOURS = ("#0069a8", "#b84a00", "#00785a", "#98407a", "#7a6200", "#3b3b3b")
"""Okabe and Ito's (2008) hues, which colour-blind eyes tell apart, darkened until words in them can
be read on white (contrast 4.5 and more, WCAG 2 AA)."""
DASHES: tuple[Any, ...] = ("-", "-", "-", (0, (6, 1.5)), (0, (2, 1.2)), (0, (6, 1.5, 1, 1.5)))

_SIZE = 8.0  # points, of all words but the head
_ROW = 0.17  # inches, of a row of prompts
_LEAD = 0.16  # inches, of the row of keyframes above them
_MOST_WINDOWS = 160
"""More are narrower than their edges: their lengths are drawn as a curve."""
_MOST_MARKS = 300
_RESTLESS = 12.0  # ups and downs of a curve, added: a thick line would fill them
_LABEL_GAP = 0.14  # inches, of a label from its curve and from the edge
_MOST_JOINS = 400  # more would be a grey wall


@dataclass(frozen=True)
class Axis:
    """Where a row is drawn: matplotlib's axes; sizes and the room right of them in inches."""

    axes: Any
    width: float
    height: float
    margin: float
    start_s: float
    end_s: float

    def inch(self, time_s: float) -> float:
        """Where a time stands, in inches from the left."""
        return (time_s - self.start_s) / (self.end_s - self.start_s) * self.width

    def words(self, x: float, y: float, text: str, **style: Any) -> None:
        """Text with its left, middle end at shares of the axes."""
        self.axes.text(
            x,
            y,
            text,
            **{
                "transform": self.axes.transAxes,
                "fontsize": _SIZE,
                "color": INK,
                "va": "center",
                "parse_math": False,
                **style,
            },
        )

    def name(self, text: str, y: float = 0.5, **style: Any) -> None:
        """What the row is, left of it."""
        room = 17
        short = text if len(text) <= room else text[: room - 1] + "…"
        self.words(-0.11 / self.width, y, short, **{"ha": "right", "color": MUTED, **style})

    def grid(self) -> None:
        """Faint lines at the ticks of time."""
        self.axes.grid(axis="x", color=FAINT, linewidth=0.8)
        self.axes.set_axisbelow(True)


def draw_curves(axis: Axis, times_s: FloatArray, strip: Strip, name: str) -> None:
    """A sound's curves over one another, each with its name at its end; events on top."""
    axes = axis.axes
    axis.grid()
    axes.set_ylim(-0.03, 1.06)
    tall = axis.height > 1.2
    if strip.curves and tall:
        axes.set_yticks([0, 0.5, 1], ["0", "½", "1"])
        axes.grid(axis="y", color=FAINT, linewidth=0.8)
    lines = (*strip.curves, *strip.rates)
    ends = []
    for index, line in enumerate(lines):
        values = _unit(line)
        colour = COLOURS[index % len(COLOURS)]
        restless = float(np.abs(np.diff(values)).sum()) > _RESTLESS
        often = index >= len(strip.curves)  # a rate is no level: dots, and nothing lies under them
        style = {"color": colour, "linestyle": "-" if restless else DASHES[index]}
        if often:
            style["linestyle"] = ":"
        axes.plot(times_s, values, linewidth=0.7 if restless else 1.8, **style)
        if len(lines) == 1 and not often:
            axes.fill_between(times_s, 0, values, color=colour, alpha=0.10, linewidth=0)
        ends.append((float(values[-1]), _label(axis, line, _SIZE), colour))
    _labels(axis, ends)
    if not lines and strip.about:
        axes.axhspan(0.2, 0.8, color=COLOURS[0], alpha=0.10, linewidth=0)
        axis.words(0.01, 0.5, strip.about)
    axes.axhline(0, color="#c9ced4", linewidth=0.8, zorder=1)
    _draw_events(axis, strip.events)
    if not tall or name != "states":  # a tall layer has ticks at ½ too, between the two
        axis.name(name, 0.66, color=INK, fontweight="bold", fontsize=9)
        axis.name(strip.engine, 0.28)
        if lines and strip.about:
            room = axis.width - 0.1
            about = shortened(strip.about, room, lambda text: measure(text, 7)) or ""
            axis.words(0, 1 + 0.08 / axis.height, about, color=MUTED, fontsize=7)


def draw_ridges(axis: Axis, times_s: FloatArray, lines: Sequence[Line], name: str) -> None:
    """Many curves one below another, each as an area with its name and range beside it."""
    axes = axis.axes
    axis.grid()
    axes.set_ylim(0, len(lines))
    for index, line in enumerate(lines):
        floor = len(lines) - 1 - index
        values = floor + 0.92 * _unit(line)
        axes.fill_between(times_s, floor, values, color=COLOURS[0], alpha=0.75, linewidth=0)
        axes.axhline(floor, color="#c9ced4", linewidth=0.6)
        y = (floor + 0.42) / len(lines)
        axis.name(line.name, y, color=INK, fontsize=7)
        axis.words(1 + 0.08 / axis.width, y, _range(line), color=MUTED, fontsize=7)
    if name:
        axis.words(0, 1 + 0.1 / axis.height, name, fontweight="bold", fontsize=9)


def draw_places(axis: Axis, times_s: FloatArray, places: Sequence[Line]) -> None:
    """Where a layer stands: thin lines, each over its own range."""
    axis.grid()
    axis.axes.set_ylim(-0.06, 1.06)
    ends = []
    for index, line in enumerate(places):
        colour = ("#59636e", "#98407a", "#00785a")[index % 3]
        values = _unit(line)
        style = {"color": colour, "linestyle": ("-", "--", ":")[index % 3]}
        axis.axes.plot(times_s, values, linewidth=1.1, **style)
        ends.append((float(values[-1]), _label(axis, line, 7, ranged=True), colour))
    _labels(axis, ends, 7)
    axis.name("place", 0.5, fontsize=7)


def draw_prompts(axis: Axis, strip: Strip, said: Sequence[tuple[Mark, str]]) -> None:
    """Keyframes as ticks, and under them what is said from then on."""
    axes = axis.axes
    axes.set_ylim(axis.height, 0)  # inches, downwards
    dots = [mark.time_s for mark in strip.keyframes]
    axes.plot([axis.start_s, axis.end_s], [_LEAD / 2] * 2, color="#c9ced4", linewidth=0.8)
    if len(dots) <= _MOST_MARKS:
        style = {"color": MUTED, "markersize": 6, "markeredgewidth": 0.9}
        axes.plot(dots, [_LEAD / 2] * len(dots), "|", **style)
    count = f"{len(dots)} keyframe{'s' if len(dots) > 1 else ''}"
    down = 1 - _LEAD / 2 / axis.height
    axis.words(1 + 0.08 / axis.width, down, count, color=MUTED, fontsize=7)
    rows = max(1, round((axis.height - _LEAD) / _ROW))
    spread = axis.end_s - axis.start_s
    words = _placed(said, axis.start_s, spread, axis.width, axis.margin, rows)
    for word in words:
        time_s = axis.start_s + word.left / axis.width * spread
        y = _LEAD + (word.row + 0.55) * _ROW
        axes.plot([time_s] * 2, [_LEAD / 2, y + 0.05], color="#b4bac2", linewidth=0.8, zorder=1)
        axes.plot([time_s], [_LEAD / 2], "o", color=INK, markersize=3.6, zorder=3)
        axes.annotate(
            word.text,
            (time_s, y),
            (4, 0),
            textcoords="offset points",
            fontsize=_SIZE,
            color=INK,
            va="center",
            annotation_clip=False,
            parse_math=False,
        )
    axis.name("prompts", down)
    left_out = len(said) - len(words)
    if left_out:
        text = f"and {left_out} more"
        axis.name(text, 1 - (_LEAD + 0.55 * _ROW) / axis.height, fontsize=7)


def rows_needed(
    said: Sequence[tuple[Mark, str]], shown: Timeline, width: float, margin: float, most: int
) -> int:
    """How many rows the prompts take, at most `most`."""
    words = _placed(said, shown.start_s, shown.duration_s, width, margin, most)
    return max((word.row for word in words), default=0) + 1


def draw_windows(axis: Axis, strip: Strip, many: bool) -> None:
    """The windows, alternately above and below so that overlaps show; many as their length."""
    axes, windows = axis.axes, strip.windows
    starts = np.array([start for start, _ in windows])
    lengths = np.array([end - start for start, end in windows])
    if len(windows) > _MOST_WINDOWS:
        axes.fill_between(starts, 0, lengths, step="post", color="#8c96a1", alpha=0.5, linewidth=0)
        axes.set_ylim(0, float(lengths.max()))
        text = f"{lengths.min():.1f} to {lengths.max():.1f} s long"
    else:
        for odd in (0, 1):
            spans = list(zip(starts[odd::2], lengths[odd::2], strict=True))
            axes.broken_barh(
                spans,
                (0.54 - 0.54 * odd, 0.46),
                facecolors="#8c96a1",
                edgecolor="white",  # every other one may begin where the one before it ends
                alpha=0.65,
                linewidth=0.8,
            )
        axes.set_ylim(0, 1)
        # As many as a plan counts: in a loop one that is shown at both ends is one.
        count = len(windows) if strip.plan is None else len(strip.plan.sounding)
        text = f"{count} window{'s' if count > 1 else ''}"
    axis.name("windows", fontsize=7 if many else _SIZE)
    axis.words(1 + 0.08 / axis.width, 0.5, text, color=MUTED, fontsize=7)


def draw_likeness(axis: Axis, seen: Likeness, lowest: float) -> None:
    """How alike the moments are to the first and the last, and keyframes to those before them.

    lowest: a cosine that finds room on the scale.
    """
    axes = axis.axes
    axis.grid()
    steps = [cosine for _, cosine in seen.steps]
    low = max(-1.0, np.floor((min(lowest, 0.98) - 0.02) * 20) / 20)
    axes.set_ylim(low, 1 + (1 - low) * 0.06)
    axes.set_yticks([low, 1], [f"{low:.2f}".rstrip("0").rstrip("."), "1"])
    axes.axhline(1, color=FAINT, linewidth=0.8)
    ends = []
    compared = (("to the start", seen.to_start), (f"to the {seen.other}", seen.to_other))
    for index, (name, values) in enumerate(compared):
        style = {"color": COLOURS[index], "linestyle": DASHES[3 * index]}
        axes.plot(seen.times_s, values, linewidth=1.5, **style)
        place = (float(values[-1]) - low) / (1 - low)
        ends.append((place, name, COLOURS[index]))
    frames_s = [time_s for time_s, _ in seen.steps]
    axes.plot(frames_s, steps, ".", color=MUTED, markersize=3.5)
    _labels(axis, ends)
    apart = 0.075 / axis.height  # the lowest and the highest value stand below and above
    axis.name("LOA likeness", 0.5 + apart)
    axis.name("cosine", 0.5 - apart, fontsize=7)


def draw_spectrogram(axis: Axis, heard: Spectrogram, joins_s: Sequence[float]) -> None:
    """The spectrogram, bands even to the ear; small ticks below where windows join."""
    axes = axis.axes
    rows = len(heard.levels_db)
    axes.imshow(
        heard.levels_db,
        origin="lower",
        aspect="auto",
        extent=(heard.start_s, heard.end_s, 0, rows),
        vmin=heard.floor_db,
        vmax=0,
        cmap="magma",
        interpolation="antialiased",
    )
    axes.set(xlim=(axis.start_s, axis.end_s), ylim=(0, rows))
    top = heard.edges_hz[-1]
    ticks = [hz for hz in (100, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000) if hz < top * 0.95]
    names = [f"{hz // 1000} kHz" if hz >= 1_000 else f"{hz} Hz" for hz in ticks]
    axes.set_yticks([heard.row_of(hz) for hz in ticks], names, fontsize=7)
    if len(joins_s) <= _MOST_JOINS:
        axes.vlines(joins_s, 0, rows * 0.03, color="white", linewidth=0.8)


def _label(axis: Axis, line: Line, size: float, ranged: bool = False) -> str:
    """A line's name, and its range if that is not a level's; too long, of the name what fits."""
    if not line.unit and not ranged:
        return line.name
    said, name = _range(line), line.name
    while len(name) > 1 and measure(f"{name} {said}", size) > axis.margin - _LABEL_GAP:
        name = name.rstrip("…")[:-1] + "…"
    return f"{name} {said}"


def _labels(axis: Axis, ends: Sequence[tuple[float, str, str]], size: float = _SIZE) -> None:
    """Names at the right, beside the ends of their curves, moved apart where those meet."""
    if not ends:
        return
    step = size * 1.25 / 72 / axis.height  # a line's height, as a share of the axes
    order = sorted(range(len(ends)), key=lambda i: ends[i][0])
    places = [min(max(ends[i][0], step / 2), 1.0) for i in order]
    for _ in range(50):
        for lower in range(len(places) - 1):
            near = step - (places[lower + 1] - places[lower])
            if near > 1e-6:
                places[lower] -= near / 2
                places[lower + 1] += near / 2
        under = step / 2 - places[0]
        if under > 0:
            places[0] += under
    for place, i in zip(places, order, strict=True):
        _, name, colour = ends[i]
        while measure(name, size) > axis.margin - _LABEL_GAP:
            name = name.rstrip("…")[:-1] + "…"
        axis.words(1 + 0.08 / axis.width, place, name, color=colour, fontsize=size)


def _draw_events(axis: Axis, events: Sequence[Mark]) -> None:
    """A pin for each, with its name where that reaches no other."""
    places = [axis.inch(event.time_s) for event in events]
    for place, following, event in zip(places, [*places, axis.width][1:], events, strict=True):
        axis.axes.plot([event.time_s] * 2, [0, 0.96], color=INK, linewidth=0.8, alpha=0.45)
        axis.axes.plot([event.time_s], [0.96], "v", color=INK, markersize=5, clip_on=False)
        if place + measure(event.text, 7) + 0.15 < following:
            axis.words((place + 0.07) / axis.width, 0.9, event.text, fontsize=7)


def _unit(line: Line) -> FloatArray:
    """Values as shares of the line's range."""
    return np.asarray((line.values - line.low) / ((line.high - line.low) or 1.0))


def _range(line: Line) -> str:
    low, high = float(line.values.min()), float(line.values.max())
    digits = 0 if line.unit in {"dB", "°"} else 1 if line.unit else 2
    texts = [f"{value:.{digits}f}".replace("-", "−") for value in (low, high)]
    if line.unit == "/min":
        texts = [f"{value:.2g}" if value < 10 else f"{value:.0f}" for value in (low, high)]
    said = texts[0] if texts[0] == texts[1] else f"{texts[0]} to {texts[1]}"
    gap = "" if line.unit in {"", "°", "/min"} else " "
    return f"{said}{gap}{line.unit}"


def _placed(
    said: Sequence[tuple[Mark, str]],
    start_s: float,
    spread_s: float,
    width: float,
    margin: float,
    rows: int,
) -> list[Word]:
    texts = [((mark.time_s - start_s) / spread_s * width, text) for mark, text in said]
    room: Callable[[str], float] = lambda text: measure(text, _SIZE) + 0.06  # noqa: E731
    return placed(texts, room, width + margin - 0.1, rows, 0.1)


@cache
def measure(text: str, points: float) -> float:
    """A text's width in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    width, _, _ = TextToPath().get_text_width_height_descent(
        text, FontProperties(size=points), ismath=False
    )
    return float(width) / 72
