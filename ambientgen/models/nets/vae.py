"""The image VAE of latent diffusion (Rombach et al. 2022), on mels: an image of one channel.

Encoder and decoder are rows of residual blocks, halving and doubling between levels, with an
attention over all pixels in the middle where the configuration wants it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.models.configuration import Fields, UnsupportedError
from ambientgen.models.nets.layers import Downsample, ResidualBlock, Upsample
from ambientgen.models.nets.transformer import CrossAttention, Stream, image_of, pixels_of

EPS = 1e-6
LOGVAR = (-30.0, 20.0)  # what a log-variance is held within, as in the reference
DOWN, UP = "DownEncoderBlock2D", "UpDecoderBlock2D"

FIELDS = Fields(
    {
        "in_channels": 3,
        "out_channels": 3,
        "down_block_types": (DOWN,),
        "up_block_types": (UP,),
        "block_out_channels": (64,),
        "layers_per_block": 1,
        "latent_channels": 4,
        "norm_num_groups": 32,
        "scaling_factor": 0.18215,
        "use_quant_conv": True,
        "use_post_quant_conv": True,
        "mid_block_add_attention": True,
    },
    {
        "act_fn": ("silu", "swish"),
        "latents_mean": (None,),
        "latents_std": (None,),
        "shift_factor": (None,),
    },
    frozenset({"force_upcast", "sample_size"}),
)


@dataclass(frozen=True)
class VaeConfig:
    """What users of the VAE ask its configuration: latents are divided by it before decoding."""

    scaling_factor: float


class Gaussian(NamedTuple):
    """What the encoder says of an image: `mean` and `logvar` of its latents (B, C, T, F)."""

    mean: Tensor
    logvar: Tensor


class Encoded(NamedTuple):
    """`latent_dist`, not yet multiplied by the scaling factor."""

    latent_dist: Gaussian


class Decoded(NamedTuple):
    """`sample` (B, channels, T, F)."""

    sample: Tensor


class Vae(nn.Module):
    """Mels (B, 1, T, mels) to latents (B, C, T / stride, mels / stride) and back."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = VaeConfig(float(config["scaling_factor"]))
        latents = config["latent_channels"]
        self.encoder = _Encoder(config)
        self.decoder = _Decoder(config)
        if config["use_quant_conv"]:
            self.quant_conv: nn.Module = nn.Conv2d(2 * latents, 2 * latents, 1)
        else:
            self.quant_conv = nn.Identity()
        if config["use_post_quant_conv"]:
            self.post_quant_conv: nn.Module = nn.Conv2d(latents, latents, 1)
        else:
            self.post_quant_conv = nn.Identity()

    @classmethod
    def configured(cls, config: Mapping[str, Any]) -> Vae:
        """From an AutoencoderKL's configuration. Raises UnsupportedError."""
        values = FIELDS.of(config)
        levels = len(values["block_out_channels"])
        for name, known in (("down_block_types", DOWN), ("up_block_types", UP)):
            if list(values[name]) != [known] * levels:
                raise UnsupportedError(f"{name} is {values[name]}")
        return cls(values)

    def encode(self, x: Tensor) -> Encoded:
        """An image (B, channels, T, F)."""
        mean, logvar = self.quant_conv(self.encoder(x)).chunk(2, dim=1)
        return Encoded(Gaussian(mean, logvar.clamp(*LOGVAR)))

    def decode(self, z: Tensor) -> Decoded:
        """Latents (B, C, T, F), divided by the scaling factor."""
        return Decoded(self.decoder(self.post_quant_conv(z)))


class _Common:
    """What the blocks of a half share."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.groups = int(config["norm_num_groups"])
        self.channels = list(config["block_out_channels"])
        self.layers = int(config["layers_per_block"])
        self.attends = bool(config["mid_block_add_attention"])

    def row(self, channels: int, out: int, layers: int) -> nn.ModuleList:
        widths = [channels, *[out] * (layers - 1)]
        return nn.ModuleList(ResidualBlock(width, out, self.groups, EPS) for width in widths)


class _Encoder(nn.Module):
    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        common = _Common(config)
        channels = common.channels[0]
        self.conv_in = nn.Conv2d(config["in_channels"], channels, 3, padding=1)
        self.down_blocks = nn.ModuleList()
        for level, out in enumerate(common.channels):
            last = level == len(common.channels) - 1
            block = nn.ModuleDict({"resnets": common.row(channels, out, common.layers)})
            if not last:
                block["downsamplers"] = nn.ModuleList([Downsample(out, even=False)])
            self.down_blocks.append(block)
            channels = out
        self.mid_block = _Middle(common)
        self.conv_norm_out = nn.GroupNorm(common.groups, channels, EPS)
        self.conv_out = nn.Conv2d(channels, 2 * config["latent_channels"], 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.down_blocks:
            for part in block.children():
                x = _through(part, x)
        x = self.mid_block(x)
        moments: Tensor = self.conv_out(F.silu(self.conv_norm_out(x)))
        return moments


class _Decoder(nn.Module):
    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        common = _Common(config)
        channels = common.channels[-1]
        self.conv_in = nn.Conv2d(config["latent_channels"], channels, 3, padding=1)
        self.mid_block = _Middle(common)
        self.up_blocks = nn.ModuleList()
        for level, out in enumerate(reversed(common.channels)):
            last = level == len(common.channels) - 1
            block = nn.ModuleDict({"resnets": common.row(channels, out, common.layers + 1)})
            if not last:
                block["upsamplers"] = nn.ModuleList([Upsample(out)])
            self.up_blocks.append(block)
            channels = out
        self.conv_norm_out = nn.GroupNorm(common.groups, channels, EPS)
        self.conv_out = nn.Conv2d(channels, config["out_channels"], 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            for part in block.children():
                x = _through(part, x)
        image: Tensor = self.conv_out(F.silu(self.conv_norm_out(x)))
        return image


def _through(layers: nn.Module, x: Tensor) -> Tensor:
    for layer in layers.children():
        x = layer(x)
    return x


class _Middle(nn.Module):
    """Two residual blocks, with attention over all pixels between them where it is wanted."""

    def __init__(self, common: _Common) -> None:
        super().__init__()
        channels = common.channels[-1]
        self.attentions = nn.ModuleList(
            [_PixelAttention(channels, common.groups)] if common.attends else []
        )
        self.resnets = common.row(channels, channels, 2)

    def forward(self, x: Tensor) -> Tensor:
        before, after = self.resnets
        x = _through(self.attentions, before(x))
        refined: Tensor = after(x)
        return refined


class _PixelAttention(CrossAttention):
    """One head of attention of an image's pixels to one another, added to it."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__(channels, 1, channels, bias=True)
        self.group_norm = nn.GroupNorm(groups, channels, EPS)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """(B, C, H, W) -> (B, C, H, W)."""
        pixels = pixels_of(self.group_norm(x))
        heard = super().forward(pixels, Stream(pixels, None))
        return x + image_of(heard, x.shape)
