"""Networks made ready for a CPU: layers replaced by quicker ones that say the same.

A layer that is made ready (`nets/packed.py`) gives what the plain one gives, within rounding.

Most convolutions stay as they are: their best order in memory depends on the image's size, and with
the order of another size a call takes thirty times as long.

The operators are those that torch's own compiler calls. Where they are missing, or for other
devices and precisions, a network stays as it is.
"""

from __future__ import annotations

import platform
from collections.abc import Container, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import nn

from ambientgen.models.loading import Model
from ambientgen.models.nets.layers import ResidualBlock, Upsample
from ambientgen.models.nets.packed import (
    NARROW_WIDTH,
    NarrowConv,
    PackedLinear,
    PackedPointwise,
    PhasedUpsample,
)
from ambientgen.models.nets.texture_vocoder import TextureNet
from ambientgen.models.nets.transformer import (
    CrossAttention,
    ImageTransformer,
    TransformerBlock,
)
from ambientgen.models.nets.unet import Unet
from ambientgen.models.nets.vae import Vae

OPERATORS = ("_reorder_linear_weight", "_linear_pointwise")
MACHINES = ("x86_64", "AMD64")
FEW_WEIGHTS = 9_000
"""Smaller layers of few rows gain nothing; those over the pixels of an image have many.

96 x 96 weights on the 448 rows of a pass take 77 us plain and 43 us packed, 144 x 144 weights on
112 rows 44 and 29, on 52 rows 22 and 20."""


def packs(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether networks of such a kind are made ready: float32 on an x86 CPU."""
    here = platform.machine() in MACHINES and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
    known = here and all(hasattr(torch.ops.mkldnn, name) for name in OPERATORS)
    return known and device.type == "cpu" and dtype == torch.float32


def pack(model: Model) -> Model:
    """`model`, its networks of sound made ready in place, where that is done at all (`packs`).

    Only for inference: packed weights cannot be saved, moved or trained.
    """
    if packs(model.device, model.dtype):
        with _one_thread():
            if isinstance(model.unet, Unet):
                _pack_unet(model.unet, model.geometry.latent_bins)
            if isinstance(model.vae, Vae):
                _pack_images(model.vae.decoder)
            if isinstance(model.vocoder, TextureNet):
                _pack_linears(model.vocoder)
    return model


def _pack_unet(unet: Unet, bins: int) -> None:
    """Of images that are `bins` pixels wide."""
    for parent, name, layer in _children(unet):
        if isinstance(parent, ImageTransformer) and name in ("proj_in", "proj_out"):
            assert isinstance(layer, nn.Conv2d | nn.Linear)
            setattr(parent, name, PackedLinear(layer.weight.flatten(1), layer.bias))
        elif isinstance(layer, TransformerBlock):
            _pack_attention(layer.attn1)
            _pack_attention(layer.attn2, fused=layer.alone)
            _pack_linears(layer.ff)
    _pack_images(unet)
    levels = len(unet.down_blocks)
    if bins == NARROW_WIDTH << (levels - 1):
        for level in (unet.down_blocks[-1], unet.mid_block, unet.up_blocks[0]):
            for parent, name, layer in _children(level):
                if isinstance(parent, ResidualBlock) and name in ("conv1", "conv2"):
                    assert isinstance(layer, nn.Conv2d)
                    setattr(parent, name, NarrowConv(layer))


def _pack_attention(attention: CrossAttention, *, fused: bool = True) -> None:
    """Of pixels to one another, whose queries, keys and values are one product; or to a stream,
    which is too short for its keys and values to gain."""
    layers = [attention.to_q, attention.to_k, attention.to_v]
    if fused and all(layer.bias is None for layer in layers):
        attention.fused = PackedLinear(torch.cat([layer.weight for layer in layers]), None)
        del attention.to_q, attention.to_k, attention.to_v
    _pack_linears(attention, but=("to_k", "to_v"))


def _pack_images(network: nn.Module) -> None:
    """What a network does to images between its convolutions of 3 x 3."""
    for parent, name, layer in _children(network):
        if isinstance(layer, Upsample):
            setattr(parent, name, PhasedUpsample(layer.conv))
        elif isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1):
            setattr(parent, name, PackedPointwise(layer))


def _pack_linears(network: nn.Module, but: Container[str] = ()) -> None:
    for parent, name, layer in _children(network):
        if not isinstance(layer, nn.Linear) or name in but:
            continue
        if layer.weight.numel() >= FEW_WEIGHTS:
            setattr(parent, name, PackedLinear(layer.weight, layer.bias))


def _children(network: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    """Every module inside a network, with its parent and its name there. It may be replaced."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            yield parent, name, child


@contextmanager
def _one_thread() -> Iterator[None]:
    """Layouts may depend on how many threads will share the work: workers have one each."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _linear_flops(x: Any, _packed: Any, bias: Any, *_rest: Any, out_shape: Any, **_how: Any) -> int:
    """A multiplication and its addition are two, as torch counts them."""
    return 2 * int(prod(x)) * int(out_shape[-1])


def flop_formulas() -> dict[Any, Any]:
    """What `torch.utils.flop_counter.FlopCounterMode` needs as `custom_mapping` to count these."""
    if not all(hasattr(torch.ops.mkldnn, name) for name in OPERATORS):
        return {}
    return {torch.ops.mkldnn._linear_pointwise: _linear_flops}
