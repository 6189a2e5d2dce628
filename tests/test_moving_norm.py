"""Norms that move with time: what they give, how far they hear, and what chunks make of a ramp."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from ambientgen.models.loading import load
from ambientgen.models.nets.moving_norm import MovingNorm, around, move_norms
from ambientgen.models.nets.vae import Vae
from ambientgen.models.registry import resolve

CONFIG = {
    "in_channels": 1,
    "out_channels": 1,
    "down_block_types": ["DownEncoderBlock2D"] * 3,
    "up_block_types": ["UpDecoderBlock2D"] * 3,
    "block_out_channels": [8, 8, 16],
    "latent_channels": 4,
    "norm_num_groups": 4,
}


def group_norm(channels: int = 8, groups: int = 4) -> nn.GroupNorm:
    norm = nn.GroupNorm(groups, channels, eps=1e-6)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        norm.weight.copy_(torch.randn(channels, generator=generator))
        norm.bias.copy_(torch.randn(channels, generator=generator))
    return norm


def image(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(2)) * 3 + 1


def test_weights_fade_with_distance_and_sum_to_one() -> None:
    weights = around(40, 16)
    torch.testing.assert_close(weights.sum(1), torch.ones(40))
    middle = weights[20]
    assert torch.equal(middle.nonzero().flatten(), torch.arange(13, 28))
    assert bool((middle[13:20].diff() > 0).all()) and middle[20] == middle.max()


@pytest.mark.parametrize("rows", [1, 2, 4])
@torch.inference_mode()
def test_of_what_repeats_itself_it_is_the_group_norm(rows: int) -> None:
    norm = group_norm()
    x = image(2, 8, rows, 5).repeat(1, 1, 12, 1)
    torch.testing.assert_close(MovingNorm(norm, 8, rows)(x), norm(x), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_it_hears_no_further_than_half_its_span() -> None:
    moving = MovingNorm(group_norm(), 8, 2)
    x = image(1, 8, 64, 5)
    louder = x.clone()
    louder[:, :, 32:] *= 10  # from latent frame 16 on
    changed = (moving(x) != moving(louder)).any(dim=(0, 1, 3)).nonzero().flatten()
    assert changed.min() == 2 * (16 - 3)


@torch.inference_mode()
def test_both_sides_of_a_step_come_out_as_large() -> None:
    x = image(1, 8, 200, 6)
    x[:, :, 100:] *= 20
    norm = nn.GroupNorm(4, 8)
    moved, fixed = MovingNorm(norm, 16, 1)(x), norm(x)
    assert moved[:, :, :80].std() == pytest.approx(float(moved[:, :, 120:].std()), rel=0.05)
    assert fixed[:, :, :80].std() < 0.1 * fixed[:, :, 120:].std()


def test_less_precision_stays_and_sums_do_not_overflow() -> None:
    norm = group_norm().to(torch.float16)
    x = (image(1, 8, 16, 5) * 200).to(torch.float16)  # whose squares are beyond float16
    out = MovingNorm(norm, 8, 1)(x)
    assert out.dtype == torch.float16 and bool(out.isfinite().all())


@pytest.mark.parametrize("stock", [False, True])
@torch.inference_mode()
def test_every_norm_of_a_decoder_moves_and_attention_stays(stock: bool) -> None:
    if stock:
        from diffusers import AutoencoderKL

        vae: nn.Module = AutoencoderKL(**CONFIG)
    else:
        vae = Vae.configured(CONFIG)
    decoder = vae.get_submodule("decoder")
    move_norms(decoder, 8)
    kept = [name for name, each in decoder.named_modules() if isinstance(each, nn.GroupNorm)]
    assert kept == ["mid_block.attentions.0.group_norm"]
    rows = {
        name: each.rows for name, each in decoder.named_modules() if isinstance(each, MovingNorm)
    }
    assert {rows["mid_block.resnets.1.norm2"], rows["up_blocks.0.resnets.0.norm1"]} == {1}
    assert (rows["up_blocks.2.resnets.1.norm2"], rows["conv_norm_out"]) == (4, 4)
    assert not any(isinstance(each, MovingNorm) for each in vae.get_submodule("encoder").modules())
    assert decoder(image(1, 4, 24, 4)).shape == (1, 1, 96, 16)


@torch.inference_mode()
def test_chunks_of_what_grows_agree_where_they_meet() -> None:
    """Two stretches of pocket's latents that share some: how far apart the shared mels are."""
    spec = resolve("pocket")
    without = replace(spec.geometry, chunk=replace(spec.geometry.chunk, norms=0))
    moving, fixed = load(spec).vae, load(replace(spec, geometry=without)).vae
    noise = torch.randn(1, 1, 1280, 64, generator=torch.Generator().manual_seed(3)) * 0.5
    latents = moving.encode(noise + torch.linspace(-8, -4, 1280)[:, None]).latent_dist.mean

    def difference(vae: nn.Module) -> float:
        one = vae.decode(latents[:, :, :128]).sample[0, 0, 608:672]
        other = vae.decode(latents[:, :, 32:]).sample[0, 0, 352:416]
        return float((one - other).mean().abs())

    assert difference(moving) < difference(fixed) / 10
