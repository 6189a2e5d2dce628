"""A model says which states it was never taught, and from when that matters."""

from __future__ import annotations

from pathlib import Path

import pytest
from hubfaithful import edit_json

from ambientgen.models.registry import ModelSpec
from ambientgen.models.tokens import PromptTokenizer, read_tokenizer
from ambientgen.models.vocabulary import cut_prompts, unknown_states
from ambientgen.scene import Scene, parse_scene
from ambientgen.units import Geometry
from ambientgen.windows import WindowRule


def _spec(*states: str) -> ModelSpec:
    return ModelSpec(
        name="small",
        source="test",
        folder=Path(),
        revision="1",
        licence="Apache-2.0",
        commercial=True,
        geometry=Geometry(16_000, 160, 64, 8, 16),
        rule=WindowRule((24,), 8, 4),
        states=states,
    )


def _scene() -> Scene:
    return parse_scene(
        "duration: 60s\n"
        "states:\n"
        "  rain: {curve: 0.5}\n"
        "  train: {curve: {0s: 0, 20s: 0, 40s: 1}}\n"
        "  bells: {curve: 0, levels: [~, church bells]}\n"
    )


def test_names_the_state_and_when_it_is_first_asked_for() -> None:
    (notice,) = unknown_states(_spec("rain", "wind"), _scene())
    assert notice.text == (
        "small has never heard train (asked for from 20s500ms): the nearest it knows is rain"
    )


def test_lists_what_it_knows_when_nothing_is_near() -> None:
    (notice,) = unknown_states(
        _spec("waves", "birds"), parse_scene("duration: 9s\nstates:\n  fire: {curve: 1}\n")
    )
    assert notice.text == "small has never heard fire (asked for from 0s): it knows waves, birds"


def test_silent_states_and_models_without_a_list_are_not_warned_about() -> None:
    assert unknown_states(_spec(), _scene()) == ()
    assert unknown_states(_spec("rain", "train"), _scene()) == ()


def test_a_crop_is_not_warned_of_what_comes_after_it() -> None:
    spec = _spec("rain", "wind")
    assert unknown_states(spec, _scene(), until_s=20) == ()
    assert unknown_states(spec, _scene(), until_s=30) == unknown_states(spec, _scene())
    assert unknown_states(spec, _scene(), until_s=600) == unknown_states(spec, _scene())


@pytest.fixture
def tokenizers(folder: Path) -> tuple[PromptTokenizer, PromptTokenizer]:
    """A byte-level one of 40 tokens, special ones included, and one of words, of 12."""
    for slot, length in (("tokenizer", 40), ("tokenizer_2", 12)):
        edit_json(folder / slot / "tokenizer_config.json", model_max_length=length)
    return read_tokenizer(folder / "tokenizer"), read_tokenizer(folder / "tokenizer_2")


def test_what_is_cut_starts_at_the_first_word_that_is_not_heard_whole(
    tokenizers: tuple[PromptTokenizer, PromptTokenizer],
) -> None:
    _, words = tokenizers
    heard = "the sound of rain on a lake no wind"  # 9 tokens; `</s>` is one more, and 2 are left
    assert [words.cut(heard + more) for more in ("", " light rain", " light rain  ")] == [""] * 3
    assert words.cut(heard + " light rain on a lake") == "on a lake"
    assert words.cut(heard + " fox and rain") == "fox and rain"
    assert words.cut("abcdefghijklmnopq") == "abcdefghijklmnopq"


def test_one_notice_counts_the_prompts_that_are_cut(
    tokenizers: tuple[PromptTokenizer, PromptTokenizer],
) -> None:
    short, long = "light rain", "the sound of rain on a lake no wind light rain on a lake"
    assert cut_prompts("small", tokenizers, [short, "heavy rain"]) == ()
    assert cut_prompts("small", tokenizers, []) == ()
    (notice,) = cut_prompts("small", tokenizers, [short, long, long, short])
    assert notice.text == (
        "small hears only the first 12 tokens of a prompt, and 1 of this scene's 2 prompts is "
        f'longer: of "{long}" it does not hear "on a lake"'
    )
    (notice,) = cut_prompts("small", tokenizers[::-1], [short, long, f"{long} {long}"])
    assert "and 2 of this scene's 3 prompts are longer: of " in notice.text
    (notice,) = cut_prompts("small", tokenizers, ["rain " * 200])
    assert notice.text.count("…") == 2
    assert len(notice.text) < 300


def test_it_is_enough_that_one_tokenizer_cuts(
    tokenizers: tuple[PromptTokenizer, PromptTokenizer],
) -> None:
    byte_level, words = tokenizers
    crickets = "light wind on the lake, crickets"
    assert byte_level.cut(crickets) == ""
    assert words.cut(crickets) == "crickets"
    assert "it does not hear" in cut_prompts("small", [byte_level, words], [crickets])[0].text
