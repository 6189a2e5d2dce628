"""How many windows share a pass of the UNet: what a GPU holds, reckoned and never timed.

Samples depend on the number in their last bits. So it is a function of the card's whole memory, the
model and the scene's longest window: one card makes the same of a scene whatever else it does.
Passes of one size are always of that size, so rows that no window needs are computed too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn

from ambientgen.models.configuration import per_level
from ambientgen.models.folder import read_json
from ambientgen.models.loading import Model
from ambientgen.models.nets.unet import DOWN, FIELDS, UP, Unet

ON_CPU = 2
"""Of a narrow UNet, whose pass is mostly calls of operators: together pocket's long windows take
three quarters of the time, its shortest, of which four fit, less than half."""

NARROW = 64
"""Channels at a UNet's finest level, up to which it is called narrow. Of wider ones (128 in
AudioLDM 2) a CPU is busy with a single window, and gains nothing from more."""

ON_MPS = 4
"""Apple's GPU shares the machine's memory: of no size of its own that could be reckoned with."""

MOST_FITTING = 64
"""More is never chosen, though `MOST_BATCH` may be asked for."""

MOST_BYTES = 512_000_000
"""Nor a pass that holds more: 8 windows of AudioLDM 2, guided, are 2.8 TFLOP and 65,536 pixels at
the finest level, which busies a GPU, and rows without a window take as long as the others."""

FREE_SHARE = 0.25
"""Of a card, left to all that is not the UNet's pass: VAE and vocoder, the libraries' own memory
(0.5 to 1 GB), kernels' workspaces, what the allocator wastes, and whoever else uses the card."""

ROWS_PER_WINDOW = 2  # guidance asks of each window what it is, and what it would be without

# Tensors of one row at once, by the pixel. They are those of `nets/` and of the stock classes, with
# the copies that a GPU makes where a kernel wants channels first and the next one wants them last.
RESIDUAL_INPUTS = 4  # what comes in, its copy, normalised, its copy
RESIDUAL_OUTPUTS = 2  # the first convolution's, and its copy
TRANSFORMER_WIDTHS = 22  # the feed-forward's 8 + 4 + 4, the image, pixels, normalised, copies
FLOAT32_LATENTS = 8  # the sampler's own, and what it makes of them

TEXT_TOKENS = 64
"""Of a stream: more than a scene's text or a negative prompt has. Attention keeps keys and values
of each; its scores are never in memory as a whole, since GPUs have kernels that make them piece by
piece."""


@dataclass(frozen=True)
class _Level:
    """What one level of the UNet holds: pixels of a row, the widths of its tensors.

    joined: the widest that comes in on the way up. streams: cross-attentions after each layer.
    """

    pixels: int
    channels: int
    joined: int
    layers: int
    attends: bool
    streams: int

    def working(self) -> int:
        """Elements at once while a layer works."""
        residual = RESIDUAL_INPUTS * self.joined + RESIDUAL_OUTPUTS * self.channels
        attending = TRANSFORMER_WIDTHS * self.channels if self.attends else 0
        return self.pixels * max(residual + self.joined, attending)

    def skips(self) -> int:
        """Elements that wait for the way up, but for what is halved."""
        return self.pixels * self.channels * self.layers

    def told(self) -> int:
        """Elements of keys and values of the streams; both ways together have 2 n + 1 layers."""
        layers = (2 * self.layers + 1) * self.attends
        return 2 * TEXT_TOKENS * self.channels * self.streams * layers


def batch_for(model: Model, frames: int) -> int:
    """Windows in one pass of a scene's, of which the longest has so many latent `frames`."""
    if model.device.type == "cuda":
        card_bytes = torch.cuda.get_device_properties(model.device).total_memory
        config = read_json(model.spec.folder / "unet" / "config.json")
        each = window_bytes(config, (frames, model.geometry.latent_bins), model.dtype)
        return fitting(card_bytes, weight_bytes(model), each)
    if model.device.type == "mps":
        return ON_MPS
    narrow = isinstance(model.unet, Unet) and model.unet.width <= NARROW
    return ON_CPU if narrow else 1


def rows_of(batch: int, longest: int, frames: int) -> int:
    """Windows of `frames` in a pass that holds `batch` of the `longest`: doubled as often as they
    are shorter, so that passes are about equally large. A batch of one is always one window."""
    if batch == 1:
        return 1
    return batch << max(0, (longest // frames).bit_length() - 1)


def fitting(card_bytes: int, weights_bytes: int, each_bytes: int) -> int:
    """The power of two of windows, 1 to `MOST_FITTING`, that a card of `card_bytes` holds.

    weights_bytes: of the whole model, which lies there too. each_bytes: of one window in a pass.
    """
    room = min((1 - FREE_SHARE) * card_bytes - weights_bytes, MOST_BYTES)
    windows = max(1, int(room // each_bytes))
    return min(MOST_FITTING, 1 << (windows.bit_length() - 1))


def weight_bytes(model: Model) -> int:
    """What all networks of a model take where they lie."""
    networks = (getattr(model, each.name) for each in fields(model))
    return sum(
        tensor.numel() * tensor.element_size()
        for network in networks
        if isinstance(network, nn.Module)
        for tensor in (*network.parameters(), *network.buffers())
    )


def window_bytes(config: Mapping[str, Any], image: tuple[int, int], dtype: torch.dtype) -> int:
    """The most that one window adds to what a pass of the UNet holds at any time, guided.

    config: of an AudioLDM2UNet2DConditionModel. image: the window's latent frames and bins. An
    upper estimate, one to three times what is held: skips of all levels, and the level whose
    layers work on most at once.
    """
    values = dict(FIELDS.read)
    values |= {k: v for k, v in config.items() if k in FIELDS.read and v is not None}
    levels = list(_levels(values, image))
    pixels = image[0] * image[1]
    halved = sum(above.channels * below.pixels for above, below in itertools.pairwise(levels))
    held = levels[0].channels * pixels + halved
    held += sum(level.skips() + level.told() for level in levels) + _middle(levels[-1])
    working = max(level.working() for level in levels)
    latents = FLOAT32_LATENTS * values["in_channels"] * pixels * torch.float32.itemsize
    return int(ROWS_PER_WINDOW * ((held + working) * dtype.itemsize + latents))


def _levels(config: Mapping[str, Any], image: tuple[int, int]) -> Iterator[_Level]:
    channels = config["block_out_channels"]
    count = len(channels)
    layers = per_level(config["layers_per_block"], count)
    streams = per_level(config["cross_attention_dim"], count)
    kinds = zip(config["down_block_types"], reversed(config["up_block_types"]), strict=True)
    for index, (down, up) in enumerate(kinds):
        told = streams[index]
        told = told if isinstance(told, (list, tuple)) else (told,)
        above, below = channels[max(index - 1, 0)], channels[min(index + 1, count - 1)]
        yield _Level(
            pixels=math.prod(-(-size // 2**index) for size in image),
            channels=channels[index],
            joined=max(below, channels[index]) + max(above, channels[index]),
            layers=layers[index],
            attends=DOWN.get(down, True) or UP.get(up, True),
            streams=sum(width is not None for width in told),
        )


def _middle(last: _Level) -> int:
    """Keys and values of the middle, which attends whether or not the last level does."""
    return 2 * TEXT_TOKENS * last.channels * last.streams
