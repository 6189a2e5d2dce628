"""Namers: networks that hear in latents which states sound, for losses of the UNet.

What tells rain from a stream is little of the whole: a critic finds dozens of other flaws first,
and moments that somebody thought of may leave it out. A network that has learnt to name states from
the latents of real sounds knows just that. The UNet is not asked to convince it, which a wrong
sound may do too, if it is wrong enough: what the namer says of its takes must be, in the mean, what
it says of real sounds of the same conditioning (`moments.py`).

There are two, so that no trick works with both: one hears the latents as they are, under random
colour, the other only what moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.training.around import Around
from ambientgen.training.critic import spread
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.unet import Labelled
from ambientgen.training.vae import LATENT_BINS, LATENT_CHANNELS

NAME = "names"
SALT = 37  # of the random numbers that choose windows and what is done to them
# Latent frames of windows, and how many at once: about as long a step with each.
WINDOWS = ((40, 48), (64, 32), (112, 18))
SCHEDULE = Schedule(2400, 3e-3, warmup=300, decay=0.85, ema=0.99, weight_decay=1e-2)
WIDTHS, HEARD = (64, 96, 128), 160  # channels over bins and time; over time
DILATIONS = (1, 2, 4)  # latent frames, of convolutions of 3
PRESENT = 0.05  # of the level of a state that is to be named
# What a namer must not lean on, in latents of unit variance: colour, smoothing over three frames,
# noise.
COLOUR, SMOOTHED, NOISE = 0.25, 0.5, 0.25


DrawLabelled = Callable[[np.random.Generator, int, int], Labelled]


class Along(nn.Module):
    """What follows upon what: a residual convolution along time of (B, HEARD, T)."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        conv = nn.Conv1d(HEARD, HEARD, 3, padding=dilation, dilation=dilation)
        self.body = nn.Sequential(conv, nn.BatchNorm1d(HEARD), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """Shape kept."""
        return x + torch.as_tensor(self.body(x))


class Namer(nn.Module):
    """Latents (B, 16, T, 8), T a multiple of 4, to one logit for each state (B, states)."""

    def __init__(self, states: int, only_motion: bool) -> None:
        super().__init__()
        self.only_motion = only_motion
        first = LATENT_CHANNELS * (1 if only_motion else 2)
        layers: list[nn.Module] = []
        for before, after in pairwise((first, *WIDTHS)):
            stride = 2 if layers else 1
            layers += [nn.Conv2d(before, after, 3, stride, 1), nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        join = nn.Conv1d(LATENT_BINS // 4 * WIDTHS[-1], HEARD, 1)
        along = (Along(dilation) for dilation in DILATIONS)
        self.along = nn.Sequential(join, nn.BatchNorm1d(HEARD), nn.ReLU(), *along)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(3 * HEARD, states))

    def forward(self, latents: Tensor) -> Tensor:
        """Pooled over time: the mean, the deviation and the most."""
        moving = latents - latents.mean(2, keepdim=True)
        x = moving if self.only_motion else torch.cat([latents, moving], 1)
        x = self.body(x.to(memory_format=torch.channels_last))
        x = self.along(x.transpose(2, 3).flatten(1, 2))
        return torch.as_tensor(self.head(torch.cat([spread(x), x.amax(2)], 1)))


class Namers(nn.Module):
    """Both namers: latents to their logits, one after the other (B, 2 * states)."""

    def __init__(self, states: int) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.all, self.moving = Namer(states, False), Namer(states, True)

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> Namers:
        """Those of these weights, which learn no more."""
        namers = cls(len(weights["all.head.1.bias"]))
        namers.load_state_dict(weights)
        return namers.eval().requires_grad_(False)

    def forward(self, latents: Tensor) -> Tensor:
        """Shape (B, 2 * states)."""
        return torch.cat([self.all(latents), self.moving(latents)], 1)


def learn_to_name(draw: DrawLabelled, steps: int, folder: Path, around: Around) -> Namers:
    """Namers of what is drawn, after so many steps; a stopped training goes on from `folder`."""
    namers = Namers(draw(np.random.default_rng(SALT), WINDOWS[0][0], 1).levels.shape[1])

    def loss(step: int) -> dict[str, Tensor]:
        torch.manual_seed(step)
        drawn = draw(np.random.default_rng([SALT, step]), *WINDOWS[step % len(WINDOWS)])
        wanted = (drawn.levels > PRESENT).float()
        blurred = _blurred(drawn.clean)
        coloured = blurred + COLOUR * torch.randn_like(blurred[:, :, :1])
        return {
            "all": F.binary_cross_entropy_with_logits(namers.all(coloured), wanted),
            "moving": F.binary_cross_entropy_with_logits(namers.moving(blurred), wanted),
        }

    schedule = replace(SCHEDULE, steps=steps, around=around)
    return Namers.of(Fit(namers, loss, schedule, folder, NAME).run().state_dict())


def _blurred(latents: Tensor) -> Tensor:
    """Latents as a VAE or a UNet may leave them: some of them smoother, some noisy."""
    smooth = F.avg_pool2d(F.pad(latents, (0, 0, 1, 1), "replicate"), (3, 1), 1)
    share, noise = torch.rand(2, len(latents), 1, 1, 1)
    latents = latents + SMOOTHED * share * (smooth - latents)
    return latents + NOISE * noise * torch.randn_like(latents)
