"""What comes along: catalogue, shipped scenes, template, the schema for editors, docs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ambientgen.cli import app
from ambientgen.curves import EASINGS
from ambientgen.errors import ExitCode, UsageError
from ambientgen.layered_plan import to_models
from ambientgen.models.registry import renders_apart, resolve
from ambientgen.models.vocabulary import unheard, unknown_states
from ambientgen.plan import make_plan
from ambientgen.scene import (
    KNOWN,
    ShippedScene,
    new_scene_text,
    parse_scene,
    scene_json_schema,
    shipped_scene,
    shipped_scenes,
)
from ambientgen.scene.hints import HINTS
from ambientgen.training.captions import PLACES

SHIPPED = shipped_scenes()
SCENES = Path(__file__).parent.parent / "scenes"
DOCS = (Path(__file__).parent.parent / "docs" / "scenes.md").read_text(encoding="utf-8")
DOC_SCENES = re.findall(r"```yaml\n(.*?)```", DOCS, flags=re.DOTALL)


# The catalogue


def test_the_catalogue_keeps_its_order() -> None:
    assert " ".join(KNOWN) == (
        "rain wind waves stream waterfall fire thunder birds crickets frogs leaves crowd"
        " conversation footsteps traffic train room dishes music drone"
    )
    assert all(name == state.name for name, state in KNOWN.items())


def test_every_phrase_names_one_state_at_one_level() -> None:
    assert all(len(state.levels) == 5 and state.levels[0] is None for state in KNOWN.values())
    phrases = [phrase for state in KNOWN.values() for phrase in state.levels[1:]]
    assert len({str(phrase).lower() for phrase in phrases}) == 80
    assert all(phrase and phrase == phrase.strip().lower() for phrase in phrases)
    assert len({state.plain for state in KNOWN.values()}) == 20


# Shipped scenes


@pytest.mark.parametrize("scene", SHIPPED, ids=lambda scene: scene.name)
def test_a_shipped_scene_is_heard_from_its_first_second_to_its_last(scene: ShippedScene) -> None:
    read = parse_scene(scene.text)
    assert 30 <= scene.duration_s <= 600
    times = np.arange(0.0, read.duration_s, 0.5)
    states = [state for sound in read.sounds for state in sound.states]
    loudest = np.max([state.value(times) for state in states], axis=0)
    assert loudest[:4].min() >= 0.2
    assert loudest.min() >= 0.15
    assert read.setting in PLACES
    assert "Teaches:" in scene.comment


def test_ten_scenes_come_along_and_are_told_by_title() -> None:
    told = {scene.name: scene.title for scene in SHIPPED}
    assert told == {
        "cabin": "A storm around the cabin",
        "cafe": "A café in the morning",
        "campfire": "A campfire by a stream",
        "city-after-midnight": "A city after midnight",
        "dawn-chorus": "Dawn chorus",
        "harbour": "A harbour",
        "rain": "Rain that builds and passes",
        "storm": "A storm in the mountains",
        "summer-night": "A summer night",
        "surf": "Surf at night",
    }


@pytest.mark.parametrize("scene", SHIPPED, ids=lambda scene: scene.name)
def test_a_shipped_scene_asks_for_nothing_that_pocket_cannot_follow(scene: ShippedScene) -> None:
    pocket = resolve("pocket")
    together, rendered = parse_scene(scene.text), parse_scene(scene.text, apart=renders_apart)
    for _, read in {*to_models(together), *to_models(rendered)}:
        times = np.arange(0.0, read.duration_s, 0.5)
        heard = np.array([state.value(times) > 0 for state in read.states])
        assert heard.sum(axis=0).max() <= 3  # no mixture that pocket learns from has more
        assert make_plan(read, pocket.geometry, pocket.rule).notices == ()
        untaught = {state.name for state in read.states} - set(pocket.states)
        assert untaught <= set(KNOWN)
        warned = {notice.text for notice in unheard(pocket, read)}
        assert warned == {notice.text for notice in unknown_states(pocket, read)}
        assert len(warned) == len(untaught)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cabin", "campfire", "city-after-midnight", "surf"])
def test_a_shipped_scene_passes_its_own_check(name: str, tmp_path: Path) -> None:
    scene, sound = SCENES / f"{name}.yaml", tmp_path / f"{name}.wav"
    assert app.run(["render", str(scene), "-o", str(sound)]) == ExitCode.DONE
    assert app.run(["check", str(sound), "--scene", str(scene)]) == ExitCode.DONE


def test_a_shipped_scene_by_name() -> None:
    assert shipped_scene("rain") == shipped_scene("rain.yaml")
    with pytest.raises(UsageError, match=r"surff: no scene of this name .*; did you mean `surf`\?"):
        shipped_scene("surff")
    with pytest.raises(UsageError, match="there are: cabin, cafe, campfire, "):
        shipped_scene("/etc/passwd")


# The template


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("lake", "Lake"),
        ("my-forest_walk.yaml", "My forest walk"),
        ("scenes/by the sea.yml", "By the sea"),
        ("true", "True"),
        ("null", "Null"),
        ("42", "42"),
        ("Café: nuit", "Café nuit"),
        ("...", "A new scene"),
    ],
)
def test_a_new_scene_is_whole_and_commented(name: str, title: str) -> None:
    text = new_scene_text(name)
    assert parse_scene(text).title == title
    assert text.count("#") > 10


@given(st.text(max_size=300))
def test_any_name_makes_a_scene(name: str) -> None:
    assert parse_scene(new_scene_text(name)).states


# The schema for editors


def accepts(schema: dict[str, Any], value: object, root: dict[str, Any]) -> bool:
    """Whether a JSON Schema takes a value; as much of JSON Schema as ours says."""
    if "$ref" in schema and not accepts(root["$defs"][schema["$ref"].split("/")[-1]], value, root):
        return False
    for word, every in (("anyOf", False), ("allOf", True)):
        if word in schema:
            fits = [accepts(choice, value, root) for choice in schema[word]]
            if not (all(fits) if every else any(fits)):
                return False
    types: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "null": type(None),
        "boolean": bool,
    }
    if "type" in schema and (
        not isinstance(value, types[schema["type"]])
        or (isinstance(value, bool) and schema["type"] != "boolean")
    ):
        return False
    if ("const" in schema and value != schema["const"]) or value not in schema.get("enum", [value]):
        return False
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return False
    if isinstance(value, int | float):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    if isinstance(value, list):
        return all(accepts(schema.get("items", {}), item, root) for item in value)
    return not isinstance(value, dict) or accepts_fields(schema, value, root)


def accepts_fields(schema: dict[str, Any], value: dict[str, Any], root: dict[str, Any]) -> bool:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    if any(name not in value for name in schema.get("required", ())):
        return False
    for name, inner in value.items():
        if not accepts(schema.get("propertyNames", {}), name, root):
            return False
        one = known.get(name, others)
        if one is False or not accepts(one, inner, root):
            return False
    return True


def in_schema(text: str, *path_and_value: Any) -> bool:
    value = yaml.safe_load(text)
    if path_and_value:
        *path, last, new = path_and_value
        inner = value
        for step in path:
            inner = inner[step]
        inner[last] = new
    return accepts(scene_json_schema(), value, scene_json_schema())


@pytest.mark.parametrize("text", [scene.text for scene in SHIPPED] + DOC_SCENES)
def test_the_schema_takes_what_is_right(text: str) -> None:
    assert in_schema(text)


@pytest.mark.parametrize(
    "change",
    [
        ("titel", "x"),
        ("duration", 90),
        ("duration", "1:30"),
        ("duration", "50%"),
        ("seed", -1),
        ("title", None),
        ("keyframes", "often"),
        ("keyframes", {"every": 5}),
        ("render", {"steps": 0}),
        ("output", {"format": "aiff"}),
        ("states", "rain", {"curve": 2}),
        ("states", "rain", {"curve": {"90": 1}}),
        ("states", "rain", {"curve": {"0s": {"value": 1, "easing": "fast"}}}),
        ("states", "rain", {}),
        ("states", "rian", {"curve": 1}),
        ("states", "Rain!", {"curve": 1, "levels": [None, "rain"]}),
        ("states", "rain", {"curve": 1, "wander": {"amount": 1}}),
    ],
)
def test_the_schema_refuses_what_is_wrong(change: tuple[Any, ...]) -> None:
    assert not in_schema(shipped_scene("rain").text, *change)


@pytest.mark.parametrize(
    "change",
    [
        ("version", 1),
        ("keyframes", "auto"),
        ("keyframes", {"every": "20s"}),
        ("render", {"window": "5s", "overlap": "500ms", "guidance": 2}),
        ("output", {"format": "flac", "sample_rate": 16000}),
        ("states", "rain", {"curve": {"0s": 1, "5s": 0}, "repeat": "50%"}),
        ("states", "rain", {"curve": {"50%": {"value": 1, "easing": "step"}}}),
        ("states", "hive", {"curve": 1, "levels": [None, "bees"]}),
    ],
)
def test_the_schema_takes_every_form(change: tuple[Any, ...]) -> None:
    assert in_schema(shipped_scene("rain").text, *change)


def test_every_field_is_described() -> None:
    schema = scene_json_schema()
    models = [schema, *schema["$defs"].values()]
    described = [field for model in models for field in model["properties"].items()]
    assert {name for name, _ in described} == set(HINTS) - {"value"}
    for name, field in described:
        assert field["description"], name
        assert field["examples"], name
    assert "null" not in str(schema["properties"])


# The documentation


@pytest.mark.parametrize("text", DOC_SCENES)
def test_a_documented_scene_is_right(text: str) -> None:
    assert parse_scene(text)


def test_every_field_state_and_easing_is_documented() -> None:
    for name, hint in HINTS.items():
        assert f"| `{name}` |" in DOCS, name
        assert hint.example.split(": ", 1)[0] == name
    for easing in EASINGS:
        assert f"| `{easing}` |" in DOCS
    for state in KNOWN.values():
        words = " | ".join(str(phrase) for phrase in state.levels[1:])
        assert f"| `{state.name}` | {words} |" in DOCS, f"| `{state.name}` | {words} |"


def test_the_documented_messages_are_the_real_ones() -> None:
    shown = re.search(r"```text\n(bad\.yaml.*?)```", DOCS, flags=re.DOTALL)
    wrong = re.search(r"```text\n(# bad\.yaml\n.*?)```", DOCS, flags=re.DOTALL)
    assert shown
    assert wrong
    with pytest.raises(Exception, match="bad") as caught:
        parse_scene(wrong[1], "bad.yaml")
    assert str(caught.value).splitlines() == shown[1].splitlines()
