"""`ambientgen check`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ambientgen.cli import options
from ambientgen.cli.exit_codes import gravest
from ambientgen.cli.files import check_new_file, write_whole
from ambientgen.cli.inputs import Overrides, read_scene
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
        code = ExitCode.DONE if hearing.passed else ExitCode.FAILED
        if hearing.remark is not None:
            console.notice(hearing.remark)
    except Exception as error:
        code = tell_error(error, console)
        failure = {"problems": problems_json(error)}
        told = json.dumps({"file": audio, "error": failure, "exit_code": int(code)})
        _tell(told if as_json else None, code, console)
    else:
        told = json.dumps(hearing.to_json(), indent=2) if as_json else _text(hearing)
        _tell(told, code, console)


def _tell(told: str | None, code: ExitCode, console: Console) -> NoReturn:
    """Print what is to be told, and end with `code`, or with a graver one if it cannot be."""
    try:
        if told is not None:
            console.out(told)
    except OutputError as error:
        code = gravest((code, tell_error(error, console)))
    raise typer.Exit(code)


def _heard(
    audio: str, scene: str | None, reference: str | None, drawn_to: tuple[str | None, bool]
) -> Hearing:
    """What there is to hear; drawn, if that is wanted, to a file that may be replaced or not."""
    report, force = drawn_to
    target = _target(report, force, (audio, scene, reference))
    wanted = read_scene(scene, Overrides.of(None)) if scene is not None else None
    from ambientgen.ear import listen

    hearing = listen(audio, wanted, reference=reference)
    if target is not None:
        from ambientgen.ear.report import report as drawn

        write_whole(target, drawn(hearing, target.suffix.lower()), force)
    return hearing


def _target(report: str | None, force: bool, read: tuple[str | None, ...]) -> Path | None:
    """Where the report goes, if it can: found out before anything is listened to. It replaces
    none of the files that are `read`."""
    if report is None:
        return None
    path = Path(report)
    if path.suffix.lower() not in {".png", ".svg", ".html"}:
        what, remedy = f"`{report}` is no kind of report", "name a .png, .svg or .html file"
        raise UsageError(Problem("--report", what, remedy))
    real = os.path.realpath(report)
    if any(name is not None and os.path.realpath(name) == real for name in read):
        raise UsageError(Problem("--report", f"{report} is read here", "name another file"))
    check_new_file(path, force)
    return path


def _text(hearing: Hearing) -> str:
    from ambientgen.ear.report import shown

    lines = [table([shown(verdict) for verdict in hearing.verdicts])]
    failed = [verdict.name for verdict in hearing.failures]
    name = hearing.sound.path
    lines.append(f"{name}: fails {', '.join(failed)}" if failed else f"{name}: passes")
    return "\n".join(lines)
