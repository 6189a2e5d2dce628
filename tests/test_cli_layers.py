"""Stems, takes and sidecars of layered scenes from the command line: no model is needed for any."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import ambientgen
from ambientgen.audio_file.target import real_path
from ambientgen.cli.app import run
from ambientgen.ear import listen
from ambientgen.ear.asked import as_heard
from ambientgen.errors import ExitCode
from ambientgen.scene import parse_scene
from ambientgen.version import package_version

Output = pytest.CaptureFixture[str]

STORM = """
title: Storm
duration: 2s
seed: 7
layers:
  wind: {engine: procedural, states: {wind: {curve: 0.4, wander: {amount: 0.2, period: 2s}}}}
  bed: {engine: recording, file: bed.wav, gain: -6dB}
output: {sample_rate: 24000, layout: stereo, bits: 24}
"""


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).standard_normal(24_000) * 0.1
    soundfile.write("bed.wav", noise, 24_000)
    Path("storm.yaml").write_text(STORM)


def ran(capsys: Output, *args: str, code: int = 0) -> tuple[list[Any], str]:
    """Run a command; what it printed, a JSON line each, and its stderr."""
    found = run(list(args))
    out, err = capsys.readouterr()
    assert found == code, err
    assert "Traceback" not in err
    return [json.loads(line) for line in out.splitlines()], err


def names() -> set[str]:
    return {path.name for path in Path().iterdir()} - {"bed.wav", "storm.yaml"}


@pytest.mark.slow
def test_takes_have_stems_and_sidecars_and_render_again_to_the_bit(capsys: Output) -> None:
    told, _ = ran(capsys, "render", "storm.yaml", "--variants", "2", "--stems", "--json")
    mixes = ["storm-1", "storm-2"]
    wanted = {f"{n}.{end}" for n in mixes for end in ("wav", "json", "wind.wav", "bed.wav")}
    assert names() == wanted
    assert told[0]["seed"] == 7 != told[1]["seed"] and told[0]["sha256"] != told[1]["sha256"]
    stems = [soundfile.read(f"storm-1.{name}.wav")[0] for name in ("wind", "bed")]
    assert np.abs(sum(stems) - soundfile.read("storm-1.wav")[0]).max() < 2**-21  # 24 bits, dithered
    Path("elsewhere").mkdir()
    ran(capsys, "render", "storm-2.json", "-o", "elsewhere/again.wav")
    assert Path("elsewhere/again.wav").read_bytes() == Path("storm-2.wav").read_bytes()
    verified, _ = ran(capsys, "verify", "elsewhere/again.wav", "--render", "--json")
    assert verified[0]["matches"] and verified[0]["rendered"]
    assert {path.suffix for path in Path("elsewhere").iterdir()} == {".wav", ".json"}


def test_verify_knows_stems_and_recordings(capsys: Output) -> None:
    ran(capsys, "render", "storm.yaml", "--stems")
    assert ran(capsys, "verify", "storm.wav", "--json")[0][0]["matches"]
    stem = bytearray(Path("storm.bed.wav").read_bytes())
    stem[3000] ^= 1
    Path("storm.bed.wav").write_bytes(stem)
    assert "storm.bed.wav: is not the sound" in ran(capsys, "verify", "storm.wav", code=5)[1]
    Path("storm.bed.wav").unlink()
    soundfile.write("bed.wav", np.random.default_rng(1).standard_normal(24_000) * 0.1, 24_000)
    told, err = ran(capsys, "verify", "storm.wav", "--json")
    assert told[0]["changed_recordings"] == ["bed"] and "other recordings" in err
    _, err = ran(capsys, "verify", "storm.wav", "--render", code=5)
    assert "here these are different: layers.bed" in err


@pytest.mark.parametrize("name", ["storm.wav", "storm.wind.wav"])
@pytest.mark.parametrize(
    ("rate", "channels", "said"),
    [(48_000, 2, "48000 Hz, not 24000"), (24_000, 1, "1 channel, not 2")],
)
def test_the_same_samples_at_another_rate_are_another_sound(
    name: str, rate: int, channels: int, said: str, capsys: Output
) -> None:
    """A hash of samples, channel after channel, knows neither."""
    ran(capsys, "render", "storm.yaml", "--stems")
    samples, _ = soundfile.read(name, dtype="int32")
    soundfile.write(name, samples.reshape(-1, channels), rate, subtype="PCM_24")
    _, err = ran(capsys, "verify", "storm.wav", code=5)
    assert f"{name}: is not the sound that storm.json describes: {said}; render it again" in err
    _, err = ran(capsys, "render", "storm.yaml", "--stems", "--keep", code=4)
    assert f"{name} was changed since" in err


def test_a_stem_is_verified_by_the_sidecar_of_its_mix(capsys: Output) -> None:
    told, _ = ran(capsys, "render", "storm.yaml", "--stems", "--json")
    sounds = sorted(str(path) for path in Path().glob("storm*.wav"))
    assert sounds == ["storm.bed.wav", "storm.wav", "storm.wind.wav"]
    verified, _ = ran(capsys, "verify", *sounds, "--json")
    assert [one.get("stem") for one in verified] == ["bed", None, "wind"]
    stems = told[0]["stems"]
    wanted = [stems["bed"]["sha256"], told[0]["sha256"], stems["wind"]["sha256"]]
    assert [one["sha256"] for one in verified] == wanted
    assert {one["sidecar"] for one in verified} == {"storm.json"}
    verified, _ = ran(capsys, "verify", "storm.bed.wav", "--render", "--json")
    assert verified[0]["rendered"] == stems["bed"]["sha256"]
    Path("storm.bed.wav").write_bytes(Path("storm.wind.wav").read_bytes())
    _, err = ran(capsys, "verify", "storm.bed.wav", code=5)
    assert "storm.bed.wav: is not the sound that storm.json describes" in err
    Path("storm.other.wav").write_bytes(Path("storm.wav").read_bytes())
    _, err = ran(capsys, "verify", "storm.other.wav", code=2)
    said = "storm.json beside it does not know it: it is no stem of that render; render the scene"
    assert f"storm.other.wav: {said}" in err
    Path("storm.wav").rename("other.wav")
    _, err = ran(capsys, "verify", "other.wav", code=2)
    assert "other.wav: there is no sidecar beside it (other.wav.json or other.json)" in err


def test_each_format_of_a_scene_in_one_folder_has_a_sidecar(capsys: Output) -> None:
    ran(capsys, "render", "storm.yaml")
    common = Path("storm.json").read_bytes()
    told, _ = ran(capsys, "render", "storm.yaml", "--seed", "8", "-o", "storm.ogg", "--stems",
                  "--json")  # fmt: skip
    assert told[0]["sidecar"] == "storm.ogg.json" and Path("storm.json").read_bytes() == common
    sounds = ("storm.wav", "storm.ogg", "storm.bed.ogg")
    verified, _ = ran(capsys, "verify", *sounds, "--json")
    beside = ["storm.json", "storm.ogg.json", "storm.ogg.json"]
    assert [one["sidecar"] for one in verified] == beside
    # Each is replaced, with its own sidecar, by itself.
    _, err = ran(capsys, "render", "storm.yaml", "--seed", "9", "-o", "storm.ogg", code=4)
    assert "storm.ogg: exists already" in err
    ran(capsys, "render", "storm.yaml", "--seed", "9", "-o", "storm.ogg", "--force")
    ran(capsys, "render", "storm.yaml", "--seed", "9", "--force")
    assert Path("storm.json").read_bytes() != common
    ran(capsys, "verify", "storm.wav", "storm.ogg")
    # Made again from its own sidecar it has its own name again; another without one leaves none.
    Path("storm.ogg").unlink()
    told, _ = ran(capsys, "render", "storm.ogg.json", "--json")
    assert told[0]["output"] == "storm.ogg" and told[0]["sidecar"] == "storm.ogg.json"
    ran(capsys, "verify", "storm.wav", "storm.ogg")
    ran(capsys, "render", "storm.yaml", "-o", "storm.ogg", "--no-sidecar", "--force")
    assert not Path("storm.ogg.json").exists() and Path("storm.json").exists()


def test_a_lossy_file_is_verified_too(capsys: Output) -> None:
    ran(capsys, "render", "storm.yaml", "-o", "storm.ogg")
    told, _ = ran(capsys, "verify", "storm.ogg", "--render", "--json")
    assert told[0]["matches"]


def test_silence_and_its_loudness_are_told_at_the_scenes_line(capsys: Output) -> None:
    text = STORM.replace("curve: 0.4, wander: {amount: 0.2, period: 2s}", "curve: 0")
    text = text.replace("gain: -6dB", "gain: -6dB, width: 1").replace(
        "  bed: {engine: recording, file: bed.wav, gain: -6dB, width: 1}\n", ""
    )
    Path("storm.yaml").write_text(text.replace("bits: 24", "bits: 24, loudness: -23 LUFS"))
    _, err = ran(capsys, "render", "storm.yaml", code=2)
    assert "storm.yaml:7:66: a loudness of -23 LUFS is asked for" in err
    assert "model" not in err and "words" not in err  # nothing of a model's is done
    ran(capsys, "render", "storm.yaml", "--set", "output.loudness=null")


def test_what_would_be_overwritten_is_told_before_anything_is_made(capsys: Output) -> None:
    scene = STORM.replace("bed.wav", "storm.bed.wav")
    Path("bed.wav").rename("storm.bed.wav")
    Path("storm.yaml").write_text(scene)
    _, err = ran(capsys, "render", "storm.yaml", "--stems", "--force", code=2)
    assert "storm.bed.wav: the recording of the layer bed would be overwritten" in err
    Path("storm.bed.wav").rename("bed.wav")
    Path("storm.yaml").write_text(STORM)
    assert not names()
    _, err = ran(capsys, "render", "storm.yaml", "--stems", "-o", "-", code=2)
    assert "--stems: stems are files beside the mix" in err
    _, err = ran(capsys, "render", "storm.yaml", "--variants", "3", "-o", "-", code=2)
    assert "3 takes of storm.yaml cannot go there together" in err
    Path("storm.wind.yaml").write_text(STORM)
    _, err = ran(capsys, "render", "storm.yaml", "storm.wind.yaml", "--stems", code=2)
    assert "storm.yaml: would become storm.wind.wav, as would storm.wind.yaml" in err
    _, err = ran(capsys, "render", "storm.yaml", "--from", "5s", code=2)
    assert "--from: `5s` lies past the end at 2s" in err and "loading" not in err
    _, err = ran(capsys, "render", "storm.yaml", "--set", "output.loudness=-20 LUFS",
                 "--duration", "endless", "-o", "-", code=2)  # fmt: skip
    assert "`loudness` is measured over the whole" in err and "loading" not in err


def test_a_stretch_is_compared_with_its_own_part_of_the_curves(tmp_path: Path) -> None:
    text = """
duration: 3m
layers:
  near: {states: {rain: {curve: {0s: 0, 3m: 1}}}}
  far: {states: {rain: {curve: 0.4}, wind: {curve: 0.2}}}
"""
    scene = parse_scene(text)
    heard = as_heard(scene, 90.0)
    assert heard is not None and [state.name for state in heard.states] == ["rain", "wind"]
    levels = heard.states[0].value(np.array([0.0, 60.0]))
    np.testing.assert_allclose(levels, [0.5, 150 / 180])
    whole = as_heard(scene)
    assert whole is not None
    np.testing.assert_allclose(whole.states[0].value(np.array([0.0, 90.0])), [0.4, 0.5])
    # A rising noise, as in the last third of a curve that falls before.
    times = np.arange(30 * 16_000) / 16_000
    noise = np.random.default_rng(2).standard_normal(len(times)) * 10 ** (times / 30 - 1.5)
    soundfile.write("part.wav", noise * 0.3, 16_000)
    Path("part.json").write_text(json.dumps({"from_s": 60.0, "joins_s": []}))
    turning = parse_scene(
        "duration: 90s\nstates: {rain: {curve: {0s: 1, 60s: 0.1, 90s: 1}}}\n", "turning.yaml"
    )
    (curve,) = listen("part.wav", turning).curves
    assert curve.spearman is not None and curve.spearman > 0.9
    Path("part.json").unlink()
    (curve,) = listen("part.wav", turning).curves
    assert curve.spearman is not None and curve.spearman < -0.9


@pytest.mark.parametrize("command", ["validate", "render"])
def test_a_bad_recording_is_told_at_the_line_that_names_it(capsys: Output, command: str) -> None:
    Path("bed.wav").write_text("no sound")
    _, err = ran(capsys, command, "storm.yaml", code=2)
    assert "storm.yaml:7:34: the recording `bed.wav` cannot be read as sound (" in err
    assert names() == set()


def test_a_part_of_a_sidecar_is_of_the_length_that_it_had(capsys: Output) -> None:
    fading = ["--set", "output.fade_out=1s", "--set", "output.bits=32f"]
    ran(capsys, "render", "storm.yaml", *fading, "--duration", "3s", "-o", "long.wav", "--json")
    ran(capsys, "render", "long.json", "--from", "2500ms", "-o", "part.wav", "--json")
    whole, part = (soundfile.read(name)[0] for name in ("long.wav", "part.wav"))
    assert len(part) == 12_000 and np.array_equal(part, whole[60_000:])
    ran(capsys, "render", "long.json", "--set", "duration=1s", "-o", "short.wav", "--json")
    assert soundfile.info("short.wav").duration == 1.0


def test_a_stem_that_clips_is_told(capsys: Output) -> None:
    args = "render", "storm.yaml", "--stems", "--set", "layers.bed.gain=24dB"
    _, err = ran(capsys, *args, "--json")
    assert "the stem bed clips in " in err and "write `bits: 32f`" in err
    assert "the stem wind" not in err
    _, err = ran(capsys, *args, "--json", "--force", "--set", "output.bits=32f")
    assert "the stem" not in err
    assert np.abs(soundfile.read("storm.bed.wav")[0]).max() > 1
    _, err = ran(capsys, *args, "--json", "-o", "storm.flac")
    assert "stems carry no limiter: write .wav with `bits: 32f`" in err


@pytest.mark.parametrize("command", ["validate", "plan", "render"])
def test_what_nobody_will_hear_is_told(capsys: Output, command: str) -> None:
    assert run([command, "storm.yaml", "--set", "layers.bed.width=1"]) == 0
    err = capsys.readouterr().err
    assert "layer bed (line 7): its `width` is not heard: the recording `bed.wav` is mono" in err


KILLED_BETWEEN = """
import os, sys
from ambientgen.audio_file.part import Part
from ambientgen.cli.app import run
named, take = [], Part.take_name
def counted(self, force):
    take(self, force)
    named.append(self)
    if len(named) == int(sys.argv[1]):
        os._exit(9)
Part.take_name = counted
run(sys.argv[2:])
"""


@pytest.mark.slow
@pytest.mark.parametrize("names", [1, 3])
def test_killed_between_its_names_a_render_is_started_again(
    names: int, tmp_path: Path, capsys: Output
) -> None:
    """Two stems, the mix, the sidecar: what is there of a set that is not whole is in no way."""
    layers = [
        f"  {n}: {{engine: procedural, states: {{{n}: {{curve: 0.4}}}}}}" for n in ("rain", "wind")
    ]
    Path("set.yaml").write_text("duration: 1s\nlayers:\n" + "\n".join(layers) + "\n")
    call = ["render", "set.yaml", "--stems", "-q", "-o"]
    assert run([*call, "whole.wav"]) == ExitCode.DONE
    script = [sys.executable, "-c", KILLED_BETWEEN, str(names), *call, "set.wav"]
    assert subprocess.run(script, check=False).returncode == 9
    assert len(list(tmp_path.glob("set*.wav"))) == names
    assert not Path("set.json").exists()
    assert run([*call, "set.wav"]) == ExitCode.DONE
    assert capsys.readouterr().err == ""
    left = sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("set."))
    assert left == ["set.json", "set.rain.wav", "set.wav", "set.wind.wav", "set.yaml"]
    assert Path("set.wav").read_bytes() == Path("whole.wav").read_bytes()
    assert run([*call, "set.wav"]) == ExitCode.OUTPUT  # whole, it stays


QUICK = """
duration: 1s
seed: {seed}
layers:
  wind: {{engine: procedural, states: {{wind: {{curve: 0.4}}}}}}
"""


def pack(*seeds: int) -> list[str]:
    """Scenes of short sounds, each of its own seed: their files."""
    names = [f"s{i}.yaml" for i in range(len(seeds))]
    for name, seed in zip(names, seeds, strict=True):
        Path(name).write_text(QUICK.format(seed=seed))
    return names


def test_of_a_pack_what_is_finished_is_kept_and_the_rest_is_rendered(capsys: Output) -> None:
    scenes = pack(1, 2, 3)
    first, _ = ran(capsys, "render", *scenes, "--stems", "--json")
    assert [told["kept"] for told in first] == [False] * 3
    Path("s1.wav").unlink()  # as if it was killed there
    stamps = {name: Path(name).stat().st_mtime_ns for name in ("s0.wav", "s0.wind.wav", "s0.json")}
    again, err = ran(capsys, "render", *scenes, "--stems", "--keep", "--force", "--json")
    assert [told["kept"] for told in again] == [True, False, True]
    assert [told["sha256"] for told in again] == [told["sha256"] for told in first]
    kept = {name: value for name, value in first[0].items() if name in again[0]}
    assert again[0] == {**kept, "kept": True}, "a kept sound tells the same of itself"
    assert again[0].keys() ^ again[1].keys() == {
        "elapsed_s", "realtime_factor", "peak_memory_mb", "windows", "loudness_lufs", "gain_db",
        "notices",
    }  # fmt: skip
    assert "s0.wav: kept, it is what would be rendered" in err
    assert stamps == {name: Path(name).stat().st_mtime_ns for name in stamps}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (
            lambda: Path("s0.yaml").write_text(QUICK.format(seed=9)),
            "s0.json differs in layers.wind, scene.seed, seed",
        ),
        (lambda: Path("s0.json").unlink(), "no sidecar s0.json tells what it is"),
        (lambda: Path("s0.wind.wav").unlink(), "its stem s0.wind.wav is missing"),
        (lambda: Path("s0.wav").unlink(), "s0.wav is missing"),
        (
            lambda: Path("s0.wind.wav").write_bytes(Path("bed.wav").read_bytes()),
            "s0.wind.wav was changed since",
        ),
        (
            lambda: soundfile.write("s0.wav", soundfile.read("s0.wav")[0] * 0.9, 16_000),
            "s0.wav was changed since",
        ),
        (
            lambda: Path("s0.wav").write_bytes(Path("s0.wav").read_bytes()[:3000]),
            "s0.wav was changed since",
        ),
        (
            lambda: Path("s0.json").write_text(
                Path("s0.json").read_text().replace("wind.wav", "w")
            ),
            "it was written without its stem s0.wind.wav",
        ),
        (
            lambda: Path("s0.json").write_text(
                Path("s0.json").read_text().replace('"ambientgen": "', '"ambientgen": "0.')
            ),
            f"ambientgen 0.{package_version()} made it",
        ),
    ],
)
def test_what_is_there_but_not_what_would_be_rendered_needs_force(
    capsys: Output, spoil: Callable[[], object], why: str
) -> None:
    scenes = pack(1)
    ran(capsys, "render", *scenes, "--stems")
    spoil()
    there = {name: Path(name).read_bytes() for name in sorted(names())}
    told, err = ran(capsys, "render", *scenes, "--stems", "--keep", "--json", code=ExitCode.OUTPUT)
    assert "not what would be rendered now; use --force as well" in err
    assert f": is there ({why}), and not" in err
    assert told[0]["exit_code"] == ExitCode.OUTPUT
    assert there == {name: Path(name).read_bytes() for name in sorted(names())}
    told, _ = ran(capsys, "render", *scenes, "--stems", "--keep", "--force", "--json")
    assert not told[0]["kept"]
    told, _ = ran(capsys, "render", *scenes, "--stems", "--keep", "--json")
    assert told[0]["kept"]
    ran(capsys, "verify", "s0.wav", "s0.wind.wav")


def test_what_is_kept_is_known_by_its_sidecar(capsys: Output) -> None:
    scenes = pack(1)
    _, err = ran(capsys, "render", *scenes, "--keep", "--no-sidecar", code=ExitCode.BAD_INPUT)
    assert "--keep: what is there is known by its sidecar" in err
    ran(capsys, "render", *scenes, "-o", "s0.ogg", "--keep")
    told, _ = ran(capsys, "render", *scenes, "-o", "s0.ogg", "--keep", "--json")
    assert told[0]["kept"]
    Path("s0.ogg").write_bytes(Path("s0.ogg").read_bytes() + b"x")
    ran(capsys, "render", *scenes, "-o", "s0.ogg", "--keep", code=ExitCode.OUTPUT)


def test_a_stem_is_a_stem_whatever_other_sound_has_its_sidecars_place(capsys: Output) -> None:
    ran(capsys, "render", "storm.yaml", "--stems", "-o", "a.flac", "--duration", "1s")
    ran(capsys, "render", "storm.yaml", "-o", "a.wind.wav", "--duration", "500ms")
    assert {"a.json", "a.wind.json"} <= names()
    assert ran(capsys, "verify", "a.wind.flac", "--json")[0][0]["stem"] == "wind"
    assert "stem" not in ran(capsys, "verify", "a.wind.wav", "--json")[0][0]
    Path("a.wind.flac").write_bytes(Path("a.bed.flac").read_bytes())
    assert "is not the sound that a.json" in ran(capsys, "verify", "a.wind.flac", code=5)[1]


def test_the_call_describes_a_sound_in_its_own_format(capsys: Output) -> None:
    for name in ("a.ogg", "a.wav"):
        ambientgen.render("storm.yaml", name, duration_s=0.5, sidecar=True, workers=1)
    assert {"a.json", "a.wav.json"} <= names()
    output = json.loads(Path("a.json").read_text())["scene"]["output"]
    assert output["format"] == "ogg" and "bits" not in output
    ran(capsys, "verify", "a.ogg", "a.wav")


@pytest.mark.parametrize(
    "command",
    [
        "render {here}/storm.yaml",
        "render {here}/storm.yaml -o {here}/a.wav",
        "render {here}/storm.yaml -o {here}/a.wav --keep --stems",
        "preview {here}/storm.yaml -o {here}/a.html",
        "play {here}/storm.yaml --player cat",
        "plot {here}/storm.yaml",
        "new lake",
        "scenes rain",
    ],
)
def test_a_current_folder_that_is_gone_is_told(
    capsys: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    said = command.format(here=tmp_path).split()
    _, err = ran(capsys, *said, code=ExitCode.OUTPUT)
    assert err.endswith("the current folder is gone; change to another folder\n")
    assert {path.name for path in tmp_path.iterdir()} == {"bed.wav", "storm.yaml"}
    assert real_path("-") == "-"


def test_a_scene_is_written_by_its_whole_path_where_the_current_folder_is_gone(
    capsys: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run(["scenes", "rain", "-o", str(tmp_path / "mine.yaml")]) == 0
    assert (tmp_path / "mine.yaml").is_file()
    assert "mine.yaml written" in capsys.readouterr().out
