"""Calls: the UNet learns once more what has a shape of its own, and keeps all else.

`few` teaches one UNet all sounds at once, and noises come out well: rain is any rain. A chirp, a
stroke, a syllable or the snap of a fire has a beginning and an end, and what is half a chirp is
none; of these a mixture of everything shows a UNet few, and each but for a moment. So this stage
shows it single calls, as they are rendered, by the judges of `few`: its critic, which learns calls
alone, the energies, and neighbours that are joined. What it makes of all other sounds, and of calls
among them, is held to what it made before: from the same noise the same latents, by their squared
error, as a network is distilled into another (Hinton et al. 2015).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers.pipelines.audioldm2.modeling_audioldm2 import AudioLDM2UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ambientgen.models.solver import solver_steps
from ambientgen.synth import TEXTURES
from ambientgen.training import few, unet
from ambientgen.training.corpus import NAMES, ClipRecipe, Corpus, build
from ambientgen.training.levels import Decode, Draw, learn_to_read
from ambientgen.training.loop import Schedule
from ambientgen.training.moments import Ears
from ambientgen.training.stems import Stems
from ambientgen.training.unet import Batch, new_unet

NAME = "calls"
CALLS = (*(name for name, texture in TEXTURES.items() if texture.sparse), "fire")
SALT = 29  # of the random numbers that choose windows
# Latent frames of a window, and how many: of calls, each made twice, and of what is held.
WINDOWS = ((112, 3), (40, 8), (112, 3), (64, 5))
HELD_WINDOWS = ((40, 7), (112, 2), (64, 4))
HELD_WEIGHT = 25.0  # beside the critic's 2: a hundredth of the latents' variance counts 0.25
JOINED = (2, 5)  # of seven steps these are about neighbours: as many as in `few`


@dataclass(frozen=True)
class Sounds:
    """What there is to learn from: single `calls`, and all `others` (`UNetTrainer.batch` both), and
    the VAE's decoder."""

    calls: Draw
    others: Draw
    decode: Decode


@dataclass(frozen=True)
class _Levels:
    """Judges that read levels and foretell nothing."""

    ears: Ears

    def missed(self, one: Tensor, other: Tensor, batch: Batch) -> Mapping[str, Tensor]:
        """Nothing is."""
        return {}


def single_calls(folder: Path, stems: Stems) -> Corpus:
    """Clips of one call each, in the open and of its usual kind, or of any if so few stems have
    none of that; made once, and kept in `folder`."""
    called = np.flatnonzero(np.isin(stems.names, CALLS)).tolist()
    usual = [i for i in called if stems.kinds[i] == TEXTURES[str(stems.names[i])].usual]
    return build(folder, stems, [ClipRecipe((i,), SALT + i) for i in usual or called])


def no_single_call(corpus: Corpus) -> NDArray[np.int64]:
    """Which clips of a corpus hold anything but one call by itself; all, if none does."""
    heard = corpus.states.max(axis=2) > 0
    single = (heard.sum(axis=1) == 1) & heard[:, np.isin(NAMES, CALLS)].any(axis=1)
    return np.flatnonzero(~single | single.all())


def train(
    sounds: Sounds, trained: Mapping[str, Tensor], folder: Path, schedule: Schedule
) -> AudioLDM2UNet2DConditionModel:
    """Train (or go on training) from a UNet's weights, and return one with EMA weights."""
    pupil, before = few.Pupil(), new_unet()
    before.load_state_dict(dict(trained))
    before.to(schedule.around.devices.device).eval().requires_grad_(False)
    sampler = solver_steps(unet.SCHEDULER, few.STEPS)
    wait, count = few.waiting(schedule.steps), schedule.around.devices.count
    judges: list[_Levels] = []  # learnt at the first step, inside of what places tensors

    def held(step: int) -> Tensor:
        window = HELD_WINDOWS[step % len(HELD_WINDOWS)]
        batch = sounds.others(np.random.default_rng([SALT, 1, step]), *window)
        noise = torch.randn_like(batch.clean)
        with torch.no_grad():
            wanted = few.made(before, batch, sampler, noise)
        return HELD_WEIGHT * F.mse_loss(few.made(pupil.unet, batch, sampler, noise), wanted)

    def loss(step: int) -> dict[str, Tensor]:
        if not judges:
            judges.append(_Levels(Ears(learn_to_read(sounds.calls, sounds.decode))))
        torch.manual_seed(step)
        window = WINDOWS[step % len(WINDOWS)]
        batch = sounds.calls(np.random.default_rng([SALT, step]), *window)
        if step // count < wait:
            return few.losses(pupil, batch, sampler, judges[0], alone=True)
        kept = {"held": held(step)}
        if step % 7 in JOINED:
            return kept | few.joined_losses(pupil, batch, sampler)
        return kept | few.losses(pupil, batch, sampler, judges[0])

    return few.fitted(pupil, loss, trained, folder, schedule, NAME)
