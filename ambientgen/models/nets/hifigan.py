"""HiFi-GAN's generator (Kong et al. 2020) as AudioLDM 2 uses it: log-mel to waveform.

Transposed convolutions raise the rate; after each, residual blocks of several kernel sizes are
averaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.models.configuration import TRANSFORMERS, Fields, UnsupportedError

LAST_SLOPE = 0.01  # of the last leaky ReLU: torch's default, unlike the configured others

FIELDS = Fields(
    {
        "model_in_dim": 80,
        "upsample_initial_channel": 512,
        "upsample_rates": (4, 4, 4, 4),
        "upsample_kernel_sizes": (8, 8, 8, 8),
        "resblock_kernel_sizes": (3, 7, 11),
        "resblock_dilation_sizes": ((1, 3, 5),) * 3,
        "leaky_relu_slope": 0.1,
        "normalize_before": True,
    },
    ignored=TRANSFORMERS | {"pad_token_id", "sampling_rate"},
)


class HifiGan(nn.Module):
    """Log-mel (B, T, mels) to waveform (B, about T * hop): its length follows from the kernels."""

    mean: Tensor  # (mels,)
    scale: Tensor

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.slope, self.normalises = config["leaky_relu_slope"], config["normalize_before"]
        channels = config["upsample_initial_channel"]
        self.conv_pre = nn.Conv1d(config["model_in_dim"], channels, 7, padding=3)
        self.upsampler, self.resblocks = nn.ModuleList(), nn.ModuleList()
        shapes = list(
            zip(config["resblock_kernel_sizes"], config["resblock_dilation_sizes"], strict=True)
        )
        self.kinds = len(shapes)
        for rate, kernel in zip(
            config["upsample_rates"], config["upsample_kernel_sizes"], strict=True
        ):
            padding = (kernel - rate) // 2
            self.upsampler.append(
                nn.ConvTranspose1d(channels, channels // 2, kernel, rate, padding)
            )
            channels //= 2
            self.resblocks.extend(_Residual(channels, *shape, self.slope) for shape in shapes)
        self.conv_post = nn.Conv1d(channels, 1, 7, padding=3)
        self.register_buffer("mean", torch.zeros(config["model_in_dim"]))
        self.register_buffer("scale", torch.ones(config["model_in_dim"]))

    @classmethod
    def configured(cls, config: Mapping[str, Any]) -> HifiGan:
        """From a SpeechT5HifiGan's configuration. Raises UnsupportedError."""
        values = FIELDS.of(config)
        for one, other in (("upsample_rates", "upsample_kernel_sizes"), _RESIDUAL):
            if len(values[one]) != len(values[other]):
                raise UnsupportedError(f"{one} and {other} differ in length")
        return cls(values)

    def forward(self, spectrogram: Tensor) -> Tensor:
        """The waveform, within -1 and 1."""
        if self.normalises:
            spectrogram = (spectrogram - self.mean) / self.scale
        x = self.conv_pre(spectrogram.transpose(1, 2))
        for level, grow in enumerate(self.upsampler):
            x = grow(F.leaky_relu(x, self.slope))
            blocks = self.resblocks[level * self.kinds : (level + 1) * self.kinds]
            x = torch.stack([block(x) for block in blocks]).sum(0) / self.kinds
        return torch.tanh(self.conv_post(F.leaky_relu(x, LAST_SLOPE))).squeeze(1)


_RESIDUAL = ("resblock_kernel_sizes", "resblock_dilation_sizes")


class _Residual(nn.Module):
    """Pairs of a dilated and a plain convolution, each pair added to its input."""

    def __init__(self, channels: int, kernel: int, dilations: list[int], slope: float) -> None:
        super().__init__()
        self.slope = slope

        def convolution(dilation: int) -> nn.Conv1d:
            padding = (kernel - 1) * dilation // 2
            return nn.Conv1d(channels, channels, kernel, padding=padding, dilation=dilation)

        self.convs1 = nn.ModuleList(convolution(dilation) for dilation in dilations)
        self.convs2 = nn.ModuleList(convolution(1) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + plain(F.leaky_relu(dilated(F.leaky_relu(x, self.slope)), self.slope))
        return x
