"""Attention over the pixels of an image: to one another, and to a stream of conditioning.

Images come with their channels last in memory, so that an image as a row of tokens is a view.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.models.nets.layers import join_heads, split_heads

GROUP_EPS = 1e-6  # of the group norm before attention, whatever the network's own


class Stream(NamedTuple):
    """Conditioning to attend to: `states` (B, L, D) and `bias`, which is 0 where they speak and
    far below where they are padding (B, 1, 1, L); None where nothing is padding.

    `told` keeps each attention's keys and values of it, which all steps of a window share."""

    states: Tensor
    bias: Tensor | None
    told: dict[CrossAttention, tuple[Tensor, Tensor]] | None = None


class ImageTransformer(nn.Module):
    """Transformer blocks over the pixels of an image, added to it: (B, C, H, W) -> (B, C, H, W).

    `stream_width` None: both attentions of each block are of the pixels to one another.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        blocks: int,
        stream_width: int | None,
        groups: int,
        linear: bool,
    ) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, GROUP_EPS)
        self.proj_in = _pointwise(channels, linear)
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(channels, heads, stream_width) for _ in range(blocks)
        )
        self.proj_out = _pointwise(channels, linear)

    def forward(self, x: Tensor, stream: Stream | None) -> Tensor:
        """The image, having heard itself and `stream` (None: itself alone)."""
        pixels = pixels_of(self.norm(x))
        pixels = _apply(self.proj_in, pixels)
        for block in self.transformer_blocks:
            pixels = block(pixels, stream)
        pixels = _apply(self.proj_out, pixels)
        return x + image_of(pixels, x.shape)


def pixels_of(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H * W, C)."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def image_of(pixels: Tensor, shape: torch.Size) -> Tensor:
    """(B, H * W, C) -> (B, C, H, W), a view: that `shape` with its channels last in memory."""
    batch, channels, height, width = shape
    return pixels.view(batch, height, width, channels).permute(0, 3, 1, 2)


def _pointwise(channels: int, linear: bool) -> nn.Module:
    """Weights are stored as a 1 x 1 convolution's or a linear layer's: the same sums."""
    return nn.Linear(channels, channels) if linear else nn.Conv2d(channels, channels, 1)


def _apply(layer: nn.Module, pixels: Tensor) -> Tensor:
    if isinstance(layer, nn.Conv2d):
        return F.linear(pixels, layer.weight.flatten(1), layer.bias)
    mixed: Tensor = layer(pixels)
    return mixed


class TransformerBlock(nn.Module):
    """Two attentions and a feed-forward network, each added to what it hears: (B, N, width)."""

    def __init__(self, width: int, heads: int, stream_width: int | None) -> None:
        super().__init__()
        self.alone = stream_width is None  # both attentions are of the pixels to one another
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = CrossAttention(width, heads, width)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = CrossAttention(width, heads, stream_width or width)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor, stream: Stream | None) -> Tensor:
        normed = self.norm1(x)
        x = x + self.attn1(normed, Stream(normed, None))
        normed = self.norm2(x)
        x = x + self.attn2(normed, stream or Stream(normed, None))
        refined: Tensor = x + self.ff(self.norm3(x))
        return refined


class CrossAttention(nn.Module):
    """Queries of (B, N, width) over a stream of `stream_width`."""

    def __init__(self, width: int, heads: int, stream_width: int, bias: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias)
        self.to_k = nn.Linear(stream_width, width, bias)
        self.to_v = nn.Linear(stream_width, width, bias)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        # Queries, keys and values in one product, where `models.packing` has made one of three.
        self.fused: nn.Module | None = None

    def forward(self, x: Tensor, stream: Stream) -> Tensor:
        """(B, N, width) -> (B, N, width)."""
        if self.fused is not None:
            query, key, value = (
                split_heads(part, self.heads) for part in self.fused(x).chunk(3, dim=-1)
            )
        else:
            query = split_heads(self.to_q(x), self.heads)
            key, value = self._told(stream)
        heard = F.scaled_dot_product_attention(query, key, value, stream.bias)
        mixed: Tensor = self.to_out[0](join_heads(heard))
        return mixed

    def _told(self, stream: Stream) -> tuple[Tensor, Tensor]:
        """Keys and values of a stream, made once for it."""
        if stream.told is not None and self in stream.told:
            return stream.told[self]
        key = split_heads(self.to_k(stream.states), self.heads)
        value = split_heads(self.to_v(stream.states), self.heads)
        if stream.told is not None:
            stream.told[self] = key, value
        return key, value


class FeedForward(nn.Module):
    """A feed-forward network whose inner half is gated by the other, through GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        gate = nn.ModuleDict({"proj": nn.Linear(width, 8 * width)})
        # The weights' names count a dropout between the two.
        self.net = nn.ModuleList([gate, nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x: Tensor) -> Tensor:
        gated, _, narrow = self.net
        inner, gate = gated["proj"](x).chunk(2, dim=-1)  # type: ignore[index]
        out: Tensor = narrow(inner * F.gelu(gate))
        return out
