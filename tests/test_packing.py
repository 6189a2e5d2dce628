"""Networks made ready for a CPU say what they said before, within rounding."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ambientgen.latents import SamplerOptions, denoise
from ambientgen.loa import Conditioning
from ambientgen.models.loading import Model, load
from ambientgen.models.nets.layers import Upsample
from ambientgen.models.nets.packed import NarrowConv, PackedLinear, PackedPointwise, PhasedUpsample
from ambientgen.models.packing import flop_formulas, pack, packs
from ambientgen.models.registry import resolve

CPU = torch.device("cpu")
here = pytest.mark.skipif(not packs(CPU, torch.float32), reason="this processor's stay as they are")


@pytest.fixture(scope="module")
def plain() -> Model:
    return load(resolve("pocket"), "cpu")


@pytest.fixture(scope="module")
def packed() -> Model:
    return pack(load(resolve("pocket"), "cpu"))


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype("f4"))


def told(tokens: int = 12) -> Conditioning:
    loa, text = drawn(8, 192, seed=1), drawn(tokens, 128, seed=2)
    return Conditioning(loa, text, torch.ones(tokens, dtype=torch.long))


@here
@pytest.mark.parametrize("frames", [32, 56])
def test_latents_stay_within_rounding(plain: Model, packed: Model, frames: int) -> None:
    noise = drawn(1, 16, frames, 8)
    # As the model renders: steps that it was not taught lead rounding further apart.
    own = SamplerOptions(plain.spec.defaults.steps)
    before, after = (denoise(m, noise, [told()], own) for m in (plain, packed))
    assert before.std() > 0.1
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)


@here
@torch.inference_mode()
def test_sound_stays_within_rounding(plain: Model, packed: Model) -> None:
    mel, noise = drawn(1, 96, 64) - 4, drawn(1, 96 * 160)
    before, after = (m.vocoder(mel, noise) for m in (plain, packed))
    assert before.abs().max() > 1e-3
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(packed.vocoder(mel, noise), after, atol=0, rtol=0)


@here
@torch.inference_mode()
def test_mels_stay_within_rounding(plain: Model, packed: Model) -> None:
    latents = drawn(1, 16, 24, 8).to(memory_format=torch.channels_last)
    before, after = (m.vae.decode(latents).sample for m in (plain, packed))
    assert before.std() > 0.1
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)


@here
@torch.inference_mode()
@pytest.mark.parametrize(("channels", "out"), [(6, 6), (10, 4)])
def test_a_narrow_convolution_is_a_convolution(channels: int, out: int) -> None:
    conv, x = nn.Conv2d(channels, out, 3, padding=1), drawn(3, channels, 7, 2)
    torch.testing.assert_close(NarrowConv(conv)(x), conv(x))
    last = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(NarrowConv(conv)(last), conv(x))


@torch.inference_mode()
@pytest.mark.parametrize("bias", [True, False])
def test_repeated_pixels_are_convolved_by_phases(bias: bool) -> None:
    plain, x = Upsample(5), drawn(2, 5, 4, 3)
    plain.conv = nn.Conv2d(5, 5, 3, padding=1, bias=bias)
    torch.testing.assert_close(PhasedUpsample(plain.conv)(x), plain(x))


@here
@torch.inference_mode()
def test_a_pointwise_convolution_is_a_convolution() -> None:
    conv, x = nn.Conv2d(6, 4, 1), drawn(3, 6, 7, 2)
    torch.testing.assert_close(PackedPointwise(conv)(x), conv(x))
    last = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(PackedPointwise(conv)(last), conv(x))


@here
@torch.inference_mode()
def test_what_others_of_a_pass_hold_is_not_heard() -> None:
    layers = [
        NarrowConv(nn.Conv2d(48, 48, 3, padding=1)),
        PhasedUpsample(nn.Conv2d(48, 48, 3, padding=1)),
        PackedPointwise(nn.Conv2d(48, 24, 1)),
    ]
    one, others = drawn(1, 48, 28, 2), drawn(3, 48, 28, 2, seed=1)
    for layer in layers:
        first = layer(torch.cat([one, others]))[0]
        last = layer(torch.cat([others + 1, one]))[3]
        torch.testing.assert_close(first, last, atol=0, rtol=0)


@here
@pytest.mark.parametrize(("bins", "narrow"), [(8, 10), (16, 0)])
def test_only_images_two_pixels_wide_are_narrow(bins: int, narrow: int) -> None:
    model = load(resolve("pocket"), "cpu")
    geometry = replace(model.geometry, mel_bins=bins * model.geometry.latent_stride)
    spec = replace(model.spec, geometry=geometry)
    packed = pack(replace(model, spec=spec))
    assert packed.geometry.latent_bins == bins
    found = [each for each in packed.unet.modules() if isinstance(each, NarrowConv)]
    assert len(found) == narrow


@here
def test_layers_are_packed_alike_whatever_the_callers_threads(packed: Model) -> None:
    threads = torch.get_num_threads()
    layers = [each for each in packed.unet.modules() if isinstance(each, PackedLinear)]
    assert len(layers) > 40
    assert torch.get_num_threads() == threads


@here
@torch.inference_mode()
def test_operations_of_packed_layers_are_counted(plain: Model, packed: Model) -> None:
    """All that a vocoder's layers do; less of a UNet, which no longer multiplies padding."""

    def counts(work: Callable[[Model], object]) -> list[int]:
        found = []
        for model in (plain, packed):
            with FlopCounterMode(display=False, custom_mapping=flop_formulas()) as counter:
                work(model)
            found.append(counter.get_total_flops())
        return found

    before, after = counts(lambda model: model.vocoder(drawn(1, 32, 64), drawn(1, 32 * 160)))
    assert before == after > 5e7
    noise, own = drawn(1, 16, 32, 8), SamplerOptions(1)
    before, after = counts(lambda model: denoise(model, noise, [told()], own))
    assert 0.85 * before < after < before > 5e8


def test_other_precisions_and_devices_stay_as_they_are(plain: Model) -> None:
    assert not packs(CPU, torch.bfloat16)
    assert not packs(torch.device("cuda"), torch.float32)
    half = replace(plain, unet=copy.deepcopy(plain.unet).bfloat16())
    assert pack(half) is half
    assert not any(isinstance(each, PackedLinear) for each in half.unet.modules())


def test_masks_count_where_they_mask(plain: Model) -> None:
    """Padding is not heard: the text padded and masked, and the text alone, are one."""
    alone, noise = told(6), drawn(1, 16, 32, 8)
    more = torch.cat([alone.text, drawn(3, 128, seed=5)])
    mask = torch.tensor([1] * 6 + [0] * 3)
    one, masked, open_ = (
        denoise(plain, noise, [each], SamplerOptions(2))
        for each in (
            alone,
            replace(alone, text=more, text_mask=mask),
            replace(alone, text=more, text_mask=torch.ones(9, dtype=torch.long)),
        )
    )
    torch.testing.assert_close(masked, one, atol=1e-5, rtol=0)
    assert (open_ - one).abs().max() > 1e-3


@torch.inference_mode()
def test_tones_are_kept_for_pieces_of_one_length(plain: Model) -> None:
    kept = plain.vocoder._tones(64)
    assert plain.vocoder._tones(64) is kept
    assert len(plain.vocoder._tones(32)) == 32
    torch.testing.assert_close(plain.vocoder._tones(64), kept, atol=0, rtol=0)


def test_a_linear_layer_without_bias_is_packed_too() -> None:
    if not packs(CPU, torch.float32):
        pytest.skip("this processor's stay as they are")
    layer, x = nn.Linear(40, 24, bias=False), drawn(2, 3, 40)
    with torch.inference_mode():
        torch.testing.assert_close(PackedLinear(layer.weight, None)(x), layer(x))
