"""The whole story: a scene becomes a sound file."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ambientgen.audio_file import Encoding, Shape, Written, check_endless, check_target, open_sink
from ambientgen.engine import LocalEngine
from ambientgen.errors import ModelError, Problem
from ambientgen.events import (
    AudioWritten,
    Listener,
    Notice,
    StageStarted,
    WindowsDone,
    ignore,
)
from ambientgen.latents import DEFAULT_SCHEDULER, SamplerOptions
from ambientgen.level import LevelSettings, Limiter
from ambientgen.loa import Trajectory, condition, encode_prompts, encode_text
from ambientgen.making import BATCH_SIZES, Conditionings, Draft, drafted, finished
from ambientgen.models.fingerprint import fingerprint
from ambientgen.models.loading import Model, load
from ambientgen.models.packing import pack
from ambientgen.models.profile import Profile, profile_of
from ambientgen.models.registry import licence_notice, resolve
from ambientgen.models.vocabulary import cut_prompts, unheard
from ambientgen.plan import WHOLE, Between, Plan, make_plan
from ambientgen.prompts import scene_text
from ambientgen.reuse import WindowMaker
from ambientgen.scene import Scene
from ambientgen.sidecar import Asked, Beside, Document, SidecarRule, describe
from ambientgen.store import Store
from ambientgen.waveform import Decoder, sound

FloatArray = NDArray[np.float32]

FINGERPRINTS = "fingerprints.json"  # beside the store: hashes of models' files


@dataclass(frozen=True)
class WindowCounts:
    """How many windows a render has, made itself, and took from earlier work."""

    total: int
    computed: int
    reused: int


@dataclass(frozen=True)
class RenderReport:
    """What one render did: what `render --json` prints.

    `sha256` is of the PCM samples as written; `peak_memory_mb` of the whole process so far, its
    workers being threads; `elapsed_s` does not count the loading of the model.
    """

    output: str
    duration_s: float
    sample_rate: int
    channels: int
    seed: int
    model: dict[str, str]
    sha256: str
    elapsed_s: float
    realtime_factor: float
    peak_memory_mb: float
    windows: WindowCounts

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return asdict(self)


class Renderer:
    """Renders scenes one after another, each model loaded once. Progress goes to `listener`.

    Windows that `store` holds are not made again; None: all are made, and none is kept.
    """

    def __init__(
        self,
        device: str = "auto",
        workers: int | None = None,
        listener: Listener = ignore,
        store: Store | None = None,
    ) -> None:
        self._device = device
        self._workers = workers
        self._tell = listener
        self._store = store
        self._contents: dict[str, str] = {}
        self.models: dict[str, Model] = {}

    def render(
        self,
        scene: Scene,
        output: str | Path,
        *,
        duration_s: float | None = None,
        between_s: Between = WHOLE,
        force: bool = False,
        format_name: str | None = None,
        sidecar: SidecarRule | None = None,
    ) -> RenderReport:
        """Render `scene` into the file `output` (`-`: WAV to stdout), whole or not at all.

        The suffix of `output` chooses the format, or `format_name`. `sidecar` says where to
        describe the sound.

        `duration_s` crops the scene, or holds its last values; a loop goes round. Infinite, it
        never ends, which only a pipe can take. `between_s` renders only the stretch from its first
        moment to its second, to the bit what it is in the whole. Raises ModelError, OutputError,
        UsageError or SceneError; an existing file without `force` is refused before rendering.
        """
        check_target(output, force, Encoding(format_name))
        model = self.model(scene.model)
        began = time.monotonic()  # a model is loaded once for many scenes: that is not this one's
        self._tell(StageStarted("planning"))
        plan = make_plan(scene, model.geometry, model.spec.rule, duration_s, between_s)
        if plan.endless:
            check_endless(output)
        asked = Asked(duration_s, between_s)
        described = self._described(model, plan, asked) if sidecar else None
        beside = Beside(sidecar, described) if sidecar and described else None
        self._warn(model, plan)
        try:
            with LocalEngine(_workers(self._workers, model.device.type)) as engine:
                maker = self._maker(model, scene, engine)
                windows = self._windows(model, plan, engine, maker)
                audio = sound(plan, windows, Decoder(model, scene.seed, engine))
                written = self._write(plan, audio, model, Out(output, force, format_name, beside))
        finally:
            if self._store is not None:
                self._store.close()  # which keeps it within its size, whatever became of the sound
        counts = WindowCounts(maker.computed + maker.reused, maker.computed, maker.reused)
        return _report(plan, model, output, written, counts, time.monotonic() - began)

    def model(self, name: str) -> Model:
        """The model called `name`, loaded at most once."""
        if name not in self.models:
            self._tell(StageStarted("loading"))
            self.models[name] = pack(self.loaded(name))
        return self.models[name]

    def loaded(self, name: str) -> Model:
        """The model called `name` as it is in its folder, read anew."""
        return load(resolve(name), self._device)

    def content(self, model: Model) -> str:
        """The fingerprint of a model's files, taken once."""
        if model.spec.name not in self._contents:
            memory = self._store.folder.with_name(FINGERPRINTS) if self._store else None
            self._contents[model.spec.name] = fingerprint(model.spec.folder, memory)
        return self._contents[model.spec.name]

    def describe(self, scene: Scene, asked: Asked) -> Document:
        """What the sidecar of a render of `scene` would say, but for the hash of its samples."""
        model = self.model(scene.model)
        how = model.geometry, model.spec.rule
        return self._described(
            model, make_plan(scene, *how, asked.duration_s, asked.between_s), asked
        )

    def _described(self, model: Model, plan: Plan, asked: Asked) -> Document:
        how = profile(model).to_json()
        return describe(plan, model.spec, self.content(model), how, asked)

    def _maker(self, model: Model, scene: Scene, engine: LocalEngine) -> WindowMaker:
        options = engine.run(lambda: sampler_options(model, scene))
        content = self.content(model) if self._store is not None else ""
        return WindowMaker(model, content, profile(model), options, self._store)

    def _warn(self, model: Model, plan: Plan) -> None:
        """Say before rendering what the model's licence, ears and windows cannot do."""
        licence = licence_notice(model.spec)
        notices = [licence] if licence is not None else []
        heard_until_s = min(plan.scene.told_s, plan.start_s + plan.duration_s)
        notices += unheard(model.spec, plan.scene, heard_until_s)
        prompts = (prompt for keyframe in plan.keyframes for prompt, _ in keyframe.blend)
        tokenizers = (model.tokenizer, model.tokenizer_2)
        notices += cut_prompts(model.spec.name, tokenizers, dict.fromkeys(prompts))
        for notice in [*notices, *map(Notice, plan.notices)]:
            self._tell(notice)

    def meaning(self, model: Model, plan: Plan, engine: LocalEngine) -> Conditionings:
        """What each window is told: its LOA, and the scene's constant text."""
        prompts = dict.fromkeys(p for keyframe in plan.keyframes for p, _ in keyframe.blend)
        loas: dict[str, torch.Tensor] = {}
        for found in engine.map(lambda prompt: encode_prompts(model, [prompt]), prompts):
            loas |= found
        interpolation = plan.scene.render.interpolation or "linear"
        period_s = plan.scene.duration_s if plan.loop else None
        trajectory = Trajectory(plan.keyframes, loas, plan.geometry, interpolation, period_s)
        text = scene_text(plan.scene) if model.spec.defaults.text_stream else ""
        return Conditionings(trajectory, *engine.run(lambda: encode_text(model, text)))

    def _windows(
        self,
        model: Model,
        plan: Plan,
        engine: LocalEngine,
        maker: WindowMaker,
    ) -> Iterator[tuple[int, FloatArray]]:
        """Start frame and latents (C * F, frames) of every window, in order of time."""
        total = len(plan.windows)
        self._tell(StageStarted("meaning"))

        def drafts() -> Iterator[Draft]:
            for part in plan.parts():
                told = self.meaning(model, part, engine)
                if part is plan:
                    self._tell(StageStarted("rendering"))
                yield from drafted(model, part, told, maker, engine)

        for done, piece in enumerate(finished(plan, drafts(), maker, engine), 1):
            self._tell(WindowsDone(done, None if plan.endless else max(total, done)))
            if self._store is not None and (trouble := self._store.trouble()):
                self._tell(Notice(trouble))
            yield piece

    def _write(
        self,
        plan: Plan,
        audio: Iterable[FloatArray],
        model: Model,
        out: Out,
    ) -> Written:
        """Level the samples, cut them to the exact length and stream them into the file."""
        rate, total = plan.geometry.sample_rate, None if plan.endless else plan.duration_samples
        settings, loop = LevelSettings(gain_db=model.spec.gain_db), plan.loop
        turns = None if loop is None else loop.samples
        limiter = Limiter(settings, rate, plan.heard_samples[0], plan.samples, turns)
        done = 0
        encoding, shape = Encoding(out.format_name), Shape(rate, 1, total)
        with open_sink(out.output, encoding, shape, force=out.force) as sink:
            for block in limiter.limited(_finite(audio, model)):
                sink.write(block)
                done += len(block)
                self._tell(AudioWritten(done / rate, total / rate if total else math.inf))
            if out.beside is not None:
                sink.companion = out.beside.companion(sink.result.sha256)
        report = limiter.report
        if report.reduced_samples:
            at_s = (report.first_sample or 0) / rate
            self._tell(
                Notice(
                    f"peaks over the ceiling from {at_s:.1f} s on: the limiter took off up to "
                    f"{report.deepest_db:.1f} dB"
                )
            )
        return sink.result


@dataclass(frozen=True)
class Out:
    """Where a sound goes, whether it may replace what is there, how it is written (None: as the
    name says), and what is to stand beside it."""

    output: str | Path
    force: bool
    format_name: str | None
    beside: Beside | None


def sampler_options(model: Model, scene: Scene) -> SamplerOptions:
    """Steps, guidance and negative prompt: the scene's own, else the model's defaults."""
    asked, default = scene.render, model.spec.defaults
    steps = default.steps if asked.steps is None else asked.steps
    guidance = default.guidance if asked.guidance is None else asked.guidance
    negative = condition(model, asked.negative_prompt or "") if guidance > 1 else None
    scheduler = asked.scheduler or DEFAULT_SCHEDULER
    return SamplerOptions(steps, guidance, negative, scheduler)


def profile(model: Model) -> Profile:
    """What decides the last bits of a render with `model`."""
    batch = BATCH_SIZES.get(model.device.type, 1)
    return profile_of(model.device, model.dtype, batch)


def _workers(asked: int | None, device: str) -> int | None:
    """As many as asked for; else one for each core, but one for a GPU, which a batch fills."""
    return asked if asked is not None or device == "cpu" else 1


def _finite(blocks: Iterable[FloatArray], model: Model) -> Iterator[FloatArray]:
    """The stream, as long as it is sound. Weights damaged inside a whole file show only here."""
    for block in blocks:
        if not np.isfinite(block).all():
            what = "the model's sound holds numbers that are not finite: its weights are damaged"
            raise ModelError(Problem(model.spec.name, what, "copy or fetch the model again"))
        yield block


def _report(
    plan: Plan,
    model: Model,
    output: str | Path,
    written: Written,
    counts: WindowCounts,
    elapsed_s: float,
) -> RenderReport:
    spec = model.spec
    return RenderReport(
        output=str(output),
        duration_s=written.samples / plan.geometry.sample_rate,
        sample_rate=plan.geometry.sample_rate,
        channels=1,
        seed=plan.scene.seed,
        model={"name": spec.name, "revision": spec.revision or "", "licence": spec.licence},
        sha256=written.sha256,
        elapsed_s=round(elapsed_s, 3),
        realtime_factor=round(written.samples / plan.geometry.sample_rate / elapsed_s, 2),
        peak_memory_mb=round(_peak_memory_mb(), 1),
        windows=counts,
    )


def _peak_memory_mb() -> float:
    """The most memory this process has held so far, in MB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would begin with what the launching process held
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024
