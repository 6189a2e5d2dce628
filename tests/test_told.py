"""What a UNet is told: a stem's curve and how it swells beside it, in words of many settings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ambientgen.synth import TEXTURES
from ambientgen.synth.signals import LEVEL_SPAN_DB, RATE, level
from ambientgen.training.captions import SETTINGS
from ambientgen.training.corpus import NAMES, Corpus
from ambientgen.training.courses import MOST, Course, heard_course
from ambientgen.training.facts import Facts
from ambientgen.training.stems import CLIP_FRAMES, CLIP_SAMPLES
from ambientgen.training.unet import SETTINGS_OF, LoaBank, UNetTrainer, prompts_of

TIMES_S = np.arange(CLIP_FRAMES) * (CLIP_SAMPLES // CLIP_FRAMES) / RATE
INSIDE = slice(100, -100)  # frames whose half seconds around lie in the clip


def noise(curve: Course, swell_db: Course | float = 0.0, gain_db: float = 0.0) -> Course:
    """White noise along a curve, swelling beside it."""
    gains = level(curve) * 10 ** ((np.broadcast_to(swell_db, curve.shape) + gain_db) / 20)
    white = np.random.default_rng(0).standard_normal(CLIP_SAMPLES)
    return np.asarray(0.3 * white * np.repeat(gains, CLIP_SAMPLES // CLIP_FRAMES))


def course(name: str, sound: Course, curve: Course) -> Course:
    return heard_course(name, sound.astype(np.float16), curve.astype(np.float16))


@pytest.mark.parametrize("gain_db", [0.0, -9.0])
def test_a_swell_is_told_and_loudness_is_not(gain_db: float) -> None:
    curve, swell_db = np.full(CLIP_FRAMES, 0.6), 5 * np.sin(2 * np.pi * TIMES_S / 5.12)
    told = course("waves", noise(curve, swell_db, gain_db), curve)
    slope, middle = np.polyfit(swell_db / LEVEL_SPAN_DB, told, 1)
    assert 0.85 < slope < 1.0  # means over half a second are a little flatter
    assert abs(middle - 0.6) < 0.01
    assert np.corrcoef(swell_db, told)[0, 1] > 0.99


@pytest.mark.parametrize("last", [0.9, 0.25])
def test_noise_that_follows_its_curve_is_told_its_curve(last: float) -> None:
    for curve in (np.linspace(0.3, last, CLIP_FRAMES), np.where(TIMES_S < 5, 0.3, last)):
        np.testing.assert_allclose(
            course("room", noise(curve), curve)[INSIDE], curve[INSIDE], atol=0.03
        )


def test_what_sounds_one_by_one_has_its_curve_alone() -> None:
    curve, swell_db = np.full(CLIP_FRAMES, 0.6), 5 * np.sin(TIMES_S)
    sound = noise(curve, swell_db)
    np.testing.assert_array_equal(course("thunder", sound, curve), curve.astype(np.float16))
    assert course("waves", sound, curve).std() > 0.1


def test_silence_and_the_strongest_stay_what_they_are() -> None:
    curve = np.where(TIMES_S < 5, 0.0, 0.9)
    told = course("wind", noise(curve, 20 * np.sin(TIMES_S)), curve)
    assert not told[:500].any()
    assert 0.9 - MOST - 1e-3 <= told[500:].min() < 0.7 < told[500:].max() <= 1.0
    assert not course("wind", np.zeros(CLIP_SAMPLES), np.zeros(CLIP_FRAMES)).any()


@pytest.mark.parametrize("name", ["rain", "crowd", "waves"])
def test_what_is_faint_is_told_to_swell_less_and_no_louder(name: str) -> None:
    spread = {}
    for level_ in (0.1, 0.6):
        curve = np.full(CLIP_SAMPLES, level_)
        told = [
            course(name, TEXTURES[name](curve, np.random.default_rng(seed)), curve[:CLIP_FRAMES])
            for seed in range(3)
        ]
        assert abs(np.mean(told) - level_) < 0.025
        spread[level_] = np.std(told, axis=1).mean()
    assert spread[0.1] < 0.04 and spread[0.6] > 0.01


def test_a_course_is_not_late() -> None:
    curve = np.full(CLIP_FRAMES, 0.6)
    told = course("fire", noise(curve, np.where(np.abs(TIMES_S - 5) < 0.3, 12.0, 0.0)), curve)
    heard = np.flatnonzero(told > 0.7)
    assert abs(heard.mean() - 500) < 1.5


def test_facts_know_what_is_told() -> None:
    mels = np.zeros((1, CLIP_FRAMES, 64), np.float16)
    states = np.full((1, 1, CLIP_FRAMES), 0.5, np.float16)
    nowhere = np.array([[""]]), np.array([""])
    courses = np.linspace(0.4, 0.6, CLIP_FRAMES)[None, None].astype(np.float16)
    swelling = Facts(Corpus(mels, states, *nowhere, courses))(0, 0, 128)
    assert np.ptp(swelling[:6]) > 0.1
    assert np.ptp(Facts(Corpus(mels, states, *nowhere))(0, 0, 128)[:6]) == 0


def test_few_states_are_prompts_in_many_settings() -> None:
    one, two, three = ("rain", 2), ("wind", 1), ("birds", 4)
    rows, texts = prompts_of([(), (one,), (one, two), (one, two, three)])
    assert [len(span) for span in rows.values()] == [SETTINGS_OF[k] for k in range(4)]
    assert sum(map(len, rows.values())) == len(texts) == len(set(texts))
    alone = [texts[i] for i in rows[one,]]
    assert alone[0] == "steady rain"
    assert all(
        text == f"steady rain, {where}"
        for text, where in zip(alone[1:], SETTINGS[1:], strict=False)
    )


def test_loa_of_a_window_is_of_one_setting() -> None:
    one, other = ("rain", 1), ("wind", 1)
    rows, texts = prompts_of([(), (one,), (other,), (one, other)])
    settings = [text.partition(", ")[2] for text in texts]
    of_rows = torch.tensor([float(SETTINGS.index(setting)) for setting in settings])
    bank = LoaBank(rows, of_rows[:, None, None].repeat(1, 8, 3))
    between = {"rain": np.full(8, 0.125, np.float32), "wind": np.full(8, 0.2, np.float32)}
    for setting in range(SETTINGS_OF[2]):
        torch.testing.assert_close(
            bank.blended(between, setting), torch.full((8, 3), float(setting))
        )


def test_a_window_is_told_its_course_and_named_by_its_level() -> None:
    states = np.zeros((1, len(NAMES), CLIP_FRAMES), np.float16)
    rain = NAMES.index("rain")
    states[0, rain] = 0.5
    courses = states.copy()
    courses[0, rain] = np.linspace(0.25, 0.75, CLIP_FRAMES)
    kinds, nowhere = np.full((1, len(NAMES)), ""), np.array([""])
    trainer = object.__new__(UNetTrainer)  # no network is asked
    trainer.corpus = Corpus(np.zeros((1, CLIP_FRAMES, 64)), states, kinds, nowhere, courses)
    rows, _ = prompts_of([(), *((("rain", level_),) for level_ in range(1, 5))])
    levels = [float(row) for row, span in enumerate(rows.values()) for _ in span]
    trainer.bank = LoaBank(rows, torch.tensor(levels)[:, None, None].repeat(1, 8, 3))
    trainer._no_loa = torch.zeros(8, 3)
    trainer.encoder = lambda mel: torch.full((1, 8, 3), -1.0)  # type: ignore[assignment]
    told = [trainer._condition(np.random.default_rng(seed), 0, 0, 128) for seed in range(60)]
    predicted = [loa[:, 0] for loa, _ in told if loa.max() > 0]
    assert len(predicted) > 20
    for tokens in predicted:
        torch.testing.assert_close(tokens, torch.linspace(1.125, 2.875, 8), atol=0.01, rtol=0)
    assert any("rain" in text for _, text in told)
