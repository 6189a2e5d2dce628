"""Few steps: the UNet learns that the last step of a short sampler answers with sound.

Trained on v-prediction, a UNet answers a noisy latent with the mean of all clean ones that it may
have come from. A sampler of many steps goes a little of the way to each answer, and nobody hears
one. One of few steps is heard in its last answer: the last of four begins at timestep 249 of
`unet.SCHEDULER`, where the signal-to-noise (power) is 1.02, the last of two at 499, where it is
0.12. Half of the latent is noise there, so what may be under it is many sounds, and their mean is
smoother than any of them: grain, drops and crackle are what they do not share.

So the last step is trained on whether its answers are distributed as sounds are. Two latents a and
b are made from fresh noise for one conditioning, and compared with the real one r of it, in a sum
that has the form of the vocoder's loss (Gritsenko et al. 2020):

    d(a, r) + d(b, r) - d(a, b)

Its mean is 2 E d(made, real) - E d(made, made'), the energy distance but for a term of the real
alone (Székely and Rizzo 2013), and is smallest where both have one distribution (a proper scoring
rule: Gneiting and Raftery 2007): answers that agree on the mean lose in the last term what they
gain in the first two. De Bortoli et al. 2025 (Distributional Diffusion Models with Scoring Rules)
train a denoiser that way for few steps, with further noise as an input; here the noise that the
sampler starts from is all the chance there is, so the stock UNet stays as it is.

The steps before the last are taken with the network as it is and without gradients. They have to
stay what they are, a mean at much noise, so one of each two training steps is ordinary v-prediction
there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers.pipelines.audioldm2.modeling_audioldm2 import AudioLDM2UNet2DConditionModel
from torch import Tensor
from torch.nn import functional as F

from ambientgen.events import Notice
from ambientgen.models.solver import Step, solver_steps
from ambientgen.training import unet
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.unet import Batch, new_unet, predicted_v, v_loss

NAME = "few"
SALT = 17  # of the random numbers that choose windows
# How many steps the samplers have: what pocket takes by itself, and the fewest that suffice.
SAMPLERS = (4, 2)
# Latent frames, as `unet.WINDOWS`, and how many conditionings at once; each is made twice.
WINDOWS = ((36, 6), (60, 4), (36, 6), (108, 2))
# v-prediction is kept up from this timestep on: below 749, the last one at which a sampler above is
# on its way, and above 499, at which the shorter one answers.
ON_THE_WAY = 700
# Patches that are compared, latent frames (80 ms) by latent bins (8 bands of the mel): single
# values, their courses over bands and over time, a third of a second of the whole spectrum and a
# second of half of it.
PATCHES = ((1, 1), (1, 4), (2, 2), (4, 1), (4, 8), (12, 4))
# Random projections of each: distances are taken in 24 spaces of 6 dimensions. One dimension shows
# less of how values go together; in all 768 of the largest patch all distances are about alike.
SPACES, DIMENSIONS = 24, 6
# How much an energy counts beside a v-prediction's error: tried, not searched for.
WEIGHT = 4.0
# Below every distance that matters; a root has no slope at 0.
_NEARLY_NOTHING = 1e-6

Draw = Callable[[np.random.Generator, int, int], Batch]


def train(
    draw: Draw, trained: Mapping[str, Tensor], folder: Path, schedule: Schedule
) -> AudioLDM2UNet2DConditionModel:
    """Train (or go on training) from a UNet's weights, and return one with EMA weights.

    draw: windows and their conditioning, as `UNetTrainer.batch`. A checkpoint that began from
    another UNet than `trained` is dropped with a notice, since nothing of this one is in it.
    """
    _drop_others(trained, folder, schedule)
    network = new_unet()
    samplers = [solver_steps(unet.SCHEDULER, steps) for steps in SAMPLERS]

    def loss(step: int) -> dict[str, Tensor]:
        torch.manual_seed(step)
        rng = np.random.default_rng([SALT, step])
        pair = step // 2
        # One of each kind in a pair, in the order of Thue and Morse: always one after the other, a
        # log of every twentieth step would show one kind alone.
        if step.bit_count() % 2:
            batch = draw(rng, *unet.WINDOWS[pair % len(unet.WINDOWS)])
            return {"v": v_loss(network, batch, ON_THE_WAY)}
        # Its latents are made anew in every step. To learn from one making several times would be
        # faster, but a stopped training could not go on as it would have.
        batch = draw(rng, *WINDOWS[pair % len(WINDOWS)])
        one, other = made(network, batch, samplers[pair % len(samplers)])
        return {"energy": WEIGHT * energy(one, other, batch.clean)}

    return Fit(network, loss, schedule, folder, NAME, warm=trained).run()


def made(
    network: AudioLDM2UNet2DConditionModel, batch: Batch, sampler: Sequence[Step]
) -> tuple[Tensor, Tensor]:
    """Two latents of each conditioning, as `batch.clean`; gradients are of the last step alone."""
    both = Batch(*(torch.cat([value, value]) for value in batch))
    sample = torch.randn_like(both.clean)
    before = torch.zeros_like(sample)
    with torch.no_grad():
        for step in sampler[:-1]:
            clean = _believed(network, both, sample, step)
            sample = step.keep * sample + step.toward * clean + step.momentum * before
            before = clean
    one, other = _believed(network, both, sample, sampler[-1]).chunk(2)
    return one, other


def _believed(
    network: AudioLDM2UNet2DConditionModel, batch: Batch, sample: Tensor, step: Step
) -> Tensor:
    """The clean latents that the network believes in."""
    prediction = predicted_v(network, sample, torch.tensor(step.timestep), batch)
    return step.sample_to_clean * sample + step.prediction_to_clean * prediction


def energy(one: Tensor, other: Tensor, real: Tensor) -> Tensor:
    """How far two drawings (B, 16, frames, bins) are from the real latents' distribution, a scalar.

    It is not 0 at best, but E d(real, real'). Projections are drawn from torch's random numbers, so
    that over the steps every difference between the distributions is seen in some. Wrong levels and
    means are seen in all. Of wrong courses there is little to see: noise smoothed over 3 or 12
    frames and brought back to its variance scores within 0.1 % of the right one in the mean of 8
    batches of 48, less than chance (0.2 to 0.4 % from batch to batch).

    Raises:
        ValueError: the latents have fewer frames or bins than the largest patch.
    """
    if any(rows > real.shape[2] or bins > real.shape[3] for rows, bins in PATCHES):
        raise ValueError(f"latents of {real.shape[2]} x {real.shape[3]} hold no patch of {PATCHES}")
    drawings = torch.cat([one, other, real])
    total = real.new_zeros(())
    for rows, bins in PATCHES:
        kernel = torch.randn(SPACES * DIMENSIONS, real.shape[1], rows, bins)
        kernel = kernel / kernel.flatten(1).norm(dim=1)[:, None, None, None]
        # Patches overlap by half.
        seen = F.conv2d(drawings, kernel, stride=(max(1, rows // 2), max(1, bins // 2)))
        a, b, r = seen.unflatten(1, (SPACES, DIMENSIONS)).chunk(3)
        total = total + _distance(a, r) + _distance(b, r) - _distance(a, b)
    return total / len(PATCHES)


def _distance(one: Tensor, other: Tensor) -> Tensor:
    """Mean Euclidean distance of (B, SPACES, DIMENSIONS, rows, bins), patch by patch."""
    return (one - other).square().sum(2).add(_NEARLY_NOTHING).sqrt().mean()


def _drop_others(trained: Mapping[str, Tensor], folder: Path, schedule: Schedule) -> None:
    """Leave no checkpoint of another beginning; note this one's. One process does it for all."""
    devices = schedule.around.devices
    if devices.rank == 0:
        digest = hashlib.sha256()
        for name, value in sorted(trained.items()):
            digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        mark, checkpoint = folder / f"{NAME}.from", folder / f"{NAME}.ckpt"
        began = mark.read_text(encoding="utf-8") if mark.is_file() else ""
        if began != digest.hexdigest():
            if checkpoint.exists():
                schedule.around.tell(Notice(f"{NAME} begins anew: the UNet has learnt more"))
            for path in (checkpoint, folder / f"{NAME}.log"):
                path.unlink(missing_ok=True)
            folder.mkdir(parents=True, exist_ok=True)
            mark.write_text(digest.hexdigest(), encoding="utf-8")
    devices.wait()
