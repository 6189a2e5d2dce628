"""A judge that names sounds: a convolutional network that has heard procedural sound only.

It never sees a render. It learns from single textures and from mixtures of two and three at the
levels at which mixtures are asked for, under random gain, tilt, colour, noise and blur, so that
neither loudness nor a recording chain tells classes apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.synth.signals import LEVEL_SPAN_DB
from ambientgen.training.mel import HOP, MEL_BINS, log_mel
from ambientgen.training.names import HEARD, Along
from ambientgen.training.scores.bench import Bench
from ambientgen.training.scores.teacher import Audio, Wish
from ambientgen.units import DB_OF_NEPER

CLIP_S, CROP_FRAMES = 6.0, 512  # learnt from 5.12 s at a time, asked over whole takes
FIRST_CLIP = 70_000  # seeds of clips to learn from: none is ever judged
FAINTEST, MOST_CHANGE = 0.3, 0.3  # of the levels of clips; how far a clip's level moves
BATCH, EPOCHS, LEAST_STEPS, HIGHEST_RATE = 32, 12, 100, 4e-3
ONE_LEVEL = 0.6  # to which clips are brought before they are mixed
COUNTS = (1, 2, 2, 1, 2, 3)  # how many states sound at once, in turn
APART_DB = 3.0  # deviation of a state's level in a mixture from the others'
FLOOR_DB, SPAN_DB = -75.0, 12.0  # of the loudest: what lies below is not heard
WIDTHS = (24, 48, 96, 128)  # channels of the network over bands and time

Clips = NDArray[np.float16]


class Net(nn.Module):
    """Log-mels (B, T, 64), normalised, to one logit for each state (B, states)."""

    def __init__(self, states: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((2, *WIDTHS)):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        left = MEL_BINS // 2 ** len(WIDTHS) * WIDTHS[-1]
        self.along = nn.Sequential(
            nn.Conv1d(left, HEARD, 1), nn.BatchNorm1d(HEARD), nn.ReLU(), Along(1), Along(3)
        )
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(3 * HEARD, states))

    def forward(self, mel: Tensor) -> Tensor:
        """Pooled over time: the mean, the most and the deviation.

        Beside the mel itself it hears what moves in each band, which no colouring of a recording
        chain changes.
        """
        moving = 2 * (mel - mel.mean(1, keepdim=True))
        x = self.body(torch.stack([mel, moving], 1))
        x = self.along(x.transpose(2, 3).flatten(1, 2))
        spread = (x.var(2, unbiased=False) + 1e-4).sqrt()
        return torch.as_tensor(self.head(torch.cat([x.mean(2), x.amax(2), spread], 1)))


@dataclass(frozen=True)
class Judge:
    """A trained judge of `states`."""

    net: Net
    states: tuple[str, ...]

    @torch.inference_mode()
    def strengths(self, audio: Audio) -> Audio:
        """Logit of every state (states,): the mean over stretches of 5.12 s, half overlapping."""
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
    db = mel * DB_OF_NEPER
    return ((db - db.amax((1, 2), keepdim=True)).clamp_min(FLOOR_DB) + 40) / SPAN_DB


def clip_wishes(states: Sequence[str], clips: int) -> list[Wish]:
    """The clips a judge learns from: every state at all levels and of all kinds, every other one on
    the move."""
    wishes = []
    for state in states:
        for i in range(clips):
            rng = np.random.default_rng([FIRST_CLIP, i])
            first = float(rng.uniform(FAINTEST, 1))
            moved = float(np.clip(first + rng.uniform(-MOST_CHANGE, MOST_CHANGE), FAINTEST, 1))
            curve = ((0.0, first), (CLIP_S, moved if i % 2 else first))
            wishes.append(Wish(state, curve, CLIP_S, FIRST_CLIP + i, any_kind=True))
    return wishes


def train(bench: Bench) -> Judge:
    """A judge of the bench's states; a pure function of the textures and the effort."""
    states = bench.states
    wishes = clip_wishes(states, bench.effort.judge_clips)
    bench.teacher.prepare(wishes)
    # Half precision errs by less than the microphone's noise, and holds thousands of clips.
    audio = np.stack([bench.teacher.take(w).astype(np.float16) for w in wishes])
    # How loud a state is at one level is its own; what other levels add is taken off.
    levels = np.array([np.mean([level for _, level in w.curve]) for w in wishes])
    return Judge(fit(audio, LEVEL_SPAN_DB * (ONE_LEVEL - levels), len(states)), states)


def fit(audio: Clips, gains_db: Audio, states: int) -> Net:
    """A network that has learnt clips (states x clips, n), whose gains bring them to one level.

    There are LEAST_STEPS at least, however few the clips.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Net(states)
        optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
        steps = max(LEAST_STEPS, EPOCHS * len(audio) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, HIGHEST_RATE, steps)
        for step in range(steps):
            rng = np.random.default_rng([1, step])
            sounds, target = _mixtures(audio, gains_db, states, rng)
            logits = net(_through_a_chain(log_mel(sounds), rng))
            loss = F.binary_cross_entropy_with_logits(logits, target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def _mixtures(
    audio: Clips, gains_db: Audio, states: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Stretches (BATCH, CROP_FRAMES * HOP) of one to three states, and who is in them."""
    n, clips = CROP_FRAMES * HOP, len(audio) // states
    sounds, target = np.zeros((BATCH, n), np.float32), torch.zeros(BATCH, states)
    for i in range(BATCH):
        many = min(COUNTS[i % len(COUNTS)], states)
        for state in rng.choice(states, many, replace=False):
            which = state * clips + rng.integers(clips)
            start = rng.integers(0, audio.shape[1] - n + 1)
            gain_db = gains_db[which] + rng.normal(0, APART_DB)
            sounds[i] += audio[which, start : start + n] * np.float32(10 ** (gain_db / 20))
            target[i, state] = 1
    return torch.from_numpy(sounds), target


def _through_a_chain(mel: Tensor, rng: np.random.Generator) -> Tensor:
    """Log-mels (B, T, 64) as of recording chains: tilted, coloured, noisy and half of them smeared
    over three frames and bands; normalised."""
    count = len(mel)
    colour = rng.uniform(-0.5, 0.5, (count, 1)) * np.linspace(-1, 1, MEL_BINS)
    knots = rng.normal(0, 0.2, (count, 9))  # 1.7 dB
    at = np.linspace(0, 8, MEL_BINS)
    colour += np.stack([np.interp(at, np.arange(9), own) for own in knots])
    mel = mel + torch.from_numpy(colour).float()[:, None]
    below_db = torch.from_numpy(rng.uniform(50, 90, count)).float()
    noise = mel.amax((1, 2)) - below_db / DB_OF_NEPER
    mel = torch.logaddexp(mel, noise[:, None, None])
    smeared = F.avg_pool2d(F.pad(mel[:, None], (1, 1, 1, 1), "replicate"), 3, 1)[:, 0]
    some = torch.from_numpy(rng.random(count) < 0.5)[:, None, None]
    return normalised(torch.where(some, smeared, mel))


def _whole(audio: Audio) -> Tensor:
    """Samples as float32, cut to whole mel frames."""
    return torch.from_numpy(audio[: len(audio) // HOP * HOP].astype(np.float32))
