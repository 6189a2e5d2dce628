"""Prompts to LOA: our loop against a cache-free one and the stock pipeline's; the trajectory."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ambientgen.errors import UsageError
from ambientgen.keyframes import Keyframe
from ambientgen.loa import (
    Trajectory,
    condition,
    encode_prompts,
    encode_text,
    linear,
    spherical,
    token_times_s,
)
from ambientgen.models.loading import Model
from ambientgen.plan import make_plan
from ambientgen.renderer import Renderer
from ambientgen.scene import parse_scene
from ambientgen.units import Geometry
from ambientgen.windows import Window
from ambientgen.workers import Workers

PROMPTS = ["light rain on a lake", "heavy rain on a lake", "wind", "no wind on the lake"]
GEOMETRY = Geometry(16_000, 160, 64, 4, 8)
FRACTIONS = st.floats(0, 1)


@pytest.fixture(scope="module")
def loas(hub_model: Model) -> dict[str, Tensor]:
    return encode_prompts(hub_model, PROMPTS)


def cache_free(model: Model, prompt: str) -> Tensor:
    """The GPT-2 stage written the slow way: everything anew for every token, CLAP padded to 512."""
    clap_ids = model.tokenizer.ids(prompt)
    more = model.tokenizer.max_length - len(clap_ids)
    ids = torch.tensor([clap_ids + [model.tokenizer.pad_id] * more])
    mask = torch.tensor([[1] * len(clap_ids) + [0] * more])
    with torch.inference_mode():
        clap = model.text_encoder(input_ids=ids, attention_mask=mask).text_embeds
        clap = clap / clap.norm(dim=-1, keepdim=True)
        t5 = model.text_encoder_2(torch.tensor([model.tokenizer_2.ids(prompt)]))[0]
        sequence = model.projection_model(hidden_states=clap[:, None], hidden_states_1=t5)[0]
        for _ in range(8):
            last = model.language_model(inputs_embeds=sequence, use_cache=False)[0][:, -1:]
            sequence = torch.cat([sequence, last], dim=1)
    return torch.as_tensor(sequence)[0, -8:]


@pytest.mark.parametrize("prompt", [*PROMPTS, ""])
def test_the_cached_loop_equals_a_cache_free_one(hub_model: Model, prompt: str) -> None:
    loa = encode_prompts(hub_model, [prompt])[prompt]
    assert loa.shape == (8, 16)
    torch.testing.assert_close(loa, cache_free(hub_model, prompt), atol=1e-5, rtol=0)


@pytest.mark.parametrize("prompt", [*PROMPTS, ""])
def test_loa_and_text_equal_the_stock_pipelines(
    hub_model: Model, stock_pipeline: Any, prompt: str
) -> None:
    with torch.no_grad():
        text, mask, loa = stock_pipeline.encode_prompt(prompt, torch.device("cpu"), 1, False)
    ours = condition(hub_model, prompt)
    torch.testing.assert_close(ours.loa, loa[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.text, text[0], atol=1e-5, rtol=0)
    assert torch.equal(ours.text_mask, mask[0])


def test_prompts_differ(loas: dict[str, Tensor]) -> None:
    for one, other in pairwise(PROMPTS):
        assert (loas[one] - loas[other]).abs().max() > 0.1


def test_a_prompt_is_the_same_to_the_bit_whatever_else_is_asked(
    hub_model: Model, loas: dict[str, Tensor]
) -> None:
    for prompt in PROMPTS:
        alone = encode_prompts(hub_model, [prompt])[prompt]
        assert torch.equal(alone, loas[prompt])


def test_batches_agree_with_prompts_alone(hub_model: Model, loas: dict[str, Tensor]) -> None:
    lengths = {len(hub_model.tokenizer_2.ids(prompt)) for prompt in PROMPTS}
    assert 1 < len(lengths) < len(PROMPTS), "needs prompts of equal and of different length"
    for prompt, loa in encode_prompts(hub_model, PROMPTS, batch_size=3).items():
        torch.testing.assert_close(loa, loas[prompt], atol=1e-5, rtol=0)


def test_text_is_long_as_its_tokens_and_the_empty_one_is_its_end_token(hub_model: Model) -> None:
    states, mask = encode_text(hub_model, "rain on a lake")
    assert states.shape == (5, 24)
    assert mask.tolist() == [1] * 5
    assert len(encode_text(hub_model, "")[0]) == 1


def keyframe(time_s: float, *blend: tuple[str, float]) -> Keyframe:
    return Keyframe(time_s, {}, blend[0][0], blend)


def ramps() -> dict[str, Tensor]:
    """Two LOAs whose tokens say their own number, so that a token in the wrong place shows."""
    token = torch.arange(8.0)[:, None].expand(8, 3)
    return {"calm": token, "storm": token + 100}


def trajectory(interpolation: str = "linear", averaged_frames: int = 0) -> Trajectory:
    keyframes = [
        keyframe(0.0, ("calm", 1.0)),
        keyframe(10.24, ("storm", 1.0)),
        keyframe(20.48, ("storm", 0.75), ("calm", 0.25)),
    ]
    return Trajectory(keyframes, ramps(), GEOMETRY, interpolation, averaged_frames=averaged_frames)


def test_each_token_is_taken_at_its_own_time() -> None:
    loa = trajectory().window(Window(0, 0, 256, 224))
    wanted = [token + 100 * (token + 0.5) / 8 for token in range(8)]
    assert loa.dtype == torch.float32
    torch.testing.assert_close(loa[:, 0], torch.tensor(wanted))


def test_short_windows_are_told_their_average() -> None:
    way = trajectory(averaged_frames=24)
    short, longer = Window(0, 64, 40, 24), Window(0, 64, 64, 48)
    middle_s = GEOMETRY.seconds(64 + 20)
    wanted = [token + 100 * middle_s / 10.24 for token in range(8)]
    torch.testing.assert_close(way.window(short)[:, 0], torch.tensor(wanted))
    assert torch.equal(way.window(longer), trajectory().window(longer))
    across = Window(0, 236, 40, 24)  # 10.24 s, where the way turns, is no end of it
    told = torch.stack([way.at(time_s) for time_s in token_times_s(across, GEOMETRY, 8)])
    torch.testing.assert_close(way.window(across), told.mean(0).float())
    assert way.window(across).max() < way.at(10.24).max()


def test_a_keyframe_is_the_weighted_sum_of_its_blend_and_the_ends_hold() -> None:
    way = trajectory()
    assert way.at(20.48)[3][0].item() == pytest.approx(3 + 75)
    assert way.at(1e6)[3][0].item() == pytest.approx(3 + 75)
    assert way.at(-5.0)[3][0].item() == pytest.approx(3)
    assert way.at(15.36)[3][0].item() == pytest.approx(3 + 87.5)


def test_a_window_is_the_same_however_it_is_reached() -> None:
    first = trajectory().window(Window(7, 96, 88, 56))
    again = trajectory()
    again.window(Window(0, 0, 256, 224))
    assert torch.equal(first, again.window(Window(3, 96, 88, 56)))


def test_a_jump_between_two_keyframes_is_a_jump() -> None:
    jump = [
        keyframe(0.0, ("calm", 1.0)),
        keyframe(5.0, ("calm", 1.0)),
        keyframe(5.0, ("storm", 1.0)),
    ]
    way = Trajectory(jump, ramps(), GEOMETRY)
    assert way.at(4.999)[0].max() == 0
    assert way.at(5.0)[0].min() == 100


def test_an_unknown_interpolation_is_refused() -> None:
    with pytest.raises(UsageError, match="choose linear or spherical"):
        trajectory("cubic")


@given(fraction=FRACTIONS, seed=st.integers(0, 1000))
def test_spherical_keeps_length_and_turns_evenly(fraction: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    one, other = torch.randn(2, 6, generator=generator, dtype=torch.float64)
    middle = spherical(one, other, fraction)
    length = one.norm() * (1 - fraction) + other.norm() * fraction
    assert middle.norm().item() == pytest.approx(length.item(), rel=1e-9)

    def angle(first: Tensor, second: Tensor) -> float:
        cosine = torch.dot(first, second) / first.norm() / second.norm()
        return math.acos(max(-1.0, min(1.0, cosine.item())))

    assert angle(one, middle) == pytest.approx(fraction * angle(one, other), abs=1e-6)


@given(fraction=FRACTIONS)
def test_spherical_falls_back_where_there_is_no_arc(fraction: float) -> None:
    one = torch.tensor([1.0, 2.0], dtype=torch.float64)
    turned = torch.tensor([-2.0, 1.0], dtype=torch.float64)
    others = torch.stack([3 * one, -one, torch.zeros_like(one), turned])
    *flat, bent = spherical(one.expand(4, 2), others, fraction)
    for other, result in zip(others[:-1], flat, strict=True):
        torch.testing.assert_close(result, linear(one, other, fraction))
    torch.testing.assert_close(bent, spherical(one, turned, fraction))


def test_both_interpolations_pass_through_their_ends() -> None:
    one, other = torch.randn(2, 5, generator=torch.Generator().manual_seed(1))
    for between in (linear, spherical):
        torch.testing.assert_close(between(one, other, 0.0), one)
        torch.testing.assert_close(between(one, other, 1.0), other)


def test_the_tokenizers_say_what_the_stock_ones_say(
    hub_model: Model, stock_pipeline: Any, hub_faithful_folder: Path
) -> None:
    texts = [*PROMPTS, "", " ", "Ünïcode…  two  spaces", "a" * 3000, "rain<pad></s>lake\n\ttab"]
    pairs = [
        (hub_model.tokenizer, stock_pipeline.tokenizer),
        (hub_model.tokenizer_2, stock_pipeline.tokenizer_2),
    ]
    for ours, stock in pairs:
        assert ours.max_length == stock.model_max_length
        assert ours.pad_id == stock.pad_token_id
        for text in texts:
            assert ours.ids(text) == stock(text, truncation=True).input_ids


def test_a_models_shortest_windows_are_told_one_moment_and_longer_ones_each() -> None:
    text = "duration: 60s\nmodel: pocket\nstates:\n  rain: {curve: {20s: 0.2, 30s: 0.9}}\n"
    renderer = Renderer("cpu", workers=1)
    model = renderer.model("pocket")
    plan = make_plan(parse_scene(text, "ramp.yaml"), model.geometry, model.spec.rule)
    with Workers(1) as workers:
        trajectory = renderer.meaning(model, plan, workers).trajectory
    inside = [w for w in plan.windows if w.start_frame > 250 and w.start_frame + w.frames < 375]
    shortest = [w for w in inside if w.core_frames == plan.rule.averaged_frames]
    assert len(shortest) >= 2
    for window in shortest:
        times_s = token_times_s(window, model.geometry, 8)
        average = torch.stack([trajectory.at(time_s) for time_s in times_s]).mean(0)
        torch.testing.assert_close(trajectory.window(window), average.float())
    longest = replace(shortest[0], core_frames=96, frames=112)
    times_s = token_times_s(longest, model.geometry, 8)
    own = torch.stack([trajectory.at(time_s)[i] for i, time_s in enumerate(times_s)])
    torch.testing.assert_close(trajectory.window(longest), own.float())
