"""`validate` and `plan` of scenes of layers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_scene_layers import STORM

from ambientgen.cli.app import run

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def storm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a scene of three layers, and its recording."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "birds.flac").touch()
    (tmp_path / "storm.yaml").write_text(STORM)


def said(capsys: Output, *args: str, code: int = 0) -> tuple[str, str]:
    assert run(args) == code
    out, err = capsys.readouterr()
    return out, err


def document(capsys: Output, *args: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(said(capsys, *args, "--json")[0])
    return told


def test_validate_tells_the_layers_and_the_events(capsys: Output) -> None:
    out, err = said(capsys, "validate", "storm.yaml")
    said_of_it = "valid; Storm at the cabin, 2m of rain, thunder, bed, fire, dishes"
    assert out == f"storm.yaml: {said_of_it}\n"
    assert not err
    told = document(capsys, "validate", "storm.yaml")
    assert [layer["engine"] for layer in told["layers"]] == ["model", "procedural", "recording"]
    assert told["events"][0]["at_s"] == 60
    assert told["output"]["loudness_lufs"] == -23


def test_validate_tells_recordings_that_are_missing(capsys: Output) -> None:
    Path("sounds/birds.flac").unlink()
    _, err = said(capsys, "validate", "storm.yaml", code=2)
    assert err == (
        "ambientgen: storm.yaml:27:11: there is no recording `sounds/birds.flac`; "
        "check the name: it counts from the scene's folder\n"
    )


def test_what_a_model_never_heard_is_told_with_its_layer(capsys: Output) -> None:
    word = ("--set", "layers.rain.setting=zorbing")
    _, err = said(capsys, "validate", "storm.yaml", *word)
    assert 'storm.yaml: rain: pocket does not know the word "zorbing"' in err
    everywhere = ("--set", "setting=zorbing")
    _, err = said(capsys, "validate", "storm.yaml", *everywhere)
    assert err.count("zorbing") == 1
    assert 'storm.yaml: pocket does not know the word "zorbing"' in err
    heard = ("--set", "layers.thunder.strength=1", "--set", "layers.thunder.setting=zorbing")
    _, err = said(capsys, "plan", "storm.yaml", *heard)
    assert 'note: thunder: pocket does not know the word "zorbing"' in err


def test_plan_shows_each_sound_by_itself(capsys: Output) -> None:
    out, _ = said(capsys, "plan", "storm.yaml")
    head, rain, thunder, bed, events = out.rstrip().split("\n\n")
    assert head == "Storm at the cabin\n2m, seed 7, 48000 Hz, 5.1"
    assert rain.startswith("rain: model pocket, seed ")
    assert "direction -60 to 60°, distance 0.4, width 0.8, room small" in rain
    assert "light rain, a mountain pass, in a forest" in rain
    assert "windows of" in rain
    assert thunder.startswith("thunder: procedural, made anew to 0.5 by model pocket, seed ")
    assert "kinds: gap wind" in thunder
    assert "1m12s              thunder (near)  level 0.8, distance 0.3, -2 dB, for 3s" in thunder
    assert "0.5 to 4 a minute  thunder " in thunder
    assert bed.startswith("bed: recording sounds/birds.flac, seed ")
    assert "between 1 and 3 a minute  dishes" in events
    assert max(map(len, out.splitlines())) <= 100


def test_plan_json_has_a_part_for_each_sound(capsys: Output) -> None:
    plan = document(capsys, "plan", "storm.yaml", "--from", "1m", "--to", "90s")
    assert (plan["start_s"], plan["duration_s"]) == (60, 30)
    assert (plan["sample_rate"], plan["layout"]) == (48000, "5.1")
    rain, thunder, bed, events = plan["layers"]
    assert len({layer["seed"] for layer in plan["layers"]}) == 4
    assert rain["keyframes"][0]["prompt"].endswith("a mountain pass, in a forest")
    assert rain["windows"][-1]["end_s"] > 90
    assert (thunder["kinds"], thunder["strength"]) == ({"wind": "gap"}, 0.5)
    assert thunder["events"][1]["rate"]["high"] == 600
    assert bed["file"] == "sounds/birds.flac"
    assert "windows" not in bed
    assert events["events"][0]["sound"] == "fire"


def test_a_plan_is_that_of_the_sound_alone(capsys: Output) -> None:
    """A layer without a model of its own, or a setting, is planned as a mixture is."""
    states = "{rain: {curve: {0s: 0.2, 1m: 0.9}}}"
    Path("one.yaml").write_text(f"duration: 1m\nstates: {states}\n")
    Path("two.yaml").write_text(f"duration: 1m\nlayers: {{far: {{states: {states}}}}}\n")
    one, two = (document(capsys, "plan", name) for name in ("one.yaml", "two.yaml"))
    (far,) = two["layers"]
    assert far["keyframes"] == one["keyframes"]
    assert far["windows"] == one["windows"]


def test_plan_at_tells_of_every_sound(capsys: Output) -> None:
    out, _ = said(capsys, "plan", "storm.yaml", "--at", "50%")
    assert out.startswith("Storm at the cabin at 1m of 2m\n\nrain, ")
    assert ", 0°, distance 0.4\n" in out
    told = document(capsys, "plan", "storm.yaml", "--at", "50%")
    assert told["time_s"] == 60
    assert told["layers"]["rain"]["direction"] == 0
    assert told["layers"]["thunder"]["gain_db"] == -3
    assert told["layers"]["thunder"]["states"] == {"wind": 0.3}
    assert told["layers"]["bed"] == {"states": {}}
    _, err = said(capsys, "plan", "storm.yaml", "--at", "3m", code=2)
    assert (
        err == "ambientgen: --at: the sound has no moment 180 s; write a time from `0s` to `2m`\n"
    )


def test_plans_of_other_lengths(capsys: Output) -> None:
    for text, head in (
        ("duration: endless\n", "storm\nendless; of which 10m, seed 0, 16000 Hz, mono"),
        ("duration: 1m\nloop: true\n", "storm\na loop of 1m, seed 0, 16000 Hz, mono"),
    ):
        Path("storm.yaml").write_text(f"{text}events: [{{rate: 4, sound: thunder}}]\n")
        out, _ = said(capsys, "plan", "storm.yaml")
        assert out.startswith(f"{head}\n\nevents: procedural, seed ")
    out, _ = said(capsys, "plan", "storm.yaml", "--duration", "3m", "--from", "150s")
    assert "\n30s of a loop of 1m from 2m30s on, " in out
    _, err = said(capsys, "plan", "storm.yaml", "--from", "2m", code=2)
    assert err.startswith("ambientgen: --from: ")


def test_events_beside_states_are_planned_beside_them(capsys: Output) -> None:
    Path("storm.yaml").write_text(
        "duration: 1m\nstates: {rain: {curve: 0.5}}\nevents: [{at: 5s, sound: thunder}]\n"
    )
    plan = document(capsys, "plan", "storm.yaml", "--seed", "9")
    assert [layer["name"] for layer in plan["layers"]] == ["mixture", "events"]
    assert plan["layers"][0]["seed"] == plan["seed"] == 9


def test_a_model_that_is_not_here(capsys: Output) -> None:
    other = ("--set", "layers.rain.model=no/such-model")
    out, err = said(capsys, "plan", "storm.yaml", *other, code=3)
    assert not out
    assert "fetch it: hf download no/such-model" in err
    out, err = said(capsys, "validate", "storm.yaml", *other)
    assert "valid; " in out
    assert "no/such-model" in err
