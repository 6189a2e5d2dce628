"""`ambientgen plan`."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ambientgen.cli import options
from ambientgen.cli.options import (
    Overrides,
    read_between,
    read_duration,
    read_moment,
    read_scene,
)
from ambientgen.cli.render import named_after
from ambientgen.console import Console

if TYPE_CHECKING:
    from ambientgen.plan import Between, Plan


def plan(
    scene: options.OneScene,
    *,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="TIME", help="Only the state of the world then: 2m30s, or 50%."
        ),
    ] = None,
    model: options.Model = None,
    seed: options.Seed = None,
    duration: options.Duration = None,
    start: options.From = None,
    end: options.To = None,
    steps: options.Steps = None,
    guidance: options.Guidance = None,
    assignments: options.Assignments = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what a render would do, without rendering.

    That is the prompts over time, and the windows; with --at, how the world stands at that moment.
    """
    console = Console()
    overrides = Overrides.of(assignments, model, seed, steps, guidance)
    made, notices = _made(scene, overrides, read_duration(duration), read_between(start, end))
    for notice in notices:
        console.notice(notice)
    if at is None:
        document: dict[str, Any] = made.to_json()
        document["notices"] = [*notices, *made.notices]
    else:
        moment = made.state_at(read_moment(at, made.start_s + made.duration_s))
        document = moment.to_json() | {"notices": notices}
    if as_json:
        console.out(json.dumps(document, indent=2))
        return
    from ambientgen.cli.plan_text import moment_text, plan_text

    console.out(plan_text(made) if at is None else moment_text(made, moment))


def _made(
    path: str, overrides: Overrides, duration_s: float | None, between_s: Between
) -> tuple[Plan, list[str]]:
    """The plan of the scene in a file, and the warnings about its model.

    Raises SceneError, UsageError or ModelError.
    """
    from ambientgen.models.registry import licence_notice, resolve
    from ambientgen.models.vocabulary import unheard
    from ambientgen.plan import make_plan

    scene = read_scene(path, overrides)
    spec = resolve(scene.model)
    until_s = min(scene.told_s, duration_s or math.inf, between_s[1] or math.inf)
    told = [licence_notice(spec), *unheard(spec, scene, until_s)]
    with named_after(path):
        made = make_plan(scene, spec.geometry, spec.rule, duration_s, between_s)
    return made, [notice.text for notice in told if notice is not None]
