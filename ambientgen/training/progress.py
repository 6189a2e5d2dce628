"""Loss curves as a picture, drawn from the logs that trainers write."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

PICTURE = "losses.png"
_SMOOTHED = 40  # a smoothed curve averages over this part of a training
_COLUMNS = 3


def read_log(path: Path) -> dict[int, dict[str, float]]:
    """The losses of a stage's log by step; of a step done twice, the later ones. Lines that
    are torn (a full disk, a power cut) are left out."""
    losses: dict[int, dict[str, float]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            told = json.loads(line)
            step = int(told.pop("step"))
            told.pop("s", None)
            losses[step] = {str(name): float(value) for name, value in told.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return dict(sorted(losses.items()))


def draw(folder: Path, stages: Sequence[str]) -> Path | None:
    """Draw the losses of all `stages` that have a log in `folder`, and return the picture's path;
    None if there are none yet."""
    logs = {stage: read_log(folder / f"{stage}.log") for stage in stages if _is_log(folder, stage)}
    logs = {stage: log for stage, log in logs.items() if log}
    if not logs:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(logs))
    rows = math.ceil(len(logs) / columns)
    figure = Figure(figsize=(4.5 * columns, 3.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (stage, log) in enumerate(logs.items(), 1):
        axes = figure.add_subplot(rows, columns, place)
        for name in dict.fromkeys(name for losses in log.values() for name in losses):
            # A step may have one loss of several: a line with holes would show nothing.
            told = {step: losses[name] for step, losses in log.items() if name in losses}
            steps, values = list(told), list(told.values())
            (line,) = axes.plot(steps, values, linewidth=0.6, alpha=0.35)
            axes.plot(steps, smoothed(values), color=line.get_color(), label=name)
        axes.set_title(stage)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    partial = folder / f"{PICTURE}.part"
    figure.savefig(partial, format="png", dpi=100)
    os.replace(partial, folder / PICTURE)
    return folder / PICTURE


def smoothed(values: Sequence[float]) -> list[float]:
    """Values averaged over a window of a fortieth of them, which shrinks at the ends."""
    reach = max(0, len(values) // (2 * _SMOOTHED))
    out = []
    for i in range(len(values)):
        near = [v for v in values[max(0, i - reach) : i + reach + 1] if not math.isnan(v)]
        out.append(sum(near) / len(near) if near else math.nan)
    return out


def _is_log(folder: Path, stage: str) -> bool:
    return (folder / f"{stage}.log").is_file()
