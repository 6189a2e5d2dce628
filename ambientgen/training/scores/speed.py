"""What 10.24 s of sound cost on one core, part by part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ambientgen.bench import SPAN_S, TRIES, Cost, cost
from ambientgen.latents import SamplerOptions, denoise
from ambientgen.loa import Conditioning, condition
from ambientgen.models.loading import Model
from ambientgen.plan import make_plan
from ambientgen.scene import parse_scene
from ambientgen.sources.diffused import sampler_options
from ambientgen.training.scores.bench import Bench
from ambientgen.training.scores.report import Row, Table
from ambientgen.training.scores.thresholds import MOST_STEPS, SECONDS_FOR_10_S
from ambientgen.workers import Workers

CALM = "duration: 10.24s\nstates: {rain: {curve: 0.5}}\n"
BUSY = "duration: 10.24s\nstates: {rain: {curve: {0s: 0, 10s: 1}}}\n"


def score(bench: Bench) -> Table:
    """UNet, VAE and vocoder for 10.24 s, on one torch thread; then with what overlaps cost."""
    model = bench.takes.renderer.model(bench.takes.model_name)
    with Workers(1) as workers:
        parts, calm, busy = workers.run(lambda: _measured(model, bench.takes.model_name))
    total = sum(part.ms for part in parts.values())
    rows = [Row(name, {"ms": part.ms, "GFLOP": part.gflop}) for name, part in parts.items()]
    flops = sum(part.gflop for part in parts.values())
    reached = total <= 1000 * SECONDS_FOR_10_S
    rows.append(Row("**all three**", {"ms": total, "GFLOP": flops}, reached))
    for name, unet in (("calm", calm), ("moving", busy)):
        whole = total - parts[_unet_name(model)].ms + unet.ms
        gflop = flops - parts[_unet_name(model)].gflop + unet.gflop
        rows.append(Row(f"a {name} scene, overlaps too", {"ms": whole, "GFLOP": gflop}))
    defaults = model.spec.defaults
    few = defaults.steps <= MOST_STEPS and defaults.guidance <= 1
    rows.append(Row("steps by default", {"steps": float(defaults.steps)}, few))
    return Table(
        "speed",
        "Speed",
        f"{SPAN_S} s of sound on one core, one torch thread, the best of {TRIES}: at most "
        f"{SECONDS_FOR_10_S} s; at most {MOST_STEPS} steps without guidance.",
        rows,
    )


def _unet_name(model: Model) -> str:
    return f"UNet, {model.spec.defaults.steps} steps"


@torch.inference_mode()
def _measured(model: Model, name: str) -> tuple[dict[str, Cost], Cost, Cost]:
    """The parts on one piece of 10.24 s; the UNet on the windows of a calm and a moving scene."""
    geometry = model.geometry
    scene = parse_scene(CALM, "speed.yaml")
    options = sampler_options(model, scene)
    given = condition(model, "steady rain")
    multiple = model.spec.rule.multiple
    frames = -(-geometry.frames_covering(SPAN_S) // multiple) * multiple
    latents = _noise(model, frames)
    mel = model.mel_of(latents)[:, 0]
    excitation = torch.from_numpy(
        np.random.default_rng(0).standard_normal((1, mel.shape[1] * geometry.mel_hop)).astype("f4")
    )
    parts = {
        _unet_name(model): cost(lambda: denoise(model, latents, [given], options)),
        "VAE": cost(lambda: model.mel_of(latents)),
        "vocoder": cost(lambda: model.samples_of(mel, excitation)),
    }
    calm, busy = (cost(_windows(model, text, given, options)) for text in (CALM, BUSY))
    return parts, calm, busy


def _windows(
    model: Model, text: str, given: Conditioning, options: SamplerOptions
) -> Callable[[], object]:
    plan = make_plan(parse_scene(text, "speed.yaml"), model.geometry, model.spec.rule)
    noises = [_noise(model, window.frames) for window in plan.windows]
    return lambda: [denoise(model, noise, [given], options) for noise in noises]


def _noise(model: Model, frames: int) -> Tensor:
    shape = (1, model.geometry.latent_channels, frames, model.geometry.latent_bins)
    drawn = np.random.default_rng(frames).standard_normal(shape).astype("f4")
    return torch.from_numpy(drawn)
