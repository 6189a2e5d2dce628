"""`ambientgen bench`, and the script that compares with stock diffusers."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import ambientgen.bench as module
from ambientgen.bench import Cost, Speed, Whole, bench, cost, measured, scene_text
from ambientgen.cli.app import run
from ambientgen.errors import AmbientgenError, ExitCode
from ambientgen.models.loading import Model
from ambientgen.models.registry import POCKET
from ambientgen.plan import make_plan
from ambientgen.scene import parse_scene

SPEED = Speed(
    workers=2,
    steps=4,
    starting={"imports": 1.5, "first window": 2.0},
    whole=[Whole("calm", 600.0, 15.0, 40.0, 450.0, "0" * 64)],
    rates={"products": 100.0, "convolutions": 200.0},
    parts={"UNet": Cost(200.0, 10.0), "noise": Cost(4.0, 0.0)},
)


def test_operations_are_counted_and_time_is_the_threads_own() -> None:
    one = torch.ones(128, 128)
    found = cost(lambda: one @ one)
    assert found.gflop == 2 * 128**3 / 1e9
    assert found.ms > 0
    assert found.times(3) == Cost(3 * found.ms, 3 * found.gflop)


def test_a_share_of_the_limit_is_of_the_best_rate() -> None:
    assert SPEED.of_limit(SPEED.parts["UNet"]) == pytest.approx(10 / 200 / 0.2)


def test_calm_scenes_have_long_windows_and_moving_ones_short_ones(pocket: Model) -> None:
    cores = []
    for name in ("calm", "moving"):
        scene = parse_scene(scene_text(name, POCKET, 90), "bench.yaml")
        plan = make_plan(scene, pocket.geometry, pocket.spec.rule)
        heard = [w for w in plan.windows if w.start_frame + w.core_frames <= plan.total_frames]
        cores.append({window.core_frames for window in heard})
    assert cores == [{max(pocket.spec.rule.cores)}, {min(pocket.spec.rule.cores)}]


def test_every_part_is_measured(pocket: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIES", 1)
    parts = measured(pocket)
    assert all(part.ms > 0 for part in parts.values())
    # Short windows overlap more; a chunk is decoded with its context.
    assert parts["UNet, a moving scene"].gflop > parts["UNet, a calm scene"].gflop > 5
    assert parts["VAE"].gflop > parts["vocoder"].gflop > 1


def test_the_tables_show_every_figure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "bench", lambda *given: SPEED)
    assert run(["bench", "--quiet"]) == ExitCode.DONE
    said = capsys.readouterr().out
    assert all(part in said for part in ("2.00 s", "15.0 s", "40 × real time", "450.0 MB", "25 %"))
    assert run(["bench", "--json", "--duration", "1m", "--workers", "1", "-q"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == SPEED.to_json()


def test_memory_is_compared_over_lengths(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def rendered(name: str, scene: str, duration_s: float, workers: int | None) -> Whole:
        asked.append((name, json.loads(scene)["duration"], workers))
        return Whole(name, duration_s, duration_s / 40, 40.0, 465.0 + duration_s / 1e4, "0" * 64)

    monkeypatch.setattr(module, "_rendered", rendered)
    assert run(["bench", "--memory", "--workers", "2", "-q"]) == ExitCode.DONE
    said = capsys.readouterr().out
    assert asked == [("calm", f"{seconds}s", 2) for seconds in (60, 1800, 10800)]
    assert all(part in said for part in ("1m, calm", "30m", "3h", "465.0 MB", "466.1 MB"))
    assert run(["bench", "--memory", "--json", "-q"]) == ExitCode.DONE
    assert [each["duration_s"] for each in json.loads(capsys.readouterr().out)] == [60, 1800, 10800]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--memory", "--duration", "1m"], "--duration: lengths are 1m, 30m and 3h"),
        (["--duration", "endless"], "--duration: a measurement has to come to an end"),
        (["--duration", "soon"], "--duration"),
        (["--duration", "500ms"], "--duration: a scene to measure with lasts at least 1s"),
        (["--workers", "0"], "--workers"),
        (["--model", "nowhere/here"], "nowhere/here"),
    ],
)
def test_what_cannot_be_measured_is_told_in_a_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "-q", *arguments]) in (ExitCode.BAD_INPUT, ExitCode.MODEL_UNAVAILABLE)
    said = capsys.readouterr()
    assert complaint in said.err and "Traceback" not in said.err
    assert not said.out


@pytest.mark.parametrize(
    ("code", "told"),
    [("sys.exit('ambientgen: no room')", "1: ambientgen: no room"), ("sys.exit(4)", "4: it said")],
)
def test_a_process_that_fails_is_told_in_a_line(code: str, told: str) -> None:
    with pytest.raises(AmbientgenError, match=re.escape(f"ended with exit code {told}")):
        module._said_by([sys.executable, "-c", f"import sys; {code}"])
    assert module._said_by([sys.executable, "-c", "print(3)"]) == "3\n"


@pytest.mark.slow
def test_bench_renders_whole_commands() -> None:
    speed = bench(POCKET, 4.0, workers=1)
    stages = list(speed.starting.values())
    assert stages == sorted(stages)
    assert [each.scene for each in speed.whole] == ["calm", "moving"]
    assert all(each.elapsed_s > speed.starting["imports"] / 3 for each in speed.whole)
    assert speed.workers == 1


def test_the_comparison_counts_evaluations_and_hears_likeness(tmp_path: Path) -> None:
    path = Path(__file__).with_name("compare_with_pipeline.py")
    spec = importlib.util.spec_from_file_location("compare_with_pipeline", path)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script
    spec.loader.exec_module(script)
    counted = {(side.name, side.evaluations) for side in script.sides(2)}
    assert ("ambientgen render", 2) in counted
    assert {n for name, n in counted if name == "pipeline, 2 threads"} == {2, 50}
    calls = script.calls_of("steady", 60.0)
    assert (len(calls), {call.length_s for call in calls}) == (7, {10.24})
    assert calls[-1].start_s < 60 <= calls[-1].start_s + 10.24
    moving = script.calls_of("moving", 30.0)  # in the windows of a render, with words of their own
    assert len({call.prompt for call in moving}) >= 3
    assert moving[0].start_s == 0.0 and max(call.length_s for call in moving) < 5
    assert all(b.start_s < a.start_s + a.length_s for a, b in pairwise(moving))
    from ambientgen.synth import TEXTURES

    dice = np.random.default_rng(0)
    soundfile.write(tmp_path / "rain.wav", TEXTURES["rain"](np.full(64_000, 0.5), dice), 16_000)
    tone = 0.1 * np.sin(np.arange(64_000) * 0.2) + 1e-4 * dice.standard_normal(64_000)
    soundfile.write(tmp_path / "tone.wav", tone, 16_000)
    assert script.texture(tmp_path / "rain.wav") < 0.5 < script.texture(tmp_path / "tone.wav")
