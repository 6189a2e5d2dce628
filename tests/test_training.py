"""The way from procedural textures to a model folder: small, but all of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ambientgen.errors import ModelError, Problem
from ambientgen.messages import Message, Notice, StageStarted
from ambientgen.synth import TEXTURES
from ambientgen.synth.signals import RATE, level, shaped_noise, slow
from ambientgen.training.around import Around
from ambientgen.training.captions import Heard, with_absent
from ambientgen.training.corpus import NAMES, Corpus, build, draw_recipes
from ambientgen.training.keep import kept
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.mel import FLOOR, log_mel
from ambientgen.training.progress import read_log
from ambientgen.training.scripts import run_script
from ambientgen.training.stems import CLIP_FRAMES, CLIP_SAMPLES, Stems, intensity_curve, make_stem


@pytest.mark.parametrize("name", sorted(TEXTURES))
def test_a_texture_grows_with_its_intensity_and_is_silent_at_zero(name: str) -> None:
    def rms(intensity: float) -> float:
        takes = [
            TEXTURES[name](np.full(6 * RATE, intensity), np.random.default_rng(seed))
            for seed in range(3)
        ]
        assert all(np.isfinite(take).all() and len(take) == 6 * RATE for take in takes)
        return float(np.sqrt(np.mean(np.square(takes))))

    quiet, middle, loud = rms(0.1), rms(0.5), rms(1.0)
    assert rms(0.0) == 0
    assert 0 < 1.8 * quiet < middle and 1.8 * middle < loud < 0.5


def test_a_texture_is_a_function_of_its_seed() -> None:
    one, other = (make_stem("rain", 3)[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, make_stem("rain", 4)[0])


def test_shaped_noise_keeps_unit_variance_under_unit_gain() -> None:
    noise = shaped_noise(8 * RATE, np.zeros(257), np.random.default_rng(0))
    assert abs(noise.std() - 1) < 0.02 and abs(noise.mean()) < 0.02


def test_slow_randomness_stays_in_range_and_is_smooth() -> None:
    curve = slow(RATE, 0.1, np.random.default_rng(1))
    assert np.abs(curve).max() <= 1 and np.abs(np.diff(curve)).max() < 0.01


def test_level_spans_its_decibels() -> None:
    gains = level(np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(20 * np.log10(gains[1:]), [-13, 0], atol=1e-9)
    assert gains[0] == 0


def test_curves_of_the_corpus_are_intensities() -> None:
    rng = np.random.default_rng(2)
    curves = np.stack([intensity_curve(rng) for _ in range(50)])
    assert curves.shape == (50, CLIP_FRAMES) and curves.min() >= 0 and curves.max() <= 1


def test_no_clip_uses_a_name_twice() -> None:
    names = [name for name in NAMES for _ in range(3)]
    for recipe in draw_recipes(names, 200, 5):
        used = [names[i] for i in recipe.stems]
        assert len(set(used)) == len(used) <= 3


def test_log_mel_of_a_tone_peaks_at_its_band_and_silence_is_the_floor() -> None:
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)
    mel = log_mel(torch.stack([tone, torch.zeros(16_000)]))
    assert mel.shape == (2, 100, 64)
    # On the Slaney scale 1 kHz is 15 of the 45.2 mel that 8 kHz are: band 21 of 64.
    assert 19 <= int(mel[0, 50].argmax()) <= 23
    assert torch.allclose(mel[1], torch.tensor(FLOOR).log())


def _fit(folder: Path, steps: int) -> torch.nn.Module:
    torch.manual_seed(0)
    module = torch.nn.Linear(4, 1)

    def loss(step: int) -> dict[str, torch.Tensor]:
        x = torch.randn(16, 4, generator=torch.Generator().manual_seed(step))
        return {"mse": (module(x) - x.sum(1, keepdim=True)).square().mean()}

    schedule = Schedule(steps, 0.05, warmup=5)
    return Fit(module, loss, schedule, folder, "line", checkpoint_every_s=0).run()


def test_training_learns_and_a_resumed_run_goes_on_as_it_would_have(tmp_path: Path) -> None:
    whole = _fit(tmp_path / "whole", 120)
    assert torch.allclose(whole.weight, torch.ones(1, 4), atol=0.1)  # type: ignore[arg-type]

    class Stop(Exception):
        pass

    torch.manual_seed(0)
    module = torch.nn.Linear(4, 1)

    def interrupted(step: int) -> dict[str, torch.Tensor]:
        if step == 60:
            raise Stop
        x = torch.randn(16, 4, generator=torch.Generator().manual_seed(step))
        return {"mse": (module(x) - x.sum(1, keepdim=True)).square().mean()}

    schedule = Schedule(120, 0.05, warmup=5)
    with pytest.raises(Stop):
        Fit(module, interrupted, schedule, tmp_path / "cut", "line", checkpoint_every_s=0).run()
    path = tmp_path / "cut" / "line.ckpt"
    older = torch.load(path, weights_only=True)
    for group in older["optimiser"]["param_groups"]:
        del group["part"]  # which older checkpoints do not have
    torch.save(older, path)
    resumed = _fit(tmp_path / "cut", 120)
    torch.testing.assert_close(resumed.weight, whole.weight, atol=0, rtol=0)


def test_what_is_kept_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that was written beside it, for which it vouches."""
    synced: list[str] = []
    fsync, names = os.fsync, {}

    def watched(descriptor: int) -> None:
        synced.append(names.get(os.fstat(descriptor).st_ino, "folder"))
        fsync(descriptor)

    def make(partial: Path) -> None:
        for path in (tmp_path / "beside.npy", partial):
            path.write_bytes(b"1")
            names[path.stat().st_ino] = path.name

    monkeypatch.setattr(os, "fsync", watched)
    kept(tmp_path / "whole.npy", make, ("beside.npy",))
    assert set(synced[:-1]) == set(names.values()) and synced[-1] == "folder"
    assert {path.name for path in tmp_path.iterdir()} == {"beside.npy", "whole.npy"}


def test_what_is_kept_is_made_once_and_is_whole(tmp_path: Path) -> None:
    made = []

    def make(partial: Path) -> None:
        made.append(partial)
        partial.write_text("result" if len(made) > 1 else "res")
        if len(made) == 1:
            raise KeyboardInterrupt

    path = tmp_path / "new" / "cache.npz"
    with pytest.raises(KeyboardInterrupt):
        kept(path, make)
    assert not path.exists()
    assert kept(path, make).read_text() == kept(path, make).read_text() == "result"
    assert made == [path.with_name("cache.part.npz")] * 2
    assert list(path.parent.iterdir()) == [path]


def _few_stems() -> Stems:
    rng = np.random.default_rng(3)
    audio = 0.1 * rng.standard_normal((len(NAMES), CLIP_SAMPLES), np.float32)
    curves = np.full((len(NAMES), CLIP_FRAMES), 0.5, np.float16)
    return Stems(audio.astype(np.float16), curves, np.array(NAMES), np.array([""] * len(NAMES)))


def _corpus(folder: Path) -> list[Any]:
    corpus = build(folder, _few_stems(), draw_recipes(NAMES, 3, 1))
    assert corpus.courses is not None and not np.array_equal(corpus.courses, corpus.states)
    return [corpus.mels, corpus.states, corpus.courses]


def _clap(folder: Path) -> list[Any]:
    from ambientgen.training.examples import clap_features

    features, heard = clap_features(_few_stems(), 2, 77, folder / "clap.npz")
    return [features, np.array([sum(each.levels.values()) for each in heard])]


def _loa(folder: Path) -> list[Any]:
    from ambientgen.training.examples import loa_examples
    from ambientgen.training.mae import LoaEncoder

    torch.manual_seed(0)
    still = np.full((2, len(NAMES), CLIP_FRAMES), 0.5, np.float16)
    corpus = _called(np.full((2, CLIP_FRAMES, 64), -6, np.float16), still)
    examples = loa_examples(corpus, LoaEncoder(), folder / "loa.npz")
    return [examples.loas, np.array([list(heard.levels.values()) for heard in examples.heard])]


def _latents(folder: Path) -> list[Any]:
    from ambientgen.training import vae
    from ambientgen.training.unet import latents_of

    noise = np.random.default_rng(4).standard_normal((2, CLIP_FRAMES, 64)).astype(np.float16)
    corpus = _called(noise, np.zeros((2, len(NAMES), CLIP_FRAMES), np.float16))
    return list(latents_of(corpus, vae.new_vae(), folder / "latents.pt"))


def _called(mels: Any, states: Any) -> Corpus:
    """A corpus of sounds in the open, of no kind in particular."""
    return Corpus(mels, states, np.full(states.shape[:2], ""), np.full(len(mels), ""))


@pytest.mark.parametrize(
    ("read", "writer"),
    [
        (_corpus, (np, "save")),
        (_clap, (np, "savez")),
        (_loa, (np, "savez")),
        (_latents, (torch, "save")),
    ],
)
def test_a_stop_in_mid_write_spoils_no_later_run(
    read: Callable[[Path], list[Any]],
    writer: tuple[Any, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def torn(*values: Any, **_named: Any) -> None:
        path = next(value for value in values if isinstance(value, Path))
        path.write_bytes(b"half a")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(*writer, torn)
        with pytest.raises(KeyboardInterrupt):
            read(tmp_path)
    for first, again in zip(read(tmp_path), read(tmp_path), strict=True):
        np.testing.assert_array_equal(first, again)


def test_the_noise_schedule_is_the_one_that_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    from diffusers import DDIMScheduler

    from ambientgen.training import unet

    for changed in ({}, {"beta_start": 0.001, "beta_end": 0.02, "num_train_timesteps": 500}):
        monkeypatch.setattr(unet, "SCHEDULER", {**unet.SCHEDULER, **changed})
        theirs = DDIMScheduler(**unet.SCHEDULER).alphas_cumprod
        torch.testing.assert_close(unet.alphas(), theirs, atol=1e-5, rtol=0)


def test_words_can_name_what_is_not_there() -> None:
    heard = Heard({"rain": 0.3}, {"rain": "leaves"}, "in a cave")
    named = [with_absent(heard, np.random.default_rng(seed)) for seed in range(40)]
    assert all(each.levels["rain"] == 0.3 and each.place == "in a cave" for each in named)
    assert all(len(each.levels) == 2 and not (each.kinds.keys() - TEXTURES) for each in named)
    assert len({tuple(each.levels) for each in named}) > 10


# The few-step stage


def _noise_as_latents(
    seed: int, scale: float = 1.0, shift: float = 0.0, smooth: int = 1
) -> torch.Tensor:
    """(8, 16, 36, 8), of unit variance; `smooth` takes the mean of so many frames, and so is
    fainter, as the mean of all sounds is."""
    noise = np.random.default_rng(seed).standard_normal((8, 16, 36 + smooth - 1, 8), np.float32)
    return scale * torch.from_numpy(noise).unfold(2, smooth, 1).mean(-1) + shift


@pytest.mark.parametrize(
    "wrong",
    [{"scale": 0.0}, {"scale": 0.7}, {"scale": 1.4}, {"shift": 0.3}, {"smooth": 3}],
    ids=["nothing but the mean", "faint", "loud", "shifted", "smoothed"],
)
def test_the_energy_is_least_for_the_right_distribution(wrong: dict[str, Any]) -> None:
    from ambientgen.training.few import energy

    def score(turn: int, **made: Any) -> float:
        torch.manual_seed(turn)
        one, other = (_noise_as_latents(10 * turn + k, **made) for k in (1, 2))
        return float(energy(one, other, _noise_as_latents(10 * turn)))

    for turn in range(3):
        assert score(turn, **wrong) > 1.01 * score(turn)


def test_the_energy_wants_noise_where_a_squared_error_wants_the_mean() -> None:
    from ambientgen.training.few import energy

    scale = torch.tensor(0.2, requires_grad=True)
    optimiser = torch.optim.Adam([scale], lr=0.1)
    for step in range(40):
        torch.manual_seed(step)
        one, other, real = torch.randn(3, 2, 16, 12, 8)
        optimiser.zero_grad()
        energy(scale * one, scale * other, real).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert float(scale.detach().abs()) == pytest.approx(1, abs=0.15)


def test_latents_shorter_than_a_patch_are_refused() -> None:
    from ambientgen.training.few import energy

    with pytest.raises(ValueError, match="hold no patch"):
        energy(*torch.zeros(3, 1, 16, 8, 8))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The few-step stage with a tiny UNet and short windows; its critic is alone for two steps."""
    from ambientgen.training import few, levels, unet

    monkeypatch.setitem(unet.CONFIG, "block_out_channels", [16, 16, 16])
    monkeypatch.setitem(unet.CONFIG, "attention_head_dim", 2)
    monkeypatch.setattr(few, "WINDOWS", ((12, 2), (16, 1)))
    monkeypatch.setattr(few, "OVERLAP", 12)
    monkeypatch.setattr(few, "WAITING_STEPS", 2)
    monkeypatch.setattr(levels, "WINDOWS", ((56, 2),) * 4)
    return few


def _drawn(rng: np.random.Generator, frames: int, count: int) -> Any:
    from ambientgen.models.loading import LOA_TOKENS
    from ambientgen.training.language import TEXT_WIDTH
    from ambientgen.training.mae import WIDTH
    from ambientgen.training.unet import Batch

    shapes = ((count, 16, frames, 8), (count, LOA_TOKENS, WIDTH), (count, 5, TEXT_WIDTH))
    values = [torch.from_numpy(rng.standard_normal(shape, np.float32)) for shape in shapes]
    return Batch(*values, torch.ones(count, 5, dtype=torch.long), torch.zeros(count, 0))


def _decoded(latents: torch.Tensor) -> torch.Tensor:
    """Log-mels whose level in each band is what one latent of its frame says."""
    return latents[:, 3].repeat_interleave(8, 1).repeat_interleave(8, 2)


def _labelled(rng: np.random.Generator, frames: int, count: int) -> Any:
    """Windows with two states: the first is loud noise in one latent, the second moves slowly."""
    from ambientgen.training.unet import Labelled

    levels = torch.from_numpy((rng.random((count, 2)) < 0.5) * np.float32(0.5))
    clean = 0.3 * torch.from_numpy(rng.standard_normal((count, 16, frames, 8), np.float32))
    loud, slow = levels.T[:, :, None, None]
    clean[:, 2] += loud * 4 * torch.from_numpy(rng.standard_normal((count, frames, 8), np.float32))
    turns = torch.arange(frames) / 12 + torch.from_numpy(rng.random((count, 1), np.float32))
    clean[:, 5] += slow * 4 * torch.sin(2 * torch.pi * turns)[..., None]
    return Labelled(clean, levels, levels.clone(), torch.from_numpy(rng.integers(0, 99, count)))


def _few(few: Any, folder: Path, steps: int, draw: Any = _drawn, **more: Any) -> Any:
    """The weights it begins with (`start`, or a new UNet's with biases of 0.01), and makes."""
    from ambientgen.training.unet import new_unet

    start = more.pop("start", None) or {
        key: torch.full_like(value, 0.01) if key.endswith("bias") else value
        for key, value in new_unet().state_dict().items()
    }
    sounds = few.Sounds(draw, more.pop("labelled", None), _decoded)
    schedule = Schedule(steps, 0.001, warmup=2, **more)
    return start, few.train(sounds, start, folder, schedule).state_dict()


@pytest.mark.slow
def test_the_few_step_stage_goes_on_to_the_bit(small: Any, tmp_path: Path) -> None:
    start, whole = _few(small, tmp_path / "whole", 10)
    assert any(not torch.equal(whole[key], start[key]) for key in start)
    log = read_log(tmp_path / "whole" / "few.log")
    for step in range(10):
        # Where one conditioning is drawn there is no other to fit worse.
        kinds = ["told", "smooth", "asked"] if step % 2 == 0 else ["told", "smooth"]
        if step >= 2:  # the critic is no longer alone
            alone = ["energy", "levels", "moments", "critic"]
            kinds += ["joined", "agree"] if step in (4, 5) else alone
        assert list(log[step]) == kinds
    from ambientgen.training.foretold import UNKNOWN

    calls = []

    def stopping(*drawing: Any) -> Any:
        calls.append(drawing)
        # One to name what is foretold, four for the reader of levels, some to foretell each.
        if len(calls) == 1 + 4 + 2 * UNKNOWN + 6:
            raise KeyboardInterrupt
        return _drawn(*drawing)

    with pytest.raises(KeyboardInterrupt):
        _few(small, tmp_path / "cut", 10, stopping)
    kept_there = torch.load(tmp_path / "cut" / "few.ckpt", weights_only=True)
    assert kept_there["step"] == 5
    calls.clear()
    _, resumed = _few(small, tmp_path / "cut", 10, stopping)
    assert all(torch.equal(resumed[key], whole[key]) for key in whole)
    assert len(calls) == 1 + 5, "what is foretold was kept"


@pytest.mark.slow
def test_the_few_step_stage_begins_anew_from_another_unet(small: Any, tmp_path: Path) -> None:
    notices: list[Message] = []
    start, first = _few(small, tmp_path, 2)
    _, again = _few(small, tmp_path, 2, None)  # it is done: nothing is drawn
    assert all(torch.equal(first[key], again[key]) for key in first)
    other = {key: value + 0.01 for key, value in start.items()}
    around = Around(tell=notices.append)
    _, anew = _few(small, tmp_path, 2, start=other, around=around)
    assert not any(torch.equal(first[key], anew[key]) for key in first)
    told = [event.text for event in notices if isinstance(event, Notice)]
    assert told == ["few begins anew: the UNet has learnt more"]


def _single_stems() -> Stems:
    """Of every texture one of its usual kind and one of another, if it has one."""
    kinds = [list(TEXTURES[name].kinds or [""]) for name in NAMES]
    named = [(n, k) for n, own in zip(NAMES, kinds, strict=True) for k in (own[0], own[-1])]
    audio = 0.1 * np.random.default_rng(3).standard_normal((len(named), CLIP_SAMPLES), np.float32)
    curves = np.full((len(named), CLIP_FRAMES), 0.5, np.float16)
    names, of_kind = (np.array(each) for each in zip(*named, strict=True))
    return Stems(audio.astype(np.float16), curves, names, of_kind)


def test_calls_are_learnt_alone_in_the_open_and_of_their_usual_kind(tmp_path: Path) -> None:
    from ambientgen.training.calls import CALLS, no_single_call, single_calls

    stems, kinds_of = _single_stems(), {name: TEXTURES[name].usual for name in NAMES}
    single = single_calls(tmp_path, stems)
    heard = single.states.max(axis=2) > 0
    assert (heard.sum(axis=1) == 1).all()
    found = {NAMES[int(row.argmax())] for row in heard}
    assert found == set(CALLS)
    for row, kinds in zip(heard, single.kinds, strict=True):
        name = NAMES[int(row.argmax())]
        assert kinds[int(row.argmax())] == TEXTURES[name].usual
    assert set(single.places) == {""}
    assert len(no_single_call(single)) == len(single.mels), "there is nothing else to hold"
    unusual = [i for i in range(len(stems.names)) if stems.kinds[i] != kinds_of[stems.names[i]]]
    few = Stems(*(part[unusual] for part in (stems.audio, stems.curves, stems.names, stems.kinds)))
    assert len(single_calls(tmp_path / "few", few).mels) > 0
    states = np.zeros((4, len(NAMES), CLIP_FRAMES), np.float16)
    states[1, NAMES.index("birds")] = 0.5  # a call by itself
    states[2, [NAMES.index("birds"), NAMES.index("frogs")]] = 0.5
    states[3, NAMES.index("rain")] = 0.5
    mels = np.zeros((4, CLIP_FRAMES, 64), np.float16)
    assert no_single_call(_called(mels, states)).tolist() == [0, 2, 3]


@pytest.mark.slow
def test_calls_are_learnt_and_all_else_is_held(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the same noise the UNet makes of other sounds what it made, the nearer the more that
    counts; and a training that was stopped goes on to the bit."""
    from ambientgen.models.solver import solver_steps
    from ambientgen.training import calls, unet

    monkeypatch.setattr(calls, "WINDOWS", ((12, 2), (16, 1)))
    monkeypatch.setattr(calls, "HELD_WINDOWS", ((12, 2),))
    start = {key: value.clone() for key, value in unet.new_unet().state_dict().items()}

    def others(rng: np.random.Generator, frames: int, count: int) -> Any:
        return _drawn(np.random.default_rng(5), frames, count)

    def trained(folder: str, steps: int, draw: Any = _drawn) -> Any:
        schedule = Schedule(steps, 0.001, warmup=2)
        sounds = calls.Sounds(draw, others, _decoded)
        return calls.train(sounds, start, tmp_path / folder, schedule)

    batch, sampler = others(np.random.default_rng(0), 12, 2), solver_steps(unet.SCHEDULER, 2)
    before = unet.new_unet()
    before.load_state_dict(start)
    torch.manual_seed(99)
    noise = torch.randn_like(batch.clean)

    def moved(network: Any) -> float:
        with torch.no_grad():
            one, other = (small.made(each, batch, sampler, noise) for each in (network, before))
        return float((one - other).square().mean())

    monkeypatch.setattr(calls, "HELD_WEIGHT", 1000.0)
    whole = trained("held", 12)
    log = read_log(tmp_path / "held" / "calls.log")
    assert "held" not in log[0] and "critic" not in log[0], "its critic learns alone"
    assert next(iter(log[2])) == "held" and log[2]["held"] == pytest.approx(0, abs=1e-6)
    joined = [step for step, row in log.items() if {"joined", "agree"} <= row.keys()]
    assert joined == [2, 5, 9], "two in seven"
    assert moved(whole) > 0
    monkeypatch.setattr(calls, "HELD_WEIGHT", 0.0)
    assert moved(trained("free", 12)) > 2 * moved(whole)
    monkeypatch.undo()


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_what_is_trained_is_the_whole_sampler(small: Any, steps: int) -> None:
    """As diffusers' own leads the same noise; every answer has a gradient."""
    from diffusers import DPMSolverMultistepScheduler

    from ambientgen.models.solver import solver_steps
    from ambientgen.training.unet import SCHEDULER, new_unet, predicted_v

    network = new_unet()
    batch = _drawn(np.random.default_rng(0), 12, 2)
    torch.manual_seed(3)
    graded: list[bool] = []
    with network.register_forward_pre_hook(lambda *_: graded.append(torch.is_grad_enabled())):
        noise = torch.randn(2, 16, 12, 8)
        made = small.made(network, batch, solver_steps(SCHEDULER, steps), noise)
    assert graded == [True] * steps and made.requires_grad
    sample = noise
    theirs = DPMSolverMultistepScheduler(**SCHEDULER)
    theirs.set_timesteps(steps)
    with torch.no_grad():
        for timestep in theirs.timesteps:
            answer = predicted_v(network, sample, timestep, batch)
            sample = theirs.step(answer, timestep, sample).prev_sample
    torch.testing.assert_close(made.detach(), sample, atol=1e-3, rtol=1e-3)


def test_the_unet_waits_for_its_critic(small: Any) -> None:
    from ambientgen.models.solver import solver_steps
    from ambientgen.training.foretold import nothing_foretold
    from ambientgen.training.levels import learn_to_read
    from ambientgen.training.moments import Ears
    from ambientgen.training.unet import SCHEDULER

    pupil = small.Pupil()
    known = nothing_foretold(_drawn, Ears(learn_to_read(_drawn, _decoded)), (12,))
    batch, sampler = _drawn(np.random.default_rng(0), 12, 2), solver_steps(SCHEDULER, 2)
    for alone in (True, False):
        losses = small.losses(pupil, batch, sampler, known, alone=alone)
        sum(losses.values()).backward()
        assert all(weight.grad is not None for weight in pupil.critic.parameters())
        assert all((weight.grad is None) == alone for weight in pupil.unet.parameters())
    assert [small.unet_pace(step, 4) for step in (0, 3, 4, 8, 99)] == [0, 0, 1 / 5, 1, 1]
    assert small.unet_pace(0, 0) == 1 and small.CRITIC_PACE > 1
    assert [small.waiting(steps) for steps in (4, 10, 20)] == [0, 2, 2]
    assert [small.windows_heard(steps) for steps in (0, 40, 40_000)] == [500, 1140, 12_000]


def test_neighbours_are_of_one_identity_and_meet_in_the_middle(small: Any) -> None:
    torch.manual_seed(0)
    noise, overlap = small.neighbours(torch.randn(512, 2, 32, 4))
    one, other = noise.chunk(2)
    torch.testing.assert_close(one.mean(2), other.mean(2))
    # Each has its own mean taken off, so that they differ there by a constant.
    apart = one[:, :, overlap] - other[:, :, overlap]
    torch.testing.assert_close(apart, apart[:, :, :1].expand_as(apart), atol=1e-5, rtol=0)
    before = slice(0, overlap.start)
    likeness = np.corrcoef(one[:, :, before].flatten(), other[:, :, before].flatten())[0, 1]
    assert abs(likeness) < 0.1, "outside they are other noise"
    assert float(noise.var()) == pytest.approx(1, abs=0.02)
    assert float(noise.mean(2).var()) == pytest.approx(1 / 32, rel=0.1)


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("apart", [1, 2, 12, 20])
def test_every_log_knows_all_lengths_alone_and_joined(processes: int, apart: int) -> None:
    from ambientgen.training.few import WINDOWS, is_joined

    known = {
        (WINDOWS[step % len(WINDOWS)], is_joined(step))
        for step in range(0, 600 * processes, apart * processes)
    }
    assert known == {(window, joined) for window in WINDOWS for joined in (False, True)}


def test_joined_windows_must_agree_and_pass_for_one(small: Any) -> None:
    from ambientgen.models.solver import solver_steps
    from ambientgen.training.unet import SCHEDULER

    pupil, batch = small.Pupil(), _drawn(np.random.default_rng(0), 16, 2)
    found = small.joined_losses(pupil, batch, solver_steps(SCHEDULER, 2))
    assert list(found) == ["told", "smooth", "asked", "joined", "agree"]
    assert all(float(value.detach()) > 0 for value in found.values())
    (found["joined"] + found["agree"]).backward()
    assert all(weight.grad is not None for weight in pupil.unet.parameters())
    assert all(weight.grad is None for weight in pupil.critic.parameters())


def test_levels_are_read_without_decoding() -> None:
    from ambientgen.training.levels import band_levels, learn_to_read

    read = learn_to_read(_drawn, _decoded)
    latents = _drawn(np.random.default_rng(5), 40, 3).clean
    wanted = band_levels(_decoded(latents))[:, 1:-1].transpose(1, 2)[..., None]
    assert read(latents).shape == (3, 8, 38, 1)
    torch.testing.assert_close(read(latents), wanted, atol=0.02, rtol=0.01)
    silence = band_levels(torch.full((1, 16, 64), -3.0))
    torch.testing.assert_close(silence, torch.full((1, 2, 8), -3.0))


@pytest.mark.parametrize(
    "wrong",
    [{"scale": 0.2}, {"scale": 3.0}, {"shift": 1.0}, {"smooth": 6}],
    ids=["steady", "restless", "loud", "slow"],
)
def test_the_energy_of_levels_is_least_for_the_right_motion(wrong: dict[str, Any]) -> None:
    from ambientgen.training.few import level_energy

    def levels(seed: int, scale: float = 1.0, shift: float = 0.0, smooth: int = 1) -> torch.Tensor:
        noise = np.random.default_rng(seed).standard_normal((32, 8, 64 + smooth - 1), np.float32)
        slow = torch.from_numpy(noise).unfold(2, smooth, 1).mean(-1) * smooth**0.5
        return 0.1 * (scale * slow + shift)[..., None]

    def score(turn: int, **made: Any) -> float:
        one, other = (levels(10 * turn + k, **made) for k in (1, 2))
        return float(level_energy(one, other, levels(10 * turn)))

    for turn in range(3):
        assert score(turn, **wrong) > 1.01 * score(turn)


# Facts and names


def test_facts_tell_levels_kinds_and_places() -> None:
    from ambientgen.training.facts import PARTS, Facts

    states = np.zeros((3, len(NAMES), CLIP_FRAMES), np.float16)
    states[:, 0] = np.linspace(0, 1, CLIP_FRAMES)
    kinds = np.full((3, len(NAMES)), "", "<U9")
    kinds[:, 0] = ["on leaves", "on a roof", "on leaves"]
    mels = np.zeros((3, CLIP_FRAMES, 64), np.float16)
    facts = Facts(Corpus(mels, states, kinds, np.array(["", "", "a cave"])))
    told = facts(0, 0, 128)
    levels = told[: len(NAMES) * PARTS].reshape(len(NAMES), PARTS)
    np.testing.assert_allclose(levels[0], (np.arange(PARTS) + 0.5) / PARTS, atol=0.01)
    assert not levels[1:].any()
    np.testing.assert_array_equal(facts(0, 0, 128), told)
    assert facts(0, 0, 64)[: len(NAMES) * PARTS].sum() < 0.6 * levels.sum()
    # Another kind is another number, another place one more.
    assert np.flatnonzero(facts(1, 0, 128) != told).size == 2
    assert np.flatnonzero(facts(2, 0, 128) != told).size == 1


@pytest.fixture(scope="module")
def namers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Those of the two states of `_labelled`."""
    from ambientgen.training import names

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "WINDOWS", ((36, 24),))
        patch.setattr(names, "SCHEDULE", Schedule(0, 3e-3, warmup=5, ema=0.9))
        folder = tmp_path_factory.mktemp("names")
        learnt = names.learn_to_name(_labelled, 60, folder, Around())
        again = names.learn_to_name(_labelled, 60, folder, Around())  # from its checkpoint
    latents = _labelled(np.random.default_rng(0), 36, 2).clean
    assert torch.equal(learnt(latents), again(latents))
    return learnt


@pytest.mark.slow
def test_namers_name_what_they_never_heard(namers: Any) -> None:
    new = _labelled(np.random.default_rng(99), 60, 200)
    for said in namers(new.clean).chunk(2, 1):
        assert said.shape == (200, 2)
        assert float(((said > 0) == (new.levels > 0)).float().mean()) > 0.95


def test_one_namer_hears_what_moves_alone(namers: Any) -> None:
    clean = _labelled(np.random.default_rng(5), 36, 3).clean
    coloured = clean + torch.randn(3, 16, 1, 8)
    torch.testing.assert_close(namers.moving(coloured), namers.moving(clean), atol=1e-3, rtol=1e-4)
    assert float((namers.all(coloured) - namers.all(clean)).abs().max()) > 0.1


@pytest.mark.slow
def test_takes_that_are_named_otherwise_miss(namers: Any, tmp_path: Path) -> None:
    from ambientgen.training.foretold import Foretold, learn_to_foretell
    from ambientgen.training.moments import Ears

    torch.manual_seed(0)
    known = learn_to_foretell(_labelled, Ears(_first_channel(), namers), (36,), 1200)
    known.save(tmp_path / "known.pt")
    loaded = Foretold.load(tmp_path / "known.pt")
    batch = _conditioned(np.random.default_rng(1), 36, 60, _labelled)
    found = [_labelled(np.random.default_rng(seed), 36, 600) for seed in (2, 3)]

    def takes(wanted: torch.Tensor) -> list[torch.Tensor]:
        """Two windows for each row of states that are wanted, any that have them."""
        fits = [(one.levels[None] == wanted[:, None]).all(2) for one in found]
        rows = [(fit * torch.rand(fit.shape)).argmax(1) for fit in fits]
        return [one.clean[some] for one, some in zip(found, rows, strict=True)]

    one, other = takes(batch.facts)
    right = known.missed(one, other, batch)
    wrong = known.missed(*takes(batch.facts.flip(1)), batch)
    assert list(right) == ["moments", "names"]
    assert abs(float(right["names"])) < 0.5 and float(wrong["names"]) > 2
    torch.testing.assert_close(loaded.missed(one, other, batch), right)


@pytest.mark.slow
def test_the_few_step_stage_learns_names_first(small: Any, tmp_path: Path) -> None:
    told: list[Message] = []
    _few(small, tmp_path, 4, labelled=_labelled, around=Around(tell=told.append))
    stages = [event.name for event in told if isinstance(event, StageStarted)]
    assert stages == ["names", "moments"]
    assert "names" in read_log(tmp_path / "few.log")[3]
    assert len(read_log(tmp_path / "names.log")) == 4


# Moments


def _first_channel() -> Any:
    """A reader to whom the level of a band is what the first latent of its frame says."""
    from ambientgen.training.levels import LevelReader

    weight = torch.zeros(8, 16, 3, 8)
    weight[range(8), 0, 1, range(8)] = 1
    return LevelReader(weight, torch.zeros(8))


def _swinging(rng: np.random.Generator, frames: int, count: int) -> Any:
    """Windows that swing by half a neper where their fact is 1, and else by a twentieth."""
    from ambientgen.training.unet import Labelled

    much = torch.from_numpy((rng.random((count, 1)) < 0.5).astype(np.float32))
    noise = torch.from_numpy(rng.standard_normal((count, 16, frames, 8), np.float32))
    clean = (0.05 + 0.45 * much)[..., None, None] * noise
    return Labelled(clean, much, much.clone(), torch.from_numpy(rng.integers(0, 99, count)))


def _conditioned(rng: np.random.Generator, frames: int, count: int, draw: Any = _swinging) -> Any:
    """The same windows with a conditioning."""
    drawn = draw(rng, frames, count)
    return _drawn(rng, frames, count)._replace(clean=drawn.clean, facts=drawn.facts)


@pytest.fixture(scope="module")
def swings() -> Any:
    """What is foretold of `_swinging`."""
    from ambientgen.training.foretold import learn_to_foretell
    from ambientgen.training.moments import Ears

    return learn_to_foretell(_swinging, Ears(_first_channel()), (40,), 600)


def test_takes_that_move_as_was_foretold_miss_nothing_and_others_do(swings: Any) -> None:
    torch.manual_seed(0)
    right, average, steady = [], [], []
    for seed in range(8):
        batch = _conditioned(np.random.default_rng([1, seed]), 40, 16)
        noise = torch.randn(2, *batch.clean.shape)
        scale = (0.05 + 0.45 * batch.facts)[..., None, None]
        right.append(swings.missed(*(scale * noise), batch)["moments"])
        average.append(swings.missed(*(0.16 * noise), batch)["moments"])
        steady.append(swings.missed(*(0.05 * noise), batch)["moments"])
    assert abs(float(torch.stack(right).mean())) < 0.2
    assert float(torch.stack(average).min()) > 5 and float(torch.stack(steady).min()) > 5


def test_misses_on_opposite_sides_are_none_and_both_takes_learn(swings: Any) -> None:
    torch.manual_seed(0)
    batch = _conditioned(np.random.default_rng(1), 40, 16)
    scale = (0.05 + 0.45 * batch.facts)[..., None, None]
    one, other = (
        (factor * scale * torch.randn_like(batch.clean)).requires_grad_() for factor in (2, 0.5)
    )
    missed = swings.missed(one, other, batch)["moments"]
    missed.backward()
    assert float(missed.detach()) < -1
    assert all(take.grad is not None and bool(take.grad.any()) for take in (one, other))


def test_sounds_of_which_nothing_is_known_are_compared_with_themselves(swings: Any) -> None:
    from ambientgen.training.foretold import nothing_foretold
    from ambientgen.training.moments import Ears

    torch.manual_seed(0)
    known = nothing_foretold(_conditioned, Ears(_first_channel()), (40,))
    batch = _conditioned(np.random.default_rng(1), 40, 200)
    noise = torch.randn(2, *batch.clean.shape)
    scale = (0.05 + 0.45 * batch.facts)[..., None, None]
    right, wrong = (
        known.missed(*(factor * scale * noise), batch)["moments"] for factor in (1, 0.3)
    )
    # By chance a sound differs from its kind, for both takes alike: so right is not 0.
    assert 0 < float(right) < 0.5 * float(wrong)
    recorded = batch._replace(facts=batch.facts[:, :0])
    assert float(swings.missed(*(scale * noise), recorded)["moments"]) > 0.5


def test_moments_of_silence_are_numbers_and_so_are_their_slopes() -> None:
    from ambientgen.training.moments import moments

    latents = torch.zeros(2, 16, 36, 8, requires_grad=True)
    found = torch.cat(moments(_first_channel()(latents), latents), 1)
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert latents.grad is not None
    assert bool(found.isfinite().all()) and bool(latents.grad.isfinite().all())


def test_moments_know_swings_peaks_slopes_and_rhythm() -> None:
    from ambientgen.training.moments import moments

    def found(levels: torch.Tensor) -> list[torch.Tensor]:
        latents = torch.zeros(len(levels), 16, levels.shape[2], 8)
        return [group.mean(0) for group in moments(levels, latents)]

    torch.manual_seed(0)
    noise = torch.randn(64, 8, 100, 1)
    plain, louder, wider = found(noise), found(noise + 1), found(2 * noise)
    torch.testing.assert_close(louder[0], plain[0] + 1)
    swings = [1, 5, 9, 13, 15, 17]  # of 1 to 32 frames; peaks and slopes follow the first three
    for k in swings:
        torch.testing.assert_close(wider[k], plain[k] + float(np.log(2)), atol=0.01, rtol=0)
        torch.testing.assert_close(louder[k], plain[k], atol=1e-4, rtol=0)
    torch.testing.assert_close(wider[3], plain[3], atol=0.01, rtol=0)
    strokes = found((noise > 2).float())
    assert bool((strokes[3] > plain[3] + 0.2).all()), "a few strokes are peaked"
    decays = torch.linspace(1, 0, 10).repeat(10)[None, None, :, None].expand(64, 8, -1, -1)
    assert bool((found(decays)[4] > plain[4] + 0.5).all()), "they rise faster than they fall"
    beat = (0.5 * noise + torch.sin(torch.arange(100) * 1.3)[None, None, :, None]).contiguous()
    assert bool((found(beat)[19] > plain[19] + 0.3).all()), "a beat stands out"


def test_moments_know_how_latents_vary_and_their_drops() -> None:
    from ambientgen.training.moments import moments

    def found(latents: torch.Tensor) -> list[torch.Tensor]:
        return [group.mean(0) for group in moments(torch.zeros(64, 8, 100, 1), latents)[-5:]]

    torch.manual_seed(0)
    noise = torch.randn(64, 16, 100, 8)
    drops = torch.where(torch.rand(noise.shape) < 0.05, 2.0, 0.0) + 0.1 * noise
    smooth = noise.unfold(2, 9, 1).mean(-1) * 3
    varies, steps, slow, peaked, lopsided = found(noise)
    for group, wider in zip((varies, steps, slow), found(2 * noise), strict=False):
        torch.testing.assert_close(wider, group + float(np.log(2)), atol=0.02, rtol=0)
    _, smooth_steps, smooth_slow, smooth_peaked, _ = found(smooth)
    assert bool((smooth_steps < steps - 0.5).all()) and bool((smooth_slow > slow + 0.3).all())
    torch.testing.assert_close(smooth_peaked, peaked, atol=0.15, rtol=0)
    *_, drops_peaked, drops_lopsided = found(drops)
    assert bool((drops_peaked > peaked + 0.3).all())
    assert bool((drops_lopsided > lopsided + 0.3).all())
    torch.testing.assert_close(found(-drops)[4], -drops_lopsided, atol=1e-4, rtol=1e-3)


# The critic


def _asked(batch: Any) -> Any:
    from ambientgen.training.critic import Asked

    return Asked(batch.loa, batch.text, batch.mask)


def _learn(critic: Any, steps: int, make: Callable[[int], tuple[Any, Any, Any]]) -> list[float]:
    """How badly it tells pairs apart, step by step, as it learns to."""
    from ambientgen.training.critic import taught

    optimiser = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.98))
    told = []
    for step in range(steps):
        torch.manual_seed(step)
        losses, _ = taught(critic, *make(step))
        optimiser.zero_grad()
        sum(losses.values()).backward()
        optimiser.step()
        told.append(float(losses["told"].detach()))
    return told


@pytest.mark.slow
def test_a_critic_tells_the_mean_of_sounds_from_sounds_and_not_sounds_from_sounds() -> None:
    from ambientgen.training.critic import Critic

    def noise(seed: int, smooth: int) -> torch.Tensor:
        return _noise_as_latents(seed, 1.7 if smooth > 1 else 1.0, smooth=smooth)

    def against(smooth: int) -> Callable[[int], tuple[Any, Any, Any]]:
        batch = _drawn(np.random.default_rng(0), 36, 8)
        return lambda step: (noise(2 * step, smooth), noise(2 * step + 1, 1), _asked(batch))

    guess = float(np.log(2))
    assert np.mean(_learn(Critic(), 30, against(3))[-5:]) < 0.5 * guess
    assert np.mean(_learn(Critic(), 30, against(1))[-5:]) > 0.85 * guess


def _loud_or_faint() -> tuple[Any, torch.Tensor]:
    """Every other conditioning asks for what is loud, and how loud each is."""
    batch = _drawn(np.random.default_rng(0), 16, 8)
    loud = torch.arange(8) % 2 == 0
    batch.loa[:] = torch.where(loud, 1.0, -1.0)[:, None, None]
    return _asked(batch), torch.where(loud, 1.5, 0.5)[:, None, None, None]


@pytest.mark.slow
def test_a_critic_knows_what_was_asked_for() -> None:
    """What was made is what the other half asked for."""
    from ambientgen.training.critic import Critic

    asked, scale = _loud_or_faint()

    def make(step: int) -> tuple[Any, Any, Any]:
        one, other = torch.randn(2, 8, 16, 16, 8)
        return (2 - scale) * one, scale * other, asked

    assert np.mean(_learn(Critic(), 40, make)[-5:]) < 0.35


@pytest.mark.slow
def test_a_critic_knows_what_real_sounds_were_asked_for() -> None:
    """What is made is as real as the rest, so that only real ones teach what was asked for."""
    from ambientgen.training.critic import Critic, taught, told_apart

    asked, scale = _loud_or_faint()
    torch.manual_seed(0)
    made, real = scale * torch.randn(2, 8, 16, 16, 8)
    critic = Critic()
    learnt = _learn(critic, 40, lambda step: (*(scale * torch.randn(2, 8, 16, 16, 8)), asked))
    assert learnt[-1] > 0.6
    others = critic(real, type(asked)(*(part.roll(1, 0) for part in asked)))
    wanted = taught(critic, made, real, asked)[1]
    assert float(told_apart(others, wanted).detach()) < 0.35


def test_several_takes_of_a_conditioning_are_judged_as_each_of_them_is() -> None:
    from ambientgen.training.critic import Critic, passed, taught

    critic, batch = Critic(), _drawn(np.random.default_rng(0), 12, 3)
    one, other = torch.randn(2, 3, 16, 12, 8)
    _, wanted = taught(critic, one, batch.clean, _asked(batch))
    both = passed(critic, torch.cat([one, other]), _asked(batch), wanted)
    each = [passed(critic, made, _asked(batch), wanted) for made in (one, other)]
    torch.testing.assert_close(both, (each[0] + each[1]) / 2)


def test_only_what_was_made_learns_to_pass() -> None:
    from ambientgen.training.critic import Critic, passed, taught

    critic, batch = Critic(), _drawn(np.random.default_rng(0), 12, 2)
    made = torch.randn(2, 16, 12, 8, requires_grad=True)
    losses, wanted = taught(critic, made, batch.clean, _asked(batch))
    passed(critic, made, _asked(batch), wanted).backward()
    assert made.grad is not None and float(made.grad.abs().max()) > 0
    assert all(weight.grad is None for weight in critic.parameters())
    made.grad = None
    torch.stack(list(losses.values())).sum().backward()
    assert made.grad is None
    assert all(weight.grad is not None for weight in critic.parameters())


def test_tokenizers_are_made_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output is for `--json`, and for nothing with `--quiet`."""
    from ambientgen.training.language import new_tokenizers

    roberta, _ = new_tokenizers(["heavy rain, wind in the trees", "light rain"] * 3)
    assert roberta("rain").input_ids
    assert tuple(capfd.readouterr()) == ("", "")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ModelError(Problem("", "there is no model 'x'", "choose pocket")), 3, "there is no model"),
        (FileNotFoundError(2, "No such file", "INDEX.tsv"), 2, "INDEX.tsv: no such file"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_scripts_end_with_a_line_and_a_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        run_script(main)
    assert ended.value.code == code
    told = capsys.readouterr().err
    assert told.startswith(f"ambientgen: {said}") and told.count("\n") == 1
