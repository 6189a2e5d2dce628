"""Few steps: the UNet learns that a sampler of four arrives, and answers with sound.

Trained on v-prediction, a UNet answers a noisy latent with the mean of all clean ones that it may
have come from. A sampler of many steps goes a little of the way to each answer, and nobody hears
one. One of few steps is heard in its last answer: the last of four begins at timestep 249 of
`unet.SCHEDULER`, where the signal-to-noise (power) is 1.02. Half of the latent is noise there, so
what may be under it is many sounds, and their mean is smoother than any of them: grain, drops and
crackle are what they do not share.

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

The steps before the last are taken with the network as it is and without gradients. What they
learn is the way: each is so long that its end is not where many short steps would lead. Salimans
and Ho 2022 (progressive distillation) teach a student to do in one step what its teacher does in
several, and start the student as the teacher. Here the teacher is the UNet that this stage begins
with, and stays that; and it sets out from samples that the student itself has come to, since those
are what a render brings it, rather than from clean latents with noise on them. Of three training
steps two are such lessons: v-prediction in their place would keep the way as it was, no better.
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
from ambientgen.models.solver import Step, solver_steps, solver_stretch
from ambientgen.training import unet
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.unet import Batch, new_unet, predicted_v

NAME = "few"
SALT = 17  # of the random numbers that choose windows
# How many steps the sampler has: what pocket takes by itself. Learnt for 4 and 2 in turn, both were
# worse (texture distance to procedural takes 0.526 and 0.516) than 4 alone is (0.472).
STEPS = 4
SUBSTEPS = 3  # of the teacher, for one of the student's
# Latent frames of a window, and how many conditionings at once. For an energy each of them
# is made twice, with the sampler's steps before; a lesson makes it once.
WINDOWS = ((32, 7), (56, 4), (32, 7), (104, 2))
LESSONS = ((32, 11), (32, 11), (56, 6), (104, 4))
# Patches that are compared, latent frames (80 ms) by latent bins (8 bands of the mel): single
# values, their courses over bands and over time, a third of a second of the whole spectrum and a
# second of half of it.
PATCHES = ((1, 1), (1, 4), (2, 2), (4, 1), (4, 8), (12, 4))
# Random projections of each: distances are taken in 24 spaces of 6 dimensions. One dimension shows
# less of how values go together; in all 768 of the largest patch all distances are about alike.
SPACES, DIMENSIONS = 24, 6
# How much an energy and a lesson's squared error count: tried, not searched for.
WEIGHT, LESSON_WEIGHT = 4.0, 2.0
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
    network, teacher = new_unet(), new_unet()
    teacher.load_state_dict(trained)
    teacher.to(schedule.around.devices.device).requires_grad_(False).eval()
    sampler = solver_steps(unet.SCHEDULER, STEPS)

    def loss(step: int) -> dict[str, Tensor]:
        torch.manual_seed(step)
        rng = np.random.default_rng([SALT, step])
        turn, three = turn_of(step), step // 3
        if turn:
            batch = draw(rng, *LESSONS[(2 * three + turn) % len(LESSONS)])
            taken = int(rng.integers(len(sampler) - 1))
            return {"lesson": LESSON_WEIGHT * lesson(network, teacher, batch, sampler, taken)}
        # Its latents are made anew in every step. To learn from one making several times would be
        # faster, but a stopped training could not go on as it would have.
        batch = draw(rng, *WINDOWS[three % len(WINDOWS)])
        one, other = made(network, batch, sampler)
        return {"energy": WEIGHT * energy(one, other, batch.clean)}

    return Fit(network, loss, schedule, folder, NAME, warm=trained).run()


def turn_of(step: int) -> int:
    """Which of three kinds of steps this one is: 0 learns by the energy, 1 and 2 by a lesson.

    Any three from a multiple of 3 on have one of each, in the order that the sum of ternary digits
    gives (as of binary ones Thue's and Morse's): were they always the same way round, a log of
    every third step, or one of three processes, would know one kind alone.
    """
    return sum(int(digit) for digit in np.base_repr(step, 3)) % 3


def made(
    network: AudioLDM2UNet2DConditionModel, batch: Batch, sampler: Sequence[Step]
) -> tuple[Tensor, Tensor]:
    """Two latents of each conditioning, as `batch.clean`; gradients are of the last step alone."""
    both = Batch(*(torch.cat([value, value]) for value in batch))
    sample, _ = _led(network, both, torch.randn_like(both.clean), sampler[:-1])
    one, other = _believed(network, both, sample, sampler[-1]).chunk(2)
    return one, other


def lesson(
    network: AudioLDM2UNet2DConditionModel,
    teacher: AudioLDM2UNet2DConditionModel,
    batch: Batch,
    sampler: Sequence[Step],
    taken: int,
) -> Tensor:
    """How far the network's answer is from where the teacher leads, a mean square of latents.

    The network takes so many of the sampler's steps from fresh noise, at most all but two. From
    there the teacher goes to where the next step ends, in `SUBSTEPS` of its own, which begin anew,
    with no step before. Of `batch` only the conditioning and the size count.
    """
    step, end = sampler[taken], sampler[taken + 1].timestep
    course = np.linspace(step.timestep, end, SUBSTEPS + 1).round().astype(int).tolist()
    noise = torch.randn_like(batch.clean)
    sample, before = _led(network, batch, noise, sampler[:taken])
    there, _ = _led(teacher, batch, sample, solver_stretch(unet.SCHEDULER, course))
    # The clean latents with which the one step arrives there.
    wanted = (there - step.keep * sample - step.momentum * before) / step.toward
    return F.mse_loss(_believed(network, batch, sample, step), wanted)


@torch.no_grad()
def _led(
    network: AudioLDM2UNet2DConditionModel, batch: Batch, sample: Tensor, steps: Sequence[Step]
) -> tuple[Tensor, Tensor]:
    """Where steps lead a sample, and the clean latents that the last believed in (or nothing)."""
    before = torch.zeros_like(sample)
    for step in steps:
        clean = _believed(network, batch, sample, step)
        sample = step.keep * sample + step.toward * clean + step.momentum * before
        before = clean
    return sample, before


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
    batches of 48, less than chance (0.2 to 0.4 % from batch to batch): full random kernels hardly
    see how values go together in time. Kernels that are a product of random numbers for channels,
    others for bins, and a cosine in time see more of the two (0.8 and 2.5 %), but a UNet learns
    nothing from them: after 2,400 more steps with half of the weight on such kernels of 6, 12, 24
    and all frames its texture distance was 0.519 (18 states, 4 takes each), before 0.512.

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
