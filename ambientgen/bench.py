"""How fast this machine renders: start-up, whole commands, and every part against what its cores
can do at most."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ambientgen.audio_file import Encoding, Shape, open_sink
from ambientgen.cores import usable_cores
from ambientgen.crossfade import join_windows
from ambientgen.errors import AmbientgenError, Problem
from ambientgen.latents import denoise
from ambientgen.limiter import LimiterSettings, StretchLimiter
from ambientgen.loa import condition, encode_prompts
from ambientgen.memory import keep_memory
from ambientgen.messages import Listener, StageStarted, ignore
from ambientgen.models.batch import batch_for, rows_of
from ambientgen.models.loading import Model
from ambientgen.models.packing import flop_formulas
from ambientgen.models.registry import resolve
from ambientgen.noise import NoiseField
from ambientgen.plan import make_plan
from ambientgen.renderer import Renderer
from ambientgen.scene import parse_scene
from ambientgen.scene.durations import spell
from ambientgen.sources.diffused import sampler_options
from ambientgen.stretch import VOCODER_CONTEXT
from ambientgen.windows import Window
from ambientgen.workers import Workers

SPAN_S = 10.24
"""Parts are told for so much sound: AudioLDM 2's own window."""

CURVE_S = (60.0, 1800.0, 10_800.0)
"""Lengths whose peak memory is compared: 1 minute, half an hour, 3 hours."""

TRIES = 5  # the best counts: other work on the machine can only add (it empties caches)
TURN_S = 15.0  # of the moving scene, whose rain grows or fades for so long

# A process that prints, as JSON, when each stage was reached, in seconds since it was started.
_STARTING = """
import json, sys, tempfile, time
began, model = float(sys.argv[1]), sys.argv[2]
said = {"interpreter": time.time() - began}
from ambientgen.messages import WindowsDone
from ambientgen.memory import keep_memory
from ambientgen.renderer import Renderer
from ambientgen.scene import parse_scene
keep_memory()
said["imports"] = time.time() - began
renderer = Renderer(listener=lambda event: said.setdefault("first window", time.time() - began)
                    if isinstance(event, WindowsDone) else None)
renderer.model(model)
said["model loaded"] = time.time() - began
scene = parse_scene("states: {rain: {curve: 0.5}}\\nduration: 1s\\nmodel: " + json.dumps(model), "")
with tempfile.TemporaryDirectory() as folder:
    renderer.render(scene, folder + "/sound.wav")
print(json.dumps(said))
"""


@dataclass(frozen=True)
class Cost:
    """Least time of one core in ms; billions of floating-point operations, a multiplication and
    its addition being two."""

    ms: float
    gflop: float

    def times(self, factor: float) -> Cost:
        """What so many of it cost."""
        return Cost(self.ms * factor, self.gflop * factor)


@dataclass(frozen=True)
class Whole:
    """One `ambientgen render`, from the command given to its end, start-up included."""

    scene: str
    duration_s: float
    elapsed_s: float
    realtime_factor: float
    peak_memory_mb: float
    sha256: str


@dataclass(frozen=True)
class Speed:
    """What `ambientgen bench` prints.

    `starting`: seconds from the command on. `rates`: GFLOP/s of one core, the best of products and
    convolutions of several sizes. `parts`: by name, for `SPAN_S` of sound.
    """

    workers: int
    steps: int
    starting: dict[str, float]
    whole: list[Whole]
    rates: dict[str, float]
    parts: dict[str, Cost]

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)

    def of_limit(self, cost: Cost) -> float:
        """Share of the time of a part that its operations would take at the best rate, 0 to 1."""
        return cost.gflop / max(self.rates.values()) * 1000 / max(cost.ms, 1e-9)


def bench(
    model: str = "pocket",
    duration_s: float = 600.0,
    workers: int | None = None,
    listener: Listener = ignore,
) -> Speed:
    """Measure. Renders a calm and a moving scene of `duration_s`, without a store.

    workers: None, one a core. Raises ModelError where there is no such model; what a render raises.
    """
    renderer = Renderer("cpu", listener=listener)
    loaded = renderer.model(model)
    listener(StageStarted("starting"))
    starting = _starting(model)
    listener(StageStarted("measuring parts"))
    with Workers(1) as alone:
        parts = alone.run(lambda: measured(loaded))
        rates = alone.run(_rates)
    whole = []
    for name in ("calm", "moving"):
        listener(StageStarted(f"rendering a {name} scene"))
        whole.append(_rendered(name, scene_text(name, model, duration_s), duration_s, workers))
    steps = loaded.spec.defaults.steps
    return Speed(workers or usable_cores(), steps, starting, whole, rates, parts)


def memory_curve(
    model: str = "pocket",
    durations_s: Sequence[float] = CURVE_S,
    workers: int | None = None,
    listener: Listener = ignore,
) -> list[Whole]:
    """Renders of a calm scene of each length, without a store: their peak memory should not grow.

    Raises ModelError where there is no such model; what a render raises.
    """
    resolve(model)
    found = []
    for duration_s in durations_s:
        listener(StageStarted(f"rendering {spell(duration_s)}"))
        text = scene_text("calm", model, duration_s)
        found.append(_rendered("calm", text, duration_s, workers))
    return found


def scene_text(name: str, model: str, duration_s: float) -> str:
    """A scene to measure with: `calm` rain at one level, or `moving` between light and heavy."""
    turns = range(int(duration_s // TURN_S) + 1)
    points = {f"{turn * TURN_S:g}s": 0.2 if turn % 2 == 0 else 0.9 for turn in turns}
    curve: object = 0.5 if name == "calm" else points
    document = {
        "title": f"{name} rain",
        "duration": f"{duration_s:g}s",
        "model": model,
        "states": {"rain": {"curve": curve}},
    }
    return json.dumps(document)


def cost(work: Callable[[], object]) -> Cost:
    """What one call of `work` costs, after a first one that warms up and is counted."""
    with FlopCounterMode(display=False, custom_mapping=flop_formulas()) as counter:
        work()
    times = []
    for _ in range(TRIES):
        began = time.thread_time()
        work()
        times.append(time.thread_time() - began)
    return Cost(1000 * min(times), counter.get_total_flops() / 1e9)


@torch.inference_mode()
def measured(model: Model) -> dict[str, Cost]:
    """Every part of a render for `SPAN_S` of sound, on this thread alone.

    The UNet's on windows of a calm and of a moving scene, with their overlaps; VAE's and vocoder's
    on a chunk with its context.
    """
    keep_memory()  # as a command that renders does
    geometry, place, span = model.geometry, str(model.spec.folder), SPAN_S
    calm, moving = (
        make_plan(parse_scene(scene_text(n, place, 60.0), "bench.yaml"), geometry, model.spec.rule)
        for n in ("calm", "moving")
    )
    chunk = geometry.chunk
    chunk_s = chunk.core * geometry.mel_hop / geometry.sample_rate
    frames = chunk.frames // geometry.latent_stride
    latents = _drawn(1, *_latent_shape(model, frames))
    mel = model.mel_of(latents)[:, 0, : chunk.core + 2 * VOCODER_CONTEXT]
    noise = _drawn(1, mel.shape[1] * geometry.mel_hop)
    with tempfile.TemporaryDirectory() as folder:
        parts = {
            "words, one prompt": cost(lambda: encode_prompts(model, ["steady rain in a wood"])),
            "UNet, a calm scene": _windows(model, calm.windows[1:2]),
            "UNet, a moving scene": _windows(model, moving.windows[2:3]),
            "VAE": cost(lambda: model.mel_of(latents)).times(span / chunk_s),
            "vocoder": cost(lambda: model.samples_of(mel, noise)).times(span / chunk_s),
            "noise": cost(partial(_noises, model)),
            "joining, level, file": cost(partial(_finished, model, Path(folder) / "sound.wav")),
        }
    return parts


def _windows(model: Model, windows: Iterable[Window]) -> Cost:
    """Of a pass that is full of windows like this one."""
    options = sampler_options(model, parse_scene(scene_text("calm", "pocket", 60.0), "bench.yaml"))
    given = condition(model, "steady rain")
    (window,) = windows
    longest = model.spec.rule.longest
    rows = rows_of(batch_for(model, longest), longest, window.frames)
    noise = _drawn(rows, *_latent_shape(model, window.frames))
    one = cost(lambda: denoise(model, noise, [given] * rows, options))
    return one.times(SPAN_S / (rows * model.geometry.seconds(window.core_frames)))


def _noises(model: Model) -> None:
    """Both fields of noise, for `SPAN_S`."""
    geometry = model.geometry
    frames = geometry.frames_covering(SPAN_S)
    NoiseField(0, "latents", geometry.latent_channels * geometry.latent_bins).frames(0, frames)
    NoiseField(0, "vocoder", geometry.mel_hop).frames(0, frames * geometry.latent_stride)


def _finished(model: Model, path: Path) -> None:
    """What is done to sound once it is there: mels joined, level, limiter, file."""
    geometry = model.geometry
    samples = round(SPAN_S * geometry.sample_rate)
    chunk = geometry.chunk
    mels = np.zeros((geometry.mel_bins, chunk.core + chunk.fade), np.float32)
    for _ in join_windows([(0, mels), (chunk.core, mels)], max_overlap_frames=chunk.fade):
        pass
    sound = (0.1 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)
    settings = LimiterSettings(gain_db=model.spec.gain_db)
    limiter = StretchLimiter(settings, geometry.sample_rate, 0, (0, samples))
    shape = Shape(geometry.sample_rate, 1, samples)
    with open_sink(str(path), Encoding(), shape, force=True) as sink:
        for block in limiter.limited(np.array_split(sound, 2)):
            sink.write(block)


def _latent_shape(model: Model, frames: int) -> tuple[int, int, int]:
    return model.geometry.latent_channels, frames, model.geometry.latent_bins


def _drawn(*shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


@torch.inference_mode()
def _rates() -> dict[str, float]:
    """GFLOP/s of this thread: the best of several sizes, plain products and convolutions."""
    found = {"products": 0.0, "convolutions": 0.0}
    for size in (256, 512):
        one, other = _drawn(size, size), _drawn(size, size)
        each = cost(lambda a=one, b=other: a @ b)  # type: ignore[misc]
        found["products"] = max(found["products"], 1000 * each.gflop / each.ms)
    for channels, height, width in ((48, 128, 8), (96, 128, 16), (32, 512, 64)):
        conv = torch.nn.Conv2d(channels, channels, 3, padding=1)
        conv = conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        x = _drawn(1, channels, height, width).to(memory_format=torch.channels_last)
        each = cost(lambda a=x, f=conv: f(a))  # type: ignore[misc]
        found["convolutions"] = max(found["convolutions"], 1000 * each.gflop / each.ms)
    return {name: round(rate, 1) for name, rate in found.items()}


def _starting(model: str) -> dict[str, float]:
    """Seconds from a command to its interpreter, imports, model and first window: best of three."""
    runs = []
    for _ in range(3):
        command = [sys.executable, "-c", _STARTING, str(time.time()), model]
        runs.append(json.loads(_said_by(command)))
    best: dict[str, float] = min(runs, key=lambda run: run["first window"])
    return {name: round(seconds, 2) for name, seconds in best.items()}


def _rendered(name: str, text: str, duration_s: float, workers: int | None) -> Whole:
    """A whole `ambientgen render` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        scene, sound = Path(folder) / f"{name}.yaml", Path(folder) / "sound.wav"
        scene.write_text(text)
        command = [sys.executable, "-m", "ambientgen", "render", str(scene), "-o", str(sound)]
        command += ["--no-cache", "--no-sidecar", "--json", "--quiet", "--device", "cpu"]
        command += ["--workers", str(workers)] if workers else []
        began = time.monotonic()
        said = _said_by(command)
        elapsed_s = time.monotonic() - began
    report = json.loads(said)
    report = report[0] if isinstance(report, list) else report
    rate = round(duration_s / elapsed_s, 1)
    memory_mb, digest = report["peak_memory_mb"], report["sha256"]
    return Whole(name, duration_s, round(elapsed_s, 2), rate, memory_mb, digest)


def _said_by(command: Sequence[str]) -> str:
    """What a process of its own writes to its output.

    Raises:
        AmbientgenError: it failed; with the last line of what it complained of.
    """
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        what = f"a process that was to be measured ended with exit code {done.returncode}: {last}"
        raise AmbientgenError(Problem("bench", what))
    return done.stdout
