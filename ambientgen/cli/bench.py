"""`ambientgen bench`."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from ambientgen.cli import options
from ambientgen.console import Console, table, two_digits
from ambientgen.errors import Problem, UsageError

if TYPE_CHECKING:
    from ambientgen.bench import Speed

USUAL_S = 600.0


def bench(
    *,
    model: options.Model = None,
    duration: options.Duration = None,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure how fast this machine renders.

    Start-up, whole renders of a calm and of a moving scene (10m each, or as long as --duration
    says), and every part of them on one core. Nothing is kept. Leave the machine alone meanwhile.
    """
    console = Console(quiet)
    duration_s = USUAL_S if duration is None else options.read_duration(duration)
    assert duration_s is not None
    if math.isinf(duration_s):
        what = "a measurement has to come to an end"
        raise UsageError(Problem("--duration", what, "write for example `10m`"))
    from ambientgen.bench import bench as measure
    from ambientgen.models.registry import POCKET

    with console.progress("bench") as listener:
        speed = measure(model or POCKET, duration_s, workers, listener)
    console.out(json.dumps(speed.to_json(), indent=2) if as_json else text(speed))


def text(speed: Speed) -> str:
    """The tables for a terminal."""
    starting = [(name, f"{seconds:.2f} s") for name, seconds in speed.starting.items()]
    whole = [
        (
            f"{each.duration_s:g} s, {each.scene}",
            f"{each.elapsed_s:.1f} s",
            f"{two_digits(each.realtime_factor)} × real time",
            f"{each.peak_memory_mb:.0f} MB",
        )
        for each in speed.whole
    ]
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
