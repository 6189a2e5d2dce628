"""Layers, events and outputs as scenes write them: what they mean, overrides, documents."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import ambientgen
from ambientgen.audio_file import Encoding, Shape
from ambientgen.audio_file.formats import FORMATS
from ambientgen.curves import Constant, Points, Repeating, Wander
from ambientgen.errors import Problem, SceneError
from ambientgen.models.registry import renders_apart
from ambientgen.scene import (
    OutputOptions,
    Scene,
    load_scene,
    missing_recording,
    parse_scene,
    recording_path,
    scene_json_schema,
)
from ambientgen.scene.document import document_text, scene_document
from ambientgen.scene.layers import Event, Layer, Placement, Ranged
from ambientgen.scene.output_fields import CHOICES, FORMAT_BITS, clashes
from ambientgen.scene.scene import BitsName, LayoutName
from ambientgen.scene.textures import TEXTURE_KINDS
from ambientgen.synth import TEXTURES

STORM = """\
title: Storm at the cabin
duration: 2m
seed: 7
setting: a mountain pass
layers:
  rain:
    states: {rain: {curve: {0s: 0.2, 2m: 0.9}, wander: {amount: 0.1, period: 9s}}}
    setting: in a forest
    gain: {curve: {0s: -6dB, 1m: 1.5}, easing: smooth, wander: {amount: 2.1 dB, period: 11s}}
    direction: {0s: -60, 2m: {value: 60, easing: hold}}
    distance: 0.4
    width: 0.8
    room: small
    seed: 1
    model: pocket
  thunder:
    engine: procedural
    states: {wind: {curve: 0.3, kind: gap}}
    strength: 0.5
    gain: -3dB
    events:
      - {at: 72s, sound: thunder, distance: 0.3, length: 3s, kind: near, gain: -2 db}
      - {rate: {0s: 0.5, 2m: 4}, sound: thunder, distance: [0.2, 0.9], direction: [-90, 90],
         level: [0.5, 1]}
  bed:
    engine: recording
    file: sounds/birds.flac
events:
  - {at: 50%, sound: fire}
  - {rate: {curve: {0s: 1, 5s: 3}, repeat: 20s}, sound: dishes}
variants: 5
output:
  format: wav
  sample_rate: 48000
  bits: 24
  layout: 5.1
  width: 0.3
  air: false
  loudness: -23 LUFS
  peak: -2 dBTP
  fade_in: 2s
  fade_out: 5%
"""
LOOP = STORM.replace("seed: 7", "seed: 7\nloop: true").partition("  fade_in")[0]
APART = "duration: 1m\nstates: {rain: {curve: 0.5}, wind: {curve: 1}}\napart: true\n"
EVENTFUL = """\
duration: 1m
states: {rain: {curve: 0.5}, wind: {curve: 1}}
events: [{at: 1s, sound: thunder}]
"""
SMALL = "duration: 1m\nlayers: {far: {states: {rain: {curve: 0.5}}}}\n"


def missing(scene: Scene) -> list[Problem]:
    return [found for layer in scene.layers if (found := missing_recording(layer)) is not None]


def at(ranged: Ranged | None, *times_s: float) -> list[float]:
    assert ranged is not None
    return [round(value, 9) for value in ranged.at(np.array(times_s)).tolist()]


def test_every_field_of_a_layer_arrives() -> None:
    rain, thunder, bed = parse_scene(STORM, "places/storm.yaml").layers
    assert (rain.name, rain.engine, rain.setting, rain.seed) == ("rain", "model", "in a forest", 1)
    assert rain.model == "pocket"
    curve = Points((0.0, 120.0), (0.2, 0.9), ("linear", "linear"))
    assert rain.states[0].curve == Wander(curve, 0.1, 9.0, 7, "rain")
    placed = rain.placement
    assert (placed.width, placed.room) == (0.8, "small")
    assert at(placed.direction, 0.0, 60.0, 120.0, 999.0) == [-60.0, 0.0, 60.0, 60.0]
    assert at(placed.distance, 0.0, 99.0) == [0.4, 0.4]
    assert placed.gain_db is not None
    assert isinstance(placed.gain_db.curve, Wander)
    assert placed.gain_db.curve.amount * 84 == pytest.approx(2.1)
    still = Ranged(curve=placed.gain_db.curve.base, low=-60.0, high=24.0)
    assert at(still, 0.0, 30.0, 60.0) == [-6.0, -2.25, 1.5]
    assert (thunder.engine, thunder.kinds, thunder.strength) == (
        "procedural",
        (("wind", "gap"),),
        0.5,
    )
    assert at(thunder.placement.gain_db, 5.0) == [-3.0]
    assert (bed.engine, bed.file, bed.base) == ("recording", "sounds/birds.flac", "places")
    assert bed.place == "places/storm.yaml:27:11"
    assert recording_path(bed) == Path("places/sounds/birds.flac")
    assert bed.placement == Placement()


def test_every_field_of_an_event_arrives() -> None:
    scene = parse_scene(STORM)
    clap, claps = scene.layers[1].events
    assert clap == Event(
        sound="thunder",
        kind="near",
        at_s=72.0,
        length_s=3.0,
        gain_db=-2.0,
        distance=(0.3, 0.3),
    )
    assert at(claps.rate, 0.0, 60.0, 120.0) == [0.5, 2.25, 4.0]
    assert (claps.at_s, claps.level) == (None, (0.5, 1.0))
    assert (claps.distance, claps.direction) == ((0.2, 0.9), (-90.0, 90.0))
    log, plates = scene.events
    assert log == Event(sound="fire", at_s=60.0)
    assert plates.rate is not None
    assert isinstance(plates.rate.curve, Repeating)


def test_every_field_of_the_output_arrives() -> None:
    scene = parse_scene(STORM)
    assert scene.variants == 5
    assert scene.output == OutputOptions(
        format="wav",
        sample_rate=48000,
        bits="24",
        layout="5.1",
        width=0.3,
        air=False,
        loudness_lufs=-23.0,
        peak_dbtp=-2.0,
        fade_in_s=2.0,
        fade_out_s=6.0,
    )
    assert parse_scene(SMALL).output == OutputOptions()


def test_what_sounds() -> None:
    scene = parse_scene(STORM)
    assert [sound.name for sound in scene.sounds] == ["rain", "thunder", "bed", "events"]
    rain = scene.mixture_of(scene.layers[0])
    assert (rain.setting, rain.layers, rain.events) == ("a mountain pass, in a forest", (), ())
    assert rain.seed != scene.seed
    alone = parse_scene("duration: 1m\nevents: [{at: 5s, sound: thunder}]\n")
    assert [sound.name for sound in alone.sounds] == ["events"]
    beside = parse_scene(
        "duration: 1m\nstates: {rain: {curve: 1}}\nevents: [{at: 5s, sound: fire}]"
    )
    assert [sound.name for sound in beside.sounds] == ["mixture", "events"]


def test_all_of_a_scene_without_end_is_told() -> None:
    text = SMALL.replace("1m", "endless")
    assert parse_scene(text).changes_until_s == 60.0
    assert parse_scene(text, overrides=["layers.far.gain={0s: 0, 3m: -6}"]).changes_until_s == 180.0
    later = parse_scene(f"{text}events: [{{at: 5m, sound: thunder, length: 9s}}]")
    assert later.changes_until_s == 309.0
    rising = parse_scene(f"{text}events: [{{rate: {{0s: 1, 7m: 2}}, sound: thunder}}]")
    assert rising.changes_until_s == 420.0


def test_states_apart_are_layers_of_their_names() -> None:
    rain, wind = "{curve: 0.5, wander: {amount: 0.1, period: 10s}}", "{curve: {0s: 0, 1m: 1}}"
    states = f"duration: 1m\nseed: 5\nstates: {{rain: {rain}, wind: {wind}}}\n"
    written = (
        "duration: 1m\nseed: 5\nlayers:\n"
        f"  rain: {{states: {{rain: {rain}}}}}\n  wind: {{states: {{wind: {wind}}}}}\n"
    )
    assert parse_scene(f"{states}apart: true\n") == parse_scene(written)
    assert parse_scene(states, overrides=["apart=true"]) == parse_scene(written)
    assert parse_scene(f"{states}apart: false\n") == parse_scene(states)
    assert parse_scene(f"{states}apart: true\n").with_seed(6) == parse_scene(
        written, overrides=["seed=6"]
    )


@pytest.mark.parametrize(
    ("said", "apart"), [("", True), ("apart: true\n", True), ("apart: false\n", False)]
)
def test_a_model_has_states_apart_unless_the_scene_says_otherwise(said: str, apart: bool) -> None:
    text = (
        f"duration: 1m\nmodel: alone\nstates: {{rain: {{curve: 0.5}}, wind: {{curve: 1}}}}\n{said}"
    )
    asked: list[str] = []

    def has(model: str) -> bool:
        asked.append(model)
        return True

    scene = parse_scene(text, apart=has)
    assert [layer.name for layer in scene.layers] == (["rain", "wind"] if apart else [])
    assert scene == parse_scene(text, overrides=[f"apart={str(apart).lower()}"])
    assert asked == ([] if said else ["alone"])
    together = parse_scene(text, apart=lambda model: False)
    assert together == (parse_scene(text, apart=has) if said else parse_scene(text))


@pytest.mark.parametrize(
    "text",
    [
        "duration: 1m\nstates: {rain: {curve: 0.5}}\n",
        STORM,
        "duration: 1m\nstates: {rain: {curve: 0.5}, events: {levels: [~, bells], curve: 1}}\n"
        "events: [{at: 1s, sound: thunder}]\n",
    ],
    ids=["one state", "layers", "a stem of one name"],
)
def test_what_cannot_be_apart_stays_as_it_is_written(text: str) -> None:
    assert parse_scene(text, apart=lambda model: True) == parse_scene(text)


def test_pocket_has_states_apart_and_other_models_have_not(
    tmp_path: Path, hub_faithful_folder: Path
) -> None:
    file = tmp_path / "pair.yaml"
    file.write_text("duration: 1m\nstates: {rain: {curve: 0.5}, wind: {curve: 1}}\n")
    assert [layer.name for layer in ambientgen.load_scene(file).layers] == ["rain", "wind"]
    assert not ambientgen.load_scene(file, ["apart=false"]).layers
    text = file.read_text()
    assert ambientgen.parse_scene(text, str(file)) == ambientgen.load_scene(file)
    assert not ambientgen.parse_scene(text, str(file), ["apart=false"]).layers
    for other in ("nobody/knows-this", str(hub_faithful_folder)):
        assert not ambientgen.load_scene(file, [f"model={json.dumps(other)}"]).layers
    assert renders_apart("pocket") and not renders_apart(str(hub_faithful_folder))


def test_a_state_drifts_alike_apart_and_in_a_mixture() -> None:
    state = "rain: {curve: 0.5, wander: {amount: 0.2, period: 9s}}"
    text = f"duration: 1m\nstates: {{{state}, wind: {{curve: 1}}}}\n"
    apart = parse_scene(text, apart=lambda model: True)
    assert apart.layers[0].states == parse_scene(text).states[:1]
    other = parse_scene(f"duration: 1m\nlayers: {{far: {{states: {{{state}}}}}}}\n")
    assert other.layers[0].states != apart.layers[0].states


def test_states_apart_are_written_down_as_layers() -> None:
    document = scene_document(parse_scene(APART))
    assert list(document["layers"]) == ["rain", "wind"]
    assert not document.keys() & {"apart", "states"}


def test_a_mixture_is_written_down_as_one() -> None:
    """The document is a scene by itself, also to who would have its states apart."""
    mixture = parse_scene(APART, overrides=["apart=false"])
    document = scene_document(mixture)
    assert document["apart"] is False
    assert parse_scene(document_text(document), apart=lambda model: True) == mixture
    assert "apart" not in scene_document(parse_scene("duration: 1m\nstates: {rain: {curve: 1}}\n"))


def test_events_sound_beside_states_that_are_apart() -> None:
    text = f"{EVENTFUL}apart: true\n"
    assert [sound.name for sound in parse_scene(text).sounds] == ["rain", "wind", "events"]


@pytest.mark.parametrize("text", [STORM, LOOP, SMALL, APART])
def test_a_scene_of_layers_is_a_value_that_reads_back(text: str) -> None:
    scene = parse_scene(text, "storm.yaml")
    assert scene == parse_scene(text, "storm.yaml")
    assert hash(scene) == hash(parse_scene(text, "storm.yaml"))
    again = parse_scene(document_text(scene_document(scene)), "storm.json")
    assert again == scene
    assert again.to_json() == scene.to_json()


def test_a_scene_that_asks_for_nothing_new_is_written_as_ever() -> None:
    document = scene_document(parse_scene("duration: 1m\nstates: {rain: {curve: 0.5}}\n"))
    assert not document.keys() & {"layers", "events", "variants"}
    assert document["output"] == {"format": "wav", "sample_rate": 16000}


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.floats(-60, 24), st.floats(-180, 180), st.floats(0, 600)),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([0, 1, 3, 17]),
    st.booleans(),
)
def test_numbers_in_units_read_back_the_same(
    rows: list[tuple[float, float, float]], digits: int, loop: bool
) -> None:
    points = [
        {f"{time_s}s": round(row[column], digits) for time_s, row in enumerate(rows)}
        for column in range(3)
    ]
    layer: dict[str, Any] = {
        "engine": "procedural",
        "gain": points[0],
        "direction": points[1],
    }
    layer["events"] = [{"rate": points[2], "sound": "rain"}]
    fields = {"duration": "1m", "loop": loop, "layers": {"a": layer}}
    scene = parse_scene(yaml.safe_dump(fields, sort_keys=False))
    assert parse_scene(document_text(scene_document(scene))) == scene
    gain = scene.layers[0].placement.gain_db
    if not loop:
        told = [points[0][f"{time_s}s"] for time_s in range(len(points[0]))]
        assert gain is not None
        assert gain.at(np.arange(len(told), dtype=float)) == pytest.approx(told, abs=1e-9)


def test_a_document_elsewhere_finds_the_recordings(tmp_path: Path) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    (home / "sounds").mkdir(parents=True)
    away.mkdir()
    (home / "sounds" / "birds.flac").touch()
    (home / "storm.yaml").write_text(STORM)
    scene = load_scene(home / "storm.yaml")
    assert missing(scene) == []
    text = document_text(scene_document(scene, str(away)))
    moved = parse_scene(text, str(away / "storm.json"))
    assert moved.layers[2].file == "../home/sounds/birds.flac"
    assert missing(moved) == []
    stayed = parse_scene(document_text(scene_document(scene)), str(away / "storm.json"))
    assert len(missing(stayed)) == 1


def test_a_document_behind_a_link_finds_the_recordings(tmp_path: Path) -> None:
    home, deep = tmp_path / "home", tmp_path / "real" / "deep"
    home.mkdir()
    deep.mkdir(parents=True)
    (home / "birds.flac").touch()
    (home / "out").symlink_to(deep)
    (home / "a.yaml").write_text(
        "duration: 1m\nlayers: {birds: {engine: recording, file: birds.flac}}\n"
    )
    text = document_text(scene_document(load_scene(home / "a.yaml"), str(home / "out")))
    assert missing(parse_scene(text, str(home / "out" / "a.json"))) == []


def test_a_recording_may_lie_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "birds.flac").touch()
    text = "duration: 1m\nlayers: {birds: {engine: recording, file: ~/birds.flac}}\n"
    scene = parse_scene(text, "/elsewhere/a.yaml")
    assert missing(scene) == []
    assert recording_path(scene.layers[0]) == tmp_path / "birds.flac"


def test_a_folder_called_like_home_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "~").mkdir()
    (tmp_path / "~" / "birds.flac").touch()
    text = "duration: 1m\nlayers: {birds: {engine: recording, file: ./~/birds.flac}}\n"
    scene = parse_scene(text, str(tmp_path / "a.yaml"))
    again = parse_scene(document_text(scene_document(scene, str(tmp_path))), f"{tmp_path}/a.json")
    for each in (scene, again):
        assert missing(each) == []


def test_recordings_that_are_not_there(tmp_path: Path) -> None:
    text = "duration: 1m\nlayers:\n"
    for index, file in enumerate(["none.wav", "folder", "abb.wav"]):
        text += f"  r{index}: {{engine: recording, file: {file}}}\n"
    (tmp_path / "folder").mkdir()
    (tmp_path / "bad.yaml").write_text(text)
    there = tmp_path / "bad.yaml"
    told = [str(problem) for problem in missing(load_scene(there))]
    remedy = "check the name: it counts from the scene's folder"
    assert told == [
        f"{there}:3:33: there is no recording `none.wav`; {remedy}",
        f"{there}:4:33: the recording `folder` is a folder; name a sound file in it",
        f"{there}:5:33: there is no recording `abb.wav`; {remedy}",
    ]


def test_recordings_that_are_not_there_are_told_with_all_else_that_is_wrong(tmp_path: Path) -> None:
    there = tmp_path / "bad.yaml"
    (tmp_path / "here.wav").touch()
    there.write_text(
        "duration: 1m\nlayers:\n"
        "  a: {engine: recording, file: none.wav}\n"
        "  b: {states: {rain: {curve: 1.6}}}\n"
        "  c: {engine: recording, file: here.wav}\n"
        "  d: {engine: recording, file: 7}\n"
        "  e: [none.wav]\n"
    )
    with pytest.raises(SceneError) as caught:
        load_scene(there)
    told = [str(problem).removeprefix(f"{there}:") for problem in caught.value.problems]
    assert [line.partition(";")[0] for line in told] == [
        "3:32: there is no recording `none.wav`",
        "4:30: `curve` must lie between 0 and 1, not 1.6",
        "6:32: `file` must be one line of at most 1000 characters, not 7",
        "7:6: the layer `e` must be a mapping, not a list",
    ]


def test_in_a_loop_all_curves_come_round() -> None:
    scene = parse_scene(LOOP)
    moves = scene.layers[0].placement.direction
    assert at(moves, 0.0, 60.0) == [-60.0, 0.0]  # to 60, where it jumps back, as it is drawn
    plates = scene.events[1].rate
    assert at(plates, 3.0) == at(plates, 123.0)
    gain = scene.layers[0].placement.gain_db
    assert at(gain, 0.0) == at(gain, 120.0)


# Another take


def test_another_seed_is_another_take_of_everything() -> None:
    scene = parse_scene(STORM)
    other = scene.with_seed(8)
    assert other == parse_scene(STORM, overrides=["seed=8"])
    times_s = np.arange(100.0)
    for one, another in (
        (scene.layers[0].placement.gain_db, other.layers[0].placement.gain_db),
        (scene.layers[0].states[0].curve, other.layers[0].states[0].curve),
    ):
        assert one is not None
        assert another is not None
        assert not np.allclose(one.at(times_s), another.at(times_s))


def test_two_layers_with_the_same_state_wander_apart() -> None:
    state = "{states: {rain: {curve: 0.5, wander: {amount: 0.3, period: 5s}}}}"
    scene = parse_scene(f"duration: 1m\nlayers:\n  near: {state}\n  far: {state}\n")
    near, far = (layer.states[0].value(np.arange(60.0)) for layer in scene.layers)
    assert not np.allclose(near, far)


def test_takes_differ_and_the_first_is_the_scene() -> None:
    scene = parse_scene(STORM)
    takes = [scene.variant(number) for number in range(1, 6)]
    assert takes[0].seed == scene.seed
    assert len({take.seed for take in takes}) == 5
    assert all(take.variants == 1 for take in takes)


# --set


def test_overrides_reach_into_layers_and_events() -> None:
    scene = parse_scene(
        STORM,
        overrides=[
            "layers.rain.states.rain.curve=0.5",
            "layers.rain.gain=-12dB",
            "layers.rain.direction.30s=0",
            "layers.thunder.events.0.at=80s",
            "layers.bed=" + "{engine: procedural, states: {birds: {curve: 1}}}",
            "events.1.sound=rain",
            "output.layout=quad",
            "output.bits=32f",
            "layers.far.states.wind.curve=0.2",
        ],
    )
    rain, thunder, bed, far = scene.layers
    assert isinstance(rain.states[0].curve, Wander)
    assert rain.states[0].curve.base == Constant(0.5)
    assert at(rain.placement.gain_db, 0.0) == [-12.0]
    assert at(rain.placement.direction, 30.0) == [0.0]
    assert thunder.events[0].at_s == 80.0
    assert (bed.engine, bed.file) == ("procedural", None)
    assert scene.events[1].sound == "rain"
    assert (scene.output.layout, scene.output.bits) == ("quad", "32f")
    assert far.states[0].name == "wind"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("layers.far.gain=99", "`gain` must lie between -60 and 24 dB, not 99; 0 changes nothing"),
        ("layers.far.states=", "`states` is empty; write for example"),
        ("layers.far.engine=recording", "a recording has no `states`; leave it out"),
        ("output.layout=5.2", "`layout` must be `mono`, `stereo`, `quad`, `5.1` or `ambisonics`"),
    ],
)
def test_a_bad_override_of_a_layer_is_told(override: str, message: str) -> None:
    with pytest.raises(SceneError) as caught:
        parse_scene(SMALL, overrides=[override])
    assert message in str(caught.value)


# What goes with what


CHANNELS = {"mono": 1, "stereo": 2, "quad": 4, "5.1": 6, "ambisonics": 4}


@pytest.mark.parametrize("layout", CHOICES["layout"])
@pytest.mark.parametrize("format_name", CHOICES["format"])
def test_what_no_format_holds_is_refused_and_nothing_else(
    format_name: str, layout: LayoutName
) -> None:
    """What a scene may ask for is what the writers of files take."""
    for rate in map(int, CHOICES["sample_rate"]):
        for bits in get_args(BitsName):
            shape = Shape(rate, CHANNELS[layout], None, layout)
            refused = FORMATS[format_name].refusal(Encoding(format_name, bits), shape)
            asked = bits if format_name in FORMAT_BITS else None
            told = list(clashes(format_name, rate, asked, layout))
            assert bool(told) == (refused is not None), (rate, bits, told, refused)


@pytest.mark.parametrize("format_name", ["ogg", "opus", "mp3"])
def test_formats_with_loss_have_no_bits(format_name: str) -> None:
    ((field, what, _),) = clashes(format_name, 16000, "16", "mono")
    assert (field, what) == ("bits", f"`{format_name}` is compressed with loss and has no `bits`")


def test_the_kinds_are_those_of_the_synthesisers() -> None:
    assert {name: tuple(each.kinds) for name, each in TEXTURES.items()} == TEXTURE_KINDS


def test_reading_layers_needs_neither_numpy_nor_the_synthesisers() -> None:
    program = (
        "import sys, ambientgen.scene as s\n"
        f"[s.missing_recording(x) for x in s.parse_scene({STORM!r}).layers]\n"
        "print([m for m in ('torch', 'numpy', 'scipy', 'ambientgen.synth') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# Nothing makes a traceback


def survives(text: str, *overrides: str) -> Scene | None:
    """The scene, or None after a SceneError that says a place, a problem and a remedy."""
    try:
        scene = parse_scene(text, "f.yaml", overrides)
    except SceneError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.place
            assert problem.what
            assert problem.remedy
            assert str(problem).isprintable()
        return None
    assert parse_scene(document_text(scene_document(scene)), "f.yaml") == scene
    return scene


KEYS = st.sampled_from(
    "states layers events rain far engine file kind strength gain direction distance width room"
    " setting model seed curve wander amount period repeat easing value 0s 9s at rate sound level"
    " length format bits layout loudness peak fade_in fade_out air x".split()
)
WORDS = "x 5s 50% rain -3dB model procedural recording near thunder stereo mp3 opus smooth".split()
LEAF = st.sampled_from([None, True, 0, -1, 0.5, 7, 10**40, math.nan, "", 5.1, 16, *WORDS])
ROW = LEAF | st.lists(LEAF, max_size=3) | st.dictionaries(KEYS, LEAF, max_size=3)
ANY = ROW | st.lists(ROW, max_size=3) | st.dictionaries(KEYS, ROW, max_size=4)


@settings(max_examples=300)
@given(
    st.dictionaries(KEYS, ANY, max_size=6), st.sampled_from(["layer", "event", "output", "scene"])
)
def test_any_tree_is_read_or_refused(fields: dict[str, object], place: str) -> None:
    scene: dict[str, Any] = {"duration": "1m", "loop": "seed" in fields}
    if place == "layer":
        scene |= {"layers": {"far": {"states": {"rain": {"curve": 0.5}}} | fields}}
    elif place == "event":
        scene |= {"events": [{"at": "5s", "sound": "thunder"} | fields]}
    elif place == "output":
        scene |= {"states": {"rain": {"curve": 0.5}}, "output": fields}
    else:
        scene |= fields
    survives(yaml.safe_dump(scene))


@given(st.integers(0, len(STORM)))
def test_a_cut_scene_of_layers_is_read_or_refused(length: int) -> None:
    survives(STORM[:length])


@given(st.text(max_size=12), st.text(max_size=20))
def test_any_override_of_a_layer_is_read_or_refused(path: str, value: str) -> None:
    survives(SMALL, f"layers.far.{path}={value}")
    survives(SMALL, f"layers.far.gain={value}")
    survives(SMALL, f"output.loudness={value}")


# The schema for editors


def test_the_schema_for_editors_offers_sounds_and_kinds() -> None:
    models = scene_json_schema()["$defs"]
    event = models["EventFields"]["properties"]
    assert event["sound"]["enum"] == list(TEXTURE_KINDS)
    assert "gulls" in event["kind"]["enum"]
    assert "rain" in models["LayerFields"]["properties"]["states"]["properties"]


def test_a_layer_by_itself() -> None:
    """Layers that say nothing of their place have none, and cost nothing to place."""
    (layer,) = parse_scene(SMALL).layers
    assert layer == Layer(name="far", states=layer.states, placement=Placement())


@pytest.mark.parametrize("loop", [False, True])
def test_past_the_end_gains_hold_and_in_a_loop_they_come_round(loop: bool) -> None:
    """As states do: what repeats or wanders does not go on."""
    text = f"""
    duration: 20s
    loop: {str(loop).lower()}
    layers:
      rain:
        states: {{rain: {{curve: 0.5}}}}
        gain: {{curve: {{0s: -20dB, 5s: 0dB}}, repeat: 10s}}
        direction: {{curve: 0, wander: {{amount: 60, period: 3s}}}}
    """
    (rain,) = parse_scene(text).layers
    times = np.array([13.0, 20.0, 22.5, 27.0, 33.0, 41.0])
    for curve in (rain.placement.gain_db, rain.placement.direction):
        assert curve is not None
        inside = np.mod(times, 20.0) if loop else np.minimum(times, 20.0)
        np.testing.assert_array_equal(curve.at(times), curve.at(inside))
        assert len(set(curve.at(times).tolist())) == (4 if loop else 2) or loop
