"""One picture of what was heard: spectrogram, curves asked and heard, joins, verdicts."""

from __future__ import annotations

import base64
import html
import io
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ambientgen.ear.trace import HOP_S, band_centres_hz
from ambientgen.ear.verdicts import Verdict
from ambientgen.shell import readable

if TYPE_CHECKING:
    from ambientgen.ear.hearing import Hearing

_MARK = 0.06  # of a spectrogram's height
_COLUMNS = 1_500  # of a spectrogram: more than a screen shows
_MOST_JOINS = 400  # more would be a grey wall
_COLOURS = {True: "#1a7f37", False: "#cf222e", None: "#6e7781"}

_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.4 sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em }}
img {{ width: 100% }} table {{ border-collapse: collapse }}
td, th {{ text-align: left; padding: .2em .8em; border-bottom: 1px solid #d0d7de }}
</style></head><body><h1>{title}</h1><p>{summary}</p>
<img alt="spectrogram, joins and curves" src="data:image/png;base64,{picture}">
<table><tr><th></th><th>measure</th><th>value</th><th>limit</th><th>where, note</th></tr>
{rows}
</table></body></html>
"""


def report(hearing: Hearing, suffix: str) -> bytes:
    """The report as a file's content; `suffix` is .png, .svg or .html.

    A page of HTML holds its picture, and needs nothing else.
    """
    if suffix == ".html":
        return _page(hearing).encode()
    return _picture(hearing, suffix.removeprefix("."), with_verdicts=True)


def shown(verdict: Verdict) -> tuple[str, str, str, str]:
    """A verdict as words: passed or failed, name, value and limit, places and note."""
    outcome = {True: "pass", False: "FAIL", None: "-"}[verdict.passed]
    value = "-" if verdict.value is None else f"{verdict.value:.4g}"
    if verdict.value is not None and verdict.unit:
        value += f" {verdict.unit}"
    if verdict.value == -math.inf:
        value = "silent"
    if verdict.limit is not None:
        value += f" ({'≥' if verdict.at_least else '≤'} {verdict.limit:g})"
    where = ", ".join(f"{time:.2f} s" for time in verdict.where_s[:5])
    if verdict.passed is not False:
        where = ""
    return outcome, verdict.name, value, "; ".join(filter(None, (where, verdict.note)))


def _page(hearing: Hearing) -> str:
    rows = []
    for verdict in hearing.verdicts:
        outcome, name, value, rest = map(html.escape, shown(verdict))
        number, _, limit = value.partition(" (")
        colour = _COLOURS[verdict.passed]
        rows.append(
            f'<tr><td style="color:{colour}">{outcome}</td><td>{name}</td><td>{number}</td>'
            f"<td>{limit.rstrip(')')}</td><td>{rest}</td></tr>"
        )
    picture = base64.b64encode(_picture(hearing, "png", with_verdicts=False)).decode()
    return _PAGE.format(
        title=html.escape(readable(hearing.sound.path.name)),
        summary=html.escape(_summary(hearing)),
        picture=picture,
        rows="\n".join(rows),
    )


def _summary(hearing: Hearing) -> str:
    judged = [verdict for verdict in hearing.verdicts if verdict.passed is not None]
    sound = hearing.sound
    said = f"{len(judged) - len(hearing.failures)} of {len(judged)} verdicts passed"
    return f"{sound.duration_s:.1f} s, {sound.rate} Hz, {sound.channels} channels; {said}"


def _picture(hearing: Hearing, kind: str, with_verdicts: bool) -> bytes:
    # Not pyplot: it would choose a window system, and remember figures.
    from matplotlib.figure import Figure

    curves, verdicts = hearing.curves, hearing.verdicts if with_verdicts else ()
    heights = [3.0, *[1.2] * len(curves), *([0.2 * len(verdicts) + 0.3] if verdicts else [])]
    figure: Any = Figure(figsize=(12, sum(heights) + 0.8), layout="constrained")
    axes = figure.subplots(len(heights), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[
        :, 0
    ]
    title = f"{readable(hearing.sound.path.name)}: {_summary(hearing)}"
    figure.suptitle(title, parse_math=False)
    _draw_spectrogram(axes[0], hearing)
    for axis, curve in zip(axes[1:], curves, strict=False):
        axis.plot(curve.times_s, curve.asked, "--", color="black", label="asked", linewidth=1)
        axis.plot(curve.times_s, curve.heard, color="#0969da", label="heard", linewidth=1.2)
        axis.set(ylim=(-0.03, 1.03), ylabel=curve.state, xlim=(0, hearing.sound.duration_s))
        axis.legend(loc="upper right", fontsize=7)
    if verdicts:
        _draw_verdicts(axes[-1], verdicts)
    out = io.BytesIO()
    with warnings.catch_warnings():  # of the file's name: what the font lacks is drawn as a box
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(out, format=kind, dpi=110, metadata=metadata)
    return out.getvalue()


def _draw_spectrogram(axis: Any, hearing: Hearing) -> None:
    bands = hearing.trace.bands_db
    parts = np.array_split(bands, min(_COLUMNS, len(bands)))
    image = np.stack([part.mean(axis=0) for part in parts]).T
    high = float(image.max())
    end = len(bands) * HOP_S
    axis.imshow(
        image,
        origin="lower",
        aspect="auto",
        extent=(0, end, 0, len(image)),
        vmin=high - 70,
        vmax=high,
        cmap="magma",
        interpolation="nearest",
    )
    ticks = np.arange(3, len(image), 6)
    axis.set_yticks(ticks + 0.5, [f"{band_centres_hz()[tick]:.0f} Hz" for tick in ticks])
    axis.set(xlabel="s", xlim=(0, hearing.sound.duration_s))
    if hearing.told and len(hearing.joins_s) <= _MOST_JOINS:
        _mark(axis, hearing.joins_s, "joins", 1.0, "#57606a")
    times = [time for verdict in hearing.failures for time in verdict.where_s]
    _mark(axis, times, "failed", 1.0 + _MARK, _COLOURS[False])


def _mark(axis: Any, times_s: Sequence[float], called: str, height: float, colour: str) -> None:
    """Marks over a spectrogram, where nothing covers them, from `height` of it on."""
    if not len(times_s):
        return
    place = axis.get_xaxis_transform()
    axis.vlines(
        times_s, height, height + _MARK, colour, linewidth=1.0, transform=place, clip_on=False
    )
    axis.text(1.005, height + _MARK / 2, called, fontsize=7, va="center", transform=axis.transAxes)


def _draw_verdicts(axis: Any, verdicts: tuple[Verdict, ...]) -> None:
    axis.axis("off")
    for index, verdict in enumerate(verdicts):
        height = 1 - (index + 0.5) / len(verdicts)
        for left, text in zip((0.0, 0.05, 0.25, 0.47), shown(verdict), strict=True):
            axis.text(
                left,
                height,
                text,
                color=_COLOURS[verdict.passed],
                fontsize=8,
                va="center",
                transform=axis.transAxes,
                clip_on=True,
                parse_math=False,
            )
