"""AudioLDM 2's UNet: a noisy latent, its time and two streams of conditioning to a prediction.

Residual blocks on the way down and up, joined across by skips. After each, a level may hold a row
of transformers, one for each entry of `cross_attention_dim`: an entry of null hears the image
alone, one of the first two the first stream (LOA), later ones the second (T5).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.models.configuration import Fields, UnsupportedError, per_level
from ambientgen.models.nets.layers import Downsample, ResidualBlock, Upsample
from ambientgen.models.nets.transformer import ImageTransformer, Stream

DOWN = {"DownBlock2D": False, "CrossAttnDownBlock2D": True}  # whether a level has transformers
UP = {"UpBlock2D": False, "CrossAttnUpBlock2D": True}
SLOWEST = 10_000  # the longest period of the time's sinusoids, in steps over 2 pi
SILENT = -10_000.0  # what padding's attention logits are lowered by
NONE = (None,)

FIELDS = Fields(
    {
        "in_channels": 4,
        "out_channels": 4,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "down_block_types": (*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"),
        "up_block_types": ("UpBlock2D", *["CrossAttnUpBlock2D"] * 3),
        "block_out_channels": (320, 640, 1280, 1280),
        "layers_per_block": 2,
        "norm_num_groups": 32,
        "norm_eps": 1e-5,
        "cross_attention_dim": 1280,
        "transformer_layers_per_block": 1,
        "attention_head_dim": 8,  # which means the number of heads
        "use_linear_projection": False,
    },
    {
        "act_fn": ("silu", "swish"),
        "class_embed_type": NONE,
        "class_embeddings_concat": (False,),
        "conv_in_kernel": (3,),
        "conv_out_kernel": (3,),
        "downsample_padding": (1,),
        "mid_block_scale_factor": (1,),
        "mid_block_type": ("UNetMidBlock2DCrossAttn",),
        "num_attention_heads": NONE,
        "num_class_embeds": NONE,
        "only_cross_attention": (False,),
        "projection_class_embeddings_input_dim": NONE,
        "resnet_time_scale_shift": ("default",),
        "time_cond_proj_dim": NONE,
        "time_embedding_act_fn": NONE,
        "time_embedding_dim": NONE,
        "time_embedding_type": ("positional",),
        "timestep_post_act": NONE,
        "upcast_attention": (False,),
    },
    frozenset({"sample_size"}),
)


@dataclass(frozen=True)
class _Level:
    """What the blocks of one level are built of; `streams` () means no transformers."""

    channels: int
    layers: int
    streams: tuple[int | None, ...]
    heads: int
    transformer_layers: int


@dataclass(frozen=True)
class _Common:
    """And what all levels share."""

    groups: int
    eps: float
    time_width: int
    linear: bool

    def residual(self, channels: int, out: int) -> ResidualBlock:
        return ResidualBlock(channels, out, self.groups, self.eps, self.time_width)

    def transformers(self, level: _Level) -> list[ImageTransformer]:
        return [
            ImageTransformer(
                level.channels,
                level.heads,
                level.transformer_layers,
                width,
                self.groups,
                self.linear,
            )
            for width in level.streams
        ]


@dataclass(frozen=True)
class _Told:
    """What every block is told: the time (B, 4 * C), activated, and the two streams."""

    time: Tensor
    streams: tuple[Stream, Stream]

    def stream(self, place: int) -> Stream:
        """The stream that the transformer at a place in its row hears, if it hears any."""
        return self.streams[place > 1]


class Unet(nn.Module):
    """AudioLDM 2's UNet. Sizes must be multiples of 2 ** (levels - 1)."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        down, up = _levels(config)
        first = down[0].channels
        self.flip, self.shift = config["flip_sin_to_cos"], config["freq_shift"]
        self.width = first
        time_width = 4 * first
        linear = config["use_linear_projection"]
        common = _Common(config["norm_num_groups"], config["norm_eps"], time_width, linear)
        self.conv_in = nn.Conv2d(config["in_channels"], first, 3, padding=1)
        self.time_embedding = nn.ModuleDict(
            {
                "linear_1": nn.Linear(first, time_width),
                "linear_2": nn.Linear(time_width, time_width),
            }
        )
        self.down_blocks, self.up_blocks = nn.ModuleList(), nn.ModuleList()
        skips, channels = [first], first
        for level in down:
            last = level is down[-1]
            self.down_blocks.append(_Down(common, level, channels, last))
            channels = level.channels
            skips += [channels] * (level.layers + (not last))
        self.mid_block = _Middle(common, _middle(config, down[-1]))
        for level in up:
            joined = [skips.pop() for _ in range(level.layers)]
            self.up_blocks.append(_Up(common, level, channels, joined, level is up[-1]))
            channels = level.channels
        self.conv_norm_out = nn.GroupNorm(common.groups, first, common.eps)
        self.conv_out = nn.Conv2d(first, config["out_channels"], 3, padding=1)

    @classmethod
    def configured(cls, config: Mapping[str, Any]) -> Unet:
        """From an AudioLDM2UNet2DConditionModel's configuration. Raises UnsupportedError."""
        return cls(FIELDS.of(config))

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        encoder_hidden_states_1: Tensor,
        encoder_attention_mask_1: Tensor | None = None,
    ) -> tuple[Tensor]:
        """The prediction (B, out, T, F) for a sample (B, in, T, F) at a time, a scalar or (B,).

        The first stream (B, L, D) is heard whole, the second (B, L1, D1) where its mask (B, L1)
        is 1.
        """
        streams = self.streams(
            encoder_hidden_states, encoder_hidden_states_1, encoder_attention_mask_1
        )
        return (self.predict(sample, timestep, streams),)

    @staticmethod
    def streams(first: Tensor, second: Tensor, second_mask: Tensor | None) -> tuple[Stream, Stream]:
        """The two streams as `predict` hears them, for every step of one window or batch."""
        bias = _bias(second_mask, second.dtype)
        return Stream(first, None, {}), Stream(second, bias, {})

    def predict(self, sample: Tensor, timestep: Tensor, streams: tuple[Stream, Stream]) -> Tensor:
        """The prediction (B, out, T, F): see `forward`."""
        told = _Told(self._time(timestep.expand(len(sample)), sample.dtype), streams)
        x = self.conv_in(sample)
        skips = [x]
        for block in self.down_blocks:
            x = block(x, told, skips)
        x = self.mid_block(x, told)
        for block in self.up_blocks:
            x = block(x, told, skips)
        prediction: Tensor = self.conv_out(F.silu(self.conv_norm_out(x)))
        return prediction

    def _time(self, timestep: Tensor, dtype: torch.dtype) -> Tensor:
        """The embedding of times (B,), activated as every residual block wants it."""
        half = self.width // 2
        exponent = torch.arange(half, device=timestep.device, dtype=torch.float32)
        rates = torch.exp(exponent * (-math.log(SLOWEST) / (half - self.shift)))
        angles = timestep[:, None].float() * rates
        waves = [torch.sin(angles), torch.cos(angles)]
        x = torch.cat(waves[::-1] if self.flip else waves, dim=1).to(dtype)
        hidden = F.silu(self.time_embedding["linear_1"](x))
        return F.silu(self.time_embedding["linear_2"](hidden))


def _bias(mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """An attention mask (B, L), 1 where heard, as what is added to logits (B, 1, 1, L)."""
    return None if mask is None else ((1 - mask.to(dtype)) * SILENT)[:, None, None]


def _levels(config: Mapping[str, Any]) -> tuple[list[_Level], list[_Level]]:
    """The levels on the way down and on the way up, which has one layer more at each."""
    channels = config["block_out_channels"]
    per = [
        per_level(config[name], len(channels))
        for name in ("layers_per_block", "attention_head_dim", "transformer_layers_per_block")
    ]
    streams = [_streams(value) for value in per_level(config["cross_attention_dim"], len(channels))]
    kinds = config["down_block_types"], config["up_block_types"]
    for names, known in zip(kinds, (DOWN, UP), strict=True):
        if len(names) != len(channels) or not set(names) <= known.keys():
            raise UnsupportedError(f"blocks are {names}")
    if channels[0] % 4 or any(c % h for c, h in zip(channels, per[1], strict=True)):
        raise UnsupportedError("channels do not divide by heads, or the first not by four")

    def level(index: int, attends: bool, more: int) -> _Level:
        layers, heads, deep = (values[index] for values in per)
        return _Level(
            channels[index], layers + more, streams[index] if attends else (), heads, deep
        )

    order = range(len(channels))
    down = [level(index, DOWN[kinds[0][index]], 0) for index in order]
    up = [level(index, UP[kind], 1) for index, kind in zip(order[::-1], kinds[1], strict=True)]
    return down, up


def _streams(value: Any) -> tuple[int | None, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _middle(config: Mapping[str, Any], last: _Level) -> _Level:
    """The middle: the last level's width, heads and streams, which it may not use itself."""
    streams = _streams(
        per_level(config["cross_attention_dim"], len(config["down_block_types"]))[-1]
    )
    return _Level(last.channels, 1, streams, last.heads, last.transformer_layers)


class _Attending(nn.Module):
    """Residual blocks, each followed by its row of transformers."""

    def __init__(self, common: _Common, level: _Level) -> None:
        super().__init__()
        self.streams = level.streams
        if level.streams:
            rows = (common.transformers(level) for _ in range(level.layers))
            self.attentions = nn.ModuleList(each for row in rows for each in row)

    def attend(self, x: Tensor, layer: int, told: _Told) -> Tensor:
        """The image after the row of transformers of one layer."""
        for place, width in enumerate(self.streams):
            transformer = self.attentions[layer * len(self.streams) + place]
            x = transformer(x, None if width is None else told.stream(place))
        return x


class _Down(_Attending):
    """A level on the way down: leaves its images in `skips`."""

    def __init__(self, common: _Common, level: _Level, channels: int, last: bool) -> None:
        super().__init__(common, level)
        widths = [channels, *[level.channels] * (level.layers - 1)]
        self.resnets = nn.ModuleList(common.residual(width, level.channels) for width in widths)
        self.downsamplers = nn.ModuleList([] if last else [Downsample(level.channels)])

    def forward(self, x: Tensor, told: _Told, skips: list[Tensor]) -> Tensor:
        for layer, residual in enumerate(self.resnets):
            x = self.attend(residual(x, told.time), layer, told)
            skips.append(x)
        for halve in self.downsamplers:
            x = halve(x)
            skips.append(x)
        return x


class _Middle(_Attending):
    """A residual block, one row of transformers, a residual block."""

    def __init__(self, common: _Common, level: _Level) -> None:
        super().__init__(common, level)
        self.resnets = nn.ModuleList(
            common.residual(level.channels, level.channels) for _ in range(2)
        )

    def forward(self, x: Tensor, told: _Told) -> Tensor:
        before, after = self.resnets
        refined: Tensor = after(self.attend(before(x, told.time), 0, told), told.time)
        return refined


class _Up(_Attending):
    """A level on the way up: takes images of widths `joined` from `skips` as it goes."""

    def __init__(
        self, common: _Common, level: _Level, channels: int, joined: Sequence[int], last: bool
    ) -> None:
        super().__init__(common, level)
        widths = [channels, *[level.channels] * (level.layers - 1)]
        self.resnets = nn.ModuleList(
            common.residual(width + skip, level.channels)
            for width, skip in zip(widths, joined, strict=True)
        )
        self.upsamplers = nn.ModuleList([] if last else [Upsample(level.channels)])

    def forward(self, x: Tensor, told: _Told, skips: list[Tensor]) -> Tensor:
        for layer, residual in enumerate(self.resnets):
            joined = torch.cat([x, skips.pop()], dim=1)
            x = self.attend(residual(joined, told.time), layer, told)
        for grow in self.upsamplers:
            x = grow(x)
        return x
