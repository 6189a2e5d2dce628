"""Every command but `render`: what it prints, what it leaves, and its exit code."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

import ambientgen
from ambientgen.cli import doctor, reference
from ambientgen.cli.app import app, run
from ambientgen.cli.exit_codes import GRAVITY, MEANINGS, gravest
from ambientgen.errors import ExitCode
from ambientgen.scene import load_scene, shipped_scenes

SCENES = Path(__file__).parents[1] / "scenes"
Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AMBIENTGEN_DEBUG", raising=False)


@pytest.fixture
def rain(tmp_path: Path) -> str:
    shutil.copy(SCENES / "rain.yaml", tmp_path)
    return "rain.yaml"


def said(capsys: Output, *args: str, code: int = 0) -> tuple[str, str]:
    """Run a command and return what it wrote to stdout and stderr."""
    assert run(args) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out, err


# --- the root ---


def test_help_names_every_command_and_the_exit_codes(capsys: Output) -> None:
    out, err = said(capsys, "--help")
    assert not err
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        assert f"  {name}" in out
    assert all(str(int(code)) in out.partition("Exit codes")[2] for code in ExitCode)


def test_the_version_is_the_packages(capsys: Output) -> None:
    assert said(capsys, "--version")[0] == f"ambientgen {ambientgen.__version__}\n"


def test_no_command_is_a_usage_error_that_shows_the_help(capsys: Output) -> None:
    out, err = said(capsys, code=2)
    assert not out
    assert err.startswith("Usage: ambientgen")


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        (["frobnicate"], "No such command"),
        (["rendr"], "Did you mean 'render'"),
        (["render"], "Missing argument"),
        (["plan", "rain.yaml", "--frob"], "No such option"),
        (
            ["render", "rain.yaml", "--steps", "abc"],
            "--steps: `abc` is no whole number; write for example `--steps 8`",
        ),
        (["plan", "rain.yaml", "--seed", "1.5"], "--seed: `1.5` is no whole number; write"),
        (["plan", "rain.yaml", "--seed", "1_0"], "--seed: `1_0` is no whole number; write"),
        (["plan", "rain.yaml", "--guidance", "x"], "--guidance: `x` is no number; write"),
        (["plan", "rain.yaml", "--guidance", "1_0"], "--guidance: `1_0` is no number; write"),
        (["render", "rain.yaml", "--workers", "0"], "--workers: `0` is not between 1 and 256"),
        (["render", "rain.yaml", "--workers", "257"], "--workers: `257` is not between 1 and 256"),
        (
            ["render", "rain.yaml", "--device", "tpu"],
            "--device: `tpu` is no device; choose auto, cpu, cuda or mps",
        ),
        (["render", "rain.yaml", "--set"], "see `ambientgen render --help`"),
        (["scenes", "-o", "x.yaml"], "no scene is named"),
        (["scenes", "rian"], "did you mean `rain`"),
        (["scenes", "rain", "-o", "-", "--json"], "-o -: a scene and --json cannot both go"),
        (["plan", "rain.yaml", "--duration", "90"], "write `90s`"),
        (["plan", "rain.yaml", "--duration", "0s"], "--duration: a render lasts more than 0s"),
        (["plan", "rain.yaml", "--duration", "200h"], "at most 168h"),
        (["plan", "rain.yaml", "--to", "169h"], "--to: `169h` is too late"),
        (
            ["render", "rain.yaml", "--set", "duration=endless", "--from", "900000000h"],
            "--from: `900000000h` is too late: a sound is rendered for at most 168h; "
            "write a time up to `168h`",
        ),
        (["new", ""], "NAME: a scene needs a name"),
    ],
)
def test_usage_errors_are_one_line_and_exit_code_2(
    capsys: Output, rain: str, args: list[str], wanted: str
) -> None:
    out, err = said(capsys, *args, code=2)
    assert not out
    assert err.startswith("ambientgen: ")
    assert err.count("\n") == 1
    assert wanted in err


def test_an_error_inside_is_one_line_and_a_traceback_where_asked_for(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise KeyError("no\nsuch")

    monkeypatch.setattr("ambientgen.scene.scene_json_schema", broken)
    _, err = said(capsys, "schema", code=1)
    assert err.count("\n") == 1
    assert err.startswith("ambientgen: internal error: KeyError")
    assert "AMBIENTGEN_DEBUG=1" in err
    monkeypatch.setenv("AMBIENTGEN_DEBUG", "1")
    assert run(["schema"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_who_has_had_enough_is_no_error(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise BrokenPipeError

    class Pipe:
        write = staticmethod(lambda _text: None)
        flush = staticmethod(gone)
        fileno = staticmethod(lambda: 1)

    monkeypatch.setattr("os.dup2", lambda *_: None)
    monkeypatch.setattr("sys.stdout", Pipe())
    assert run(["schema"]) == 0
    assert not capsys.readouterr().err


def test_a_closed_standard_output_is_exit_code_4(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", None)
    assert run(["schema"]) == 4
    assert "standard output: is closed" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_print(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("_AMBIENTGEN_COMPLETE", f"source_{shell}")
    out, _ = said(capsys)
    assert "_AMBIENTGEN_COMPLETE" in out
    assert "ambientgen" in out


def test_completion_knows_commands_and_shipped_scenes(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_AMBIENTGEN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "ambientgen sce")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert said(capsys)[0].split() == ["scenes"]
    monkeypatch.setenv("COMP_WORDS", "ambientgen scenes ra")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert "rain" in said(capsys)[0].split()


# --- validate ---


def test_validate_says_what_a_scene_is(capsys: Output, rain: str) -> None:
    out, err = said(capsys, "validate", rain)
    assert out.startswith("rain.yaml: valid; Rain that builds and passes, 2m of rain, wind")
    assert not err


def test_validate_tells_every_problem_of_every_scene_on_its_line(
    capsys: Output, rain: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text("duration: -5s\nstates: {rain: {curve: 2}}\n")
    out, err = said(capsys, "validate", "bad.yaml", rain, "missing.yaml", code=2)
    assert out.startswith("rain.yaml: valid")
    lines = err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "bad.yaml:1:11", "bad.yaml:2:24", "missing.yaml",
    ]  # fmt: skip


def test_validate_json_is_a_line_for_each_scene(capsys: Output, rain: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("states: {rain: {curve: 1}}\n")
    out, _ = said(capsys, "validate", "--json", rain, "bad.yaml", code=2)
    good, bad = map(json.loads, out.splitlines())
    assert (good["scene"], good["exit_code"], good["duration_s"]) == ("rain.yaml", 0, 120)
    assert (bad["scene"], bad["exit_code"]) == ("bad.yaml", 2)
    (problem,) = bad["error"]["problems"]
    assert set(problem) == {"place", "what", "remedy"}
    assert "duration" in problem["what"]


def test_validate_and_plan_tell_what_the_model_never_heard(
    capsys: Output, rain: str, tmp_path: Path
) -> None:
    scene = tmp_path / "pub.yaml"
    scene.write_text("duration: 9s\nsetting: a xylophone\nstates: {rain: {curve: 1}}\n")
    word = 'pocket does not know the word "xylophone" (setting, from 0s): '
    out, err = said(capsys, "validate", "pub.yaml", rain)
    assert len(out.splitlines()) == 2
    assert err.startswith(f"ambientgen: note: pub.yaml: {word}")
    assert len(err.splitlines()) == 1
    (told,) = map(json.loads, said(capsys, "validate", "--json", "pub.yaml")[0].splitlines())
    assert [notice.startswith(word) for notice in told["notices"]] == [True]
    assert said(capsys, "plan", "pub.yaml")[1].startswith(f"ambientgen: note: {word}")
    out, err = said(capsys, "validate", rain, "--set", "model=poket")
    assert out.startswith("rain.yaml: valid")
    assert "there is no model 'poket'; did you mean pocket?" in err


def test_a_model_that_is_none_is_told_where_each_scene_names_it(
    capsys: Output, tmp_path: Path
) -> None:
    text = "duration: 9s\n{}states: {{rain: {{curve: 1}}}}\n"
    (tmp_path / "a.yaml").write_text(text.format("model: poket\n"))
    (tmp_path / "b.yaml").write_text(text.format("title: B\nmodel: poket\n"))
    layers = "duration: 9s\nlayers:\n  rain: {states: {rain: {curve: 1}}, model: poket}\n"
    (tmp_path / "c.yaml").write_text(layers)
    for path, line in (("a.yaml", 2), ("b.yaml", 3), ("c.yaml", 3)):
        assert f"{path}:{line}:" in said(capsys, "plan", path, code=3)[1]
    _, err = said(capsys, "render", "a.yaml", "b.yaml", code=3)
    assert [line.split(": ")[1].rpartition(":")[0] for line in err.splitlines()] == [
        "a.yaml:2",
        "b.yaml:3",
    ]
    _, err = said(capsys, "plan", "a.yaml", "--model", "nosuch", code=3)
    assert err.startswith("ambientgen: --model: there is no model 'nosuch'")
    assert said(capsys, "validate", "a.yaml")[1].startswith(
        "ambientgen: note: a.yaml: there is no model 'poket'"
    )


def test_recordings_and_models_that_are_not_there_are_told_together(
    capsys: Output, tmp_path: Path
) -> None:
    rain = "{states: {rain: {curve: 1}}, model: "
    (tmp_path / "d.yaml").write_text(
        "duration: 9s\nlayers:\n"
        f"  a: {rain}poket}}\n  b: {rain}nosuch}}\n  c: {rain}poket}}\n"
        "  d: {engine: recording, file: gone.wav}\n  e: {engine: recording, file: d.yaml}\n"
    )
    models = ["3: there is no model 'poket'", "4: there is no model 'nosuch'"]
    models += ["5: there is no model 'poket'"]
    files = ["6: there is no recording `gone.wav`", "7: the recording `d.yaml` cannot be read"]

    def told(*arguments: str) -> list[str]:
        _, err = said(capsys, *arguments, code=3)
        return [re.sub(r"^ambientgen: d.yaml:(\d+):\d+:", r"\1:", x) for x in err.splitlines()]

    for command, wanted in (
        ("render", [*files, *models]),
        ("play", [*files, *models]),
        ("plan", models),
    ):
        lines = told(command, "d.yaml")
        assert len(lines) == len(wanted)
        assert all(line.startswith(each) for line, each in zip(lines, wanted, strict=True)), lines
    assert not (tmp_path / "d.wav").exists()


@pytest.mark.parametrize(
    "curve", ["repeat: 14s, curve: {0s: 0.3, 5s: 0.8}", "curve: {0s: 0.1, 2m: 0.9}", "curve: 0.5"]
)
def test_validate_and_plan_know_scenes_without_end(
    capsys: Output, tmp_path: Path, curve: str
) -> None:
    states = f"{{rain: {{levels: [~, xylophones], {curve}}}}}"
    (tmp_path / "on.yaml").write_text(f"duration: endless\nstates: {states}\n")
    out, err = said(capsys, "validate", "on.yaml")
    assert out.startswith("on.yaml: valid; on, endless of rain")
    assert 'does not know the word "xylophones" (states.rain.levels, from 0s)' in err
    out, err = said(capsys, "plan", "on.yaml", "--at", "1m")
    assert out.startswith("on at 1m of endless")
    assert '"xylophones"' in err
    told = json.loads(said(capsys, "plan", "on.yaml", "--at", "1m", "--json")[0])
    sounding = " and ".join(map(str, told["windows"]))
    assert f"{sounding} (by their index)\n" in out  # of which there are more than in the plan
    told = json.loads(said(capsys, "plan", "on.yaml", "--at", "20m", "--json")[0])
    assert told["time_s"] == 1200.0 and told["windows"]
    out, _ = said(capsys, "plan", "on.yaml", "--at", "20m")
    assert out.startswith("on at 20m of endless; of which 10m from 20m on\n")
    two = ("--set", "states.wind.curve=0.5")  # which are layers to pocket
    out, _ = said(capsys, "plan", "on.yaml", "--at", "20m", *two)
    assert out.startswith("on at 20m of endless; of which 10m from 20m on\n\nrain\n")
    _, err = said(capsys, "plan", "on.yaml", "--at", "169h", code=2)
    assert "--at: `169h` is too late" in err
    _, err = said(capsys, "plan", "on.yaml", "--at", "50%", code=2)
    assert err.endswith(
        "--at: `50%` is a share, where only a time can stand; write a time such as `90s`\n"
    )


def test_validate_refuses_more_steps_than_there_are_at_a_strength(
    capsys: Output, tmp_path: Path
) -> None:
    layer = "{engine: procedural, strength: 0.3, states: {rain: {curve: 0.5}}}"
    (tmp_path / "far.yaml").write_text(f"duration: 9s\nlayers: {{far: {layer}}}\n")
    said(capsys, "validate", "far.yaml", "--set", "render.steps=300")
    _, err = said(capsys, "validate", "far.yaml", "--set", "render.steps=301", code=2)
    assert err == (
        "ambientgen: far.yaml: render.steps: this model cannot be rendered in 301 steps at a "
        "strength of 0.3; use at most 300, or a higher `strength`\n"
    )


def test_validate_and_plan_refuse_the_same_windows(capsys: Output, rain: str) -> None:
    wide = ("--set", "render.overlap=100s")
    _, planned = said(capsys, "plan", rain, *wide, code=2)
    out, err = said(capsys, "validate", rain, *wide, code=2)
    assert not out
    assert err == planned
    assert err.startswith("ambientgen: rain.yaml: render.overlap: ")


def test_plan_tells_only_what_is_reached_by_the_end_of_a_stretch(
    capsys: Output, tmp_path: Path
) -> None:
    levels = "levels: [~, zorbing], curve: {0s: 0, 5m: 0, 6m: 1}"
    (tmp_path / "late.yaml").write_text(f"duration: 9m\nstates: {{zorbs: {{{levels}}}}}\n")
    assert "zorbing" in said(capsys, "plan", "late.yaml")[1]
    assert "zorbing" in said(capsys, "plan", "late.yaml", "--from", "7m")[1]
    assert "zorbing" not in said(capsys, "plan", "late.yaml", "--to", "4m")[1]


def test_set_changes_the_scene_that_is_checked(capsys: Output, rain: str) -> None:
    assert '"seed": 99' in said(capsys, "validate", rain, "--json", "--set", "seed=99")[0]
    _, err = said(capsys, "validate", rain, "--set", "states.rain.curve=7", code=2)
    assert err.startswith("ambientgen: --set states.rain.curve: ")


@pytest.mark.parametrize("name", ["rain", "surf.yaml"])
def test_a_shipped_scene_that_is_no_file_here_is_pointed_to(capsys: Output, name: str) -> None:
    stem = name.removesuffix(".yaml")
    _, err = said(capsys, "validate", name, code=2)
    assert f"copy it out with `ambientgen scenes {stem}`" in err


# --- plan ---


def test_plan_shows_curves_prompts_and_windows(
    capsys: Output, rain: str, hub_faithful_folder: Path
) -> None:
    out, _ = said(capsys, "plan", rain, "--model", str(hub_faithful_folder))
    assert "Rain that builds and passes\n2m, seed 7, model " in out
    assert "light rain and a light breeze, an open field" in out
    assert "torrential downpour" in out
    assert "windows of 3.52 to" in out
    assert max(map(len, out.splitlines()[2:])) <= 100


def test_a_plan_counts_the_windows_beside_what_is_heard(
    capsys: Output, rain: str, hub_faithful_folder: Path
) -> None:
    """A decoder's chunk takes 8 s, however little is heard."""
    model = str(hub_faithful_folder)
    for window, more in (("20s", ""), ("4s", "; 3 more made beside them")):
        asked = ["--set", f"render.window={window}"]
        asked += ["--set", "states.rain.curve=0.5", "--set", "states.wind.curve=0.5"]
        out, _ = said(capsys, "plan", rain, "--duration", "1s", "--model", model, *asked)
        assert "\n1 window of " in out
        assert f"into the next{more}\n" in out


def test_plan_json_is_the_plan(capsys: Output, rain: str, hub_faithful_folder: Path) -> None:
    out, _ = said(capsys, "plan", rain, "--json", "--model", str(hub_faithful_folder))
    plan = json.loads(out)
    assert (plan["duration_s"], plan["sample_rate"]) == (120, 16000)
    assert set(plan["keyframes"][0]) >= {"time_s", "prompt", "states"}
    assert set(plan["windows"][0]) == {"index", "start_s", "end_s", "silent"}
    assert plan["windows"][-1]["end_s"] > 120  # the last chunk is decoded whole
    assert any("its licence is not stated" in notice for notice in plan["notices"])


def test_plan_at_tells_the_state_of_the_world(
    capsys: Output, rain: str, hub_faithful_folder: Path
) -> None:
    model = ("--model", str(hub_faithful_folder))
    out, _ = said(capsys, "plan", rain, "--at", "50%", "--json", *model)
    moment = json.loads(out)
    assert moment["time_s"] == 60
    assert moment["states"]["rain"] == pytest.approx(0.9)
    assert any("its licence is not stated" in notice for notice in moment["notices"])
    out, _ = said(capsys, "plan", rain, "--at", "1m", *model)
    assert "Rain that builds and passes at 1m of 2m" in out
    assert "0.90  a torrential downpour" in out
    _, err = said(capsys, "plan", rain, "--at", "3m", *model, code=2)
    assert err.splitlines()[-1].startswith("ambientgen: --at: the sound has no moment `3m`; ")
    _, err = said(capsys, "plan", rain, "--at", "1:30", *model, code=2)
    assert "write `1m30s`" in err


def test_plan_takes_the_same_overrides_as_render(
    capsys: Output, rain: str, hub_faithful_folder: Path
) -> None:
    def planned(*args: str) -> dict[str, Any]:
        model = str(hub_faithful_folder)
        out, _ = said(capsys, "plan", rain, "--json", "--model", model, *args)
        plan: dict[str, Any] = json.loads(out)
        return plan

    assert planned("--duration", "30s")["duration_s"] == 30
    held = planned("--duration", "3m", "--set", "states.wind.curve=0.5")
    assert held["duration_s"] == 180
    assert {keyframe["states"]["wind"] for keyframe in held["keyframes"]} == {0.5}
    assert planned("--seed", "5", "--set", "seed=6")["seed"] == 5  # an option of its own wins


@pytest.mark.parametrize(
    ("args", "place"),
    [
        (["--steps", "0"], "--steps"),
        (["--guidance", "0.5"], "--guidance"),
        (["--guidance", "nan"], "--guidance"),
        (["--seed", "-1"], "--seed"),
        (["--model", ""], "--model"),
        (["--set", "render.steps=0"], "--set render.steps"),
    ],
)
def test_overrides_are_blamed_by_the_name_they_were_given(
    capsys: Output, rain: str, args: list[str], place: str
) -> None:
    _, err = said(capsys, "plan", rain, *args, code=2)
    assert err.startswith(f"ambientgen: {place}: ")


def test_plan_without_the_model_is_exit_code_3(capsys: Output, rain: str) -> None:
    out, err = said(capsys, "plan", rain, "--model", "no/such-model", code=3)
    assert not out
    assert "fetch it: hf download no/such-model" in err
    said(capsys, "plan", rain, "--model", "./no-such-folder", code=3)


def test_render_options_no_window_can_meet_name_the_scene(
    capsys: Output, rain: str, hub_faithful_folder: Path
) -> None:
    wide = ("--set", "render.overlap=9s", "--set", "render.window=10s")
    _, err = said(capsys, "plan", rain, "--model", str(hub_faithful_folder), *wide, code=2)
    assert "ambientgen: rain.yaml: render.overlap: " in err


# --- scenes and new ---


def test_scenes_lists_all_and_copies_one_out(capsys: Output, tmp_path: Path) -> None:
    out, _ = said(capsys, "scenes")
    names = [scene.name for scene in shipped_scenes()]
    assert names
    assert all(any(line.startswith(name) for line in out.splitlines()) for name in names)
    listed = json.loads(said(capsys, "scenes", "--json")[0])
    assert [scene["name"] for scene in listed] == names
    out, _ = said(capsys, "scenes", "surf")
    assert out.startswith("surf.yaml written")
    assert (tmp_path / "surf.yaml").read_bytes() == (SCENES / "surf.yaml").read_bytes()


def test_scenes_writes_where_asked(capsys: Output, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    said(capsys, "scenes", "rain", "-o", "mine/")
    said(capsys, "scenes", "rain.yaml", "-o", "lake.yaml")
    printed, _ = said(capsys, "scenes", "rain", "-o", "-")
    copies = [tmp_path / "mine" / "rain.yaml", tmp_path / "lake.yaml"]
    assert {copy.read_text() for copy in copies} == {printed}
    assert "mkdir" in said(capsys, "scenes", "rain", "-o", "no/where.yaml", code=4)[1]


def test_a_scene_is_printed_in_utf_8_whatever_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="ascii", newline="\n"))
    assert run(["scenes", "cafe", "-o", "-"]) == 0
    assert printed.getvalue() == (SCENES / "cafe.yaml").read_bytes()
    assert not printed.getvalue().isascii()


def test_what_is_no_file_is_not_replaced(capsys: Output) -> None:
    _, err = said(capsys, "scenes", "rain", "-o", "/dev/null", "--force", code=4)
    assert "/dev/null: is no file; name another" in err


@pytest.mark.parametrize("args", [["scenes", "rain"], ["new", "rain"]])
def test_nothing_is_overwritten_unasked(
    capsys: Output, rain: str, tmp_path: Path, args: list[str]
) -> None:
    before = "# my own\n"
    (tmp_path / rain).write_text(before)
    _, err = said(capsys, *args, code=4)
    assert "rain.yaml: exists already; use --force" in err
    assert (tmp_path / rain).read_text() == before
    said(capsys, *args, "--force")
    assert load_scene(rain).states


@pytest.mark.parametrize("args", [["scenes", "rain"], ["new", "rain"]])
def test_what_cannot_be_replaced_stays(
    capsys: Output, rain: str, monkeypatch: pytest.MonkeyPatch, args: list[str]
) -> None:
    before = Path(rain).read_bytes() + b"# my own\n"
    Path(rain).write_bytes(before)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    _, err = said(capsys, *args, "--force", code=4)
    assert "the disk is full" in err
    assert Path(rain).read_bytes() == before and os.listdir() == [rain]


@pytest.mark.parametrize(("name", "file"), [("lake", "lake.yaml"), ("lake.yml", "lake.yml")])
def test_new_writes_a_scene_that_is_valid(
    capsys: Output, tmp_path: Path, name: str, file: str
) -> None:
    out, _ = said(capsys, "new", name)
    assert out.startswith(f"{file} written")
    text = (tmp_path / file).read_text()
    assert text.startswith("# Lake.")
    assert load_scene(file).title == "Lake"


@pytest.mark.parametrize(
    ("args", "command"),
    [
        (["new", "night rain"], "ambientgen render 'night rain.yaml'"),
        (["new", "--", "-x"], "ambientgen render ./-x.yaml"),
        (["scenes", "rain", "-o", "it's.yaml"], """ambientgen render 'it'"'"'s.yaml'"""),
    ],
)
def test_suggested_commands_can_be_copied(capsys: Output, args: list[str], command: str) -> None:
    assert f"`{command}`" in said(capsys, *args)[0]


@pytest.mark.parametrize("args", [["new", "no folder/x"], ["scenes", "rain", "-o", "no folder/x"]])
def test_suggested_folders_can_be_copied(capsys: Output, args: list[str]) -> None:
    assert "`mkdir -p 'no folder'`" in said(capsys, *args, code=4)[1]


# --- schema, models, doctor ---


def test_schema_is_json_schema(capsys: Output) -> None:
    schema = json.loads(said(capsys, "schema")[0])
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "states" in schema["properties"]


def test_models_lists_licences_and_commands_on_one_line(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    out, _ = said(capsys, "models")
    assert "pocket" in out
    assert "CC-BY-NC-SA-4.0" in out
    fetch = [line for line in out.splitlines() if "hf download cvssp/audioldm2-large" in line]
    assert fetch[0].endswith('--exclude "*.bin"')
    listed = json.loads(said(capsys, "models", "--json")[0])
    assert [each["name"] for each in listed][:2] == ["pocket", "audioldm2"]
    assert set(listed[0]) == {"name", "licence", "commercial", "here", "where", "states"}


def test_models_tells_the_states_a_model_was_trained_on(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, hub_faithful_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(hub_faithful_folder, tmp_path / "model"))
    (folder / "ambientgen.json").write_text('{"licence": "MIT", "states": ["rain", "wind"]}')
    monkeypatch.setattr("ambientgen.models.registry.pocket_folder", lambda: folder)
    out, _ = said(capsys, "models")
    assert "\npocket was trained on rain, wind.\n" in out
    assert out.count("was trained on") == 1
    assert json.loads(said(capsys, "models", "--json")[0])[0]["states"] == ["rain", "wind"]


def test_doctor_tells_versions_and_whether_the_model_loads(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, hub_faithful_folder: Path
) -> None:
    trials = {"pocket": doctor.try_model(str(hub_faithful_folder))}
    monkeypatch.setattr(doctor, "try_model", trials.__getitem__)
    monkeypatch.setenv("AMBIENTGEN_CACHE", "kept")
    found = json.loads(said(capsys, "doctor", "--json")[0])
    assert Path(found["windows"]).parent.name == "kept"
    assert found["pocket"]["loads"] is True
    assert found["device"] in {"cpu", "cuda", "mps"}
    assert found["cores"] >= 1
    assert {"torch", "numpy", "scipy", "soxr", "mutagen", "pyyaml"} <= found["packages"].keys()
    assert "pytest" not in found["packages"] and all(found["packages"].values())
    trials["pocket"] = {"loads": False, "elapsed_s": 0.1, "problems": ["it is broken"]}
    out, _ = said(capsys, "doctor", code=3)
    assert "it is broken" in out
    assert "torch  " in out


def test_doctor_finds_a_broken_model(tmp_path: Path) -> None:
    (problem,) = doctor.try_model(str(tmp_path))["problems"]
    assert "model_index.json" in problem


def test_no_network_refuses_connections() -> None:
    import socket

    with (
        doctor.no_network(),
        socket.socket() as connection,
        pytest.raises(OSError, match="network"),
    ):
        connection.connect(("127.0.0.1", 9))


# --- the reference ---


def test_the_reference_is_up_to_date() -> None:
    again = "run `python -m ambientgen.cli.reference`"
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), again


def test_every_command_option_and_exit_code_is_documented() -> None:
    page = reference.page()
    root = typer.main.get_command(app)
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        assert f"## ambientgen {name}" in page
        assert command.help
        for written, text in reference.parameters(command):
            assert text, (name, written)
            assert text in page
    assert set(MEANINGS) == set(ExitCode)
    assert all(f"| {int(code)} | {MEANINGS[code]} |" in page for code in ExitCode)


def test_the_gravest_code_wins() -> None:
    assert gravest([]) == ExitCode.DONE
    assert gravest(GRAVITY) == ExitCode.INTERNAL
    assert gravest([ExitCode.BAD_INPUT, ExitCode.OUTPUT, ExitCode.DONE]) == ExitCode.OUTPUT
