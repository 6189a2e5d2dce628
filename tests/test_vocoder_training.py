"""What the vocoder is taught by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ambientgen.ear import texture
from ambientgen.models.nets.texture_vocoder import TextureNet
from ambientgen.models.vocoder import TextureVocoder
from ambientgen.training import decoding
from ambientgen.training.corpus import NAMES
from ambientgen.training.loop import Schedule
from ambientgen.training.mel import mel_basis
from ambientgen.training.progress import read_log
from ambientgen.training.stems import CLIP_FRAMES, CLIP_SAMPLES, Stems
from ambientgen.training.texture import statistics, texture_energy
from ambientgen.training.vae import new_vae
from ambientgen.training.vocoder import bands_energy, coarse_log, fine_log, with_chances


def _score(made: float, chance: float) -> float:
    """Of drafts whose bands vary by `made` beside sounds whose bands vary by `chance`."""
    torch.manual_seed(0)

    def draw(deviation: float) -> Tensor:
        return deviation * torch.randn(64, 1, 100, 64)

    return float(bands_energy(draw(made), draw(made), draw(chance)))


def test_the_energy_of_bands_is_least_for_drafts_that_vary_as_sounds_do() -> None:
    right = _score(1.0, 1.0)
    assert all(_score(made, 1.0) > 1.01 * right for made in (0.0, 0.5, 1.6))


def test_a_click_is_one_instant_of_fine_bands_and_several_of_coarse_ones() -> None:
    audio = 1e-4 * torch.randn(1, 16_000)
    audio[0, 8_000] = 0.5
    spans = []
    for view, hop in ((fine_log, 40), (coarse_log, 160)):
        course = view(audio).mean(3)[0, 0]
        loud = torch.nonzero(course > course.median() + 1)[:, 0]
        assert abs(float(loud.float().mean()) * hop - 8_000) < 160
        spans.append((int(loud.max() - loud.min()) + 1) * hop)
    fine, coarse = spans
    assert fine <= 320 and coarse >= 640  # samples


# Texture


def _sound(swings: float, seed: int, crackle: float = 0.0) -> Tensor:
    """Three seconds of noise whose bands swing, and which crackles."""
    made = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, 48_000, generator=made)
    slow = torch.nn.functional.interpolate(
        torch.randn(2, 1, 24, generator=made), size=48_000, mode="linear"
    )[:, 0]
    snaps = (torch.rand(2, 48_000, generator=made) < 0.001) * torch.randn(2, 48_000, generator=made)
    return 0.1 * noise * (swings * slow).exp() + crackle * snaps


def test_the_energy_of_texture_is_least_for_drafts_of_the_same_kind() -> None:
    def energy(*how: float) -> float:
        found = [
            texture_energy(_sound(how[0], seed, how[1]), _sound(how[0], 50 + seed, how[1]), sound)
            for seed, sound in enumerate(_sound(0.5, 100 + k, 2.0) for k in range(4))
        ]
        return sum(float(torch.stack(list(each.values())).mean()) for each in found)

    right = energy(0.5, 2.0)
    assert all(1.3 * right < energy(*wrong) for wrong in ((0.0, 2.0), (0.5, 0.0), (1.0, 2.0)))


def test_texture_has_gradients_for_silence_and_noise_alike() -> None:
    for sound in (torch.zeros(2, 16_000), _sound(0.3, 1)[:, :16_000]):
        draft = sound.clone().requires_grad_(True)
        total = torch.stack(list(texture_energy(draft, _sound(0.3, 2)[:, :16_000], sound).values()))
        total.mean().backward()
        assert draft.grad is not None
        assert torch.isfinite(draft.grad).all()


def test_the_ear_and_what_trains_hear_the_same() -> None:
    """Two measures of one thing, with bands of their own: over sounds they go together."""
    sounds = [_sound(swings, 7, crackle)[0] for swings in (0.0, 0.5, 1.0) for crackle in (0, 0.5)]
    ears, ours = [], []
    for sound in sounds[1:]:
        ears.append(
            texture.distance(*(texture.stats(each.numpy(), 16_000) for each in (sounds[0], sound)))
        )
        both = [
            statistics(0.1 * each[None] / each.square().mean().sqrt())
            for each in (sounds[0], sound)
        ]
        ours.append(sum(float((both[0][name] - both[1][name]).abs().mean()) for name in both[0]))
    assert np.corrcoef(ears, ours)[0, 1] > 0.9


def test_events_are_drawn_from_the_excitation() -> None:
    """A vocoder that is told chances makes another sound of another noise, and starts as before."""
    torch.manual_seed(0)
    plain, told = (
        TextureNet(width=16, depth=1, pulses=4),
        TextureNet(width=16, depth=1, pulses=4, chances=8),
    )
    told.load_state_dict(with_chances(plain.state_dict()))
    mel, noise = torch.randn(1, 32, 64), torch.randn(1, 32 * 160)
    torch.testing.assert_close(told(mel, noise), plain(mel, noise))
    drawn = told._chance(torch.randn(4, 1_000 * 160))
    assert drawn.shape == (4, 1_000, 8)
    assert abs(float(drawn.std()) - 1) < 0.02


def test_decoder_and_vocoder_learn_together_and_the_encoder_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "BATCH", 1)
    monkeypatch.setattr(decoding, "LENGTH", 20)
    monkeypatch.setattr(decoding, "TRUE", 0.0)
    rng = np.random.default_rng(3)
    audio = (0.1 * rng.standard_normal((len(NAMES), CLIP_SAMPLES))).astype(np.float16)
    curves = np.full((len(NAMES), CLIP_FRAMES), 0.5, np.float16)
    stems = Stems(audio, curves, np.array(NAMES), np.array([""] * len(NAMES)))
    autoencoder = new_vae().requires_grad_(False)
    network = TextureVocoder(width=16, depth=1, pulses=4, chances=8, led=True)
    network.set_front_end(mel_basis())
    before = {name: value.clone() for name, value in autoencoder.state_dict().items()}
    schedule = Schedule(2, 1e-3, warmup=1, ema=0.5)
    made, voice = decoding.train(stems, autoencoder, network, tmp_path, schedule, 5)
    after = made.state_dict()
    changed = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"decoder", "post_quant_conv"}
    assert all(torch.equal(value, before[name]) for name, value in autoencoder.state_dict().items())
    assert not torch.equal(voice.enter.weight, network.enter.weight)
    terms = read_log(tmp_path / "decoding.log")[0]
    assert {"texture", "l1", "near", "apart"} <= terms.keys()
    again, _ = decoding.train(stems, autoencoder, network, tmp_path, schedule, 5)  # it is done
    assert all(torch.equal(value, after[name]) for name, value in again.state_dict().items())
