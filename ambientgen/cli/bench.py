"""`ambientgen bench`."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ambientgen.cli import options
from ambientgen.cli.inputs import read_duration
from ambientgen.console import Console, table, two_digits
from ambientgen.errors import Problem, UsageError

if TYPE_CHECKING:
    from ambientgen.bench import Speed, Whole

USUAL_S = 600.0


def bench(
    *,
    model: options.Model = None,
    duration: options.Duration = None,
    workers: options.Workers = None,
    memory: Annotated[
        bool,
        typer.Option(
            "--memory", help="Compare the peak memory of renders of 1m, 30m and 3h instead."
        ),
    ] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure how fast this machine renders.

    Start-up, whole renders of a calm and of a moving scene (10m each, or as long as --duration
    says), and every part of them on one core. Nothing is kept. Leave the machine alone meanwhile.
    """
    console = Console(quiet)
    if memory:
        _memory(console, model, duration, workers, as_json)
        return
    duration_s = USUAL_S if duration is None else read_duration(duration)
    assert duration_s is not None
    if math.isinf(duration_s):
        what = "a measurement has to come to an end"
        raise UsageError(Problem("--duration", what, "write for example `10m`"))
    _check_lasts(duration_s)
    from ambientgen.bench import bench as measure
    from ambientgen.models.registry import POCKET

    with console.progress("bench") as listener:
        speed = measure(model or POCKET, duration_s, workers, listener)
    console.out(json.dumps(speed.to_json(), indent=2) if as_json else text(speed))


def _check_lasts(duration_s: float) -> None:
    """Raises UsageError where no scene is so short: that would be found after the measuring."""
    from ambientgen.scene.durations import spell
    from ambientgen.scene.schema import LEAST_DURATION_S

    if duration_s < LEAST_DURATION_S:
        what = f"a scene to measure with lasts at least {spell(LEAST_DURATION_S)}"
        raise UsageError(Problem("--duration", what, "write for example `10m`"))


def _memory(
    console: Console, model: str | None, duration: str | None, workers: int | None, as_json: bool
) -> None:
    """Print how much memory renders of growing length take at most."""
    if duration is not None:
        what = "lengths are 1m, 30m and 3h where memory is compared"
        raise UsageError(Problem("--duration", what, "leave it out, or --memory"))
    from ambientgen.bench import memory_curve
    from ambientgen.models.registry import POCKET

    with console.progress("bench") as listener:
        curve = memory_curve(model or POCKET, workers=workers, listener=listener)
    told = [asdict(each) for each in curve]
    console.out(json.dumps(told, indent=2) if as_json else table(_rows(curve)))


def _rows(whole: Sequence[Whole]) -> list[tuple[str, ...]]:
    from ambientgen.scene.durations import spell  # the scene's modules cost more than all of --help

    return [
        (
            f"{spell(each.duration_s)}, {each.scene}",
            f"{each.elapsed_s:.1f} s",
            f"{two_digits(each.realtime_factor)} × real time",
            f"{each.peak_memory_mb:.1f} MB",
        )
        for each in whole
    ]


def text(speed: Speed) -> str:
    """The tables for a terminal."""
    starting = [(name, f"{seconds:.2f} s") for name, seconds in speed.starting.items()]
    whole = _rows(speed.whole)
    parts = [("", "ms", "GFLOP", "GFLOP/s", "of what a core can do")]
    parts += [
        (
            name,
            f"{cost.ms:.1f}",
            f"{cost.gflop:.2f}" if cost.gflop else "",
            f"{1000 * cost.gflop / cost.ms:.0f}" if cost.gflop else "",
            f"{speed.of_limit(cost):.0%}".replace("%", " %") if cost.gflop else "",
        )
        for name, cost in speed.parts.items()
    ]
    rates = ", ".join(f"{rate:.0f} in {name}" for name, rate in speed.rates.items())
    from ambientgen.bench import SPAN_S

    return "\n".join(
        [
            "Reached so long after the command",
            table(starting),
            f"Whole commands, start-up included, {speed.workers} workers, {speed.steps} steps",
            table(whole),
            f"{SPAN_S} s of sound on one core, which does {rates} (GFLOP/s)",
            table(parts),
        ]
    )
