"""A model says which states and words it was never taught, and from when that matters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hubfaithful import edit_json

from ambientgen.models import vocabulary
from ambientgen.models.registry import ModelSpec, pocket_folder, resolve
from ambientgen.models.tokens import PromptTokenizer, read_tokenizer
from ambientgen.models.vocabulary import (
    Vocabulary,
    cut_prompts,
    read_vocabulary,
    unheard,
    unknown_states,
    unknown_words,
)
from ambientgen.scene import KNOWN, Scene, parse_scene
from ambientgen.scene.state import State
from ambientgen.scene.synonyms import NEAREST, NEAREST_STATE
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
        "small does not know train (asked for from 20s500ms): it knows rain, wind"
    )


def test_lists_what_it_knows_when_nothing_is_near() -> None:
    (notice,) = unknown_states(
        _spec("waves", "birds"), parse_scene("duration: 9s\nstates:\n  fire: {curve: 1}\n")
    )
    assert notice.text == "small does not know fire (asked for from 0s): it knows waves, birds"


def test_silent_states_and_models_without_a_list_are_not_warned_about() -> None:
    assert unknown_states(_spec(), _scene()) == ()
    assert unknown_states(_spec("rain", "train"), _scene()) == ()


@pytest.mark.parametrize(("asked", "told"), [("", 0), ("steps: 2", 0), ("steps: 8", 1)])
def test_steps_that_a_model_was_not_taught_are_told(asked: str, told: int) -> None:
    scene = parse_scene(f"duration: 10s\nstates: {{rain: {{curve: 1}}}}\nrender: {{{asked}}}\n")
    pocket = resolve("pocket")
    found = [notice.text for notice in unheard(pocket, scene)]
    assert found == ["pocket was taught 2 steps as a whole: with 8 it sounds worse"] * told
    free = replace(pocket, defaults=replace(pocket.defaults, only_steps=False))
    assert unheard(free, scene) == ()


def test_a_crop_is_not_warned_of_what_comes_after_it() -> None:
    spec = _spec("rain", "wind")
    assert unknown_states(spec, _scene(), until_s=20) == ()
    assert unknown_states(spec, _scene(), until_s=30) == unknown_states(spec, _scene())
    assert unknown_states(spec, _scene(), until_s=600) == unknown_states(spec, _scene())


def test_the_nearest_state_is_the_one_that_sounds_alike() -> None:
    (notice,) = unknown_states(_spec("rain", "traffic"), _scene())
    assert notice.text.endswith("the nearest it knows is traffic")
    assert set(NEAREST_STATE) <= set(KNOWN)
    assert all(set(like) <= set(KNOWN) for like in NEAREST_STATE.values())


# Words

WORDS = (
    "a an the of at by in and night forest rain light heavy stream waves crickets crowd café open"
)
WORDS += " field many few traffic"
KNOWN_WORDS = Vocabulary(frozenset(WORDS.split()))


def _words_of(text: str, until_s: float | None = None, spec: ModelSpec | None = None) -> list[str]:
    told = unknown_words(spec or _spec(*KNOWN), parse_scene(text), KNOWN_WORDS, until_s)
    return [notice.text for notice in told]


def test_known_words_are_not_looked_for_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a week of short turns that takes a minute."""
    asked: list[State] = []

    def first_s(scene: Scene, state: State, *_: object) -> float:
        asked.append(state)
        return 0.0

    monkeypatch.setattr(vocabulary, "_first_s", first_s)
    text = (
        "duration: 168h\nstates: {rain: {levels: [~, WORD], repeat: 1s, curve: {0s: 0, 9ms: 1}}}\n"
    )
    assert not _words_of(text.replace("WORD", "light rain"))
    assert not asked
    assert _words_of(text.replace("WORD", "zorbs"))
    assert asked


def _set_in(setting: str) -> str:
    return f"duration: 60s\nsetting: {json.dumps(setting)}\nstates: {{rain: {{curve: 0}}}}\n"


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("Forest", "forest"),
        ("forrest", "forest"),
        ("ocean", "waves"),
        ("pub", "café"),
        ("bars", "café"),
        ("drizzle", "light rain"),
        ("brook", "stream"),
        ("mosquito", "crickets"),
        ("moor", "open field"),
        ("night-forest", "night forest"),
        ("xylophone", ""),
        ("train", "traffic"),
        ("dorest", ""),
        ("fo", ""),
        ("雨", ""),
    ],
)
def test_the_nearest_is_the_same_word_or_near_in_meaning_or_in_spelling(
    word: str, near: str
) -> None:
    found = KNOWN_WORDS.nearest(word)
    assert found.removeprefix("a ").removeprefix("an ") == near
    remedy = f'the nearest it knows is "{found}"' if near else "nothing it knows is near"
    said = f'small does not know the word "{word}" (setting, from 0s): {remedy}'
    assert _words_of(_set_in(f"a {word}, at night, by the {word}.")) == [said]


def test_a_word_that_is_known_is_not_told_whatever_stands_around_it() -> None:
    assert _words_of(_set_in("(a forest) - at 'night'; the forest!")) == []


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("rain,zorgle and the forest", ["zorgle"]),
        ("zorgle/'brool';rain", ["zorgle", "brool"]),
        ("rain,zorgle and rain—zorgle", ["zorgle"]),
        ("rain,forest", ["rain,forest"]),  # the tokenizer spells out what follows a comma
        ("night-zorgle", ["night-zorgle"]),
    ],
)
def test_of_words_that_punctuation_joins_the_unknown_are_named(
    setting: str, told: list[str]
) -> None:
    found = [text.split('"')[1] for text in _words_of(_set_in(setting))]
    assert found == told


def test_the_word_that_the_text_stream_says_throughout_is_told() -> None:
    levels = "[~, light rain, zorgle, heavy rain, many rain]"
    text = f"duration: 8s\nstates:\n  mine: {{levels: {levels}, curve: 0.1}}\n"
    (notice,) = _words_of(text)
    assert notice.startswith('small does not know the word "zorgle" (states.mine.levels, from 0s)')
    wordless = replace(_spec(*KNOWN), defaults=replace(_spec().defaults, text_stream=False))
    assert _words_of(text, spec=wordless) == []
    assert _words_of(text.replace("curve: 0.1", "curve: 0")) == []


def test_a_level_word_matters_from_when_it_is_first_heard() -> None:
    hive = "  hive: {levels: [~, a few bees, many wasps], curve: {0s: 0, 20s: 0, 60s: 1}}\n"
    text = "duration: 60s\nstates:\n  rain: {curve: 0.5, levels: [~, light rain]}\n" + hive
    bees, wasps = _words_of(text)
    assert "bees" in bees
    assert '(states.hive.levels, from 20s500ms): the nearest it knows is "crickets"' in bees
    assert "wasps" in wasps
    assert "(states.hive.levels, from 40s500ms)" in wasps
    assert _words_of(text, 41.0) == [bees, wasps]
    assert _words_of(text, 30.0) == [bees]
    assert _words_of(text, 20.0) == []


def test_a_word_of_several_fields_is_told_once() -> None:
    text = _set_in("a hive") + "render: {guidance: 2, negative_prompt: hive}\n"
    (notice,) = _words_of(text)
    assert "(setting and render.negative_prompt, from 0s)" in notice
    unguided = replace(_spec(*KNOWN), defaults=replace(_spec().defaults, guidance=1.0))
    (notice,) = _words_of(text.replace("guidance: 2, ", ""), spec=unguided)
    assert "(setting, from 0s)" in notice


def test_more_words_than_one_reads_share_a_notice() -> None:
    notices = _words_of(_set_in("alpha beta gamma delta pub zeta"))
    assert len(notices) == 5
    assert notices[-1] == "small does not know 2 more words: pub (nearest: café), zeta".replace(
        "café", KNOWN_WORDS.nearest("pub")
    )
    crowded = _words_of(_set_in(" ".join(f"{chr(97 + i)}qq" for i in range(26))))
    assert len(crowded) == 5
    assert crowded[-1].endswith("pqq and 10 more")


def _write_tokenizer(folder: Path, pieces: list[tuple[str, float]], kind: str = "Unigram") -> None:
    special = [{"id": 0, "content": "<pad>"}, {"id": 1, "content": "</s>"}]
    model = {"type": kind, "vocab": [("<pad>", 0.0), ("</s>", 0.0), *pieces]}
    (folder / "tokenizer_2").mkdir(exist_ok=True)
    text = json.dumps({"added_tokens": special, "model": model})
    (folder / "tokenizer_2" / "tokenizer.json").write_text(text, encoding="utf-8")


def _in(folder: Path, *states: str) -> ModelSpec:
    return replace(_spec(*states), folder=folder)


def test_the_words_are_those_the_tokenizer_has_pieces_for(tmp_path: Path) -> None:
    chance = math.log(1 / 20_000)
    pieces = [("▁", -14.0), ("a", -14.0), ("▁rain", -2.0), ("▁pond", -9.0), ("▁qzx", chance)]
    _write_tokenizer(tmp_path, pieces)
    vocabulary = read_vocabulary(_in(tmp_path, "rain"))
    assert vocabulary == Vocabulary(frozenset({"rain", "pond"}))
    assert read_vocabulary(_in(tmp_path)) is None  # a model that takes any state takes any word


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: _write_tokenizer(folder, [("▁rain", -2.0), ("ing", -3.0)]),
        lambda folder: _write_tokenizer(folder, [("▁", -2.0), ("a", -3.0)]),
        lambda folder: _write_tokenizer(folder, [("▁rain", -2.0)], "BPE"),
        lambda folder: (folder / "tokenizer_2" / "tokenizer.json").write_text("[]"),
        lambda folder: (folder / "tokenizer_2" / "tokenizer.json").write_text("{"),
        lambda folder: (folder / "tokenizer_2" / "tokenizer.json").unlink(),
    ],
)
def test_models_with_pieces_of_words_take_any_word(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    _write_tokenizer(tmp_path, [("▁rain", -2.0)])
    text = _set_in("a moor")
    assert len(unheard(_in(tmp_path, "rain"), parse_scene(text))) == 2
    change(tmp_path)
    assert unheard(_in(tmp_path, "rain"), parse_scene(text)) == ()


@pytest.mark.parametrize(
    ("guidance", "whose"), [("", "pocket's own"), ("guidance: 1, ", "which is none")]
)
def test_a_negative_prompt_without_guidance_is_told(guidance: str, whose: str) -> None:
    text = f"duration: 9s\nrender: {{{guidance}negative_prompt: birds}}\nstates: "
    text += "{rain: {curve: 0.5}}\n"
    assert [notice.text for notice in unheard(resolve("pocket"), parse_scene(text))] == [
        f"the `negative_prompt` is not heard at a guidance of 1, {whose}; write for example "
        "`guidance: 2`, or leave it out"
    ]
    guided = parse_scene(text, overrides=["render.guidance=2"])
    assert not unheard(resolve("pocket"), guided)


def test_own_states_are_judged_by_their_words_and_untaught_ones_by_their_name(
    tmp_path: Path,
) -> None:
    _write_tokenizer(tmp_path, [(f"▁{word}", -3.0) for word in ("light", "rain", "heavy")])
    scene = parse_scene(
        "duration: 9s\nstates:\n  train: {curve: 1}\n"
        "  mist: {curve: 1, levels: [~, light rain]}\n  bells: {curve: 1, levels: [~, bells]}\n"
    )
    told = [notice.text for notice in unheard(_in(tmp_path, "rain"), scene)]
    assert [text.partition(" (")[0] for text in told] == [
        "small does not know train",
        'small does not know the word "bells"',
    ]


# Pocket


def test_pocket_knows_the_words_of_its_states_and_little_else() -> None:
    spec = resolve("pocket")
    vocabulary = read_vocabulary(spec)
    assert vocabulary is not None
    for name in spec.states:
        known = KNOWN[name]
        said = [known.plain, *(word for word in known.levels if word is not None)]
        assert [text for text in said if not vocabulary.knows(text)] == [], name
    assert vocabulary.knows("silence and a mountain lake at dusk")
    assert not any(map(vocabulary.knows, ("xylophone", "qa", "ae", "Rain")))
    assert 100 < len(vocabulary.words) < 1000
    assert pocket_folder() == spec.folder


def test_every_suggestion_is_of_words_that_the_catalogue_or_pocket_knows() -> None:
    vocabulary = read_vocabulary(resolve("pocket"))
    assert vocabulary is not None
    catalogue = " ".join(f"{k.plain} {' '.join(filter(None, k.levels))}" for k in KNOWN.values())
    words = vocabulary.words | set(catalogue.split())
    phrases = {phrase for near in NEAREST.values() for phrase in near}
    assert [phrase for phrase in phrases if not set(phrase.split()) <= words] == []


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
