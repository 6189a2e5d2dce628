"""What sounds of a kind are like on the average, for losses of the UNet.

One sound tells little of how strongly its kind swells: a sea has two swells in eight seconds. So a
judge that compares with single sounds teaches that slowly. Here all that is heard in real latents
(`moments.py`) is foretold from what is known of them (`facts.py`), by a network that learns from
many; and two takes of one conditioning, from noise of their own, must not miss that on the same
side:

    (m(a) - e) (m(b) - e) / variance

Its mean is the square of the mean miss, in units of the deviation that real sounds have from what
was foretold (large ones are softened): what each take has by chance goes out of it. So takes may
differ as they like, and critic and energy distances say how much. Nor does it matter that a
conditioning may tell less than the facts: over all sounds that share it, the mean misses least.

Of a recording, or where the corpus is too small to learn from, e is what is heard in the real sound
itself. Its mean is right as well, and there is more chance in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ambientgen.training.levels import STILL, Draw, LevelReader
from ambientgen.training.moments import Ears
from ambientgen.training.names import DrawLabelled, Namers
from ambientgen.training.unet import Batch

SALT = 29  # of the random numbers that choose windows to learn from
AT_ONCE = 32  # windows of a drawing
# One clip in so many is not learnt from: it says how far sounds are from what was foretold.
HELD_OUT = 14
WIDTH, DROPPED = 384, 0.1  # of the network's two layers
EPOCHS, BATCH, HIGHEST_RATE, WEIGHT_DECAY = 24, 128, 2e-3, 0.05
UNKNOWN = 16  # drawings that tell how far sounds lie apart where nothing is foretold
LEAST = 0.05  # deviation of a fact: what is rarer counts no more
# Deviations beyond which a miss counts by its logarithm: a rare sound, which nobody foretold, would
# outweigh all others, and led the UNet where its critic could not follow.
SOFT = 2.0


class Foreteller(nn.Module):
    """Facts (B, so many) to what is heard (B, so many others), and its `variance` around that."""

    known: Tensor
    known_deviation: Tensor
    mean: Tensor
    deviation: Tensor
    variance: Tensor

    def __init__(self, facts: int, heard: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before in (facts, WIDTH):
            layers += [nn.Linear(before, WIDTH), nn.SiLU(), nn.Dropout(DROPPED)]
        self.body = nn.Sequential(*layers, nn.Linear(WIDTH, heard))
        self.straight = nn.Linear(facts, heard)
        for name, width in (("known", facts), ("mean", heard)):
            self.register_buffer(name, torch.zeros(width))
        for name, width in (("known_deviation", facts), ("deviation", heard), ("variance", heard)):
            self.register_buffer(name, torch.ones(width))

    def forward(self, facts: Tensor) -> Tensor:
        """Shape (B, heard)."""
        normed = (facts - self.known) / self.known_deviation
        return torch.as_tensor(
            (self.body(normed) + self.straight(normed)) * self.deviation + self.mean
        )

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> Foreteller:
        """That of these weights, which learns no more."""
        network = cls(len(weights["known"]), len(weights["mean"]))
        network.load_state_dict(weights)
        return network.eval().requires_grad_(False)


@dataclass(frozen=True)
class Line:
    """For windows of one length: what foretells what is heard in them (None: nothing does), and
    the `variance` of sounds around it."""

    network: Foreteller | None
    variance: Tensor


@dataclass(frozen=True)
class Foretold:
    """What to hear in latents of a conditioning, and how far takes are from it."""

    ears: Ears
    lines: Mapping[int, Line]  # by latent frames

    def missed(self, one: Tensor, other: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The mean squares of the mean misses of latents (B, 16, T, 8) of two takes, scalars: of
        `moments`, and of `names` if there are namers. By chance one may be below 0."""
        with torch.autocast(one.device.type, enabled=False):
            line = self.lines[one.shape[2]]
            if line.network is not None and batch.facts.shape[1]:
                expected = line.network(batch.facts)
            else:
                expected = torch.cat(self.ears(batch.clean), 1)
            takes, deviation = [self.ears(take) for take in (one, other)], line.variance.sqrt()
            a, b = (_soft((torch.cat(groups, 1) - expected) / deviation) for groups in takes)
            sizes = [group.shape[1] for group in takes[0]]
            means = torch.stack([group.mean() for group in (a * b).split(sizes, 1)])
        if self.ears.namers is None:
            return {"moments": means.mean()}
        return {"moments": means[:-2].mean(), "names": means[-2:].mean()}

    def save(self, path: Path) -> None:
        """Write it to a file, for `load`."""
        reader, namers = self.ears.read, self.ears.namers
        lines = {
            frames: (None if line.network is None else line.network.state_dict(), line.variance)
            for frames, line in self.lines.items()
        }
        named = None if namers is None else namers.state_dict()
        kept = {"weight": reader.weight, "bias": reader.bias, "namers": named, "lines": lines}
        torch.save(kept, path)

    @classmethod
    def load(cls, path: Path) -> Foretold:
        """What `save` wrote."""
        kept = torch.load(path, weights_only=True)
        lines = {
            frames: Line(None if weights is None else Foreteller.of(weights), variance)
            for frames, (weights, variance) in kept["lines"].items()
        }
        named = kept["namers"]
        namers = None if named is None else Namers.of(named)
        return cls(Ears(LevelReader(kept["weight"], kept["bias"]), namers), lines)


@torch.no_grad()
def nothing_foretold(draw: Draw, ears: Ears, lengths: tuple[int, ...]) -> Foretold:
    """For sounds of which too little is known: how far they lie apart, for each of `lengths`."""
    lines = {}
    for frames in lengths:
        rng = np.random.default_rng([SALT, frames])
        clean = (draw(rng, frames, AT_ONCE).clean for _ in range(UNKNOWN))
        found = torch.cat([torch.cat(ears(windows), 1) for windows in clean])
        lines[frames] = Line(None, found.var(0) + STILL**2)
    return Foretold(ears, lines)


def learn_to_foretell(
    draw: DrawLabelled, ears: Ears, lengths: tuple[int, ...], windows: int
) -> Foretold:
    """What foretells windows of each of `lengths`, learnt from so many of each."""
    lines = {}
    for frames in lengths:
        network = _learnt(*_heard(draw, ears, frames, windows))
        lines[frames] = Line(network, network.variance)
    return Foretold(ears, lines)


@torch.no_grad()
def _heard(
    draw: DrawLabelled, ears: Ears, frames: int, windows: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Facts, what is heard, and which windows are held out."""
    rng = np.random.default_rng([SALT, frames])
    facts, found, held = [], [], []
    for _ in range(-(-windows // AT_ONCE)):
        drawn = draw(rng, frames, AT_ONCE)
        facts.append(drawn.facts)
        found.append(torch.cat(ears(drawn.clean), 1))
        held.append(drawn.clips % HELD_OUT == 0)
    return torch.cat(facts), torch.cat(found), torch.cat(held)


def _learnt(facts: Tensor, heard: Tensor, held: Tensor) -> Foreteller:
    """The network that has learnt to foretell what is `heard`, but for what is `held` out."""
    torch.manual_seed(SALT)
    network = Foreteller(facts.shape[1], heard.shape[1])
    network.known.copy_(facts.mean(0))
    network.known_deviation.copy_(facts.std(0).clamp(min=LEAST))
    network.mean.copy_(heard.mean(0))
    network.deviation.copy_(heard.std(0) + STILL)
    given, wanted = facts[~held], heard[~held]
    turns = max(1, len(given) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, HIGHEST_RATE, EPOCHS * turns)
    for _ in range(EPOCHS):
        order = torch.randperm(len(given))
        for rows in order.chunk(turns):
            off = (network(given[rows]) - wanted[rows]) / network.deviation
            optimiser.zero_grad()
            off.square().mean().backward()
            optimiser.step()
            pace.step()
    learnt = Foreteller.of(network.state_dict())
    if held.any():
        learnt.variance.copy_((learnt(facts[held]) - heard[held]).square().mean(0) + STILL**2)
    return learnt


def _soft(misses: Tensor) -> Tensor:
    return SOFT * torch.asinh(misses / SOFT)
