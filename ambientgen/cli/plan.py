"""`ambientgen plan`."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ambientgen.cli import options
from ambientgen.cli.inputs import (
    Overrides,
    asked_of,
    named_after,
    read_between,
    read_duration,
    read_moment,
    read_scene,
)
from ambientgen.console import Console

if TYPE_CHECKING:
    from ambientgen.asked import Asked
    from ambientgen.layered_plan import LayeredPlan
    from ambientgen.plan import Plan
    from ambientgen.scene import Scene


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
    On a terminal, the middle of a long plan is left out.
    """
    console = Console()
    overrides = Overrides.of(assignments, model, seed, steps, guidance)
    length_s, between_s = read_duration(duration), read_between(start, end)
    read = read_scene(scene, overrides)
    made, notices = _made(scene, read, asked_of(scene, length_s, between_s, overrides))
    for notice in notices:
        console.notice(notice)
    whole_s = math.inf if made.endless else made.start_s + made.duration_s
    time_s = None if at is None else read_moment(at, whole_s)
    made = made if time_s is None else made.part_at(time_s)
    if as_json:
        document = _document(made, time_s)
        document["notices"] = [*notices, *document.get("notices", ())]
        console.out(json.dumps(document, indent=2))
    else:
        console.out(_text(made, time_s))


def _document(made: Plan | LayeredPlan, time_s: float | None) -> dict[str, Any]:
    from ambientgen.cli.model_notices import key_heard
    from ambientgen.plan import Plan

    if time_s is None:
        return {**made.to_json(), "key": key_heard(made.scene)}
    if isinstance(made, Plan):
        return made.state_at(time_s).to_json()
    moments = made.at(time_s)
    return {"time_s": time_s, "layers": {one.name: one.to_json() for one in moments}}


def _text(made: Plan | LayeredPlan, time_s: float | None) -> str:
    from ambientgen.cli.layered_plan_text import layered_moment_text, layered_plan_text
    from ambientgen.cli.plan_text import moment_text, plan_text
    from ambientgen.plan import Plan

    if isinstance(made, Plan):
        return plan_text(made) if time_s is None else moment_text(made, made.state_at(time_s))
    return layered_plan_text(made) if time_s is None else layered_moment_text(made, time_s)


def _made(path: str, scene: Scene, asked: Asked) -> tuple[Plan | LayeredPlan, list[str]]:
    """The plan of the scene in a file, and the warnings about it and its models.

    Raises SceneError, UsageError or ModelError.
    """
    from ambientgen.cli.model_notices import licence_notices, model_notices, reached_s
    from ambientgen.layered_plan import is_layered, plan_layers
    from ambientgen.models.registry import model_for
    from ambientgen.plan import make_plan
    from ambientgen.sources.usable import unusable_recordings
    from ambientgen.sources.vain import said_in_vain

    made: Plan | LayeredPlan
    told = [*map(str, unusable_recordings(scene)), *licence_notices(scene)]
    told += said_in_vain(scene)
    told += model_notices(scene, reached_s(scene, asked))
    with named_after(path):
        if is_layered(scene):
            made = plan_layers(scene, asked)
        else:
            spec = model_for(scene)
            made = make_plan(scene, spec.geometry, spec.rule, asked)
    return made, told
