"""Group normalisation that moves with time, for a decoder whose image never ends.

A group norm divides by the spread of all that it is given. Of a sound that grows louder it takes
away the growth: a chunk comes out too even, and the next begins with a jump. Here every latent
frame is normalised by what lies around it, near things counting more than far ones, so that two
chunks agree wherever both know what is around.

What a decoder learnt is kept: over a sound that stays as it is, both norms are the same.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn

_PLACED = re.compile(r"(?:up_blocks\.(\d+)|mid_block|(conv_norm_out))(?!.*attentions)")


class MovingNorm(nn.Module):
    """A group norm's weights, with mean and variance of `span` latent frames around each."""

    def __init__(self, norm: nn.GroupNorm, span: int, rows: int) -> None:
        """`rows` of an image (B, C, T, F) are one latent frame."""
        super().__init__()
        self.groups, self.eps = norm.num_groups, norm.eps
        self.weight, self.bias = norm.weight, norm.bias
        self.span, self.rows = span, rows

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, F) -> (B, C, T, F), T a multiple of `rows`."""
        batch, channels, height, width = x.shape
        each = channels // self.groups
        # Channels last, as the image is stored: every sum runs along contiguous memory.
        frames = x.permute(0, 2, 3, 1).contiguous().view(batch, height // self.rows, -1, channels)
        wide = frames.float()
        own = torch.stack([wide.mean(2), wide.square().mean(2)])
        own = own.view(*own.shape[:3], self.groups, each).mean(4)
        mean, power = around(own.shape[2], self.span, x.device) @ own
        scale = (power - mean.square()).clamp_min(0).add(self.eps).rsqrt()
        mean, scale = (of_group.repeat_interleave(each, 2) for of_group in (mean, scale))
        gain = scale * self.weight
        shift = self.bias - mean * gain
        normed = torch.addcmul(shift[:, :, None].to(x), frames, gain[:, :, None].to(x))
        return normed.view(batch, height, width, channels).permute(0, 3, 1, 2)


def around(count: int, span: int, device: torch.device | None = None) -> Tensor:
    """How much each of `count` frames counts for each: (count, count), rows summing to 1.

    A raised cosine of `span` frames, cut off where there is nothing more.
    """
    places = torch.arange(count, device=device)
    apart = (places[:, None] - places).float()
    weights = torch.cos(apart * (torch.pi / span)).square() * (apart.abs() < span / 2)
    return weights / weights.sum(1, keepdim=True)


def move_norms(decoder: nn.Module, span: int) -> None:
    """Let the norms of a VAE's decoder, ours or diffusers', move over `span` latent frames.

    Not those of its attention, which hears the whole of a chunk anyway.
    """
    levels = len(decoder.get_submodule("up_blocks"))  # type: ignore[arg-type]
    for name, module in list(decoder.named_modules()):
        placed = _PLACED.match(name)
        if isinstance(module, nn.GroupNorm) and placed:
            level = int(placed[1] or 0) if placed[2] is None else levels - 1
            decoder.set_submodule(name, MovingNorm(module, span, 2**level))
