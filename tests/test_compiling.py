"""torch's compiler, where it is asked for, with backends that generate no code: only then is no
compiler of the system needed."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ambientgen.errors import UsageError
from ambientgen.latents import SamplerOptions, denoise
from ambientgen.loa import condition
from ambientgen.models.compiling import VARIABLE, compile_sound
from ambientgen.models.loading import Model, load
from ambientgen.models.nets.unet import Unet
from ambientgen.models.nets.vae import Vae
from ambientgen.models.profile import profile_of
from ambientgen.models.registry import resolve


class Decoding(nn.Module):
    """Stands for any network: both stock classes are called so, and decode so."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.layer(x)
        return made

    decode = forward


def latents_of(model: Model, windows: int, frames: int, guidance: float) -> torch.Tensor:
    geometry = model.geometry
    shape = (windows, geometry.latent_channels, frames, geometry.latent_bins)
    noise = torch.from_numpy(np.random.default_rng(frames).standard_normal(shape).astype("f4"))
    told = [condition(model, prompt) for prompt in ("heavy rain", "a light breeze")[:windows]]
    options = SamplerOptions(3, guidance, condition(model, ""))
    return denoise(model, noise, told, options)


@torch.inference_mode()
def decoded(model: Model, latents: torch.Tensor) -> torch.Tensor:
    mel: torch.Tensor = model.vae.decode(latents).sample
    return mel


def same(found: torch.Tensor, wanted: torch.Tensor) -> None:
    assert found.dtype == wanted.dtype == torch.float32
    assert found.shape == wanted.shape
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)


UNET = {
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "block_out_channels": [8, 16],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "cross_attention_dim": [[None, 6, 10], [None, 6, 10]],
    "attention_head_dim": 2,
}
VAE = {"in_channels": 1, "out_channels": 1, "block_out_channels": [8], "norm_num_groups": 4}


@pytest.mark.slow
@torch.inference_mode()
def test_compiled_networks_say_what_plain_ones_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first step of a window and at later ones, and with a mask."""
    unet, vae = Unet.configured(UNET), Vae.configured(VAE)
    sample, latents = torch.randn(2, 4, 8, 4), torch.randn(2, 4, 8, 4)
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    told = torch.randn(2, 8, 6), torch.randn(2, 3, 10), mask

    def said() -> list[torch.Tensor]:
        streams = unet.streams(*told)
        steps = [unet.predict(sample, torch.tensor(time), streams) for time in (900, 10)]
        return [*steps, unet(sample, torch.tensor(900), *told)[0], vae.decode(latents).sample]

    wanted = said()
    names = unet.state_dict().keys(), vae.state_dict().keys()
    monkeypatch.setenv(VARIABLE, "aot_eager")
    compile_sound(unet, vae)
    assert "predict" in vars(unet) and "decode" in vars(vae)
    assert (unet.state_dict().keys(), vae.state_dict().keys()) == names
    for found, each in zip(said(), wanted, strict=True):
        same(found, each)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_compiled_model_makes_what_a_plain_one_makes(
    hub_model: Model, hub_faithful_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "aot_eager")
    compiled = load(resolve(str(hub_faithful_folder)))
    assert "predict" not in vars(hub_model.unet) and "predict" in vars(compiled.unet)
    wanted, found = (latents_of(model, 2, 8, 2.5) for model in (hub_model, compiled))
    same(found, wanted)
    same(decoded(compiled, wanted), decoded(hub_model, wanted))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_workers_may_compile_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    unet, vae = Unet.configured(UNET), Vae.configured(VAE)

    @torch.inference_mode()
    def said(frames: int) -> list[torch.Tensor]:
        sample = torch.linspace(-1, 1, 2 * 4 * frames * 4).reshape(2, 4, frames, 4)
        streams = unet.streams(torch.ones(2, 8, 6), torch.ones(2, 3, 10), None)
        return [unet.predict(sample, torch.tensor(900), streams), vae.decode(sample).sample]

    lengths = [8, 16, 24, 8, 16]
    wanted = [said(frames) for frames in lengths]
    monkeypatch.setenv(VARIABLE, "aot_eager")
    compile_sound(unet, vae)
    with ThreadPoolExecutor(2) as workers:
        found = list(workers.map(said, lengths))
    for pair in zip(found, wanted, strict=True):
        for one, other in zip(*pair, strict=True):
            same(one, other)


def test_any_number_of_shapes_is_compiled_on_any_thread(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compiled_shapes = []

    def counting(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Any:
        compiled_shapes.append(inputs[-1].shape)
        return graph.forward

    torch._dynamo.register_backend(counting, name="counting")
    monkeypatch.setenv(VARIABLE, "counting")
    network = Decoding()
    compile_sound(network, network)
    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(1) as worker:
        for rows in range(2, 14):
            assert worker.submit(network, torch.zeros(rows, 3)).result().shape == (rows, 2)
    assert len(compiled_shapes) == 12
    assert not caplog.records


def test_a_store_tells_compiled_windows_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    where = torch.device("cpu"), torch.float32, 1
    monkeypatch.delenv(VARIABLE, raising=False)
    plain = profile_of(*where)
    assert plain.torch == torch.__version__
    monkeypatch.setenv(VARIABLE, "inductor")
    assert profile_of(*where).torch == f"{torch.__version__} compiled by inductor"


def test_nothing_is_compiled_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    network = Decoding()
    compile_sound(network, network)
    assert not {"forward", "predict", "decode"} & vars(network).keys()


def test_a_backend_that_is_none_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "nonesuch")
    with pytest.raises(UsageError, match=r"^AMBIENTGEN_COMPILE: torch has no backend `nonesuch`; "):
        compile_sound(Decoding(), Decoding())


def test_a_backend_that_fails_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Any:
        raise FileNotFoundError("no g++ is here\n")

    torch._dynamo.register_backend(failing, name="failing")
    monkeypatch.setenv(VARIABLE, "failing")
    network = Decoding()
    compile_sound(network, network)
    with pytest.raises(UsageError, match=r"`failing` fails \(.*no g\+\+ is here\); ") as told:
        network(torch.zeros(2, 3))
    assert "\n" not in str(told.value)
