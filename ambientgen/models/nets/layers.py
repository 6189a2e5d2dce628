"""Pieces that several networks share: activations, residual blocks and resampling of images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.models.configuration import UnsupportedError

Activation = Callable[[Tensor], Tensor]

# By the names configurations use. `gelu_new` is the tanh form of GPT-2 and T5 v1.1.
ACTIVATIONS: dict[str, Activation] = {
    "gelu": F.gelu,
    "gelu_new": partial(F.gelu, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
}


def activation(name: str) -> Activation:
    """The function a configuration calls `name`. Raises UnsupportedError."""
    if name not in ACTIVATIONS:
        raise UnsupportedError(f"activation {name!r}")
    return ACTIVATIONS[name]


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, L, heads * D) -> (B, heads, L, D), a view."""
    batch, length, _ = x.shape
    return x.view(batch, length, heads, -1).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """(B, heads, L, D) -> (B, L, heads * D)."""
    return x.transpose(1, 2).flatten(2)


class ResidualBlock(nn.Module):
    """Two normalised 3 x 3 convolutions around a short cut: (B, C, H, W) -> (B, out, H, W).

    With `time_width`, an embedding (B, time_width) of the diffusion time, already activated, is
    added between them.
    """

    def __init__(
        self, channels: int, out: int, groups: int, eps: float, time_width: int = 0
    ) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels, eps)
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        if time_width:
            self.time_emb_proj = nn.Linear(time_width, out)
        self.norm2 = nn.GroupNorm(groups, out, eps)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(channels, out, 1) if channels != out else None

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """The image, refined."""
        y: Tensor = self.conv1(F.silu(self.norm1(x), inplace=True))
        if time is not None:
            y += self.time_emb_proj(time)[:, :, None, None]
        y = self.conv2(F.silu(self.norm2(y), inplace=True))
        y += x if self.conv_shortcut is None else self.conv_shortcut(x)
        return y


class Downsample(nn.Module):
    """Half the size by a strided convolution, padded evenly or, as in the VAE, at the end only."""

    def __init__(self, channels: int, even: bool = True) -> None:
        super().__init__()
        self.even = even
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1 if even else 0)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H / 2, W / 2)."""
        halved: Tensor = self.conv(x if self.even else F.pad(x, (0, 1, 0, 1)))
        return halved


class Upsample(nn.Module):
    """To a larger size by repetition and a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """(B, C, H, W) -> (B, C, *size); without `size`, twice as high and wide."""
        larger = F.interpolate(x, size) if size else F.interpolate(x, scale_factor=2.0)
        grown: Tensor = self.conv(larger)
        return grown
