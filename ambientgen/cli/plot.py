"""`ambientgen plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ambientgen.cli import options
from ambientgen.cli.files import check_named, check_new_file, check_not_read, write_whole
from ambientgen.cli.inputs import (
    Overrides,
    asked_of,
    named_after,
    read_between,
    read_duration,
    read_scene,
)
from ambientgen.console import Console
from ambientgen.errors import ModelError, Problem, UsageError
from ambientgen.suffixes import SOUND_SUFFIXES

if TYPE_CHECKING:
    from ambientgen.asked import Asked
    from ambientgen.models.loading import Model
    from ambientgen.picture.draw import Sounding
    from ambientgen.picture.likeness import Likeness
    from ambientgen.picture.timeline import Timeline
    from ambientgen.scene import Scene


_PICTURES = (".png", ".svg")


def plot(
    path: Annotated[
        str, typer.Argument(metavar="SCENE|FILE", help="A scene file, or a sound file.")
    ],
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PICTURE",
            help="Where to: a .png or .svg file. Left out: NAME.png, in the current folder.",
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Begin here (12m).")
    ] = None,
    end: options.To = None,
    duration: options.Duration = None,
    model: options.Model = None,
    seed: options.Seed = None,
    assignments: options.Assignments = None,
    no_loa: Annotated[
        bool, typer.Option("--no-loa", help="Leave out what the model makes of the prompts.")
    ] = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Draw a scene, or a sound, on one picture.

    Of a scene: its curves, keyframes with their prompts, windows, and how alike the model finds its
    moments; layers one below another, each with its own. Of a sound file: its spectrogram, under
    the curves that its sidecar tells.
    """
    console = Console(quiet)
    check_named("SCENE|FILE", path, "name a scene file, or a sound file")
    if Path(path).suffix.lower() in _PICTURES:
        what = f"`{path}` is a picture"
        raise UsageError(Problem("SCENE|FILE", what, "name a scene file, or a sound file"))
    target = Path(output) if output is not None else Path(Path(path).stem + ".png")
    kind = _kind(target)
    check_not_read("-o", target, (path,))
    check_new_file(target, force)
    overrides = Overrides.of(assignments, model, seed)
    wanted = asked_of(path, read_duration(duration), read_between(start, end), overrides)
    if Path(path).suffix.lower() in SOUND_SUFFIXES:
        _check_for_sound(overrides, wanted)
        shown, sounding = _sound(path, wanted)
    else:
        scene = read_scene(path, overrides)
        with named_after(path):
            shown, sounding = _scene(scene, wanted), None
    for notice in shown.notices:
        console.notice(notice)
    from ambientgen.picture.draw import picture

    seen = {} if no_loa else _likeness(shown, console)
    write_whole(target, picture(shown, kind, seen, sounding), force)
    console.say(f"{target}: {shown.title}")


def _kind(target: Path) -> str:
    suffix = target.suffix.lower()
    if suffix not in _PICTURES:
        what = f"`{target}` is no kind of picture"
        raise UsageError(Problem("-o", what, "name a .png or .svg file"))
    return suffix.removeprefix(".")


def _scene(scene: Scene, wanted: Asked) -> Timeline:
    from ambientgen.picture.timeline import timeline

    return timeline(scene, wanted)


def _check_for_sound(overrides: Overrides, wanted: Asked) -> None:
    """Refuse what only a scene can be asked for.

    Raises:
        UsageError: each of it.
    """
    given = ["--set"] * bool(overrides.assignments)
    given += [option for option, _, _ in overrides.options]
    what, remedy = "a sound file is made already", "leave it out, or draw a scene"
    problems = [Problem(option, what, remedy) for option in given]
    if wanted.duration_s is not None:
        what = "a sound file lasts as long as it lasts"
        problems.append(Problem("--duration", what, "choose a stretch with --from and --to"))
    if problems:
        raise UsageError(*problems)


def _sound(path: str, wanted: Asked) -> tuple[Timeline, Sounding]:
    from ambientgen.picture.sound import sound_timeline

    return sound_timeline(path, wanted.between_s)


def _likeness(shown: Timeline, console: Console) -> dict[str, Likeness]:
    """What models make of the prompts, by strip; without those that cannot be asked: a notice."""
    found: dict[str, Likeness] = {}
    models: dict[str, Model | None] = {}
    for strip in shown.strips:
        if strip.plan is None:
            continue
        name = strip.plan.scene.model
        if name not in models:
            models[name] = _loaded(name, console)
        if (model := models[name]) is not None:
            from ambientgen.picture.meaning import likeness

            found[strip.name] = likeness(model, strip.plan)
    return found


def _loaded(name: str, console: Console) -> Model | None:
    try:
        from ambientgen.models.loading import load
        from ambientgen.models.registry import resolve

        return load(resolve(name), "cpu")
    except (ModelError, ImportError) as error:
        what = error.problems[0].what if isinstance(error, ModelError) else str(error)
        console.notice(f"LOA of {name} is left out of the picture: {what}")
        return None
