"""Few steps: the UNet learns that a sampler of two arrives, and answers with sound.

Trained on v-prediction, a UNet answers a noisy latent with the mean of all clean ones that it may
have come from. A sampler of many steps goes a little of the way to each answer, and nobody hears
one. One of few steps is heard in its last answer, and what is noisy there may be many sounds: their
mean is smoother than any of them, without the grain, drops and crackle that they do not share.

So the whole sampler, from fresh noise through all of its steps, is trained on what comes out of it,
by five judges of latents.

**A critic** (`critic.py`) learns beside it to tell what it makes from the real latents of the same
conditioning, and the UNet learns to pass. Adversarial training of few-step samplers is that of
Sauer et al. 2023 and Lin et al. 2025; it sees what nobody thought of measuring.

**An energy distance** keeps it from making one sound only. Two latents a and b are made from fresh
noise for one conditioning, and compared with the real one r of it, in a sum that has the form of
the vocoder's loss (Gritsenko et al. 2020):

    d(a, r) + d(b, r) - d(a, b)

Its mean is 2 E d(made, real) - E d(made, made'), the energy distance but for a term of the real
alone (Székely and Rizzo 2013), and is smallest where both have one distribution (a proper scoring
rule: Gneiting and Raftery 2007): answers that agree on the mean lose in the last term what they
gain in the first two. De Bortoli et al. 2025 (Distributional Diffusion Models with Scoring Rules)
train a denoiser that way for few steps, with further noise as an input; here the noise that the
sampler starts from is all the chance there is, so the stock UNet stays as it is.

**The energy of levels** is the same of how loud each band is (`levels.py`), and of how it rises and
falls over 80 ms to 2.6 s. It is what tells a room from surf. A noise schedule hides it from a
squared error: swells arise where nearly all is noise and nothing can be predicted, so a UNet that
has learnt v-prediction alone gives all sounds about the same: a room swelled four times as much as
it should, the sea a third.

**Moments** (`moments.py`) are foretold from what is known of a sound, and two drawings must not
miss them on the same side (`foretold.py`). The energies compare with a single sound, which may have
two swells; this compares with all of its kind. **Names** are the same of what networks that know
the states by their real latents take a sound for (`names.py`).

Two steps in seven are about **neighbours**: two windows that share the noise of an overlap and the
mean of all their noise, as a scene's windows do, are joined, and must pass for one. A sampler that
is trained whole finds more in its noise than that mean to make an identity of; without these steps
joins could be told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from diffusers.pipelines.audioldm2.modeling_audioldm2 import AudioLDM2UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional as F

from ambientgen.messages import Notice, StageStarted
from ambientgen.models.solver import Step, solver_steps
from ambientgen.training import names, unet
from ambientgen.training.around import StepLoss
from ambientgen.training.below import digest_of
from ambientgen.training.critic import Asked, Critic, passed, taught
from ambientgen.training.foretold import Foretold, learn_to_foretell, nothing_foretold
from ambientgen.training.keep import kept
from ambientgen.training.levels import SLOW, STILL, Decode, Draw, learn_to_read, moves
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.moments import Ears
from ambientgen.training.names import DrawLabelled
from ambientgen.training.unet import Batch, new_unet, predicted_v

NAME = "few"
SALT = 17  # of the random numbers that choose windows
STEPS = 2  # of the sampler: what pocket takes by itself
# Latent frames of a window, and how many conditionings at once, each of them made twice.
# Seven in turn, so that a log of every twentieth step and each of a few processes knows them all.
WINDOWS = ((40, 6), (112, 2), (64, 4), (112, 2), (40, 6), (112, 2), (64, 4))
# Patches that are compared, latent frames (80 ms) by latent bins (8 bands of the mel): single
# values, their courses over bands and over time, a third of a second of the whole spectrum and a
# second of half of it.
PATCHES = ((1, 1), (1, 4), (2, 2), (4, 1), (4, 8), (12, 4))
# Random projections of each: distances are taken in 24 spaces of 6 dimensions. One dimension shows
# less of how values go together; in all 768 of the largest patch all distances are about alike.
SPACES, DIMENSIONS = 24, 6
# How much each of the judges counts: tried, not searched for.
ENERGY_WEIGHT, LEVEL_WEIGHT, MISS_WEIGHT, CRITIC_WEIGHT = 2.0, 5.0, 4.0, 2.0
JOINED_WEIGHT, AGREE_WEIGHT = 2.0, 10.0
OVERLAP = 16  # latent frames that neighbours share, as in a render
MOST_WINDOWS, MOST_LESSONS = 12_000, 2400  # of what is foretold, and of namers
WAITING_STEPS = 200  # of the UNet for its critic, at most
MOMENTUM = 0.5  # of Adam: the critic moves, so that old gradients mislead
CRITIC_PACE = 6.0  # its learning rate over the UNet's
# Below every distance that matters; a root has no slope at 0.
_NEARLY_NOTHING = 1e-5


class Pupil(nn.Module):
    """The UNet and its critic, which one optimiser trains."""

    def __init__(self) -> None:
        super().__init__()
        self.unet, self.critic = new_unet(), Critic()


class Judges(Protocol):
    """What judges two makings beside critic and energies: `Foretold`, or some of it."""

    @property
    def ears(self) -> Ears:
        """What reads levels."""

    def missed(self, one: Tensor, other: Tensor, batch: Batch) -> Mapping[str, Tensor]:
        """By how much both miss on the same side what is foretold of `batch`."""


class Sounds(NamedTuple):
    """What there is to learn from: windows and their conditioning (`UNetTrainer.batch`), windows
    and what sounds in them (`UNetTrainer.labelled`; None: that is not known of enough sounds), and
    the VAE's decoder."""

    draw: Draw
    labelled: DrawLabelled | None
    decode: Decode


def train(
    sounds: Sounds,
    trained: Mapping[str, Tensor],
    folder: Path,
    schedule: Schedule,
) -> AudioLDM2UNet2DConditionModel:
    """Train (or go on training) from a UNet's weights, and return one with EMA weights.

    A checkpoint that began from another UNet than `trained` is dropped with a notice, since
    nothing of this one is in it.
    """
    pupil = Pupil()
    sampler = solver_steps(unet.SCHEDULER, STEPS)
    wait, count = waiting(schedule.steps), schedule.around.devices.count
    foretold = cache(partial(_foretold, sounds, folder, schedule))

    def loss(step: int) -> dict[str, Tensor]:
        known = foretold()
        torch.manual_seed(step)
        batch = sounds.draw(np.random.default_rng([SALT, step]), *WINDOWS[step % len(WINDOWS)])
        alone = step // count < wait
        if is_joined(step) and not alone:
            return joined_losses(pupil, batch, sampler)
        return losses(pupil, batch, sampler, known, alone)

    return fitted(pupil, loss, trained, folder, schedule, NAME)


def fitted(
    pupil: Pupil,
    loss: StepLoss,
    trained: Mapping[str, Tensor],
    folder: Path,
    schedule: Schedule,
    name: str,
) -> AudioLDM2UNet2DConditionModel:
    """Train both, the UNet from `trained` and once its critic knows something, in the stage called
    `name`; the UNet with EMA weights."""
    _drop_others(name, trained, folder, schedule)
    wait = waiting(schedule.steps)
    # The critic's own are named too, or a notice would tell of weights that start from nothing.
    first = {f"unet.{key}": value for key, value in trained.items()}
    first |= {f"critic.{key}": value for key, value in pupil.critic.state_dict().items()}
    pace = {"unet": lambda step: unet_pace(step, wait), "critic": lambda step: CRITIC_PACE}
    fit = Fit(pupil, loss, schedule, folder, name, warm=first, momentum=MOMENTUM, pace=pace)
    return fit.run().unet


def _foretold(sounds: Sounds, folder: Path, schedule: Schedule) -> Foretold:
    """What is foretold of these sounds, kept in `folder`."""
    around, steps = replace(schedule.around, warm=None, more=None), schedule.steps
    lengths, windows, namers = tuple(dict(WINDOWS)), windows_heard(steps), None
    if sounds.labelled is not None:
        around.tell(StageStarted(names.NAME))
        lessons = min(MOST_LESSONS, steps)
        namers = names.learn_to_name(sounds.labelled, lessons, folder, around)
    path = folder / f"moments-{_mark(sounds, lengths[0], steps)}.pt"

    def make(unfinished: Path) -> None:
        around.tell(StageStarted("moments"))
        ears = Ears(learn_to_read(sounds.draw, sounds.decode), namers)
        if sounds.labelled is None:
            nothing_foretold(sounds.draw, ears, lengths).save(unfinished)
        else:
            learn_to_foretell(sounds.labelled, ears, lengths, windows).save(unfinished)

    with around.devices.first():
        return Foretold.load(kept(path, make))


def _mark(sounds: Sounds, frames: int, steps: int) -> str:
    """A name for what these sounds teach before so many steps."""
    taught = (sounds.labelled is not None, windows_heard(steps), min(MOST_LESSONS, steps))
    digest = hashlib.sha256(str(taught).encode())
    for part in sounds.draw(np.random.default_rng(SALT), frames, 1):
        digest.update(part.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def windows_heard(steps: int) -> int:
    """From how many windows of each length it is learnt what to expect, before so many steps. With
    more steps than before, a short training goes on with other expectations: better ones."""
    return min(MOST_WINDOWS, 500 + 16 * steps)


def waiting(steps: int) -> int:
    """So many of all steps the critic learns alone: the UNet waits until it knows something. With
    more steps than before a short training goes back to waiting, which costs it nothing else."""
    return min(WAITING_STEPS, steps // 5)


def unet_pace(step: int, wait: int) -> float:
    """Share of the learning rate that the UNet has: none for `wait` steps, then more and more over
    as many, since an optimiser does not know at once how large gradients are."""
    return min(1.0, max(0, step + 1 - wait) / (wait + 1))


def is_joined(step: int) -> bool:
    """Whether this step is about neighbours: two turns of WINDOWS in seven. So all lengths are, and
    a log of every so many steps knows both kinds of each, and each of a few processes does."""
    return step // len(WINDOWS) % 7 in (2, 5)


def losses(
    pupil: Pupil,
    batch: Batch,
    sampler: Sequence[Step],
    known: Judges,
    alone: bool = False,
) -> dict[str, Tensor]:
    """What the UNet and its critic have to learn from one batch: the critic's own (`taught`), and
    unless it is `alone` the UNet's `energy`, `levels`, what is `known` to miss (`moments`, `names`)
    and `critic`."""
    twice = _twice(batch)
    with torch.set_grad_enabled(not alone):
        latents = made(pupil.unet, twice, sampler, torch.randn_like(twice.clean))
    asked = Asked(batch.loa, batch.text, batch.mask)
    found, wanted = taught(pupil.critic, latents, batch.clean, asked)
    if alone:
        return found
    one, other = latents.chunk(2)
    found["energy"] = ENERGY_WEIGHT * energy(one, other, batch.clean)
    levels = (known.ears.read(x) for x in (one, other, batch.clean))
    found["levels"] = LEVEL_WEIGHT * level_energy(*levels)
    found |= {what: MISS_WEIGHT * miss for what, miss in known.missed(one, other, batch).items()}
    found["critic"] = CRITIC_WEIGHT * passed(pupil.critic, latents, asked, wanted)
    return found


def joined_losses(pupil: Pupil, batch: Batch, sampler: Sequence[Step]) -> dict[str, Tensor]:
    """What they learn from windows that are joined as a render joins neighbours, but not levelled
    (so the UNet has to make them alike): the critic's own, the UNet's `joined` (to pass for one
    window) and `agree` (where both overlap)."""
    twice = _twice(batch)
    noise, overlap = neighbours(torch.randn_like(twice.clean))
    left, right = made(pupil.unet, twice, sampler, noise).chunk(2)
    share = torch.zeros(left.shape[2])
    share[overlap.stop :] = 1
    share[overlap] = (torch.arange(OVERLAP) + 0.5) / OVERLAP
    fade = (0.5 * torch.pi * share).sin().square()[:, None]
    # Both ways round: each is one's beginning and the other's end.
    latents = torch.cat([left + fade * (right - left), right + fade * (left - right)])
    asked = Asked(batch.loa, batch.text, batch.mask)
    found, wanted = taught(pupil.critic, latents, batch.clean, asked)
    found["joined"] = JOINED_WEIGHT * passed(pupil.critic, latents, asked, wanted)
    found["agree"] = AGREE_WEIGHT * F.mse_loss(left[:, :, overlap], right[:, :, overlap])
    return found


def neighbours(noise: Tensor) -> tuple[Tensor, slice]:
    """White noise (2 B, 16, T, bins) whose halves are of one identity, as `noise.py` gives it to
    the windows of a scene, and the same over `OVERLAP` frames in the middle; and these frames."""
    one, other = noise.chunk(2)
    frames = one.shape[2]
    start = (frames - OVERLAP) // 2
    overlap = slice(start, start + OVERLAP)
    other = other.clone()
    other[:, :, overlap] = one[:, :, overlap]
    identity = torch.randn_like(one[:, :, :1]) / frames**0.5
    alike = [half - half.mean(2, keepdim=True) + identity for half in (one, other)]
    return torch.cat(alike), overlap


def made(
    network: AudioLDM2UNet2DConditionModel, batch: Batch, sampler: Sequence[Step], noise: Tensor
) -> Tensor:
    """Latents as `batch.clean`, from noise through all steps, as do their gradients."""
    sample, before = noise, torch.zeros_like(noise)
    for step in sampler:
        prediction = predicted_v(network, sample, torch.tensor(step.timestep), batch)
        clean = step.sample_to_clean * sample + step.prediction_to_clean * prediction
        sample = step.keep * sample + step.toward * clean + step.momentum * before
        before = clean
    return sample


def _twice(batch: Batch) -> Batch:
    return Batch(*(torch.cat([value, value]) for value in batch))


def energy(one: Tensor, other: Tensor, real: Tensor) -> Tensor:
    """How far two drawings (B, 16, frames, bins) are from the real latents' distribution, a scalar.

    It is not 0 at best, but E d(real, real'). Projections are drawn from torch's random numbers, so
    that over the steps every difference between the distributions is seen in some. Wrong levels and
    means are seen in all. Of wrong courses there is little to see: noise smoothed over 3 or 12
    frames and brought back to its variance scores within 0.1 % of the right one in the mean of 8
    batches of 48, less than chance (0.2 to 0.4 % from batch to batch): full random kernels hardly
    see how values go together in time. Kernels that are a product of random numbers for channels,
    others for bins, and a cosine in time see more of the two (0.8 and 2.5 %), but a UNet learns
    nothing from them: after 2,400 more steps of a sampler of four, with half of the weight on such
    kernels of 6, 12, 24 and all frames, its texture distance was 0.519 (18 states, 4 takes each),
    before 0.512.

    Raises:
        ValueError: the latents have fewer frames or bins than the largest patch.
    """
    if any(rows > real.shape[2] or bins > real.shape[3] for rows, bins in PATCHES):
        raise ValueError(f"latents of {real.shape[2]} x {real.shape[3]} hold no patch of {PATCHES}")
    drawings = torch.cat([one, other, real])
    found = [_unlike(drawings, rows, bins) for rows, bins in PATCHES]
    return torch.stack(found).mean()


def level_energy(one: Tensor, other: Tensor, real: Tensor) -> Tensor:
    """The same of levels (B, bands, frames, 1), and of how they rise and fall over `SLOW` frames,
    so far as a window holds two such stretches: a scalar.

    Distances count by their root, which is as proper (any power below 2 is: Székely and Rizzo), so
    that half a decibel too much in a room matters beside the swells of the sea.
    """
    levels = torch.cat([one, other, real])
    found = [_root_energy(levels)]
    for frames in SLOW:
        if real.shape[2] >= 2 * frames:
            moved = moves(levels, frames)
            own = moved.chunk(3)[2].square().mean((1, 2, 3), keepdim=True).sqrt()
            found.append(_root_energy(moved / (own + STILL).repeat(3, 1, 1, 1)))
    return torch.stack(found).mean()


def _root_energy(seen: Tensor) -> Tensor:
    """The energy of the thirds of levels or moves (3 B, bands, frames, 1) by roots of distances."""
    a, b, r = seen[:, None].chunk(3)
    return _distance(a, r, 0.5) + _distance(b, r, 0.5) - _distance(a, b, 0.5)


def _unlike(drawings: Tensor, rows: int, bins: int) -> Tensor:
    """The energy of patches of so many rows and bins, of the thirds of `drawings`."""
    kernel = torch.randn(SPACES * DIMENSIONS, drawings.shape[1], rows, bins)
    kernel = kernel / kernel.flatten(1).norm(dim=1)[:, None, None, None]
    # Patches overlap by half.
    seen = F.conv2d(drawings, kernel, stride=(max(1, rows // 2), max(1, bins // 2)))
    a, b, r = seen.unflatten(1, (SPACES, DIMENSIONS)).chunk(3)
    return _distance(a, r) + _distance(b, r) - _distance(a, b)


def _distance(one: Tensor, other: Tensor, power: float = 1.0) -> Tensor:
    """Mean power of Euclidean distances of (B, spaces, dimensions, rows, bins), patch by patch."""
    squares = (one - other).square().sum(2)
    return (squares + _NEARLY_NOTHING).pow(power / 2).mean()


def _drop_others(
    name: str, trained: Mapping[str, Tensor], folder: Path, schedule: Schedule
) -> None:
    """Leave no checkpoint of another beginning; note this one's. One process does it for all."""
    devices = schedule.around.devices
    if devices.rank == 0:
        digest = digest_of(trained)
        mark, checkpoint = folder / f"{name}.from", folder / f"{name}.ckpt"
        began = mark.read_text(encoding="utf-8") if mark.is_file() else ""
        if began != digest:
            if checkpoint.exists():
                schedule.around.tell(Notice(f"{name} begins anew: the UNet has learnt more"))
            for path in (checkpoint, folder / f"{name}.log"):
                path.unlink(missing_ok=True)
            folder.mkdir(parents=True, exist_ok=True)
            mark.write_text(digest, encoding="utf-8")
    devices.wait()
