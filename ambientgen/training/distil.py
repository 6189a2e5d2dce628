"""Guidance, distilled: the UNet learns to answer by itself as guidance would have it answer.

Classifier-free guidance (Ho and Salimans 2022) asks a UNet twice, for what was asked for and for
nothing, and goes on from the second answer through the first. What all sounds of one noise have in
common, their swells above all, is in both answers, so it goes further where one sound differs from
the others: a judge names more of what it hears. But it costs every step twice.

A guided sampler is a function of its noise, so there is no chance in what it teaches: from the same
noise the UNet, asked once, is to arrive where its own former self arrives with guidance (Meng et
al. 2023, On Distillation of Guided Diffusion Models). That is why few steps of training are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from diffusers.pipelines.audioldm2.modeling_audioldm2 import AudioLDM2UNet2DConditionModel
from torch import Tensor, nn

from ambientgen.models.solver import Step, solver_steps
from ambientgen.training import unet
from ambientgen.training.around import begin_with
from ambientgen.training.few import STEPS, course
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.unet import Batch, UNetTrainer, new_unet

NAME = "distil"
SALT = 31  # of the random numbers that choose windows
GUIDANCE = 1.7  # what is distilled: more names better, and moves away from how sounds are
# Latent frames, and how many windows at once; seven in turn, as in `few`.
WINDOWS = ((36, 10), (108, 3), (60, 6), (108, 3), (36, 10), (108, 3), (60, 6))
ON_THE_WAY = 0.3  # how much counts where the sampler stands before its last step


class Guided(nn.Module):
    """A UNet that is asked twice, and answers with `GUIDANCE`."""

    def __init__(self, network: nn.Module, unsaid: Batch) -> None:
        super().__init__()
        self.network, self.unsaid = network, unsaid

    def forward(
        self,
        noisy: Tensor,
        timesteps: Tensor,
        encoder_hidden_states: Tensor,
        encoder_hidden_states_1: Tensor,
        encoder_attention_mask_1: Tensor,
    ) -> SimpleNamespace:
        """What the UNet's own takes and gives."""
        asked = Batch(
            noisy, encoder_hidden_states, encoder_hidden_states_1, encoder_attention_mask_1
        )
        both = Batch(*(torch.cat(parts) for parts in zip(asked, self.unsaid, strict=True)))
        twice = torch.cat([noisy, noisy])
        said, unsaid = unet.predicted_v(self.network, twice, timesteps, both).chunk(2)
        return SimpleNamespace(sample=unsaid + GUIDANCE * (said - unsaid))


def train(
    examples: UNetTrainer,
    teacher: AudioLDM2UNet2DConditionModel,
    folder: Path,
    schedule: Schedule,
) -> AudioLDM2UNet2DConditionModel:
    """Train (or go on training) from the teacher's weights; a UNet with EMA weights.

    A checkpoint that began from another teacher is dropped with a notice.
    """
    trained = teacher.state_dict()
    begin_with(NAME, trained, folder, schedule.around)
    teacher.to(schedule.around.devices.device).requires_grad_(False)
    pupil, sampler = new_unet(), solver_steps(unet.SCHEDULER, STEPS)

    def loss(step: int) -> dict[str, Tensor]:
        torch.manual_seed(step)
        rng = np.random.default_rng([SALT, step])
        batch = examples.batch(rng, *WINDOWS[step % len(WINDOWS)])
        return misses(pupil, teacher, batch, examples.unsaid(batch), sampler)

    return Fit(pupil, loss, schedule, folder, NAME, warm=trained).run()


def misses(
    pupil: nn.Module, teacher: nn.Module, batch: Batch, unsaid: Batch, sampler: Sequence[Step]
) -> dict[str, Tensor]:
    """How far the pupil's sampler is from its guided teacher's, from the same noise: `end` and
    `way`, mean squares in latents of unit variance."""
    noise = torch.randn_like(batch.clean)
    with torch.no_grad():
        wanted = course(Guided(teacher, unsaid), batch, sampler, noise)
    found = course(pupil, batch, sampler, noise)
    *way, end = ((a - b).square().mean() for a, b in zip(found, wanted, strict=True))
    return {"end": end, "way": ON_THE_WAY * torch.stack(way).sum()}
