"""`ambientgen render`: where sounds go, what is refused beforehand, what becomes of several scenes.

Most tests put a quick sine in place of the renderer; the last ones render with a tiny model.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import ambientgen
from ambientgen.asked import Asked, Between
from ambientgen.audio_file import Encoding, ReaderGone, Shape, open_sink
from ambientgen.cli.app import run
from ambientgen.cli.inputs import Overrides, asked_of, read_between, read_duration
from ambientgen.cli.options import Device
from ambientgen.errors import ExitCode, ModelError, Problem
from ambientgen.messages import AudioWritten, Listener, Notice, StageStarted, WindowsDone
from ambientgen.models.loading import DEVICES
from ambientgen.renderer import RenderReport, WindowCounts
from ambientgen.scene import Scene
from ambientgen.sidecar import SidecarRule, sidecar_text
from ambientgen.store import Store

SCENES = Path(__file__).parents[1] / "scenes"
Output = pytest.CaptureFixture[str]


@dataclass
class Studio:
    """What the stand-in for the renderer was asked to do, and what it is to fail with."""

    rendered: list[tuple[Scene, str, float | None]] = field(default_factory=list)
    made: int = 0
    batch: int | None = None
    store: Store | None = None
    failures: dict[str, Exception] = field(default_factory=dict)


@pytest.fixture(autouse=True)
def _in_a_folder_with_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("rain", "surf"):
        shutil.copy(SCENES / f"{name}.yaml", tmp_path)


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch, hub_faithful_folder: Path) -> Studio:
    """A renderer that writes 0.1 s of a sine."""
    told = Studio()

    class Sine:
        def __init__(
            self,
            device: str,
            workers: int | None,
            listener: Listener,
            store: Store | None,
            batch: int | None,
        ) -> None:
            told.made += 1
            told.batch = batch
            told.store = store
            self.tell = listener

        def render(
            self,
            scene: Scene,
            output: str,
            asked: Asked,
            *,
            force: bool,
            format_name: str | None,
            sidecar: SidecarRule | None,
            stems: Mapping[str, Path],
            batches: Mapping[tuple[str, str], int],
        ) -> RenderReport:
            told.rendered.append((scene, output, asked.duration_s))
            for message in (StageStarted("rendering"), Notice("too loud"), WindowsDone(1, 1)):
                self.tell(message)
            if scene.title in told.failures:
                raise told.failures[scene.title]
            sine = 0.5 * np.sin(np.arange(1600) / 10)
            with open_sink(
                output, Encoding(scene.output.format), Shape(16000, 1, 1600), force=force
            ) as sink:
                sink.write(sine)
            self.tell(AudioWritten(0.1, 0.1))
            return RenderReport(
                output, 0.1, 16000, 1, scene.seed, {"name": "sine"}, sink.result.sha256,
                0.01, 10.0, 1.0, WindowCounts(1, 1, 0),
            )  # fmt: skip

    monkeypatch.setattr(importlib.import_module("ambientgen.renderer"), "Renderer", Sine)
    # Scenes name `pocket`; the folder of another model stands in for it.
    resolve = importlib.import_module("ambientgen.models.registry").resolve
    here = {"pocket": str(hub_faithful_folder)}
    monkeypatch.setattr("ambientgen.models.registry.resolve", lambda m: resolve(here.get(m, m)))
    return told


def rendered(capsys: Output, *args: str, code: int = 0) -> tuple[str, str]:
    """Run `render` and return what it wrote to stdout and stderr."""
    assert run(["render", *args]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out, err


# --- where the sound goes ---


@pytest.mark.parametrize(
    ("args", "file"),
    [
        ([], "rain.wav"),
        (["--set", "output.format=flac"], "rain.flac"),
        (["-o", "lake.flac"], "lake.flac"),
        (["-o", "LAKE.WAV", "--set", "output.format=flac"], "LAKE.WAV"),
        (["-o", "sounds"], "sounds/rain.wav"),
        (["-o", "sounds/", "--set", "output.format=flac"], "sounds/rain.flac"),
    ],
)
def test_the_sound_goes_where_asked_in_the_format_asked(
    capsys: Output, studio: Studio, tmp_path: Path, args: list[str], file: str
) -> None:
    (tmp_path / "sounds").mkdir()
    out, err = rendered(capsys, "rain.yaml", *args)
    assert not out
    assert f"{file}: 100ms in 0.0 s, 10 × real time" in err
    assert soundfile.info(file).format.lower() == Path(file).suffix[1:].lower()
    assert soundfile.info(file).frames == 1600
    assert sorted(p.suffix for p in tmp_path.rglob("*.part")) == []


def test_a_sound_on_standard_output_is_all_there_is_on_it(
    capfdbinary: pytest.CaptureFixture[bytes], studio: Studio
) -> None:
    assert run(["render", "rain.yaml", "-o", "-", "--set", "output.format=flac"]) == 0
    out, err = capfdbinary.readouterr()
    with wave.open(io.BytesIO(out)) as sound:
        assert sound.getnframes() == 1600
    assert len(out) == 44 + 3200
    assert b"standard output: starting\nstandard output: rendering\n" in err
    assert b"note: rain.yaml: `flac` is for files: a pipe gets WAV\n" in err
    assert b"\nstandard output: 100ms in " in err


def test_a_named_pipe_gets_wav_and_a_reader_may_leave(
    capsys: Output, studio: Studio, tmp_path: Path
) -> None:
    os.mkfifo("pipe")
    heard: list[bytes] = []
    player = threading.Thread(target=lambda: heard.append(Path("pipe").read_bytes()))
    player.start()
    rendered(capsys, "rain.yaml", "-o", "pipe")
    player.join()
    assert heard[0].startswith(b"RIFF")
    studio.failures["Rain that builds and passes"] = ReaderGone(Problem("pipe", "gone"))
    out, err = rendered(capsys, "rain.yaml", "--force", "--json")
    assert "gone" not in err
    assert not out  # no failure's record


@pytest.mark.parametrize(
    ("args", "place"),
    [
        (["rain.yaml", "surf.yaml", "-o", "both.wav"], "-o both.wav"),
        (["rain.yaml", "surf.yaml", "-o", "-"], "-o -: 2 scenes cannot go to standard output"),
        (
            ["rain.yaml", "surf.yaml", "-o", "out 2"],
            "-o out 2: there is no folder of that name; make it with `mkdir -p 'out 2'` "
            "and write `-o 'out 2/'`",
        ),
        (["rain.yaml", "-o", "-", "--json"], "-o -"),
        (["rain.yaml", "-o", "rain.mp4"], "rain.mp4"),
        (["rain.yaml", "-o", "rain"], "rain"),
        (["rain.yaml", "./rain.yaml"], "rain.yaml: would become rain.wav, as would ./rain.yaml"),
    ],
)
def test_outputs_that_cannot_be_meant_are_usage_errors(
    capsys: Output, studio: Studio, args: list[str], place: str
) -> None:
    _, err = rendered(capsys, *args, code=2)
    assert f"ambientgen: {place}" in err
    assert not studio.made
    assert not list(Path().glob("*.wav"))


def test_scenes_of_one_name_are_refused_and_the_others_rendered(
    capsys: Output, studio: Studio
) -> None:
    Path("there").mkdir()
    Path("out").mkdir()
    twin = shutil.copy("rain.yaml", "there/rain.yaml")
    Path("bad.yaml").write_text("duration: 5x")
    scenes = ["rain.yaml", twin, "surf.yaml", "bad.yaml"]
    out, err = rendered(capsys, *scenes, "-o", "out/", "--json", code=2)
    told = {line["scene"]: line for line in map(json.loads, out.splitlines())}
    assert list(told) == ["bad.yaml", "rain.yaml", twin, "surf.yaml"]
    assert [told[scene].get("exit_code") for scene in scenes] == [2, 2, None, 2]
    problem = told["rain.yaml"]["error"]["problems"][0]
    assert problem["place"] == "rain.yaml"
    assert problem["what"] == f"would become out/rain.wav, as would {twin}"
    assert f"ambientgen: {twin}: would become out/rain.wav, as would rain.yaml" in err
    assert sorted(path.name for path in Path("out").glob("*.wav")) == ["surf.wav"]


def test_sound_and_json_do_not_share_standard_output_by_its_other_name(studio: Studio) -> None:
    call = ["render", "rain.yaml", "--json", "--force", "-o", "/dev/stdout"]
    ran = subprocess.run(
        [sys.executable, "-m", "ambientgen", *call], capture_output=True, check=False
    )
    assert ran.returncode == ExitCode.BAD_INPUT
    assert ran.stdout == b""
    assert b"-o /dev/stdout: sound and --json cannot both go to standard output" in ran.stderr


def test_an_existing_file_and_a_model_that_is_not_here_are_told_at_once(
    capsys: Output, studio: Studio, tmp_path: Path
) -> None:
    Path("rain.wav").write_bytes(b"mine")
    _, err = rendered(capsys, "rain.yaml", "--model", "no/such-model", code=4)
    there, model = err.splitlines()
    assert "rain.wav: exists already; use --force" in there
    assert "--model: no/such-model is not on this machine" in model
    assert not studio.made
    assert Path("rain.wav").read_bytes() == b"mine"
    rendered(capsys, "rain.yaml", "--force")
    assert soundfile.info("rain.wav").frames == 1600


def test_a_folder_that_is_not_there_is_exit_code_4(capsys: Output, studio: Studio) -> None:
    assert "mkdir -p" in rendered(capsys, "rain.yaml", "-o", "no/folder/", code=4)[1]
    _, err = rendered(capsys, "rain.yaml", "-o", "no where/rain.wav", code=4)
    assert "`mkdir -p '/" in err
    assert "/no where'`" in err
    assert not studio.made


# --- several scenes ---


def test_each_scene_is_tried_and_the_gravest_outcome_wins(
    capsys: Output, studio: Studio, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text("states: 3\n")
    _, err = rendered(capsys, "bad.yaml", "rain.yaml", "missing.yaml", "surf.yaml", code=2)
    assert Path("rain.wav").exists()
    assert Path("surf.wav").exists()
    assert "ambientgen: bad.yaml:1:" in err
    assert "ambientgen: missing.yaml: " in err
    assert studio.made == 1  # one renderer, so that the model loads once
    _, err = rendered(capsys, "bad.yaml", "rain.yaml", "surf.yaml", code=4)
    assert "bad.yaml" in err


def test_an_error_while_rendering_leaves_the_other_scenes(capsys: Output, studio: Studio) -> None:
    studio.failures["Rain that builds and passes"] = RuntimeError("no more memory")
    _, err = rendered(capsys, "rain.yaml", "surf.yaml", code=1)
    assert "ambientgen: internal error: RuntimeError: no more memory; set AMBIENTGEN_DEBUG=1" in err
    assert not Path("rain.wav").exists()
    assert Path("surf.wav").exists()
    studio.failures["Rain that builds and passes"] = ModelError(Problem("pocket", "is broken"))
    assert "pocket: is broken" in rendered(capsys, "rain.yaml", code=3)[1]


def test_a_model_that_is_not_here_is_told_once_and_loads_nothing(
    capsys: Output, studio: Studio
) -> None:
    _, err = rendered(capsys, "rain.yaml", "surf.yaml", "--model", "no/such-model", code=3)
    assert err.count("fetch it: hf download no/such-model") == 1
    assert not studio.made


# --- what is said ---


def test_json_is_one_object_a_line_for_each_scene(
    capsys: Output, studio: Studio, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text("states: 3\n")
    out, _ = rendered(capsys, "bad.yaml", "rain.yaml", "surf.yaml", "--json", code=2)
    bad, rain, surf = map(json.loads, out.splitlines())
    assert (bad["scene"], bad["exit_code"]) == ("bad.yaml", 2)
    assert {"place", "what", "remedy"} == set(bad["error"]["problems"][0])
    assert (rain["scene"], rain["output"], rain["seed"]) == ("rain.yaml", "rain.wav", 7)
    assert rain["notices"] == ["too loud"]
    assert surf["windows"] == {"total": 1, "computed": 1, "reused": 0}
    pcm, _ = soundfile.read("surf.wav", dtype="int16")
    assert surf["sha256"] == hashlib.sha256(pcm.tobytes()).hexdigest()


def test_a_full_disk_behind_json_is_exit_code_4(
    capsys: Output, studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert run(["render", "rain.yaml", "surf.yaml", "missing.yaml", "--json"]) == 4
        monkeypatch.undo()
    told = "standard output: the disk is full; send the output elsewhere\n"
    assert capsys.readouterr().err.count(told) == 1
    assert {path.name for path in tmp_path.glob("*.wav")} == {"rain.wav", "surf.wav"}


def test_quiet_says_only_what_goes_wrong(capsys: Output, studio: Studio) -> None:
    assert rendered(capsys, "rain.yaml", "--quiet") == ("", "")
    _, err = rendered(capsys, "rain.yaml", "--quiet", code=4)
    assert err.startswith("ambientgen: rain.wav: exists already")


def test_without_a_terminal_there_are_plain_lines(capsys: Output, studio: Studio) -> None:
    _, err = rendered(capsys, "rain.yaml")
    assert "\x1b" not in err
    assert err.splitlines() == [
        "rain.wav: starting",
        "rain.wav: rendering",
        "ambientgen: note: too loud",
        "rain.wav: 100ms in 0.0 s, 10 × real time",
    ]


def test_all_wrong_options_are_told_at_once(capsys: Output, studio: Studio) -> None:
    wrong = [
        "--workers",
        "x",
        "--seed",
        "1.5",
        "--from",
        "z",
        "--duration",
        "q",
        "--cache-size",
        "m",
    ]
    _, err = rendered(capsys, "rain.yaml", *wrong, code=2)
    told = {line.split(": ")[1] for line in err.splitlines()}
    assert told == {"--workers", "--seed", "--from", "--duration", "--cache-size"}
    assert not studio.made
    _, err = rendered(capsys, "rain.yaml", "--from", "3s", "--to", "2s", code=2)
    assert "--to: `2s` is not after `3s`" in err


def test_options_reach_the_scene_and_the_renderer(capsys: Output, studio: Studio) -> None:
    rendered(
        capsys, "rain.yaml", "--seed", "5", "--steps", "3", "--guidance", "2.5",
        "--duration", "1m30s", "--set", "states.wind.curve=0.5", "--batch", "6",
    )  # fmt: skip
    assert studio.batch == 6
    scene, output, duration_s = studio.rendered[0]
    assert (scene.seed, scene.render.steps, scene.render.guidance) == (5, 3, 2.5)
    assert scene.states[1].value(np.array([0.0])) == 0.5
    assert (output, duration_s) == ("rain.wav", 90.0)


def test_a_sidecar_brings_the_stretch_that_was_asked_for(capsys: Output, studio: Studio) -> None:
    scene = {"duration": "endless", "states": {"rain": {"curve": 0.5}}}
    asked = {"duration_s": 2.5, "from_s": None, "to_s": None}
    document = {"format": "ambientgen sidecar 1", "scene": scene, "asked": asked}
    Path("long.json").write_bytes(sidecar_text(document, "00" * 32))
    rendered(capsys, "long.json")
    assert studio.rendered[-1][1:] == ("long.wav", 2.5)
    rendered(capsys, "long.json", "--duration", "4s", "--force")
    assert studio.rendered[-1][1:] == ("long.wav", 4.0)


@pytest.mark.parametrize(
    ("own", "told", "options", "wanted"),
    [
        ("6s", (4, None, None), {"from": "2s", "to": "4s"}, (4, (2, 4))),
        ("6s", (10, None, None), {"from": "7s"}, (10, (7, None))),
        ("6s", (None, 2, 4), {"from": "3s"}, (None, (3, 4))),
        ("6s", (4, 1, None), {"duration": "5s"}, (5, (None, None))),
        ("6s", (4, None, None), {"set": "duration=20s"}, (None, (None, None))),
        ("6s", (4, 1, 2), {"set": ' "duration" =20s'}, (None, (1, 2))),
        ("6s", (4, None, None), {"set": "title=duration"}, (4, (None, None))),
        ("endless", (6, None, 6), {"to": "10s"}, (None, (None, 10))),
        ("endless", (6, None, 6), {"from": "2s"}, (6, (2, 6))),
        ("endless", (6, None, 6), {"set": "duration=3s"}, (None, (None, None))),
        ("endless", (6, 1, 6), {"set": "duration=3s"}, (None, (1, None))),
        ("endless", (8, 1, 6), {"set": "duration=7s"}, (None, (1, 6))),
    ],
)
def test_options_change_what_a_sidecar_asks_for(
    own: str,
    told: tuple[float | None, float | None, float | None],
    options: dict[str, str],
    wanted: tuple[float | None, Between],
) -> None:
    scene = {"duration": own, "states": {"rain": {"curve": 0.5}}}
    asked = dict(zip(("duration_s", "from_s", "to_s"), told, strict=True))
    document = {"format": "ambientgen sidecar 1", "scene": scene, "asked": asked}
    Path("long.json").write_bytes(sidecar_text(document, "00" * 32))
    overrides = Overrides.of([options["set"]] if "set" in options else None)
    between_s = read_between(options.get("from"), options.get("to"))
    duration_s = read_duration(options.get("duration"))
    assert asked_of("long.json", duration_s, between_s, overrides) == Asked(*wanted)


def test_a_sound_given_for_a_scene_points_to_its_sidecar(capsys: Output, studio: Studio) -> None:
    Path("full.WAV").write_bytes(b"RIFF\0\0")
    said = "full.WAV: this is a sound, not a scene; name"
    assert f"{said} a scene file" in rendered(capsys, "full.WAV", code=2)[1]
    scene = {"duration": "4s", "states": {"rain": {"curve": 0.5}}}
    asked = {"duration_s": None, "from_s": None, "to_s": None}
    document = {"format": "ambientgen sidecar 1", "scene": scene, "asked": asked}
    Path("full.json").write_bytes(sidecar_text(document, "00" * 32))
    assert f"{said} its sidecar, full.json" in rendered(capsys, "full.WAV", code=2)[1]
    assert not studio.rendered


def test_the_store_is_where_options_say(capsys: Output, studio: Studio) -> None:
    rendered(capsys, "rain.yaml", "--cache", "mine", "--cache-size", "5MB")
    assert studio.store is not None
    assert (studio.store.folder, studio.store.limit_bytes) == (Path("mine/windows"), 5_000_000)
    rendered(capsys, "rain.yaml", "--no-cache", "--force")
    assert studio.store is None
    assert (
        "--cache-size: `big` is no size"
        in rendered(capsys, "rain.yaml", "--cache-size", "big", code=2)[1]
    )


@pytest.mark.parametrize("command", ["render", "play", "preview"])
def test_no_store_has_no_folder_and_no_size(command: str, capsys: Output) -> None:
    args = [command, "rain.yaml", "--no-cache", "--cache", "mine", "--cache-size", "5MB"]
    assert run(args) == ExitCode.BAD_INPUT
    said = capsys.readouterr().err
    for option in ("--cache", "--cache-size"):
        assert f"{option}: nothing is kept with `--no-cache`; leave out one of the two" in said
    assert not Path("mine").exists()


def test_the_devices_offered_are_those_that_can_be_chosen() -> None:
    assert tuple(device.value for device in Device) == DEVICES


# --- for real ---


def test_a_scene_becomes_a_sound_and_the_call_makes_the_same(
    capsys: Output, hub_faithful_folder: Path
) -> None:
    how = (
        "--model",
        str(hub_faithful_folder),
        "--steps",
        "1",
        "--duration",
        "1s",
        "--workers",
        "1",
    )
    out, err = rendered(capsys, "rain.yaml", "--json", "-o", "rain.flac", *how)
    report: dict[str, Any] = json.loads(out)
    assert (report["duration_s"], report["sample_rate"], report["channels"]) == (1, 16000, 1)
    assert set(report["model"]) >= {"name", "revision", "licence"}
    assert report["realtime_factor"] > 0
    windows = report["windows"]
    assert windows["total"] == windows["computed"] + windows["reused"] >= 1
    assert "its licence is not stated" in err
    pcm, _ = soundfile.read("rain.flac", dtype="int16")
    assert len(pcm) == 16000
    assert report["sha256"] == hashlib.sha256(pcm.tobytes()).hexdigest()

    overrides = [f"model={json.dumps(str(hub_faithful_folder))}", "render.steps=1"]
    scene = ambientgen.load_scene("rain.yaml", overrides)
    again = ambientgen.render(scene, "again.flac", duration_s=1.0, workers=1)
    assert again.sha256 == report["sha256"]


def test_the_call_has_a_store_a_sidecar_and_stretches(hub_faithful_folder: Path) -> None:
    text = Path("rain.yaml").read_text() + f"\nmodel: {hub_faithful_folder}\nrender: {{steps: 1}}\n"
    Path("mine.yaml").write_text(text)
    first = ambientgen.render("mine.yaml", "mine.wav", duration_s=2.0, sidecar=True, cache="kept")
    assert first.windows.reused == 0 and Path("kept/windows").is_dir()
    assert run(["verify", "mine.wav"]) == ExitCode.DONE
    part = ambientgen.render("mine.yaml", "part.wav", from_s=0.5, to_s=1.5, cache="kept")
    assert part.windows.computed == 0
    whole, _ = soundfile.read("mine.wav", dtype="int16")
    stretch, _ = soundfile.read("part.wav", dtype="int16")
    np.testing.assert_array_equal(stretch, whole[8000:24000])
    assert not Path("part.json").exists()


def test_the_call_takes_a_path_and_stays_a_call(hub_faithful_folder: Path) -> None:
    text = Path("rain.yaml").read_text() + f"\nmodel: {hub_faithful_folder}\nrender: {{steps: 1}}\n"
    Path("mine.yaml").write_text(text)
    report = ambientgen.render("mine.yaml", Path("mine.wav"), duration_s=0.5)
    assert report.duration_s == 0.5
    assert soundfile.info("mine.wav").frames == 8000
