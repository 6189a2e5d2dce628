"""Layers whose weights are laid out once, beforehand, as a CPU computes with them soonest.

Each gives what the plain layer gives, within rounding, and is made of it. They are for inference
alone: what oneDNN has put in an order of its own cannot be saved, moved or trained.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS = 128
"""What a layout is chosen for. Any other number of rows is as quick with it (1 to 1152 were
tried)."""

NARROW_WIDTH = 2  # the width of images that `NarrowConv` is for


class PackedLinear(nn.Module):
    """A linear layer: (..., in) -> (..., out).

    torch sends one to the BLAS it was built with, which on AMD's processors uses half of the vector
    registers' width. oneDNN's own kernel uses all of it, and need not reorder weights at each call.
    """

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


class PackedPointwise(nn.Module):
    """A 1 x 1 convolution: (B, in, H, W) -> (B, out, H, W), a linear layer over its pixels."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.linear = PackedLinear(conv.weight.detach().flatten(1), conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.linear(x.permute(0, 2, 3, 1))
        return mixed.permute(0, 3, 1, 2)


class NarrowConv(nn.Module):
    """A 3 x 3 convolution, padded by 1, of images two pixels wide: (B, in, H, 2) -> (B, out, H, 2).

    A third of its products would be with padding, and kernels for images find no room in two
    pixels. As rows of 2 * in numbers the image needs a convolution along its height alone, and
    three rows lie side by side in memory already: one product does it, three times as fast.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        weight = conv.weight.detach()
        out, channels = weight.shape[:2]
        wide = NARROW_WIDTH
        taps = weight.new_zeros(wide, out, 3, wide, channels)  # to (x, out), of (row, x, in)
        for to in range(wide):
            for of in range(wide):
                taps[to, :, :, of] = weight[:, :, :, of - to + 1].transpose(1, 2)
        bias = None if conv.bias is None else conv.bias.repeat(wide)
        self.linear = PackedLinear(taps.flatten(2).flatten(0, 1), bias)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        row = width * channels
        rows = F.pad(x.permute(0, 2, 3, 1).reshape(batch, height, row), (0, 0, 1, 1))
        threes = rows.as_strided((batch, height, 3 * row), (rows.stride(0), row, 1))
        convolved: Tensor = self.linear(threes)
        return convolved.view(batch, height, width, -1).permute(0, 3, 1, 2)


class PhasedUpsample(nn.Module):
    """Twice the size by repetition, and a 3 x 3 convolution: (B, C, H, W) -> (B, C, 2 H, 2 W).

    Of repeated pixels a convolution adds up products of the same number. With those weights added
    beforehand it is a transposed one of 4 x 4 with a stride of two, which takes four ninths of the
    products and no larger image to read.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        # Taps of the convolution (columns) that fall on one pixel, by place in the kernel (rows).
        merged = conv.weight.new_tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]])
        weight = torch.einsum("yk,xl,oikl->ioyx", merged, merged, conv.weight.detach())
        weight = weight.contiguous(memory_format=torch.channels_last)
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if conv.bias is None else nn.Parameter(conv.bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=1)
