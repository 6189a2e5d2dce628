"""`ambientgen verify`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ambientgen.cli import options
from ambientgen.cli.exit_codes import gravest
from ambientgen.cli.outcomes import problems_json, tell_error
from ambientgen.console import Console
from ambientgen.errors import ExitCode, MismatchError, Problem, UsageError
from ambientgen.events import StageStarted, ignore

if TYPE_CHECKING:
    from ambientgen.events import Event, Listener
    from ambientgen.renderer import Renderer
    from ambientgen.sidecar import Sidecar

Files = Annotated[list[str], typer.Argument(metavar="FILE", help="Rendered sound files.")]


def verify(
    files: Files,
    *,
    again: Annotated[
        bool, typer.Option("--render", help="Render each again as well, and compare the samples.")
    ] = False,
    device: options.OneDevice = options.Device.AUTO,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Tell whether sound files are what their sidecars say.

    The sidecar of NAME.wav is NAME.json. Quickly, by the samples' hash; with --render every window
    is made anew, without those kept of earlier renders, and the sound must be the same to the bit.
    """
    console = Console(quiet)
    verifier = _Verifier(console, device.value, workers)
    code = ExitCode.DONE
    for file in files:
        told: dict[str, Any] = {"file": file}
        try:
            told |= verifier.verify(file, again)
        except Exception as error:  # the other files are still to be examined
            failed = tell_error(error, console)
            code = gravest((code, failed))
            told |= {"matches": False if failed is ExitCode.FAILED else None}
            told |= {"error": {"problems": problems_json(error)}, "exit_code": int(failed)}
        if as_json:
            console.out(json.dumps(told))
    raise typer.Exit(code)


class _Verifier:
    """Examines files one after another; a renderer is made for the first that needs it."""

    def __init__(self, console: Console, device: str, workers: int | None) -> None:
        self._console, self._device, self._workers = console, device, workers
        self._made: Renderer | None = None
        self._listener: Listener = ignore

    def verify(self, file: str, again: bool) -> dict[str, Any]:
        """What is to be told of a file that matches. Raises MismatchError for one that does not,
        UsageError for one that is not there or has no sidecar, and what rendering raises."""
        from ambientgen.audio_file.digest import pcm_sha256

        beside = _sidecar_of(file)
        found = pcm_sha256(file)
        if found != beside.sha256:
            what = f"is not the sound that {beside.path} describes: other samples"
            raise MismatchError(Problem(file, what, f"render it again from {beside.path}"))
        told: dict[str, Any] = {"matches": True, "sha256": found, "sidecar": beside.path}
        if again:
            self._render(file, beside)
            told["rendered"] = found
        same = "and so is its scene rendered again" if again else "sample by sample"
        self._console.say(f"{file}: what {beside.path} describes, {same}")
        return told

    def _render(self, file: str, beside: Sidecar) -> None:
        from ambientgen.sidecar import differences

        scene = beside.scene()
        with self._console.progress(file) as self._listener:
            renderer = self._renderer()
            asked = beside.asked
            now = renderer.describe(scene, asked)
            report = renderer.render(
                scene, os.devnull, duration_s=asked.duration_s, between_s=asked.between_s
            )
        if report.sha256 != beside.sha256:
            other = ", ".join(differences(beside.document, now))
            why = f"; here these are different: {other}" if other else ""
            what = f"rendered again it has other samples than {beside.path} says{why}"
            raise MismatchError(Problem(file, what))

    def _renderer(self) -> Renderer:
        if self._made is None:
            self._listener(StageStarted("loading"))  # torch takes seconds to import
            from ambientgen.renderer import Renderer

            self._made = Renderer(self._device, self._workers, self._hear)
        return self._made

    def _hear(self, event: Event) -> None:
        self._listener(event)


def _sidecar_of(file: str) -> Sidecar:
    from ambientgen.sidecar import SUFFIX, read_sidecar, sidecar_path

    if file.endswith(SUFFIX):
        remedy = "name the sound file beside it, such as rain.wav"
        raise UsageError(Problem(file, "this is a sidecar, not a sound", remedy))
    if not os.path.isfile(file):
        raise UsageError(Problem(file, "there is no such file", "name a rendered sound file"))
    path = str(sidecar_path(file))
    try:
        found = read_sidecar(path)
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        remedy = "sounds rendered with --no-sidecar cannot be verified"
        raise UsageError(Problem(path, f"no sidecar can be read ({said})", remedy)) from None
    if found is None:
        raise UsageError(Problem(path, "this is no sidecar", "render the scene again to have one"))
    return found
