"""`ambientgen check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ambientgen.cli import options
from ambientgen.cli.options import Overrides, read_scene
from ambientgen.cli.outcomes import problems_json, tell_error
from ambientgen.console import Console, table
from ambientgen.errors import ExitCode, OutputError, Problem, UsageError

if TYPE_CHECKING:
    from ambientgen.ear import Hearing


def check(
    audio: Annotated[str, typer.Argument(metavar="AUDIO", help="A sound file.")],
    *,
    scene: Annotated[
        str | None,
        typer.Option("--scene", metavar="SCENE", help="What it should follow: a scene file."),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="AUDIO",
            help="A recording that its texture should be like, or a folder of them.",
        ),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(
            "--report", metavar="FILE", help="Draw what was heard: a .png, .svg or .html file."
        ),
    ] = None,
    as_json: options.AsJson = False,
    force: options.Force = False,
) -> None:
    """Listen to a sound file, and judge it.

    Seams, loop point, curves followed (with --scene), texture, drift, faults and repetition: exit
    code 5 if a verdict fails. Joins come from the sidecar that a render leaves beside its file.
    """
    console = Console()
    try:
        hearing = _heard(audio, scene, reference, (report, force))
        console.out(json.dumps(hearing.to_json(), indent=2) if as_json else _text(hearing))
    except Exception as error:
        code = tell_error(error, console)
        if as_json:
            failure = {"problems": problems_json(error)}
            console.out(json.dumps({"file": audio, "error": failure, "exit_code": int(code)}))
        raise typer.Exit(code) from None
    if not hearing.passed:
        raise typer.Exit(ExitCode.FAILED)


def _heard(
    audio: str, scene: str | None, reference: str | None, drawn_to: tuple[str | None, bool]
) -> Hearing:
    """What there is to hear; drawn, if that is wanted, to a file that may be replaced or not."""
    report, force = drawn_to
    target = _target(report, force)
    wanted = read_scene(scene, Overrides.of(None)) if scene is not None else None
    from ambientgen.ear import listen

    hearing = listen(audio, wanted, reference=reference)
    if target is not None:
        from ambientgen.ear.report import report as drawn

        _write(target, drawn(hearing, target.suffix.lower()), force)
    return hearing


def _target(report: str | None, force: bool) -> Path | None:
    """Where the report goes, if it can: found out before anything is listened to."""
    if report is None:
        return None
    path = Path(report)
    if path.suffix.lower() not in {".png", ".svg", ".html"}:
        what, remedy = f"`{report}` is no kind of report", "name a .png, .svg or .html file"
        raise UsageError(Problem("--report", what, remedy))
    if not path.parent.is_dir():
        raise OutputError(Problem(report, f"there is no folder {path.parent}", "make it first"))
    if path.exists() and not force:
        remedy = "use --force to replace it, or choose another name"
        raise OutputError(Problem(report, "exists already", remedy))
    return path


def _write(path: Path, content: bytes, force: bool) -> None:
    from ambientgen.audio_file.target import errors_named

    with errors_named(str(path)), path.open("wb" if force else "xb") as file:
        file.write(content)


def _text(hearing: Hearing) -> str:
    from ambientgen.ear.report import shown

    lines = [table([shown(verdict) for verdict in hearing.verdicts])]
    failed = [verdict.name for verdict in hearing.failures]
    name = hearing.sound.path
    lines.append(f"{name}: fails {', '.join(failed)}" if failed else f"{name}: passes")
    return "\n".join(lines)
