"""What is heard in latents, in numbers that losses of the UNet compare (`foretold.py`).

*Moments* are how loud each band is, how much it moves over 80 ms to 2.6 s, how peaked, lopsided and
rhythmic that is, and how strongly each latent varies. Where there are namers (`names.py`), what
they say is heard too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ambientgen.training.levels import SLOW, STILL, LevelReader, moves
from ambientgen.training.names import Namers

SHARP = 4  # latent frames of the longest moves whose shape is told too: longer ones are too few
LONG_FRAMES = 128  # of the Fourier transform that rhythm is read from: all that a clip has
SLOWEST = 2  # of its lines, 0.2 Hz: slower is no rhythm
FAINT = 0.1  # of latents, whose variance is 1: what varies less is still


def moments(levels: Tensor, latents: Tensor) -> list[Tensor]:
    """Groups of moments (B, so many) of levels (B, bands, frames, 1) and latents (B, 16, T, 8).

    Levels' own means, then logs: of power means of moves over so many frames in each band and in
    the mean of all, of how peaked and lopsided those of bands are, of how lines stand out, of the
    deviations of latents, of their differences and of their means over `SHARP` frames, and of how
    peaked and lopsided latents are. Drops are peaks of latents: a band of eight hardly shows them.
    """
    found = [levels.mean((2, 3))]
    for frames in SLOW:
        if 2 * levels.shape[2] < 5 * frames:
            break
        each = moves(levels, frames)[..., 0]
        swing = _log_power(each, 2)
        whole = moves(levels.mean(1, keepdim=True), frames)[..., 0]
        found += [swing, _log_power(whole, 2)]
        if frames <= SHARP:
            found += _shape(each, STILL)
    found += [_rhythm(levels[..., 0])]
    each = (latents - latents.mean(2, keepdim=True)).transpose(2, 3).flatten(1, 2)
    slow = F.avg_pool1d(each, SHARP, SHARP // 2)
    for values in (each, each.diff(dim=2), slow):
        found.append(_log_power(values, 2, FAINT))
    return found + _shape(each, FAINT)


def _shape(values: Tensor, still: float) -> list[Tensor]:
    """How peaked values (B, so many, frames) of mean 0 are, and how lopsided: two (B, so many)."""
    rise = _log_power(values.clamp(min=0), 3, still)
    fall = _log_power(-values.clamp(max=0), 3, still)
    return [_log_power(values, 4, still) - _log_power(values, 2, still), rise - fall]


def _log_power(values: Tensor, power: int, still: float = STILL) -> Tensor:
    """Logs of the power means of values (B, so many, frames): (B, so many)."""
    return (values.abs().pow(power).mean(2) + still**power).log() / power


def _rhythm(levels: Tensor) -> Tensor:
    """How much the lines of each band's course (B, bands, frames) stand out: (B, bands)."""
    course = (levels - levels.mean(2, keepdim=True)) * torch.hann_window(
        levels.shape[2], device=levels.device
    )
    lines = torch.fft.rfft(course, n=LONG_FRAMES).abs().square()[..., SLOWEST:] + STILL**2
    return 0.5 * lines.square().mean(2).log() - lines.mean(2).log()


@dataclass(frozen=True)
class Ears:
    """What is heard in latents: their levels, and which states namers name, if there are any."""

    read: LevelReader
    namers: Namers | None = None

    def __call__(self, latents: Tensor) -> list[Tensor]:
        """Groups (B, so many) of what latents (B, 16, T, 8) are heard to be: `moments`, then what
        each namer says."""
        latents = latents.float()
        found = moments(self.read(latents), latents)
        return found + (list(self.namers(latents).chunk(2, 1)) if self.namers else [])
