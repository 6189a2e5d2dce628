"""A timeline as a picture: rows over one time axis, whatever the scene holds."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from ambientgen.picture import rows
from ambientgen.picture.likeness import Likeness
from ambientgen.picture.rows import INK, MUTED, Axis
from ambientgen.picture.spectrogram import Spectrogram
from ambientgen.picture.timeline import Strip, Timeline, clock, wordings

_WIDTH, _HEIGHT, _DPI = 12.0, 8.0, 100  # inches; 1200 by 800 pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 1.35, 1.45, 0.86, 0.46  # margins, in inches
_CLOSE, _APART = 0.04, 0.26  # gaps in inches: inside a layer, between layers
_OVERLAID = 6
"""More curves than this in one panel nobody can follow: each gets a row of its own."""
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_MOST_TICKS = 11
_NO_LIKENESS: Mapping[str, Likeness] = MappingProxyType({})


@dataclass(frozen=True)
class Sounding:
    """A sound to show: its spectrogram, and joins in seconds of the scene if they are known."""

    spectrogram: Spectrogram
    joins_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class _Row:
    """A row of the picture: height in inches, how much it takes of what is left, its drawing."""

    height: float
    stretch: float
    draw: Callable[[Axis], None]
    gap: float = 0.13  # to the row above, in inches


def picture(
    shown: Timeline,
    kind: str,
    likeness: Mapping[str, Likeness] = _NO_LIKENESS,
    sounding: Sounding | None = None,
) -> bytes:
    """The picture's file content; `kind` is `png` or `svg`. The same input gives the same bytes.

    likeness: of the strips that have one, by their names. 1200 by 800 pixels, or higher where there
    is much to show.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    # Not pyplot: it would choose a window system, and remember figures.
    from matplotlib.figure import Figure

    drawn = _rows(shown, likeness, sounding)
    needed = _TOP + _BOTTOM + sum(row.height + row.gap for row in drawn)
    height = max(_HEIGHT, needed)
    # Names of clip paths in an SVG would otherwise be random.
    with matplotlib.rc_context({"svg.hashsalt": "ambientgen"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure: Any = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        _head(figure, shown, height)
        _fill(figure, shown, drawn, height - needed)
        out = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(out, format=kind, dpi=_DPI, metadata=metadata)
    return out.getvalue()


def _head(figure: Any, shown: Timeline, height: float) -> None:
    left = _LEFT / _WIDTH
    for down, size, weight, colour, text in (
        (0.34, 15, "bold", INK, shown.title),
        (0.60, 9, "normal", MUTED, shown.about),
    ):
        figure.text(
            left,
            1 - down / height,
            text if len(text) <= 110 else text[:109] + "…",
            fontsize=size,
            fontweight=weight,
            color=colour,
            va="baseline",
            parse_math=False,
        )


def _fill(figure: Any, shown: Timeline, drawn: Sequence[_Row], left_over: float) -> None:
    """The rows from the top down, over one time axis."""
    height = figure.get_size_inches()[1]
    stretches = sum(row.stretch for row in drawn) or 1.0
    top = height - _TOP
    across = _LEFT / _WIDTH, 1 - (_LEFT + _RIGHT) / _WIDTH
    ticks = time_ticks(shown.start_s, shown.end_s)
    for index, row in enumerate(drawn):
        size = row.height + left_over * row.stretch / stretches
        top -= size + (row.gap if index else 0.0)
        axes = figure.add_axes((across[0], top / height, across[1], size / height))
        axes.set(xlim=(shown.start_s, shown.end_s), xticks=ticks, yticks=[])
        for side in axes.spines.values():
            side.set_visible(False)
        axes.tick_params(length=0, labelsize=8, colors=MUTED, labelbottom=False, pad=5)
        row.draw(Axis(axes, _WIDTH - _LEFT - _RIGHT, size, _RIGHT, shown.start_s, shown.end_s))
        if index == len(drawn) - 1:
            axes.tick_params(labelbottom=True)
            axes.set_xticks(ticks, [clock(tick) for tick in ticks])


def time_ticks(start_s: float, end_s: float) -> list[float]:
    """Round times in a stretch, at most 11 of them, in seconds."""
    length_s = end_s - start_s
    if length_s < 1:
        return [start_s]
    day_s = _STEPS_S[-1]
    days = float(-(-length_s // ((_MOST_TICKS - 1) * day_s)) * day_s)
    step_s = next((float(s) for s in _STEPS_S if length_s / s <= _MOST_TICKS - 1), days)
    first = int(np.ceil(start_s / step_s))
    found = [n * step_s for n in range(first, int(end_s // step_s) + 1)]
    return [tick for tick in found if start_s <= tick <= end_s]


def _rows(
    shown: Timeline, likeness: Mapping[str, Likeness], sounding: Sounding | None
) -> list[_Row]:
    many = len(shown.strips) > 1
    lowest = min((seen.low for seen in likeness.values()), default=0.0)  # one scale for all layers
    found: list[_Row] = []
    for strip in shown.strips:
        found += _strip_rows(strip, shown, many)
        if strip.name in likeness:
            found.append(_likeness_row(likeness[strip.name], lowest, many))
    if sounding is not None:
        heard, joins_s = sounding.spectrogram, sounding.joins_s
        found.append(_Row(1.6, 1.2, lambda axis: rows.draw_spectrogram(axis, heard, joins_s)))
    return found


def _likeness_row(seen: Likeness, lowest: float, many: bool) -> _Row:
    size = (0.44, 0.15) if many else (0.85, 0.4)
    return _Row(*size, lambda axis: rows.draw_likeness(axis, seen, lowest), 0.18)


def _strip_rows(strip: Strip, shown: Timeline, many: bool) -> list[_Row]:
    """A layer's rows: curves, where it stands, prompts, windows."""
    times_s, found = shown.times_s, list[_Row]()
    lines = (*strip.curves, *strip.rates)
    gap = _APART if many else _CLOSE
    if len(lines) > _OVERLAID:
        name = strip.name if many else ""
        found.append(
            _Row(
                0.17 * len(lines),
                0.8,
                lambda axis: rows.draw_ridges(axis, times_s, lines, name),
                gap,
            )
        )
    else:
        height, stretch = (0.62, 0.6) if many else (1.7, 1.6)
        name = strip.name if many else "states"
        found.append(
            _Row(height, stretch, lambda axis: rows.draw_curves(axis, times_s, strip, name), gap)
        )
    if strip.places:
        found.append(
            _Row(0.34, 0.3, lambda axis: rows.draw_places(axis, times_s, strip.places), _CLOSE)
        )
    if strip.keyframes:
        said = wordings(strip, shown.end_s)
        count = 2 if many else 6
        height = 0.22 + 0.17 * rows.rows_needed(said, shown, _WIDTH - _LEFT - _RIGHT, _RIGHT, count)
        found.append(_Row(height, 0.0, lambda axis: rows.draw_prompts(axis, strip, said), _CLOSE))
    if strip.windows:
        height = 0.12 if many else 0.22
        found.append(_Row(height, 0.0, lambda axis: rows.draw_windows(axis, strip, many), _CLOSE))
    return found
