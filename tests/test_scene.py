"""Scenes that are right: what their words mean, overrides, and that nothing makes a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ambientgen.curves import Constant, Points, Repeating, Wander
from ambientgen.errors import SceneError
from ambientgen.scene import KNOWN, OutputOptions, Scene, load_scene, parse_scene, tree
from ambientgen.scene.document import document_text, scene_document
from ambientgen.scene.durations import DurationError, parse_span, spell
from ambientgen.sidecar.reading import Asked, Sidecar

FULL = """\
# every field once
version: 1
title: "Rain: the whole of it"
duration: 1h30m
seed: 7
setting: a mountain lake at dusk
key: D minor
states:
  rain:
    easing: smooth
    curve: {0s: 0.1, 500ms: 0.2, 50%: {value: 0.9, easing: hold}, 1h30m: 0}
  wind:
    levels: [still air, ~x, strong wind]
    curve: {2s: 0.2, 18s: 1}
    repeat: 20s
    wander: {amount: 0.1, period: 40s}
  wind_chimes:
    levels: [~, chimes]
    curve: {10m: 0.25}
keyframes: {every: 20s}
model: pocket
render: {window: 5s, overlap: 500ms, steps: 8, guidance: 1, negative_prompt: speech, interpolation: spherical, scheduler: DDIMScheduler, swells: 0.5}
output: {format: flac, sample_rate: 16000}
"""  # noqa: E501
SMALL = "duration: 1m\nstates: {rain: {curve: 0.5}}\n"


def test_every_field_arrives() -> None:
    scene = parse_scene(FULL)
    rain, wind, chimes = scene.states
    assert (scene.title, scene.duration_s, scene.seed) == ("Rain: the whole of it", 5400.0, 7)
    assert scene.setting == "a mountain lake at dusk"
    assert scene.tuning.key.name == "D minor"
    assert rain.curve == Points(
        (0.0, 0.5, 2700.0, 5400.0), (0.1, 0.2, 0.9, 0.0), ("smooth", "smooth", "hold", "smooth")
    )
    assert rain.levels == KNOWN["rain"].levels
    assert rain.plain == "rain"
    turn = Points((2.0, 18.0), (0.2, 1.0), ("linear", "linear"))
    assert wind.curve == Wander(Repeating(turn, 20.0), 0.1, 40.0, 7, "wind")
    assert wind.levels == ("still air", "~x", "strong wind")
    assert chimes.curve == Constant(0.25)
    assert chimes.levels == (None, "chimes")
    assert chimes.plain == "chimes", "its middle word"
    assert scene.keyframes.every_s == 20.0
    assert scene.to_json()["render"] == {
        "window_s": 5.0,
        "overlap_s": 0.5,
        "steps": 8,
        "guidance": 1.0,
        "negative_prompt": "speech",
        "interpolation": "spherical",
        "scheduler": "DDIMScheduler",
        "swells": 0.5,
    }
    assert scene.output == OutputOptions(format="flac", sample_rate=16000)


def test_what_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "quiet-lake.yaml"
    path.write_text(SMALL)
    scene = load_scene(path)
    assert (scene.title, scene.seed, scene.setting, scene.model) == ("quiet-lake", 0, "", "pocket")
    assert scene.keyframes.every_s is None
    assert set(scene.to_json()["render"].values()) == {None}
    assert scene.output.format == "wav"


def test_a_scene_is_a_value() -> None:
    one, other = parse_scene(FULL), parse_scene(FULL)
    one.states[1].value(np.zeros(3))
    assert one == other
    assert hash(one) == hash(other)
    assert one.to_json() == other.to_json()
    with pytest.raises(AttributeError):
        one.seed = 8  # type: ignore[misc]


def test_another_seed_is_another_take() -> None:
    scene, times = parse_scene(FULL), np.arange(100.0)
    other = scene.with_seed(8)
    assert other == parse_scene(FULL, overrides=["seed=8"])
    assert other.states[0] == scene.states[0]
    assert not np.allclose(other.states[1].value(times), scene.states[1].value(times))
    with pytest.raises(ValueError, match="a seed must be"):
        scene.with_seed(-1)


def test_a_state_answers_at_any_time() -> None:
    state = parse_scene(
        "duration: 1m\nstates: {rain: {curve: {0s: 0, 30s: {value: 1, easing: hold}, 1m: 0}}}\n"
    ).states[0]
    assert state.value(np.array([0.0, 15.0, 59.0, 60.0, 999.0])).tolist() == [0, 0.5, 1, 0, 0]
    assert state.bends_s(60.0) == (30.0,)
    assert state.steps_s(60.0) == ()
    assert state.steps_s(61.0) == (60.0,)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("1m2s3ms", 62.003),
        ("1.5h", 5400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_span(text).resolve(10.0) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("90", "write `90s` or `90m`"),
        ("0", "write `0s`"),
        ("1:30", "write `1m30s`"),
        ("1,5m", "write `1.5m`"),
        ("1,5 min", "write `1.5m`"),
        ("1h, 30m", "write `1h30m`"),
        ("1:02:03", "write `1h2m3s`"),
        ("5 min", "write `5m`"),
        ("1 hour, 5 minutes", "write `1h5m`"),
        ("30S", "write `30s`"),
        ("-3s", "times count from the start: `0s`, `90s`"),
        ("soon", "write a time such as `90s`, `5m` or `1h30m`"),
        ("", "write a time such as `90s`, `5m` or `1h30m`"),
        ("s", "write a time such as `90s`, `5m` or `1h30m`"),
        ("5m1h", "write a time such as `90s`, `5m` or `1h30m`"),
        ("50%", "write a time such as `90s`"),
    ],
)
def test_what_is_no_duration_tells_what_to_write(text: str, remedy: str) -> None:
    with pytest.raises(DurationError) as caught:
        parse_span(text)
    assert caught.value.remedy == remedy


@given(st.integers(0, 10**9))
def test_a_spelt_time_reads_back(milliseconds: int) -> None:
    text = spell(milliseconds / 1000)
    assert parse_span(text).seconds == pytest.approx(milliseconds / 1000, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("1:30", "1:30"),
        ("010", 10),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("~", None),
        ("'5'", "5"),
        ('"true"', "true"),
        ("-.INF", float("-inf")),
        ("9" * 5000, float("inf")),
    ],
)
def test_scalars_are_read_by_yaml_1_2(text: str, value: object) -> None:
    root, problems = tree.compose(f"a: {text}\n", "f")
    assert root.plain() == {"a": value}
    assert type(root.plain()["a"]) is type(value)
    assert not problems


def test_windows_line_ends_and_a_byte_order_mark_are_fine() -> None:
    assert parse_scene(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode()) == parse_scene(FULL)


def test_the_python_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = parse_scene(FULL)
    monkeypatch.setattr(tree, "_LOADER", yaml.SafeLoader)
    assert parse_scene(FULL) == expected
    with pytest.raises(SceneError, match=r":1:13: this is nested more than 12 deep"):
        parse_scene("[" * 5000)


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
def test_json_may_escape_pairs_of_surrogates(loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `json.dumps` does by itself. Where nothing is escaped they are what is written."""
    monkeypatch.setattr(tree, "_LOADER", getattr(yaml, loader))
    title = "ü\U0001f327\U0001f327 \\ud83c\\udf27 \\\U0001f327"
    said = {"title": title, "duration": "1m", "setting": "\U0001f327", "states": {"rain": {}}}
    text = json.dumps(said)
    assert "\\ud83c\\udf27" in text
    with pytest.raises(SceneError) as caught:
        parse_scene(text, "s.json")
    (problem,) = caught.value.problems
    column = text.index('"rain"') + 1
    assert problem.place == f"s.json:1:{column}"
    scene = parse_scene(text.replace("{}", '{"curve": 1}'))
    assert (scene.title, scene.setting) == (title, "\U0001f327")
    rest = "duration: 1m\ntitle: \\ud83c\\udf27 x\nsetting: '\\ud83c\\udf27'\n# \\ud83c\\udf27\n"
    rest += 'states: {rain: {curve: 1, levels: [~, a, b, c, "\\uD83C\\uDF27"]}}'
    scene = parse_scene(rest)
    assert (scene.title, scene.setting) == (r"\ud83c\udf27 x", r"\ud83c\udf27")
    assert scene.states[0].levels[4] == "\U0001f327"


# --set


def test_overrides_reach_everything_and_the_last_wins() -> None:
    scene = parse_scene(
        FULL,
        overrides=[
            "states.wind.wander.amount=0.3",
            "states.wind_chimes.curve=0.1",
            "states.wind_chimes.curve={0s: 0, 9s: 0.75}",
            'states.wind_chimes.curve."4.5s"=1',
            "states.wind_chimes.levels.1=bells",
            "states.fire={curve: 0.4}",
            "render.steps=3",
            "title=a = b",
            "keyframes=auto",
        ],
    )
    chimes = scene.states[2]
    assert chimes.curve == Points((0.0, 4.5, 9.0), (0.0, 1.0, 0.75), ("linear",) * 3)
    assert chimes.levels == (None, "bells")
    assert scene.states[3].curve == Constant(0.4)
    assert scene.states[1].curve.to_json()["amount"] == 0.3
    assert (scene.render.steps, scene.title) == (3, "a = b")
    assert scene.keyframes.every_s is None


@pytest.mark.parametrize("order", [1, -1])
def test_shares_of_a_duration_that_is_set_too_stand_where_they_belong(order: int) -> None:
    text = "duration: 2m\nstates: {rain: {curve: {0s: 0.1, 90s: 0.9}}}"
    (rain,) = parse_scene(
        text, overrides=["states.rain.curve.50%=0.3", "duration=4m"][::order]
    ).states
    np.testing.assert_allclose(rain.value(np.array([0.0, 90.0, 120.0])), [0.1, 0.9, 0.3])


@given(st.integers(1, 10_000_000))
def test_a_time_is_the_same_however_it_is_written(milliseconds: int) -> None:
    exact = milliseconds / 1000
    minutes, seconds = Decimal(milliseconds) / 60_000, Decimal(milliseconds) / 1000
    assert parse_span(f"{milliseconds}ms").seconds == parse_span(f"{seconds}s").seconds == exact
    if -minutes.as_tuple().exponent < 6:  # type: ignore[operator]
        assert parse_span(f"{minutes:f}m").seconds == exact


def test_a_point_at_the_end_may_be_written_in_another_way() -> None:
    parse_scene("duration: 4.1m\nstates: {rain: {curve: {0s: 0.1, 4m6s: 0.9}}}")


def test_many_events_are_read_back_from_what_describes_them() -> None:
    events = ", ".join(f"{{at: {second}s, sound: thunder}}" for second in range(0, 1500, 3))
    layers = "\n".join(f"  bed{i}: {{engine: procedural, events: [{events}]}}" for i in range(1, 7))
    scene = parse_scene(f"duration: 1h\nlayers:\n{layers}\n")
    text = document_text(scene_document(scene))
    with pytest.raises(SceneError, match="more than 10000 values"):
        parse_scene(text, "again.json")
    document = {"scene": json.loads(text), "asked": Asked().to_json()}
    assert Sidecar("again.json", document).scene() == replace(scene, title=scene.title)


def test_an_override_makes_the_mappings_it_needs() -> None:
    scene = parse_scene(SMALL, overrides=["render.steps=3", "states.wind.curve=1"])
    assert scene.render.steps == 3
    assert [state.name for state in scene.states] == ["rain", "wind"]


@pytest.mark.parametrize("override", ["25%=0.5", "2500ms=0.5", "15s={value: 0.5}"])
def test_an_override_puts_a_point_where_its_time_belongs(override: str) -> None:
    text = "duration: 10s\nstates: {rain: {curve: {0%: 0, 5s: 1, 100%: 0}}}\n"
    overrides = [f"states.rain.curve.{override}"]
    if override.startswith("15s"):
        overrides = ["duration=20s", *overrides]
    curve = parse_scene(text, overrides=overrides).states[0].curve
    assert isinstance(curve, Points)
    assert list(curve.times_s) == sorted(curve.times_s)
    assert sorted(curve.levels) == [0.0, 0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    "path",
    ["output.loudness", "loop", "states.rain.wander", "states.rain.wander.amount", "render.steps",
     "render", "setting", "layers"],
)  # fmt: skip
def test_taking_out_what_is_not_there_changes_nothing(path: str) -> None:
    assert parse_scene(SMALL, overrides=[f"{path}=null"]) == parse_scene(SMALL)


def test_null_takes_out_what_is_there() -> None:
    scene = (
        "duration: 1m\nlayers:\n  a:\n    states:\n      rain: {curve: {0s: 0, 9s: 1, 20s: 0.5}}\n"
    )
    scene += "    gain: {curve: -3dB, wander: {amount: 1dB, period: 9s}}\n"
    less = scene.replace(", 20s: 0.5", "").replace(", wander: {amount: 1dB, period: 9s}", "")
    paths = ["layers.a.states.rain.curve.20s", "layers.a.gain.wander", "layers.a.gain.easing"]
    assert parse_scene(scene, overrides=[f"{path}=null" for path in paths]) == parse_scene(less)


def test_an_override_mends_a_file() -> None:
    assert parse_scene(
        "states: {rain: {curve: 7}}", overrides=["duration=1m", "states.rain.curve=1"]
    )


BAD_OVERRIDES = {
    "states.rain.curve=2": "`curve` must lie between 0 and 1, not 2; "
    "0 is none and 1 is most: write for example `0.5`",
    "states.rian.curve=0.5": "`rian` is not in the catalogue of states, and has no `levels`; "
    "did you mean `rain`? If not, give its words from none to most, such as "
    "`levels: [~, a soft hum, a loud hum]`",
    "sed=5": "a scene has no `sed`; did you mean `seed`?",
    "seed=yes": '`seed` must be a whole number from 0 to 2^63 - 1, not "yes"; '
    "write for example `seed: 7`",
    "seed=": "`seed` is empty; write for example `seed: 7`, or leave the line out",
    "seed=*a": "`*a` is an alias; write the value out",
    "seed=[": "a value is missing; write it, or delete this bracket",
    "states.rian=null": "`states` has no `rian`; it has `rain`",
    "states.rian.wander=null": "`states` has no `rian`; it has `rain`",
    "output.loudnes=null": "`output` has no `loudnes`; did you mean `loudness`?",
    "loops=null": "a scene has no `loops`; did you mean `loop`?",
    "states.rain.curve.9s=1": "`states.rain.curve` holds no `9s` that could be set; "
    "set it whole: `--set states.rain.curve=`",
}


def test_a_path_that_leads_to_no_field_is_told_as_far_as_it_leads() -> None:
    text = "duration: 1m\nlayers: {rain: {states: 5}}\n"
    with pytest.raises(SceneError) as caught:
        parse_scene(text, overrides=["layers.rain.states.rain.curve=1"])
    assert "`layers.rain.states` holds no `rain`" in str(caught.value)
    assert "set it whole: `--set layers.rain.states=`" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("rain.yaml", "rain"),
        ("there/a\nb\t.yaml", "a b"),
        (os.fsdecode(b"there/\xff\xfe.yaml"), "??"),
        (f"{'x' * 230}.yaml", "x" * 200),
        ("there/ .yaml", "Untitled"),
    ],
)
def test_a_files_name_becomes_a_title_that_a_scene_may_have(source: str, title: str) -> None:
    scene = parse_scene(SMALL, source)
    assert scene.title == title
    assert parse_scene(document_text(scene_document(scene)), "again.json") == scene


def test_a_long_eased_curve_is_told_in_a_document_that_can_be_read() -> None:
    points = ", ".join(f"{second}s: {second % 7 / 7:g}" for second in range(3600))
    text = "duration: 1h\nstates: {rain: {easing: smooth, curve: {POINTS}}}\n"
    scene = parse_scene(text.replace("POINTS", points))
    assert parse_scene(document_text(scene_document(scene)), "scene.json") == scene


@pytest.mark.parametrize("override", BAD_OVERRIDES)
def test_a_bad_override_is_told_by_its_name(override: str) -> None:
    with pytest.raises(SceneError) as caught:
        parse_scene(SMALL, overrides=[override])
    path = override.partition("=")[0]
    assert str(caught.value) == f"--set {path}: {BAD_OVERRIDES[override]}"


@pytest.mark.parametrize(
    "override", ["seed", "=5", "a..b=5", ".seed=1", 'a."b=1', "a." * 9 + "a=1"]
)
def test_what_is_no_override(override: str) -> None:
    with pytest.raises(SceneError, match=r"^--set .*; write for example `--set states.rain.curve="):
        parse_scene(SMALL, overrides=[override])


def test_file_and_overrides_are_judged_together() -> None:
    with pytest.raises(SceneError) as caught:
        parse_scene("duration: 0s\nstates: {rain: {curve: 0}}", "f", ["seed=-1", "x"])
    assert [problem.place for problem in caught.value.problems] == [
        "f:1:11",
        "--set x",
        "--set seed",
    ]


# Nothing makes a traceback


def survives(text: str | bytes, *overrides: str) -> Scene | None:
    """The scene, or None after a SceneError that says a place, a problem and a remedy."""
    try:
        return parse_scene(text, "f.yaml", overrides)
    except SceneError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.place
            assert problem.what
            assert problem.remedy
            assert str(problem).isprintable()
        return None


@given(st.integers(0, len(FULL)))
def test_a_cut_scene_is_read_or_refused(length: int) -> None:
    survives(FULL[:length])


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(FULL)),
            st.integers(0, 6),
            st.text(alphabet="{}[]:,-?&*!|>'\"%@` \n#~.0159aes\\\x00é\u2028", max_size=4),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_mangled_scene_is_read_or_refused(edits: list[tuple[int, int, str]]) -> None:
    text = FULL
    for place, length, inserted in edits:
        text = text[:place] + inserted + text[place + length :]
    survives(text)


KEYS = st.sampled_from(
    "duration states rain curve levels wander amount period repeat easing value 0s 9s render steps"
    " keyframes every output format title seed version x".split()
)
LEAF = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        0.5,
        7,
        10**40,
        float("nan"),
        "",
        "x",
        "5s",
        "50%",
        "1:30",
        "auto",
        "smooth",
    ]
)
ROW = LEAF | st.lists(LEAF, max_size=3) | st.dictionaries(KEYS, LEAF, max_size=3)
ANY = ROW | st.lists(ROW, max_size=3) | st.dictionaries(KEYS, ROW, max_size=3)


@settings(max_examples=300)
@given(st.dictionaries(KEYS, ANY, max_size=5), st.booleans())
def test_any_tree_is_read_or_refused(fields: dict[str, object], nested: bool) -> None:
    if nested:
        fields = {"duration": "1m", "states": {"rain": fields}}
    survives(yaml.safe_dump(fields))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    survives(raw)
    survives(SMALL.encode() + raw)


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_override_is_read_or_refused(path: str, value: str) -> None:
    survives(SMALL, f"{path}={value}")
    survives(SMALL, f"states.{path}={value}")
    survives(SMALL, f"states.rain.curve={value}")


def test_reading_a_scene_needs_neither_torch_nor_numpy() -> None:
    program = (
        "import sys, ambientgen.scene as s\n"
        f"s.parse_scene({FULL!r}); s.scene_json_schema()\n"
        "print([m for m in ('torch', 'numpy', 'scipy', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
