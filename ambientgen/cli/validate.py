"""`ambientgen validate`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from ambientgen.cli import options
from ambientgen.cli.inputs import Overrides, read_scene
from ambientgen.cli.outcomes import Outcomes
from ambientgen.console import Console
from ambientgen.errors import ModelError, Problem, SceneError

if TYPE_CHECKING:
    from ambientgen.scene import Scene


def validate(
    scenes: options.Scenes,
    assignments: options.Assignments = None,
    as_json: options.AsJson = False,
) -> None:
    """Check scenes without rendering them.

    Every problem of a file is told at once, with its line and column and what to write instead.
    """
    console = Console()
    outcomes = Outcomes(console, as_json)
    overrides = Overrides.of(assignments)
    for path in scenes:
        with outcomes.trying(path):
            scene = read_scene(path, overrides)
            problems = _problems(path, scene)
            if problems:
                raise SceneError(*problems)
            notices = _notices(path, scene)
            for notice in notices:
                console.notice(f"{path}: {notice}")
            if as_json:
                told = {"scene": path, "exit_code": 0, **scene.to_json(), "notices": notices}
                outcomes.record(told)
            else:
                console.out(f"{path}: {_about(scene)}")
    raise typer.Exit(outcomes.code)


def _problems(path: str, scene: Scene) -> list[Problem]:
    """Why a scene cannot be rendered that is right by itself: its recordings, and windows that no
    model of it has."""
    from ambientgen.cli.inputs import check_model
    from ambientgen.sources.usable import unusable_recordings

    found = list(unusable_recordings(scene))
    try:
        check_model(path, scene)
    except SceneError as error:
        found += error.problems
    except ModelError:
        pass  # a notice says so
    return found


def _notices(path: str, scene: Scene) -> list[str]:
    """What nobody will hear, and what the scene's models were never taught.

    A scene is valid whether its models are here or not: that one is not, or is broken, is for
    `render` and `plan` to complain of.
    """
    from ambientgen.cli.model_notices import model_notices
    from ambientgen.sources.vain import said_in_vain

    in_vain = list(said_in_vain(scene))
    try:
        return in_vain + model_notices(scene)
    except ModelError as error:
        here = (problem.place.startswith(f"{path}:") for problem in error.problems)
        told = zip(error.problems, here, strict=True)
        return in_vain + [str(replace(each, place="") if own else each) for each, own in told]


def _about(scene: Scene) -> str:
    from ambientgen.scene.durations import spell

    names = [state.name for state in scene.states] or [layer.name for layer in scene.layers]
    names += dict.fromkeys(event.sound for event in scene.events if event.sound not in names)
    return f"valid; {scene.title}, {spell(scene.duration_s)} of {', '.join(names)}"
