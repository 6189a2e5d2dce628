"""`ambientgen check`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ambientgen.cli import options
from ambientgen.cli.exit_codes import gravest
from ambientgen.cli.files import check_new_file, check_not_read, write_whole
from ambientgen.cli.inputs import Overrides, read_scene
from ambientgen.cli.outcomes import Outcomes, problems_json, tell_error
from ambientgen.console import Console, table
from ambientgen.errors import ExitCode, OutputError, Problem, UsageError

if TYPE_CHECKING:
    from ambientgen.ear import Hearing
    from ambientgen.scene import Scene


def check(
    sounds: Annotated[list[str], typer.Argument(metavar="AUDIO", help="Sound files.")],
    *,
    scene: Annotated[
        str | None,
        typer.Option("--scene", metavar="SCENE", help="What they should follow: a scene file."),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="AUDIO",
            help="A recording that their texture should be like, or a folder of them.",
        ),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Draw what was heard of a single sound: a .png, .svg or .html file.",
        ),
    ] = None,
    as_json: options.AsJson = False,
    force: options.Force = False,
) -> None:
    """Listen to sound files, and judge each.

    Seams, loop point, curves followed (with --scene), texture, drift, faults and repetition: exit
    code 5 if a verdict fails. Joins come from the sidecar that a render leaves beside its file.
    """
    console = Console()
    listener = _Listener(Outcomes(console, as_json), console, as_json)
    try:
        if reference == "":  # the current folder, to the system
            remedy = "name a sound file, or a folder of them"
            raise UsageError(Problem("--reference", "is empty", remedy))
        target = _target(report, force, sounds, (scene, reference))
        wanted = read_scene(scene, Overrides.of(None)) if scene is not None else None
    except Exception as error:
        code = tell_error(error, console)
        for file in sounds:
            listener.tell_failure(file, error, code)
    else:
        for file in sounds:
            listener.listen(file, wanted, reference, (target, force))
    raise typer.Exit(listener.outcomes.code)


@dataclass(frozen=True)
class _Listener:
    """Hears one sound after another, whatever becomes of the others, and tells of each."""

    outcomes: Outcomes
    console: Console
    as_json: bool

    def listen(
        self,
        file: str,
        scene: Scene | None,
        reference: str | None,
        drawn_to: tuple[Path | None, bool],
    ) -> None:
        """Judge one sound; draw it, if that is wanted, to a file that may be replaced or not."""
        from ambientgen.ear import listen

        target, force = drawn_to
        try:
            hearing = listen(file, scene, reference=reference)
            for problem in hearing.left_out:
                self.console.notice(f"{problem.place}: {problem.what}: it is not compared with")
            if target is not None:
                from ambientgen.ear.report import report as drawn

                write_whole(target, drawn(hearing, target.suffix.lower()), force)
        except Exception as error:  # the other sounds are still to be heard
            self.tell_failure(file, error, tell_error(error, self.console))
            return
        if hearing.remark is not None:
            self.console.notice(hearing.remark)
        if not hearing.passed:
            self._end_with(ExitCode.FAILED)
        if self.as_json:
            self.outcomes.record(hearing.to_json())
            return
        try:
            self.console.out(_text(hearing))
        except OutputError as error:
            self._end_with(tell_error(error, self.console))

    def tell_failure(self, file: str, error: Exception, code: ExitCode) -> None:
        """What programs are told of a sound that could not be judged."""
        self._end_with(code)
        failure = {"problems": problems_json(error)}
        self.outcomes.record({"file": file, "error": failure, "exit_code": int(code)})

    def _end_with(self, code: ExitCode) -> None:
        self.outcomes.code = gravest((self.outcomes.code, code))


def _target(
    report: str | None, force: bool, sounds: Sequence[str], read: tuple[str | None, ...]
) -> Path | None:
    """Where the report goes, if it can: found out before anything is listened to. It replaces
    neither a sound nor one of the files that are `read`."""
    if report is None:
        return None
    if len(sounds) > 1:
        what = f"{len(sounds)} sounds cannot be drawn into one file"
        raise UsageError(Problem("--report", what, "check one at a time to draw it"))
    path = Path(report)
    if path.suffix.lower() not in {".png", ".svg", ".html"}:
        what, remedy = f"`{report}` is no kind of report", "name a .png, .svg or .html file"
        raise UsageError(Problem("--report", what, remedy))
    check_not_read("--report", path, (*sounds, *read))
    check_new_file(path, force)
    return path


def _text(hearing: Hearing) -> str:
    from ambientgen.ear.report import shown

    lines = [table([shown(verdict) for verdict in hearing.verdicts])]
    failed = [verdict.name for verdict in hearing.failures]
    name = hearing.sound.path
    lines.append(f"{name}: fails {', '.join(failed)}" if failed else f"{name}: passes")
    return "\n".join(lines)
