"""`ambientgen render`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ambientgen.cli import options
from ambientgen.cli.equipment import Equipment
from ambientgen.cli.inputs import (
    Overrides,
    asked_of,
    check_model,
    named_after,
    read_between,
    read_duration,
    read_if_sidecar,
    read_scene,
    read_wanted_store,
)
from ambientgen.cli.outcomes import Outcomes
from ambientgen.cli.outputs import RenderRequest, check_option, check_pcm, requests_of
from ambientgen.console import Console, two_digits
from ambientgen.errors import OutputError, Problem, UsageError, check_all
from ambientgen.messages import Notice, StageStarted, ignore
from ambientgen.shell import STDOUT

if TYPE_CHECKING:
    from ambientgen.asked import Asked, Between
    from ambientgen.messages import Listener, Message
    from ambientgen.renderer import Renderer, RenderReport
    from ambientgen.scene import Scene
    from ambientgen.sidecar import Batches, Sidecar, SidecarRule


def render(
    scenes: options.Scenes,
    *,
    output: options.Output = None,
    model: options.Model = None,
    seed: options.Seed = None,
    duration: options.Duration = None,
    start: options.From = None,
    end: options.To = None,
    steps: options.Steps = None,
    guidance: options.Guidance = None,
    device: options.OneDevice = options.Device.AUTO,
    workers: options.Workers = None,
    batch: options.Batch = None,
    assignments: options.Assignments = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    force: options.Force = False,
    keep: options.Keep = False,
    pcm: options.Pcm = False,
    stems: options.Stems = False,
    variants: options.Variants = None,
    no_sidecar: options.NoSidecar = False,
    cache: options.Cache = None,
    cache_size: options.CacheSize = None,
    no_cache: options.NoCache = False,
) -> None:
    """Render scenes to sound files, or render sounds again from their sidecars.

    Everything that can be checked beforehand is: scenes, outputs, whether the models are here. Each
    scene is tried whatever becomes of the others. A file appears under its name when it is whole.
    Windows that an earlier render made, even one that was killed, are not made again.
    """
    console = Console(quiet)
    outcomes = Outcomes(console, as_json)
    check_option(output, len(scenes), as_json)
    check_pcm(output, pcm)
    from ambientgen.audio_file.target import check_current_folder

    check_current_folder()
    overrides = Overrides.of(assignments, model, seed, steps, guidance, variants)
    given = read_duration(duration), read_between(start, end), overrides
    store = read_wanted_store(cache, cache_size, no_cache)
    files = _Files(force, keep, not no_sidecar, tuple(scenes))
    files.check()
    read: list[tuple[str, Scene]] = []
    for path in scenes:
        with outcomes.trying(path):
            read.append((path, read_scene(path, overrides)))
    for path, scene in read:
        if output == STDOUT and scene.output.format != "wav":
            console.notice(f"{path}: `{scene.output.format}` is for files: a pipe gets WAV")
    requests = _ready(requests_of(read, output, outcomes.trying, stems), outcomes, files, given)
    session = _Session(console, outcomes, Equipment(device, workers, batch, store))
    for request in requests:
        with outcomes.trying(request.path):
            session.render(request, asked_of(request.path, *given), files, "pcm" if pcm else None)
    raise typer.Exit(outcomes.code)


@dataclass(frozen=True)
class _Files:
    """What may be replaced, what may stay, and whether sidecars are wanted. The `scenes` themselves
    stay."""

    force: bool
    keep: bool
    sidecars: bool
    scenes: tuple[str, ...]

    def check(self) -> None:
        """Raises UsageError where what may stay could not be known."""
        if self.keep and not self.sidecars:
            what = "what is there is known by its sidecar, and none is to be written"
            raise UsageError(Problem("--keep", what, "leave out --no-sidecar"))

    def rule(self, output: str) -> SidecarRule | None:
        """What may stand beside the sound at `output`."""
        from ambientgen.sidecar import rule_for

        return rule_for(output, self.sidecars, self.force, self.scenes)


def _batches(request: RenderRequest) -> Batches:
    """What a sidecar says of the batches in which its sound was made."""
    beside = read_if_sidecar(request.path)
    return {} if beside is None else beside.batches


def _ready(
    requests: Sequence[RenderRequest],
    outcomes: Outcomes,
    files: _Files,
    given: tuple[float | None, Between, Overrides],
) -> list[RenderRequest]:
    """Those whose output can be written and whose model is here; no model is loaded yet."""
    ready = []
    for request in requests:
        with outcomes.trying(request.path):
            check_all(
                partial(_check_writable, request, files, given),
                partial(check_model, request.path, request.scene),
            )
            ready.append(request)
    return ready


def _check_writable(
    request: RenderRequest, files: _Files, given: tuple[float | None, Between, Overrides]
) -> None:
    """What is asked for can be rendered, and there is room for it.

    Raises UsageError and OutputError.
    """
    from ambientgen.audio_file import check_endless, check_target
    from ambientgen.job import Job

    decided = Job.of(request.scene, asked_of(request.path, *given))
    encoding = decided.encoding(request.scene.output.format)
    for file in request.files:
        check_target(file, files.force or files.keep, encoding, decided.shape)
    if decided.span is None:
        check_endless(request.output)
    decided.check_room(request.output, encoding, request.stems.values())
    rule = files.rule(request.output)
    if rule is not None:
        rule.check()


class _Session:
    """One Renderer for all scenes, made for the first of them: torch takes seconds to import."""

    def __init__(self, console: Console, outcomes: Outcomes, equipment: Equipment) -> None:
        self._console, self._outcomes = console, outcomes
        self._equipment = equipment
        self._renderer: Renderer | None = None
        self._listener: Listener = ignore
        self._notices: list[str] = []

    def render(
        self, request: RenderRequest, asked: Asked, files: _Files, format_name: str | None
    ) -> None:
        """Render one scene, and tell how it went."""
        self._notices = []
        if files.keep and self._is_kept(request, asked, files):
            return
        rule = files.rule(request.output)
        with (
            self._console.progress(shown(request.output)) as self._listener,
            named_after(request.path),
        ):
            report = self._made().render(
                request.scene,
                request.output,
                asked,
                force=files.force,
                format_name=format_name,
                sidecar=rule,
                stems=request.stems,
                batches=_batches(request),
            )
        self._console.say(summary(report))
        beside = str(rule.path) if rule is not None and files.sidecars else None
        told = {**report.to_json(), "sidecar": beside, "notices": self._notices}
        told["kept"] = False
        self._outcomes.record({"scene": request.path, **told})

    def _is_kept(self, request: RenderRequest, asked: Asked, files: _Files) -> bool:
        """Whether the sound of one scene is there already; if so, that is told.

        Raises OutputError for another sound in its place that may not be replaced.
        """
        from ambientgen.sidecar import finished

        there = [file for file in request.files if _is_finished(file)]
        if not there:
            return False
        with (
            self._console.progress(shown(request.output)) as self._listener,
            named_after(request.path),
        ):
            document = self._made().describe(request.scene, asked, _batches(request))
        beside = finished(request.output, request.stems, document)
        if isinstance(beside, str):
            if files.force:
                return False
            what = f"is there ({beside}), and not what would be rendered now"
            remedy = "use --force as well to replace it, or name another output with -o"
            raise OutputError(Problem(there[0], what, remedy))
        self._console.say(f"{request.output}: kept, it is what would be rendered")
        self._outcomes.record({"scene": request.path, **kept_json(request, beside)})
        return True

    def _made(self) -> Renderer:
        if self._renderer is None:
            self._listener(StageStarted("starting"))
            self._renderer = self._equipment.renderer(self._hear)
        return self._renderer

    def _hear(self, message: Message) -> None:
        if isinstance(message, Notice):
            self._notices.append(message.text)
        self._listener(message)


def _is_finished(file: str) -> bool:
    """Whether a sound is there, and not what a killed render left of several."""
    from ambientgen.audio_file.part import is_abandoned

    return os.path.isfile(file) and not is_abandoned(Path(os.path.realpath(file)))


def kept_json(request: RenderRequest, beside: Sidecar) -> dict[str, Any]:
    """What `render --json` prints of a sound that was kept: all but how it was made, which its
    sidecar does not tell."""
    document = beside.document
    layers = document.get("layers", [])
    model: dict[str, str] = next(
        (each["model"] for each in [document, *layers] if "model" in each), {}
    )
    named = ("duration_s", "sample_rate", "channels", "seed", "sha256", "layout")
    of_model = ("name", "revision", "licence")
    return {
        "output": request.output,
        **{name: document[name] for name in named},
        "model": {name: model[name] for name in of_model if name in model},
        "layers": [{"name": each.name, "engine": each.engine} for each in request.scene.sounds],
        "stems": {
            name: {"output": str(path), "sha256": beside.stems[name]["sha256"]}
            for name, path in request.stems.items()
        },
        "sidecar": beside.path,
        "kept": True,
    }


def summary(report: RenderReport) -> str:
    """`rain.wav: 2m in 8.5 s, 14 × real time, 3 of 20 windows reused`."""
    from ambientgen.scene.durations import spell

    # Not the report's own factor, whose two decimals say nothing of a slow machine.
    speed = two_digits(report.duration_s / report.elapsed_s) if report.elapsed_s else "∞"
    took = f"{report.elapsed_s:.1f} s, {speed} × real time"
    counts = report.windows
    if counts.reused:
        took += f", {counts.reused} of {counts.total} windows reused"
    if report.loudness_lufs is not None:
        took += f", {report.loudness_lufs:.1f} LUFS"
    if report.stems:
        took += f", {len(report.stems)} stem{'s' * (len(report.stems) > 1)}"
    return f"{shown(report.output)}: {spell(report.duration_s)} in {took}"


def shown(output: str) -> str:
    """Where a sound goes, as people read it."""
    return "standard output" if output == STDOUT else output
