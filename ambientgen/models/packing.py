"""Networks made ready for a CPU: weights laid out once as oneDNN wants them.

torch sends a linear layer to the BLAS it was built with, which on AMD's processors uses half of
the vector registers' width. oneDNN's own kernel uses all of it, and needs no reordering at each
call if weights come in its order. A layer that is made ready gives what the plain one gives, within
rounding.

Convolutions stay as they are: their best order depends on the image's size, and with the order of
another size a call takes thirty times as long.

The operators are those that torch's own compiler calls. Where they are missing, or for other
devices and precisions, a network stays as it is.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from ambientgen.models.loading import Model
from ambientgen.models.nets.texture_vocoder import TextureNet
from ambientgen.models.nets.transformer import CrossAttention, TransformerBlock
from ambientgen.models.nets.unet import Unet

OPERATORS = ("_reorder_linear_weight", "_linear_pointwise")
MACHINES = ("x86_64", "AMD64")
FEW_WEIGHTS = 25_000
"""Smaller layers gain nothing: on 52 rows, 144 x 144 weights take 26 us plain and 32 us packed,
144 x 1152 weights 191 and 107."""

# What a layout is chosen for. Any other number of rows is as quick with it (1 to 1152 were tried).
ROWS = 128


def packs(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether networks of such a kind are made ready: float32 on an x86 CPU."""
    here = platform.machine() in MACHINES and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
    known = here and all(hasattr(torch.ops.mkldnn, name) for name in OPERATORS)
    return known and device.type == "cpu" and dtype == torch.float32


def pack(model: Model) -> Model:
    """`model`, its UNet and vocoder made ready in place, where that is done at all (`packs`).

    Only for inference: packed weights cannot be saved, moved or trained.
    """
    if packs(model.device, model.dtype):
        with _one_thread():
            if isinstance(model.unet, Unet):
                _pack_unet(model.unet)
            if isinstance(model.vocoder, TextureNet):
                _pack_linears(model.vocoder)
    return model


class PackedLinear(nn.Module):
    """A linear layer: (..., in) -> (..., out)."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        # No buffer: what it holds has no strides, and modules would try to move and save it.
        self.packed = (torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), ROWS),)
        self.bias = None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.mkldnn._linear_pointwise.default(
            x, self.packed[0], self.bias, "none", [], ""
        )
        return out


def _pack_unet(unet: Unet) -> None:
    for block in [each for each in unet.modules() if isinstance(each, TransformerBlock)]:
        _fuse(block.attn1)
        if block.alone:
            _fuse(block.attn2)
        _pack_linears(block.ff)


def _fuse(attention: CrossAttention) -> None:
    """Queries, keys and values of pixels that hear one another, in one product."""
    layers = [attention.to_q, attention.to_k, attention.to_v]
    if any(layer.bias is not None for layer in layers):
        return
    together = torch.cat([layer.weight for layer in layers])
    attention.fused = PackedLinear(together, None)
    del attention.to_q, attention.to_k, attention.to_v


def _pack_linears(network: nn.Module) -> None:
    for parent, name, layer in _children(network):
        if isinstance(layer, nn.Linear) and prod(layer.weight.shape) >= FEW_WEIGHTS:
            setattr(parent, name, PackedLinear(layer.weight, layer.bias))


def _children(network: nn.Module) -> list[tuple[nn.Module, str, nn.Module]]:
    """Every module inside a network, with its parent and its name there."""
    return [
        (parent, name, child)
        for parent in network.modules()
        for name, child in parent.named_children()
    ]


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
