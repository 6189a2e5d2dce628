"""The sidecar: says what a sound is, always in the same bytes, and makes it again."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

import ambientgen
from ambientgen.asked import Between
from ambientgen.audio_file import Companion, Encoding, Shape, open_sink
from ambientgen.audio_file.digest import pcm_sha256
from ambientgen.audio_file.part import Part, delete_abandoned
from ambientgen.cli import plot, verify
from ambientgen.cli.app import run
from ambientgen.curves import Repeating
from ambientgen.errors import ExitCode, MismatchError, OutputError, Problem, SceneError, UsageError
from ambientgen.models.registry import resolve
from ambientgen.plan import make_plan
from ambientgen.scene import Scene, load_scene, parse_scene
from ambientgen.scene.document import document_text, scene_document
from ambientgen.scene.schema import RenderFields, SceneFields
from ambientgen.sidecar import (
    Asked,
    Beside,
    Made,
    SampleSpan,
    SidecarRule,
    as_stem,
    describe,
    differences,
    read_sidecar,
    rule_for,
    same_render,
    sidecar_path,
    sidecar_text,
)

ROOT = Path(__file__).parents[1]
SCENES = sorted((ROOT / "scenes").glob("*.yaml"))
Output = pytest.CaptureFixture[str]

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


FULL = """
title: "Tout \\u00e9t\\u00e9 \\U0001F30A: # a [test]"
duration: 3m20.125s
loop: true
seed: 9223372036854775807
setting: "yes"
key: c# Lydian
states:
  rain: {easing: smooth, curve: {0s: 0.1, 33.3%: {value: 1, easing: step}, 2m7ms: 0.00001}}
  wind: {curve: {1s: 0, 5s: 0.5}, repeat: 21s, wander: {amount: 0.1, period: 7s}}
  hum: {levels: [~, "a: hum", "null"], curve: 0.5, wander: {amount: 1, period: 1h}}
keyframes: {every: 20s}
model: some/folder
render:
  {window: 5s, overlap: 500ms, steps: 8, guidance: 3.5, negative_prompt: "no, really",
   interpolation: spherical, scheduler: UniPCMultistepScheduler, swells: 0.5}
output: {format: flac}
"""


def read_back(scene: Scene) -> Scene:
    return parse_scene(document_text(scene_document(scene)), "again.json")


@pytest.mark.parametrize("path", SCENES, ids=lambda path: path.stem)
def test_a_scene_reads_back_from_its_document(path: Path) -> None:
    scene = load_scene(path)
    assert read_back(scene) == scene


def test_the_document_holds_every_field_a_scene_can_have() -> None:
    scene = parse_scene(FULL)
    document = scene_document(scene)
    elsewhere = {"layers", "events", "variants"}
    assert document.keys() == SceneFields.model_fields.keys() - elsewhere
    assert document["render"].keys() == RenderFields.model_fields.keys()
    assert read_back(scene) == scene
    # Also as it stands in a sidecar, where everything is ASCII.
    stored = json.loads(json.dumps(document))
    assert parse_scene(document_text(stored)) == scene
    endless = parse_scene("duration: endless\nstates: {rain: {curve: 0.5}}")
    assert read_back(endless) == endless


REPEATING = """
duration: {duration}
loop: {loop}
layers:
  rain:
    states: {{rain: {{repeat: {repeat}, curve: {{0s: 0.1, 500ms: 0.8}}}}}}
    gain: {{repeat: {repeat}, curve: {{0s: 0, 500ms: -3}}}}
"""


@pytest.mark.parametrize("duration", ["4501ms", "7770ms", "31600ms"])
def test_a_turn_that_a_loop_made_shorter_than_may_be_written_reads_back(duration: str) -> None:
    scene = parse_scene(REPEATING.format(duration=duration, loop="true", repeat="1s"))
    curve = scene.layers[0].states[0].curve
    assert isinstance(curve, Repeating) and curve.period_s < 1.0
    assert read_back(scene) == scene


@pytest.mark.parametrize(
    ("duration", "loop", "repeat"),
    [
        ("7770ms", "false", "0.97125s"),
        ("7770ms", "true", "970ms"),
        ("8s", "true", "500ms"),
        ("endless", "true", "900ms"),
        ("8s", "true", "0s"),
    ],
)
def test_no_other_turn_is_shorter(duration: str, loop: str, repeat: str) -> None:
    with pytest.raises(SceneError, match="`repeat` must be a time from 1s"):
        parse_scene(REPEATING.format(duration=duration, loop=loop, repeat=repeat))


# --- what may stand beside a sound ---


def written(path: Path, **fields: Any) -> dict[str, Any]:
    """A sidecar of a made-up render."""
    scene = {"duration": "1s", "states": {"rain": {"curve": 0.5}}, "output": {"format": "wav"}}
    asked = {"duration_s": None, "from_s": None, "to_s": None}
    document = {"format": "ambientgen sidecar 1", "scene": scene, "asked": asked, **fields}
    path.write_bytes(sidecar_text(document, "00" * 32))
    return document


def test_what_a_sidecar_asks_for_is_planned_drawn_and_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    states = {"rain": {"curve": {"0s": 0.1, "9s": 0.9}}}
    asked = {"duration_s": None, "from_s": 2.0, "to_s": 4.5}
    written(Path("a.json"), scene={"duration": "20s", "states": states}, asked=asked)
    drawn: list[Asked] = []

    def enough(_: Scene, asked: Asked) -> NoReturn:
        drawn.append(asked)
        raise UsageError(Problem("a.json", "is not drawn"))

    monkeypatch.setattr(plot, "_scene", enough)
    for options, stretch in (([], (2.0, 2.5)), (["--to", "7s"], (2.0, 5.0))):
        assert run(["plan", "a.json", "--json", *options]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["start_s"], told["duration_s"]) == stretch
        assert run(["plot", "a.json", *options]) == ExitCode.BAD_INPUT
        assert drawn.pop().stretch(20.0, 1000) == tuple(
            round(1000 * time_s) for time_s in (stretch[0], sum(stretch))
        )


def test_a_sidecar_reads_back(tmp_path: Path) -> None:
    document = written(tmp_path / "rain.json", seed=3)
    found = read_sidecar(tmp_path / "rain.json")
    assert found is not None
    assert (found.sha256, found.document) == ("00" * 32, {**document, "sha256": "00" * 32})
    assert found.scene(["seed=5"]).seed == 5
    assert sidecar_text(document, found.sha256) == (tmp_path / "rain.json").read_bytes()


@pytest.mark.parametrize("text", ["", "states: 3", "{", "[]", '{"format": "other"}', '{"a": 1}'])
def test_what_is_no_sidecar(tmp_path: Path, text: str) -> None:
    (tmp_path / "rain.json").write_text(text)
    assert read_sidecar(tmp_path / "rain.json") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"format": "ambientgen sidecar 99"}', "another version"),
        ('{"format": "ambientgen sidecar 1", "sha256": "00"}', "not whole"),
    ],
)
def test_a_sidecar_that_cannot_be_used_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rain.json").write_text(text)
    with pytest.raises(SceneError, match=said):
        read_sidecar(tmp_path / "rain.json")


@pytest.mark.parametrize("wrong", ["90s", -5, float("nan"), float("inf"), True, 10**400])
def test_a_sidecar_of_times_that_are_none_is_told(tmp_path: Path, wrong: object) -> None:
    path = tmp_path / "rain.json"
    written(path, asked={"duration_s": None, "from_s": "wrong", "to_s": None})
    path.write_text(path.read_text().replace('"wrong"', json.dumps(wrong)))  # NaN is not ours
    with pytest.raises(SceneError, match="not whole"):
        read_sidecar(path)


@pytest.mark.parametrize(
    "wrong", [3, {}, ["rain"], [{"sha256": "x"}], [{"name": [], "sha256": "x"}], [{"name": None}]]
)
def test_a_sidecar_of_layers_that_are_none_is_told(
    wrong: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.chdir(tmp_path)
    written(Path("rain.json"), layers=wrong)
    Path("rain.wav").touch()
    assert run(["verify", "rain.wav"]) == ExitCode.BAD_INPUT
    said = "ambientgen: rain.json: this sidecar is not whole; render the scene again"
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize(
    ("duration_s", "between_s", "goes_round"),
    [
        (None, (None, None), True),
        (20.0, (None, None), True),
        (15.0, (None, None), False),
        (None, (2.0, None), False),
        (20.0, (3.0, 13.0), True),
    ],
)
def test_only_whole_turns_of_a_loop_lead_back_to_their_start(
    duration_s: float | None, between_s: Between, goes_round: bool
) -> None:
    scene = parse_scene("title: a\nduration: 10s\nloop: true\nstates: {rain: {curve: 0.5}}\n")
    spec, asked = resolve("pocket"), Asked(duration_s, between_s)
    plan = make_plan(scene, spec.geometry, spec.rule, asked)
    first, end = asked.stretch(scene.duration_s, 16_000)
    assert end is not None
    made = [Made("mixture", plan, spec, "00", {})]
    told = describe(scene, asked, SampleSpan(first, end, 16_000, 160_000), made)
    assert told["loop"] is goes_round


def _of_model(name: str, content: str) -> dict[str, Any]:
    """Of a scene with a layer, as far as it speaks of models."""
    model = {"name": name, "fingerprint": content}
    scene = {"model": name, "layers": {"rain": {"engine": "model", "model": name}}}
    return {"scene": scene, "model": model, "layers": [{"name": "rain", "model": model}]}


def test_only_what_decides_samples_makes_another_render() -> None:
    one = {"seed": 1, "ambientgen": "1", "scene": {"seed": 1, "output": {"format": "wav"}}}
    same = {**one, "ambientgen": "2", "sha256": "x", "scene": {"seed": 1}}
    assert same_render(one, same)
    other = {**one, "profile": {"torch": "3"}, "seed": 2}
    assert not same_render(one, other)
    assert same_render(_of_model("mod", "00"), _of_model("./mod", "00"))
    assert differences(_of_model("mod", "00"), _of_model("mod", "11")) == [
        "layers.rain",
        "model.fingerprint",
    ]
    assert differences(one, other) == ["profile", "seed"]
    assert differences({"profile": {"torch": "2"}}, other)[0] == "profile.torch"


def test_no_sidecar_is_written_that_is_no_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        sidecar_text({"asked": {"duration_s": math.inf}}, "00" * 32)


def test_a_foreign_file_is_replaced_with_force_only_and_an_input_never(tmp_path: Path) -> None:
    path = tmp_path / "rain.json"
    path.write_text("{}")
    with pytest.raises(OutputError, match=r"is no sidecar.*--force"):
        SidecarRule(path).check()
    SidecarRule(path, force=True).check()
    SidecarRule(path, write=False).check()
    with pytest.raises(OutputError, match="the scene to render"):
        SidecarRule(path, force=True, inputs=frozenset([str(path)])).check()
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        SidecarRule(tmp_path / "folder.json", force=True).check()


def test_a_sidecar_of_the_same_render_stays_and_of_another_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "rain.json"
    document = written(path, seed=1)
    rule = SidecarRule(path)
    rule.check()
    there = rule.admit(document)
    assert there is not None
    assert rule.companion(document, there, "00" * 32) is None
    with pytest.raises(OutputError, match="other samples"):
        rule.companion(document, there, "11" * 32)
    other = {**document, "seed": 2}
    with pytest.raises(OutputError, match="another render"):
        rule.admit(other)
    forced = SidecarRule(path, force=True)
    assert forced.admit(other) is None
    replacing = Companion(path, sidecar_text(other, "11" * 32))
    assert forced.companion(other, None, "11" * 32) == replacing
    # Without a sidecar wanted, one of another sound goes with the sound it describes.
    unwanted = SidecarRule(path, write=False, force=True)
    assert unwanted.admit(other) is None
    assert unwanted.companion(other, None, "11" * 32) == Companion(path, None)


def test_without_a_sidecar_wanted_a_right_one_and_the_scene_itself_stay(tmp_path: Path) -> None:
    """What it says of stems, or of who made it, may be another thing."""
    path = tmp_path / "rain.json"
    document = {**written(path, ambientgen="1"), "ambientgen": "2"}
    rule = SidecarRule(path, write=False)
    there = rule.admit(document)
    assert there is not None
    assert rule.companion(document, there, "00" * 32, {"stems": {}}) is None
    of_scene = replace(rule, force=True, inputs=frozenset([os.path.realpath(path)]))
    assert of_scene.companion({**document, "seed": 2}, None, "11" * 32) is None


def test_a_sidecar_whose_sound_is_gone_does_not_cost_another_its_render(tmp_path: Path) -> None:
    path, sound = tmp_path / "rain.json", str(tmp_path / "rain.wav")
    document = written(path, seed=1)
    for inputs, may in (((), True), ((str(path),), False)):
        rule = rule_for(sound, True, False, inputs)
        assert rule is not None
        there = rule.admit(document)
        if may:
            wanted = Companion(path, sidecar_text(document, "11" * 32))
            assert rule.companion(document, there, "11" * 32) == wanted
        else:
            with pytest.raises(OutputError, match="it is the scene to render"):
                rule.companion(document, there, "11" * 32)
    Path(sound).write_bytes(b"")
    rule = rule_for(sound, True, False)
    assert rule is not None
    with pytest.raises(OutputError, match="other samples"):
        rule.companion(document, rule.admit(document), "11" * 32)


def test_a_link_to_nothing_in_a_sidecars_place_is_told_before_rendering(tmp_path: Path) -> None:
    path = tmp_path / "rain.json"
    path.symlink_to(tmp_path / "gone.json")
    with pytest.raises(OutputError, match=r"is no sidecar.*--force"):
        SidecarRule(path).check()
    assert not Beside(SidecarRule(path, force=True), {})._fresh


def test_nothing_stands_beside_a_stream(tmp_path: Path) -> None:
    assert rule_for("-", True, False) is None
    assert rule_for(os.devnull, True, False) is None
    rule = rule_for(str(tmp_path / "a.flac"), True, False)
    assert rule is not None and rule.path == tmp_path / "a.json"
    (tmp_path / "link.wav").symlink_to(tmp_path / "real" / "sound.wav")
    assert sidecar_path(tmp_path / "link.wav") == tmp_path / "real" / "sound.json"


def test_a_sound_has_its_own_sidecar_only_where_another_format_has_the_common_one(
    tmp_path: Path,
) -> None:
    def rule_of(name: str) -> str:
        rule = rule_for(str(tmp_path / name), True, False)
        assert rule is not None
        return rule.path.name

    written(tmp_path / "a.json", seed=1)  # of a WAV
    assert [rule_of(name) for name in ("a.wav", "a.WAV", "a.ogg")] == ["a.json"] * 2 + [
        "a.ogg.json"
    ]
    assert sidecar_path(tmp_path / "a.ogg").name == "a.json"  # as long as it has none
    (tmp_path / "a.ogg.json").write_text('{"loudness": 3}')  # somebody else's
    assert sidecar_path(tmp_path / "a.ogg").name == "a.json"
    with pytest.raises(OutputError, match=r"a\.ogg\.json: is no sidecar"):
        SidecarRule(tmp_path / rule_of("a.ogg")).check()
    written(tmp_path / "a.wav.json", seed=2)
    assert sidecar_path(tmp_path / "a.wav").name == rule_of("a.wav") == "a.wav.json"


def test_a_companion_never_stands_beside_another_sound(tmp_path: Path) -> None:
    """At every step of putting both in place, as seen when the process would be killed there."""
    sound, beside = tmp_path / "a.wav", tmp_path / "a.json"
    sound.write_bytes(b"old")
    beside.write_bytes(b"old")
    seen = []

    def look(event: str, _arguments: tuple[object, ...]) -> None:
        if event in {"os.rename", "os.remove", "os.link"} and watching:
            new = sound.read_bytes() != b"old"
            seen.append((new, beside.read_bytes() if beside.exists() else None))

    watching = True
    sys.addaudithook(look)
    try:
        with open_sink(sound, Encoding(), Shape(16000, 1, None), force=True) as sink:
            sink.companion = Companion(beside, b"new")
    finally:
        watching = False
    assert (b"new", sound.read_bytes()[:4]) == (beside.read_bytes(), b"RIFF")
    assert (False, b"old") in seen and (False, None) in seen and (True, None) in seen
    assert (True, b"old") not in seen and (False, b"new") not in seen
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.wav"]


def test_a_failed_sound_leaves_the_old_pair(tmp_path: Path) -> None:
    sound, beside = tmp_path / "a.wav", tmp_path / "a.json"
    sound.write_bytes(b"old")
    beside.write_bytes(b"old")
    with (
        pytest.raises(KeyboardInterrupt),
        open_sink(sound, Encoding(), Shape(16000, 1, None), force=True) as sink,
    ):
        sink.companion = Companion(beside, b"new")
        raise KeyboardInterrupt
    assert (sound.read_bytes(), beside.read_bytes()) == (b"old", b"old")
    assert len(list(tmp_path.iterdir())) == 2


def test_parts_of_dead_processes_go_and_of_living_ones_stay(tmp_path: Path) -> None:
    sound = tmp_path / "a.wav"
    call = "from ambientgen.audio_file.part import Part; from pathlib import Path; import os, sys\n"
    call += "Part(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", call, sound], check=False, cwd=ROOT)
    (dead,) = tmp_path.iterdir()
    for name in ("a.wav.part", "b.wav.12-00000000.part", "a.wav.1-0.part"):  # not ours to delete
        (tmp_path / name).touch()
    living = Part(sound)
    assert not dead.exists()
    delete_abandoned(sound)
    assert living.path.exists()
    os.close(living.descriptor)
    delete_abandoned(sound)  # its lock outlives its descriptor, until it has its name
    living.take_name(force=False)
    living.discard()
    assert sound.exists()
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.skipif(fcntl is None, reason="files are not locked here")
def test_who_is_taken_for_dead_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process finds the part before it is locked, and deletes it a little later."""
    sound, flock, other = tmp_path / "a.wav", fcntl.flock, []

    def first_the_other(descriptor: int, how: int) -> None:
        if not other:
            (part,) = tmp_path.iterdir()
            other.append(os.open(part, os.O_RDWR))
            flock(other[0], fcntl.LOCK_EX)
            threading.Timer(0.2, lambda: (part.unlink(), os.close(other[0]))).start()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", first_the_other)
    part = Part(sound)
    assert other and part.path.exists()
    os.close(part.descriptor)
    part.take_name(force=False)
    part.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


# --- for real ---


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub_faithful_folder: Path) -> Path:
    """A folder with a short scene of the tiny model."""
    monkeypatch.chdir(tmp_path)
    text = f"title: A\nduration: 2s\nmodel: {hub_faithful_folder}\n"
    text += "render: {steps: 1, guidance: 1}\nstates: {rain: {curve: {0%: 0.1, 100%: 0.4}}}\n"
    Path("a.yaml").write_text(text)
    return tmp_path


def ran(capsys: Output, *args: str, code: int = 0) -> tuple[Any, str]:
    """Run a command with --json; what it printed, as JSON, and its stderr."""
    assert run([*args, "--json"]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return (json.loads(out) if out else None), err


def test_a_sound_is_made_again_from_its_sidecar(capsys: Output, place: Path) -> None:
    told, _ = ran(capsys, "render", "a.yaml", "--set", "states.rain.curve=0.3", "--seed", "4")
    assert told["sidecar"] == "a.json"
    first = Path("a.json").read_bytes()
    document = json.loads(first)
    assert (document["seed"], document["sha256"]) == (4, told["sha256"])
    assert document["chunk_joins_s"] == document["joins_s"] == []  # one window and chunk

    again, _ = ran(capsys, "render", "a.json", "-o", "b.flac", "--no-cache")
    assert (again["sha256"], again["windows"]["reused"]) == (told["sha256"], 0)
    assert json.loads(Path("b.json").read_bytes())["sha256"] == told["sha256"]
    Path("a.wav").unlink()
    ran(capsys, "render", "a.json")  # its own sidecar says so already, and stays
    assert Path("a.json").read_bytes() == first


def test_a_sidecar_of_another_render_stays(capsys: Output, place: Path) -> None:
    ran(capsys, "render", "a.yaml", "--seed", "4")
    first = Path("a.json").read_bytes()
    _, err = ran(capsys, "render", "a.json", "--force", "--seed", "5", code=4)
    assert "a.json: describes another render; it is the scene to render, and stays" in err
    Path("a.wav").unlink()
    _, err = ran(capsys, "render", "a.yaml", code=4)
    assert "a.json: describes another render; name another output or folder with -o, or" in err
    assert not Path("a.wav").exists()
    assert Path("a.json").read_bytes() == first


def test_what_does_not_match_is_exit_code_5(capsys: Output, place: Path) -> None:
    ran(capsys, "render", "a.yaml")
    verified, _ = ran(capsys, "verify", "a.wav", "--render")
    assert verified["matches"] and verified["rendered"] == verified["sha256"]
    raw = bytearray(Path("a.wav").read_bytes())
    raw[1000] ^= 1
    Path("a.wav").write_bytes(raw)
    told, err = ran(capsys, "verify", "a.wav", code=5)
    assert told["matches"] is False and told["exit_code"] == 5
    assert "a.wav: is not the sound that a.json describes" in err
    Path("a.wav").write_bytes(b"RIFF, no more")
    assert "is damaged" in ran(capsys, "verify", "a.wav", code=5)[1]
    with pytest.raises(MismatchError):
        pcm_sha256("a.wav")
    assert "no such file" in ran(capsys, "verify", "none.wav", code=2)[1]
    assert "name the sound file" in ran(capsys, "verify", "a.json", code=2)[1]
    Path("b.yaml").write_text("states: {}")
    assert "this is a scene, not a sound" in ran(capsys, "verify", "b.yaml", code=2)[1]
    Path("a.json").unlink()
    told, err = ran(capsys, "verify", "a.wav", code=2)
    assert told["matches"] is None
    assert "a.wav: there is no sidecar beside it (a.wav.json or a.json); put the one" in err
    Path("link.wav").symlink_to("a.wav")
    place = Path("a.wav").resolve()
    said = ran(capsys, "verify", "link.wav", code=2)[1]
    assert f"{place}: there is no sidecar beside it (a.wav.json or a.json); put" in said


def test_what_may_not_be_read_is_not_called_damaged(
    capsys: Output, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(capsys, "render", "a.yaml")

    def withheld(path: Any, *how: Any, **more: Any) -> Any:
        if os.fspath(path) == "a.wav":
            raise PermissionError(13, "Permission denied")
        return io.open(path, *how, **more)  # noqa: UP020 (the name `open` is what is replaced)

    monkeypatch.setattr("ambientgen.audio_file.digest.open", withheld, raising=False)
    _, err = ran(capsys, "verify", "a.wav", code=2)
    assert err.strip() == "ambientgen: a.wav: cannot be read (permission denied); let it be read"


def test_links_lead_to_a_mix_and_its_stems(tmp_path: Path) -> None:
    """A name that leads to a stem is that stem, and one that leads to a mix has the mix's stems."""
    stems = {"rain": {"file": "cabin.rain.wav", "sha256": "00" * 32}}
    written(tmp_path / "cabin.json", stems=stems)
    for name in ("cabin.wav", "cabin.rain.wav"):
        (tmp_path / name).write_bytes(b"")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "latest.wav").symlink_to(tmp_path / "cabin.rain.wav")
    (elsewhere / "mix.wav").symlink_to(tmp_path / "cabin.wav")
    found = as_stem(elsewhere / "latest.wav")
    assert found is not None and found[1] == "rain"
    beside = read_sidecar(tmp_path / "cabin.json")
    assert beside is not None
    (listed,) = verify._stems(str(elsewhere / "mix.wav"), beside)
    assert listed[0] == os.path.realpath(tmp_path / "cabin.rain.wav")


def test_the_call_describes_the_one_take_that_it_makes(capsys: Output, place: Path) -> None:
    text = Path("a.yaml").read_text()
    Path("many.yaml").write_text(text + "\nvariants: 3\n")
    ambientgen.render("many.yaml", "one.wav", sidecar=True)
    assert "variants" not in json.loads(Path("one.json").read_bytes())["scene"]
    ran(capsys, "render", "one.json", "-o", "again.wav")
    assert Path("again.wav").read_bytes() == Path("one.wav").read_bytes()


def test_a_sound_that_a_call_replaces_takes_its_sidecar_along(capsys: Output, place: Path) -> None:
    ambientgen.render("a.yaml", "one.wav", duration_s=2, sidecar=True)
    ambientgen.render("a.yaml", "one.wav", duration_s=1, force=True)
    assert not Path("one.json").exists()
    ambientgen.render("a.yaml", "one.wav", duration_s=1, force=True, sidecar=True)
    ran(capsys, "verify", "one.wav")


def test_a_call_is_told_that_a_sidecar_is_no_scene(place: Path) -> None:
    ambientgen.render("a.yaml", "one.wav", duration_s=1, sidecar=True)
    with pytest.raises(SceneError, match=r"one\.json: this is a sidecar, .*render one\.json"):
        ambientgen.render("one.json", "two.wav")
    assert not Path("two.wav").exists()


def test_a_scene_called_like_the_sidecar_stays(capsys: Output, place: Path) -> None:
    text = Path("a.yaml").read_text()
    Path("mine.json").write_text(text)
    _, err = ran(capsys, "render", "mine.json", "--force", code=4)
    assert "mine.json: is no sidecar" in err and "it is the scene to render" in err
    assert Path("mine.json").read_text() == text
    ran(capsys, "render", "mine.json", "--no-sidecar")
    assert Path("mine.json").read_text() == text


def test_what_appears_in_a_sidecars_place_meanwhile_stays(tmp_path: Path) -> None:
    """A scene, notes, or another sound's sidecar: a render that found nothing replaces nothing."""
    path, document = tmp_path / "rain.json", written(tmp_path / "other.json", seed=1)
    fresh = SidecarRule(path).companion(document, None, "11" * 32, fresh=True)
    assert fresh is not None
    fresh.check()
    path.write_text("notes")
    with pytest.raises(OutputError, match=r"rain\.json: appeared while rendering; use --force"):
        fresh.check()
    unwanted = SidecarRule(path, write=False)
    path.write_bytes((tmp_path / "other.json").read_bytes())
    assert unwanted.companion(document, None, "11" * 32, fresh=True) is None


def test_two_formats_rendered_at_once_have_a_sidecar_each(tmp_path: Path) -> None:
    """Both found nothing when they began; the slower takes a name of its own."""
    rule = rule_for(str(tmp_path / "a.flac"), True, False)
    assert rule is not None
    assert rule.path.name == "a.json"
    document = written(tmp_path / "a.json", seed=1)  # of a WAV
    late = rule.companion(document, None, "11" * 32, fresh=True)
    assert late is not None
    assert late.path.name == "a.flac.json"
    late.check()
