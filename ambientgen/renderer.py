"""The whole story: a scene becomes a sound file, and its layers files beside it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ambientgen.asked import AS_WRITTEN, Asked
from ambientgen.assembly import Ensemble, assembled, models_of
from ambientgen.audio_file import check_endless, check_target, is_stream, tags_for
from ambientgen.delivery import Delivered, Out, deliver
from ambientgen.errors import Problem, UsageError
from ambientgen.job import Job, check_files, in_format_of
from ambientgen.memory import MOST_BATCH, peak_memory_mb
from ambientgen.messages import Listener, Notice, StageStarted, ignore, of_layers
from ambientgen.models.batch import batch_for
from ambientgen.models.fingerprint import fingerprint
from ambientgen.models.loading import Model, check_device, load
from ambientgen.models.packing import pack
from ambientgen.models.profile import device_name
from ambientgen.models.registry import licence_notice, resolve
from ambientgen.models.vocabulary import cut_prompts, unheard
from ambientgen.passes import Conditionings
from ambientgen.plan import Plan
from ambientgen.scene import Scene
from ambientgen.scene.document import scene_document
from ambientgen.sidecar import Batches, Beside, Document, Made, SidecarRule, describe
from ambientgen.sources.diffused import meaning
from ambientgen.sources.studio import Studio
from ambientgen.store import Store
from ambientgen.workers import Workers

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
    workers being threads; `elapsed_s` does not count the loading of models. `model` is the first
    one's, empty where none was used; `stems` are output and `sha256` by layer. `loudness_lufs` is
    what was reached of a loudness asked for, by `gain_db`; None: none was.
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
    layout: str = "mono"
    layers: list[dict[str, str]] = field(default_factory=list)
    stems: dict[str, dict[str, str]] = field(default_factory=dict)
    loudness_lufs: float | None = None
    gain_db: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return asdict(self)


class Renderer:
    """Renders scenes one after another, each model loaded once. Progress goes to `listener`.

    Windows that `store` holds are not made again; None: all are made, and none is kept. `batch`
    says how many of the longest windows share a pass of the UNet, 1 to `MOST_BATCH`; None: as many
    as `batch_for` says. Samples depend on it, within rounding. Raises UsageError for a number of
    workers or of windows that cannot be, and for a device of no such name.
    """

    def __init__(
        self,
        device: str = "auto",
        workers: int | None = None,
        listener: Listener = ignore,
        store: Store | None = None,
        batch: int | None = None,
    ) -> None:
        if batch is not None and not 1 <= batch <= MOST_BATCH:
            what = f"`{batch}` windows cannot share a pass"
            raise UsageError(Problem("--batch", what, f"write a number from 1 to {MOST_BATCH}"))
        if workers is not None and workers < 1:
            what = f"`{workers}` is no number of workers"
            remedy = "write 1 or more, or leave it out: one for each core"
            raise UsageError(Problem("--workers", what, remedy))
        check_device(device)
        self._batch = batch
        self._device = device
        self._workers = workers
        self._tell = listener
        self._store = store
        self._contents: dict[Path, str] = {}
        self.models: dict[str, Model] = {}

    def render(
        self,
        scene: Scene,
        output: str | Path,
        asked: Asked = AS_WRITTEN,
        *,
        force: bool = False,
        format_name: str | None = None,
        sidecar: SidecarRule | None = None,
        stems: Mapping[str, Path] | None = None,
        batches: Batches | None = None,
    ) -> RenderReport:
        """Render `scene`, or what is `asked` for of it, into the file `output` (`-`: WAV to
        stdout), whole or not at all. A stretch is to the bit what it is in the whole; what never
        ends only a pipe can take.

        The suffix of `output` chooses the format, or `format_name`. `sidecar` says where to
        describe the sound. `stems` are files for layers, some or all, by their names: all appear,
        or none.
        `batches` are those of the sidecar that is rendered again.

        Raises ModelError, OutputError, UsageError or SceneError; an existing file without `force`
        is refused before rendering.
        """
        scene = in_format_of(replace(scene, variants=1), output)
        job = Job.of(scene, asked)
        encoding = job.encoding(format_name)
        stems = {name: Path(path) for name, path in (stems or {}).items()}
        check_files(job.scene, output, stems)
        for path in (output, *stems.values()):
            check_target(path, force, encoding, job.shape)
        if job.samples[1] is None:
            check_endless(output)
        job.check_room(output, encoding, stems.values())
        self._load(job.scene)
        began = time.monotonic()  # models are loaded once for many scenes: that is not this one's
        self._tell(StageStarted("planning"))
        try:
            with self._at_work() as workers:
                ensemble = assembled(job.scene, self._studio(workers, batches), job.asked)
                made = self._made(ensemble, job)
                folder = str(sidecar.path.parent) if sidecar else None
                described = self._described(scene, job, made, ensemble, folder) if sidecar else None
                beside = Beside(sidecar, described) if sidecar and described else None
                for notice in job.notices(scene, output, encoding):
                    self._tell(notice)
                self._warn(job, ensemble)
                ensemble.prepare(job.pulled, self._tell)
                tags = {} if is_stream(output) else _tags(scene, made)
                out = Out(output, encoding, stems, tags, beside, force)
                done = deliver(ensemble.mixed, job.master, job.wanted, out, self._tell)
        finally:
            if self._store is not None:
                self._store.close()  # which keeps it within its size, whatever became of the sound
        return _report(job, ensemble, made, out, done, time.monotonic() - began)

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
        folder = model.spec.folder  # names are no keys: two folders may be called alike
        if folder not in self._contents:
            memory = self._store.folder.with_name(FINGERPRINTS) if self._store else None
            self._contents[folder] = fingerprint(folder, memory)
        return self._contents[folder]

    def describe(self, scene: Scene, asked: Asked, batches: Batches | None = None) -> Document:
        """What the sidecar of a render of `scene` would say, but for the hash of its samples."""
        scene = replace(scene, variants=1)
        job = Job.of(scene, asked)
        self._load(job.scene)
        with self._at_work() as workers:
            ensemble = assembled(job.scene, self._studio(workers, batches), job.asked)
            made = self._made(ensemble, job)
            return self._described(scene, job, made, ensemble) or {}

    def meaning(self, model: Model, plan: Plan, workers: Workers) -> Conditionings:
        """What each window of a plan is told: its LOA, and the scene's constant text."""
        return meaning(model, plan, workers)

    def _load(self, scene: Scene) -> None:
        for name in models_of(scene):
            self.model(name)

    def _at_work(self) -> Workers:
        """As many workers as asked for; by default one per core, or a single one on a GPU, which
        one batch fills."""
        on_gpu = any(model.device.type != "cpu" for model in self.models.values())
        return Workers(1 if self._workers is None and on_gpu else self._workers)

    def _studio(self, workers: Workers, batches: Batches | None = None) -> Studio:
        def batch(model: Model, frames: int) -> int:
            """As was asked for, else as this device made the sound before, else as it holds."""
            if self._batch is not None:
                return self._batch
            if batches:
                known = batches.get((self.content(model), device_name(model.device)))
                if known is not None and known <= MOST_BATCH:
                    return known
            return batch_for(model, frames)

        tell, content = self._tell, self.content
        return Studio(workers, self._store, tell, self.model, content, self.meaning, batch)

    def _made(self, ensemble: Ensemble, job: Job) -> list[Made]:
        """What models are to make for a job, planned."""
        return [
            Made(
                layer.name,
                source.plan(stretch),
                source.model.spec,
                self.content(source.model),
                source.profile.to_json(),
            )
            for layer, source, stretch in ensemble.plans(job.pulled)
        ]

    def _described(
        self,
        scene: Scene,
        job: Job,
        made: Sequence[Made],
        ensemble: Ensemble,
        folder: str | None = None,
    ) -> Document | None:
        if job.span is None:
            return None
        return describe(scene, job.asked, job.span, made, ensemble.recordings(), folder)

    def _warn(self, job: Job, ensemble: Ensemble) -> None:
        """Say before rendering what models' licences, ears and windows cannot do."""
        specs = (source.model.spec for _, source, _ in ensemble.plans(job.pulled))
        for spec in {spec.folder: spec for spec in specs}.values():
            licence = licence_notice(spec)
            if licence is not None:
                self._tell(licence)
        told: list[tuple[str, str]] = []
        for layer, source, stretch in ensemble.plans(job.pulled):
            plan, model = source.plan(stretch), source.model
            heard_until_s = min(plan.scene.changes_until_s, plan.start_s + plan.duration_s)
            notices = list(unheard(model.spec, plan.scene, heard_until_s))
            prompts = (prompt for keyframe in plan.keyframes for prompt, _ in keyframe.blend)
            tokenizers = (model.tokenizer, model.tokenizer_2)
            notices += cut_prompts(model.spec.name, tokenizers, dict.fromkeys(prompts))
            told += ((layer.name, notice.text) for notice in notices)
            told += ((layer.name, text) for text in plan.notices)
        for text in of_layers(told, bool(job.scene.layers)):
            self._tell(Notice(text))


def _tags(scene: Scene, made: Sequence[Made]) -> dict[str, str]:
    """What a file says of itself."""
    specs = [each.spec for each in made]
    document = scene_document(scene)
    for layer in document.get("layers", {}).values():
        layer.pop("file", None)  # where a recording lies is no matter
    text = json.dumps(document, sort_keys=True)
    return tags_for(
        scene.title,
        scene.seed,
        hashlib.sha256(text.encode()).hexdigest(),
        ", ".join(dict.fromkeys(spec.name for spec in specs)),
        ", ".join(dict.fromkeys(spec.licence for spec in specs)),
    )


def _report(
    job: Job, ensemble: Ensemble, made: Sequence[Made], out: Out, done: Delivered, elapsed_s: float
) -> RenderReport:
    computed, reused = ensemble.counts
    spec = made[0].spec if made else None
    model = {}
    if spec is not None:
        model = {"name": spec.name, "revision": spec.revision or "", "licence": spec.licence}
    duration_s = done.mix.samples / job.rate
    stems = {
        name: {"output": str(out.stems[name]), "sha256": stem.sha256}
        for name, stem in done.stems.items()
    }
    return RenderReport(
        output=str(out.path),
        duration_s=duration_s,
        sample_rate=job.rate,
        channels=len(job.layout.channels),
        seed=job.scene.seed,
        model=model,
        sha256=done.mix.sha256,
        elapsed_s=round(elapsed_s, 3),
        realtime_factor=round(duration_s / elapsed_s, 2),
        peak_memory_mb=round(peak_memory_mb(), 1),
        windows=WindowCounts(computed + reused, computed, reused),
        layout=job.layout.name,
        layers=[{"name": each.name, "engine": each.engine} for each in job.scene.sounds],
        stems=stems,
        loudness_lufs=round(done.loudness.reached_lufs, 2) if done.loudness else None,
        gain_db=done.loudness.gain_db if done.loudness else None,
    )
