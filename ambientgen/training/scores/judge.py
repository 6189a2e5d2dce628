"""A judge that names sounds: a small convolutional network that has heard procedural sound only.

It never sees a render. It learns from single textures and mixtures of two, under random gain, tilt
and blur, so that neither loudness nor a recording chain tells classes apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.training.mel import log_mel
from ambientgen.training.scores.bench import Bench
from ambientgen.training.scores.teacher import Audio, Wish

CLIP_S, CROP_FRAMES = 6.0, 256  # learnt from 2.56 s at a time, asked over whole takes
FIRST_CLIP = 70_000  # seeds of clips to learn from: none is ever judged
BATCH, EPOCHS, RATE = 32, 26, 2e-3
FLOOR_DB, SPAN_DB = -75.0, 12.0  # of the loudest: what lies below is not heard


class Net(nn.Module):
    """Log-mels (B, T, 64), normalised, to one logit for each state (B, states)."""

    def __init__(self, states: int) -> None:
        super().__init__()
        widths = (1, 16, 32, 64, 96)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(2 * 4 * widths[-1], states)

    def forward(self, mel: Tensor) -> Tensor:
        """Pooled over time: its mean and its most."""
        x = self.body(mel[:, None]).transpose(2, 3).flatten(1, 2)
        logits: Tensor = self.head(torch.cat([x.mean(2), x.amax(2)], 1))
        return logits


@dataclass(frozen=True)
class Judge:
    """A trained judge of `states`."""

    net: Net
    states: tuple[str, ...]

    @torch.inference_mode()
    def strengths(self, audio: Audio) -> Audio:
        """Logit of every state (states,): the mean over stretches of 2.56 s, half overlapping."""
        mel = normalised(log_mel(_whole(audio)[None]))[0]
        starts = range(0, max(1, len(mel) - CROP_FRAMES + 1), CROP_FRAMES // 2)
        crops = torch.stack([mel[s : s + CROP_FRAMES] for s in starts])
        return np.asarray(self.net(crops).mean(0).double().numpy())

    def names(self, audio: Audio, count: int) -> tuple[str, ...]:
        """The `count` states heard best, the best first."""
        order = np.argsort(-self.strengths(audio))[:count]
        return tuple(self.states[i] for i in order)


def normalised(mel: Tensor) -> Tensor:
    """Log-mels (B, T, 64) in units of 12 dB, the loudest 0: gain does not matter."""
    db = mel * (20 / np.log(10))
    return ((db - db.amax((1, 2), keepdim=True)).clamp_min(FLOOR_DB) + 40) / SPAN_DB


def clip_wishes(states: Sequence[str], clips: int) -> list[Wish]:
    """The clips a judge learns from: every state along ramps between all levels."""
    wishes = []
    for state in states:
        for i in range(clips):
            rng = np.random.default_rng([FIRST_CLIP, i])
            first, last = rng.uniform(0.2, 1, 2)
            curve = ((0.0, float(first)), (CLIP_S, float(last)))
            wishes.append(Wish(state, curve, CLIP_S, FIRST_CLIP + i))
    return wishes


def train(bench: Bench) -> Judge:
    """A judge of the bench's states; a pure function of the textures and the effort."""
    states, clips = bench.states, bench.effort.judge_clips
    wishes = clip_wishes(states, clips)
    bench.teacher.prepare(wishes)
    audio = np.stack([bench.teacher.take(w) for w in wishes]).astype(np.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Net(len(states))
        optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=1e-2)
        # As many steps whatever the number of clips: fewer clips are heard more often.
        steps = EPOCHS * max(len(wishes), 160) // BATCH
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2 * RATE, steps)
        for step in range(steps):
            mel, target = _batch(audio, clips, len(states), np.random.default_rng([1, step]))
            loss = F.binary_cross_entropy_with_logits(net(mel), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return Judge(net.eval(), states)


def _batch(
    audio: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    clips: int,
    states: int,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Mels (BATCH, CROP_FRAMES, 64) of singles and pairs of stretches, and who is in them."""
    n = CROP_FRAMES * 160
    sounds, target = np.zeros((BATCH, n), np.float32), torch.zeros(BATCH, states)
    for i in range(BATCH):
        for state in rng.choice(states, 1 if i % 2 else 2, replace=False):
            clip = audio[state * clips + rng.integers(clips)]
            start = rng.integers(0, len(clip) - n + 1)
            sounds[i] += clip[start : start + n] * 10 ** (rng.uniform(-6, 6) / 20)
            target[i, state] = 1
    mel = log_mel(torch.from_numpy(sounds))
    tilt = torch.from_numpy(rng.uniform(-0.5, 0.5, (BATCH, 1, 1))).float()
    mel = mel + tilt * torch.linspace(-1, 1, 64)
    half = mel[: BATCH // 2]  # as of a chain that smears: two frames and two bands
    smeared = F.avg_pool2d(F.pad(half[:, None], (1, 1, 1, 1), "replicate"), 3, 1)[:, 0]
    return normalised(torch.cat([smeared, mel[BATCH // 2 :]])), target


def _whole(audio: Audio) -> Tensor:
    """Samples as float32, cut to whole mel frames."""
    return torch.from_numpy(audio[: len(audio) // 160 * 160].astype(np.float32))
