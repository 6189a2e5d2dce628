"""What sounds of one conditioning are like on the average, for losses of the UNet.

One sound tells little of how strongly its kind swells: a sea has two swells in eight seconds. So a
judge that compares with single sounds teaches that slowly. Here the *moments* of real latents (how
loud each band is, how much it moves over 80 ms to 2.6 s, how peaked, lopsided and rhythmic that is,
how strongly each latent varies) are foretold from their conditioning, by a regression on many; and
two takes of one conditioning, from noise of their own, must not miss that on the same side:

    (m(a) - e) (m(b) - e) / variance

Its mean is the square of the mean miss, in units of the deviation that real sounds have from what
was foretold: what each take has by chance goes out of it. So takes may differ as they like, and
critic and energy distances say how much.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ambientgen.training.language import mean_of_words
from ambientgen.training.levels import SLOW, STILL, Draw, LevelReader, moves
from ambientgen.training.unet import Batch

SALT = 29  # of the random numbers that choose windows to learn from
AT_ONCE = 16  # windows of a drawing
SHARP = 4  # latent frames of the longest moves whose shape is told too: longer ones are too few
LONG_FRAMES = 128  # of the Fourier transform that rhythm is read from: all that a clip has
SLOWEST = 2  # of its lines, 0.2 Hz: slower is no rhythm
DETAILS = 1024  # of a conditioning: a layer of random weights under the regression
RIDGES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # in units of the features' mean sum of squares
# One drawing of so many chooses between them, and says how far sounds are. Its windows are other
# ones, but may be of the same clips.
HELD_OUT = 4
FAINT = 0.1  # of latents, whose variance is 1: what varies less is still


def moments(levels: Tensor, latents: Tensor) -> list[Tensor]:
    """Groups of moments (B, so many) of levels (B, bands, frames, 1) and latents (B, 16, T, 8).

    Levels' own means, then logs: of power means of moves over so many frames in each band and in
    the mean of all, of how peaked and lopsided those of bands are, of how lines stand out, and of
    the deviations of latents and of their differences.
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
            rise, fall = _log_power(each.clamp(min=0), 3), _log_power(-each.clamp(max=0), 3)
            found += [_log_power(each, 4) - swing, rise - fall]
    found += [_rhythm(levels[..., 0])]
    for values in (latents, latents[:, :, 1:] - latents[:, :, :-1]):
        found.append(0.5 * (values.var(2) + FAINT**2).log().flatten(1))
    return found


def _log_power(moved: Tensor, power: int) -> Tensor:
    """Logs of the power means of moves (B, bands, frames): (B, bands)."""
    return (moved.abs().pow(power).mean(2) + STILL**power).log() / power


def _rhythm(levels: Tensor) -> Tensor:
    """How much the lines of each band's course (B, bands, frames) stand out: (B, bands)."""
    course = (levels - levels.mean(2, keepdim=True)) * torch.hann_window(
        levels.shape[2], device=levels.device
    )
    lines = torch.fft.rfft(course, n=LONG_FRAMES).abs().square()[..., SLOWEST:] + STILL**2
    return 0.5 * lines.square().mean(2).log() - lines.mean(2).log()


@dataclass(frozen=True)
class _Features:
    """What a conditioning's numbers are regressed by: themselves, less `mean` over `deviation`, and
    random `details` of that; less `middle`, so that all have the mean 0."""

    mean: Tensor
    deviation: Tensor
    details: Tensor
    middle: Tensor

    @classmethod
    def of(cls, said: Tensor) -> _Features:
        """Those of conditionings (B, so many)."""
        width = said.shape[1]
        generator = torch.Generator().manual_seed(SALT)
        details = torch.randn(width, DETAILS, generator=generator, device="cpu") / width**0.5
        mean, deviation = said.mean(0), said.std(0) + 1e-3
        plain = cls(mean, deviation, details.to(said.device), torch.zeros(()))
        return replace(plain, middle=plain(said).mean(0))

    def __call__(self, said: Tensor) -> Tensor:
        normed = (said - self.mean) / self.deviation
        return torch.cat([normed, (normed @ self.details).relu()], 1) - self.middle


@dataclass(frozen=True)
class _Line:
    """What is foretold for windows of one length, and the `variance` of sounds around it."""

    features: _Features
    weight: Tensor
    bias: Tensor
    variance: Tensor

    def __call__(self, said: Tensor) -> Tensor:
        return self.features(said) @ self.weight + self.bias


@dataclass(frozen=True)
class Foretold:
    """The moments to expect of conditionings, and how far takes are from them."""

    read: LevelReader
    lines: Mapping[int, _Line]  # by latent frames

    def missed(self, one: Tensor, other: Tensor, batch: Batch) -> Tensor:
        """The mean square of the mean miss of latents (B, 16, T, 8) of two takes, a scalar; by
        chance it may be below 0."""
        with torch.autocast(one.device.type, enabled=False):
            line = self.lines[one.shape[2]]
            expected = line(_said(batch))
            a, b = (moments(self.read(x.float()), x.float()) for x in (one, other))
            misses = (torch.cat(a, 1) - expected) * (torch.cat(b, 1) - expected) / line.variance
            return _mean_of_groups(misses, [group.shape[1] for group in a])

    def save(self, path: Path) -> None:
        """Write it to a file, for `load`."""
        torch.save(asdict(self), path)

    @classmethod
    def load(cls, path: Path) -> Foretold:
        """What `save` wrote."""
        kept = torch.load(path, weights_only=True)
        lines = {
            frames: _Line(**line | {"features": _Features(**line["features"])})
            for frames, line in kept["lines"].items()
        }
        return cls(LevelReader(**kept["read"]), lines)


def drawn_from(draw: Draw, frames: int, drawings: int) -> str:
    """A name for what so many drawings teach: of the same sounds and conditionings the same."""
    batch = draw(np.random.default_rng(SALT), frames, 1)
    digest = hashlib.sha256(str(drawings).encode())
    for part in batch:
        digest.update(part.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


@torch.no_grad()
def learn_to_foretell(
    draw: Draw, read: LevelReader, lengths: tuple[int, ...], drawings: int
) -> Foretold:
    """The regression for windows of each of `lengths`, on so many drawings of `AT_ONCE` each, at
    least `HELD_OUT`."""
    return Foretold(read, {frames: _regressed(draw, read, frames, drawings) for frames in lengths})


def _regressed(draw: Draw, read: LevelReader, frames: int, drawings: int) -> _Line:
    rng = np.random.default_rng([SALT, frames])
    said, found, held = [], [], []
    for turn in range(drawings):
        batch = draw(rng, frames, AT_ONCE)
        clean = batch.clean.float()
        groups = moments(read(clean), clean)
        said.append(_said(batch))
        found.append(torch.cat(groups, 1))
        held += [turn % HELD_OUT == HELD_OUT - 1] * AT_ONCE
    given, wanted, out = torch.cat(said), torch.cat(found), torch.tensor(held)
    sizes = [group.shape[1] for group in groups]
    with torch.autocast(given.device.type, enabled=False):
        return _line(given[~out], wanted[~out], given[out], wanted[out], sizes)


def _line(
    given: Tensor, wanted: Tensor, given_out: Tensor, wanted_out: Tensor, sizes: list[int]
) -> _Line:
    """The ridge regression of what is `wanted` on what is `given` that does best on the rest."""
    features, bias = _Features.of(given), wanted.mean(0)
    known, known_out = features(given).double(), features(given_out)
    square, cross = known.T @ known, known.T @ (wanted - bias).double()
    unit = square.diagonal().mean() * torch.eye(len(square)).to(square)
    fits = []
    for ridge in RIDGES:
        weight = torch.linalg.solve(square + ridge * unit, cross).float()
        off = wanted_out - (known_out @ weight + bias)
        fits.append((weight, off.square().mean(0) + STILL**2))
    weight, variance = min(fits, key=lambda fit: float(_mean_of_groups(fit[1].log()[None], sizes)))
    return _Line(features, weight, bias, variance)


def _mean_of_groups(values: Tensor, sizes: list[int]) -> Tensor:
    """The mean over groups of the means of values (B, moments) in each."""
    return torch.stack([group.mean() for group in values.split(sizes, 1)]).mean()


def _said(batch: Batch) -> Tensor:
    """A conditioning in numbers (B, so many): LOA's mean and spread, and the words' mean."""
    words = mean_of_words(batch.text, batch.mask)
    return torch.cat([batch.loa.mean(1), batch.loa.std(1), words], 1).float()
