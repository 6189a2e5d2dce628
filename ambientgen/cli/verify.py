"""`ambientgen verify`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ambientgen.cli import options
from ambientgen.cli.equipment import Equipment
from ambientgen.cli.exit_codes import gravest
from ambientgen.cli.outcomes import Outcomes, problems_json, tell_error
from ambientgen.console import Console
from ambientgen.errors import ExitCode, MismatchError, Problem, SceneError, UsageError
from ambientgen.messages import StageStarted, ignore

if TYPE_CHECKING:
    from ambientgen.messages import Listener, Message
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
    batch: options.Batch = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Tell whether sound files are what their sidecars say.

    The sidecar of NAME.wav is NAME.wav.json, or else NAME.json; it also describes the stems,
    NAME.LAYER.wav. Quickly, by the samples' hash; with --render every window is made anew, without
    those kept of earlier renders, and the sound must be the same to the bit.
    """
    console = Console(quiet)
    verifier = _Verifier(console, Equipment(device, workers, batch))
    outcomes = Outcomes(console, as_json)
    for file in files:
        told: dict[str, Any] = {"file": file}
        try:
            told |= verifier.verify(file, again)
        except Exception as error:  # the other files are still to be examined
            failed = tell_error(error, console)
            outcomes.code = gravest((outcomes.code, failed))
            told |= {"matches": False if failed is ExitCode.FAILED else None}
            told |= {"error": {"problems": problems_json(error)}, "exit_code": int(failed)}
        outcomes.record(told)
    raise typer.Exit(outcomes.code)


class _Verifier:
    """Examines files one after another; a renderer is made for the first that needs it."""

    def __init__(self, console: Console, equipment: Equipment) -> None:
        self._console, self._equipment = console, equipment
        self._made: Renderer | None = None
        self._listener: Listener = ignore

    def verify(self, file: str, again: bool) -> dict[str, Any]:
        """What is to be told of a file that matches. Raises MismatchError for one that does not,
        UsageError for one that is not there or has no sidecar, and what rendering raises."""
        beside, stem = _sidecar_of(file)
        said = beside.document if stem is None else beside.stems[stem]
        _check_content(file, beside, said)
        if stem is None:
            for path, of_stem in _stems(file, beside):
                _check_content(path, beside, of_stem)
        told: dict[str, Any] = {"matches": True, "sha256": said["sha256"], "sidecar": beside.path}
        if stem is not None:
            told["stem"] = stem
        changed = beside.changed_recordings()
        if changed:
            told["changed_recordings"] = changed
            names = ", ".join(changed)
            self._console.notice(f"{file}: other recordings than it was made of: {names}")
        if again:
            self._render(file, beside, stem)
            told["rendered"] = said["sha256"]
        same = "and so is its scene rendered again" if again else "sample by sample"
        what = f"what {beside.path} describes" + (f" as the stem {stem}" if stem else "")
        self._console.say(f"{file}: {what}, {same}")
        return told

    def _render(self, file: str, beside: Sidecar, stem: str | None) -> None:
        from ambientgen.audio_file.digest import keeps_samples
        from ambientgen.sidecar import differences

        scene = exact = beside.scene()
        if not keeps_samples(file):  # what was written are the floats that the encoder was given
            exact = replace(scene, output=replace(scene.output, format="wav", bits="32f"))
        with self._console.progress(file) as self._listener:
            renderer = self._renderer()
            asked = beside.asked
            now = renderer.describe(scene, asked, beside.batches)
            report = renderer.render(
                exact,
                os.devnull,
                asked,
                stems={each.name: Path(os.devnull) for each in exact.sounds} if stem else None,
                batches=beside.batches,
            )
        known = beside.document if stem is None else beside.stems[stem]
        sha256 = report.sha256 if stem is None else report.stems[stem]["sha256"]
        if sha256 != known["sha256"]:
            other = ", ".join(differences(beside.document, now))
            why = f"; here these are different: {other}" if other else ""
            what = f"rendered again it has other samples than {beside.path} says{why}"
            raise MismatchError(Problem(file, what))

    def _renderer(self) -> Renderer:
        if self._made is None:
            self._listener(StageStarted("starting"))  # torch takes seconds to import
            self._made = self._equipment.renderer(self._hear)
        return self._made

    def _hear(self, message: Message) -> None:
        self._listener(message)


def _check_content(file: str, beside: Sidecar, said: dict[str, Any]) -> None:
    """Raises MismatchError where a file is not what a sidecar says of it."""
    from ambientgen.sidecar import unlike_its_sidecar

    other = unlike_its_sidecar(file, said, beside.document)
    if other is not None:
        what = f"is not the sound that {beside.path} describes: {other}"
        raise MismatchError(Problem(file, what, f"render it again from {beside.path}"))


def _stems(file: str, beside: Sidecar) -> Iterator[tuple[str, dict[str, Any]]]:
    """The stems that lie beside a file, and what its sidecar says of them."""
    real = os.path.realpath(file) if os.path.islink(file) else file
    for said in beside.stems.values():
        path = os.path.join(os.path.dirname(real), os.path.basename(said["file"]))
        if os.path.isfile(path):
            yield path, said


def _sidecar_of(file: str) -> tuple[Sidecar, str | None]:
    """A sound's sidecar; and its layer, where that is a mix's which lists the file as a stem.

    Another sound called as a stem is, such as MIX.LAYER.wav beside MIX.LAYER.ogg, or one that the
    stem replaced, may have left the sidecar that the stem itself would have.
    """
    from ambientgen.sidecar import SUFFIX, as_stem, read_sidecar, sidecar_path

    if file.endswith(SUFFIX):
        remedy = "name the sound file beside it, such as rain.wav"
        raise UsageError(Problem(file, "this is a sidecar, not a sound", remedy))
    if not os.path.isfile(file):
        raise UsageError(Problem(file, "there is no such file", "name a rendered sound file"))
    if file.endswith((".yaml", ".yml")):
        remedy = "render it, and name its sound"
        raise UsageError(Problem(file, "this is a scene, not a sound", remedy))
    path = str(sidecar_path(file))
    if (of_mix := as_stem(file)) and not _describes(path, file):
        return of_mix
    try:
        found = read_sidecar(path)
    except FileNotFoundError:
        raise UsageError(_alone(file)) from None
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        remedy = "let it be read, or render the scene again to have another"
        raise UsageError(Problem(path, f"no sidecar can be read ({said})", remedy)) from None
    if found is None:
        raise UsageError(Problem(path, "this is no sidecar", "render the scene again to have one"))
    return found, None


def _describes(path: str, file: str) -> bool:
    """Whether there is a sidecar at `path`, and a sound is what it says."""
    from ambientgen.sidecar import read_sidecar, unlike_its_sidecar

    try:
        found = read_sidecar(path)
    except (OSError, SceneError):
        return False
    try:
        said = None if found is None else found.document
        return said is not None and unlike_its_sidecar(file, said, said) is None
    except MismatchError:
        return False


def _alone(file: str) -> Problem:
    """A sound without a sidecar, or, of a link, what it leads to."""
    from ambientgen.sidecar import common_path, mix_sidecars, own_path

    place = os.path.realpath(file) if os.path.islink(file) else file
    for beside in mix_sidecars(file):
        if beside.exists():
            what = f"{beside.name} beside it does not know it: it is no stem of that render"
            return Problem(place, what, "render the scene again with --stems")
    names = dict.fromkeys(path.name for path in (own_path(file), common_path(file)))
    remedy = "put the one that it was rendered with there, or render its scene again with one"
    return Problem(place, f"there is no sidecar beside it ({' or '.join(names)})", remedy)
