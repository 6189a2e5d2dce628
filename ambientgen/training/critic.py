"""A critic of latents: a network that learns to tell made latents from those of sounds.

What a squared error or a distance between random projections hardly sees (drops, crackle, the
swell of a wave, the beat of a train), a network can learn to look for. It looks at several scales,
each with verdicts of its own: patches of half a second, of one and of three, the course of ten
seconds of the whole spectrum, how strongly all of that varies in a window, and how strongly the
latents themselves do. Each verdict also depends on what was asked for (the *brief*), and what was
asked for another sound must fit worse: what would pass for a waterfall does not pass for rain.

Made and real latents are compared in pairs of one conditioning (the relativistic loss of
Jolicoeur-Martineau 2018), and the critic is kept smooth around both kinds (R1 and R2: Mescheder
et al. 2018; Huang et al. 2024, whose recipe of the two this is), by how far a little noise moves
its verdicts (Lin et al. 2025): that needs no second derivatives, which are slow on a CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from ambientgen.models.loading import LOA_TOKENS
from ambientgen.training.language import TEXT_WIDTH, mean_of_words
from ambientgen.training.mae import WIDTH
from ambientgen.training.vae import LATENT_BINS, LATENT_CHANNELS

BRIEF = 128  # numbers that say what was asked for at one time
WIDTHS = (64, 96, 128)  # channels at latent frames and bins, at half and at a quarter of both
COURSE = 160  # channels along time
SCALES = (1, 2, 4, 8, 16)  # latent frames over which motion is smoothed: 80 ms to 1.3 s
DILATIONS = (1, 2, 4, 8)  # frames of 0.32 s, by convolutions of 3: 31 of them, 10 s
# Noise that should hardly move a verdict, in latents of unit variance, and how much it counts:
# the squared slope along it, so SMOOTH * NOISE ** 2 / 2 is what the literature calls half a gamma.
NOISE, SMOOTH = 0.1, 30.0


class Asked(NamedTuple):
    """What latents were made for: LOA (B, 8, WIDTH), text (B, tokens, TEXT_WIDTH) and its mask."""

    loa: Tensor
    text: Tensor
    mask: Tensor


class Block(nn.Module):
    """Two residual convolutions, (B, before, T, F) -> (B, after, T, F), for a brief."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(before, after, 3, padding=1)
        self.brief = nn.Linear(BRIEF, after)
        self.two = nn.Conv2d(after, after, 3, padding=1)
        self.across = nn.Conv2d(before, after, 1, bias=False)

    def forward(self, x: Tensor, brief: Tensor) -> Tensor:
        """`brief` is (B, T, BRIEF), at the frames of `x`."""
        brief = self.brief(brief).transpose(1, 2)[..., None]
        inside = self.one(F.leaky_relu(x, 0.2)) + brief
        return torch.as_tensor(self.across(x) + self.two(F.leaky_relu(inside, 0.2)))


class Along(nn.Module):
    """A residual convolution along time of (B, COURSE, T)."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(COURSE, COURSE, 3, padding=dilation, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """Shape kept."""
        return x + torch.as_tensor(self.conv(F.leaky_relu(x, 0.2)))


class Verdict(nn.Module):
    """One number for each place of (B, T, places, width): how real it looks, also for what was
    asked (the projection of Miyato and Koyama 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.plain = nn.Linear(width, 1)
        self.brief = nn.Linear(BRIEF, width)

    def forward(self, x: Tensor, brief: Tensor) -> Tensor:
        """Shape (B, T * places); `brief` is (B, T, BRIEF)."""
        x = F.leaky_relu(x, 0.2)
        fits = (x * self.brief(brief)[:, :, None]).mean(-1)
        return (torch.as_tensor(self.plain(x))[..., 0] + fits).flatten(1)


class Critic(nn.Module):
    """Latents (B, 16, T, 8) and what was asked to verdicts, T a multiple of 4."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        said = WIDTH + TEXT_WIDTH
        self.asked = nn.Sequential(nn.Linear(said, BRIEF), nn.SiLU(), nn.Linear(BRIEF, BRIEF))
        self.first = nn.Conv2d(LATENT_CHANNELS, WIDTHS[0], 3, padding=1)
        befores = (WIDTHS[0], *WIDTHS[:-1])
        self.blocks = nn.ModuleList(Block(b, a) for b, a in zip(befores, WIDTHS, strict=True))
        self.verdicts = nn.ModuleList(Verdict(width) for width in WIDTHS)
        self.along = nn.Conv1d(WIDTHS[-1] * LATENT_BINS // 4, COURSE, 1)
        self.course = nn.Sequential(*(Along(dilation) for dilation in DILATIONS))
        self.course_verdict = Verdict(COURSE)
        self.whole = nn.Linear(2 * COURSE + 2 * sum(WIDTHS), COURSE)
        self.whole_verdict = Verdict(COURSE)
        self.motion = nn.Linear(len(SCALES) * LATENT_CHANNELS * LATENT_BINS, COURSE)
        self.motion_verdict = Verdict(COURSE)

    def forward(self, latents: Tensor, asked: Asked) -> list[Tensor]:
        """Verdicts (B, places) at each scale, higher for what looks real."""
        brief = self._brief(asked, latents.shape[2])
        x = self.first(latents.to(memory_format=torch.channels_last))
        found, seen = [], []
        for depth, (block, verdict) in enumerate(zip(self.blocks, self.verdicts, strict=True)):
            if depth:
                x, brief = (
                    F.avg_pool2d(x, 2),
                    F.avg_pool1d(brief.transpose(1, 2), 2).transpose(1, 2),
                )
            x = block(x, brief)
            found.append(verdict(x.permute(0, 2, 3, 1), brief))
            seen.append(spread(x.flatten(2)))
        course = self.course(self.along(x.transpose(2, 3).flatten(1, 2)))
        found.append(self.course_verdict(course.transpose(1, 2)[:, :, None], brief))
        whole = self.whole(torch.cat([*seen, spread(course)], 1))
        overall = brief.mean(1, keepdim=True)
        found.append(self.whole_verdict(whole[:, None, None], overall))
        found.append(self.motion_verdict(self.motion(_motion(latents))[:, None, None], overall))
        return found

    def _brief(self, asked: Asked, frames: int) -> Tensor:
        """What was asked for at each frame, (B, frames, BRIEF)."""
        words = mean_of_words(asked.text, asked.mask)
        said = torch.cat([asked.loa, words[:, None].expand(-1, LOA_TOKENS, -1)], 2)
        tokens = torch.as_tensor(self.asked(said)).transpose(1, 2)
        return F.interpolate(tokens, frames, mode="linear").transpose(1, 2)


def spread(x: Tensor) -> Tensor:
    """The mean and the deviation of (B, width, places), (B, 2 * width)."""
    return torch.cat([x.mean(2), (x.var(2, unbiased=False) + 1e-4).sqrt()], 1)


def _motion(latents: Tensor) -> Tensor:
    """How strongly each value moves in a window once it is smoothed, over half of it at most:
    (B, scales * 128), in logs."""
    moved = []
    for scale in (min(scale, latents.shape[2] // 2) for scale in SCALES):
        smooth = F.avg_pool2d(latents, (scale, 1), stride=(max(1, scale // 2), 1))
        deviation = (smooth.var(2, unbiased=False) + 1e-3).sqrt()
        moved.append((deviation * scale**0.5).log().flatten(1))
    return torch.cat(moved, 1)


def taught(
    critic: Critic, made: Tensor, real: Tensor, asked: Asked
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """The critic's own losses, and its verdicts of the real latents, without their gradient.

    `told`: made latents are told from real ones. `asked`: real ones fit what was asked for better
    than what was asked for another of them (Reed et al. 2016), so that to pass is not only to be
    like some sound; left out where there is but one. `smooth`: noise hardly moves verdicts.

    made: (K * B, 16, T, 8), K of each conditioning, B after B; its gradient is not used. real:
    (B, 16, T, 8). asked: of the B.
    """
    takes = len(made) // len(real)
    both, for_both = torch.cat([made.detach(), real]), repeated(asked, takes + 1)
    clear = critic(both, for_both)
    moved = critic(both + NOISE * torch.randn_like(both), for_both)
    far = torch.stack([(a - b).square().mean() for a, b in zip(clear, moved, strict=True)])
    found = [verdicts[: len(made)] for verdicts in clear]
    wanted = [verdicts[len(made) :] for verdicts in clear]
    losses = {"told": told_apart(found, wanted), "smooth": SMOOTH * far.mean()}
    if len(real) > 1:
        others = critic(real, Asked(*(part.roll(1, 0) for part in asked)))
        losses["asked"] = told_apart(others, wanted)
    return losses, [verdicts.detach() for verdicts in wanted]


def repeated(asked: Asked, times: int) -> Asked:
    """The same conditionings, all of them so often."""
    return Asked(*(torch.cat([part] * times) for part in asked))


def told_apart(made: list[Tensor], real: list[Tensor]) -> Tensor:
    """How badly verdicts (K * B, places) of made latents are told from those (B, places) of real
    ones, scale by scale; log 2 by guessing."""
    return torch.stack([F.softplus(-better).mean() for better in _better(real, made)]).mean()


def passed(critic: Critic, made: Tensor, asked: Asked, wanted: list[Tensor]) -> Tensor:
    """How badly made latents pass for real ones, a scalar whose gradient reaches `made` alone.

    made, asked: as `taught` takes them. wanted: the verdicts of the real ones that it gave.
    """
    still = {name: value.detach() for name, value in critic.named_parameters()}
    takes = len(made) // len(asked.loa)
    verdicts = functional_call(critic, still, (made, repeated(asked, takes)))
    return torch.stack([F.softplus(better).mean() for better in _better(wanted, verdicts)]).mean()


def _better(real: list[Tensor], made: list[Tensor]) -> Iterator[Tensor]:
    """By how much verdicts of real latents are higher than those of what was made for the same,
    at each scale: (K * B, places)."""
    for wanted, found in zip(real, made, strict=True):
        yield wanted.repeat(len(found) // len(wanted), 1) - found
