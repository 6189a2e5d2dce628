"""A scene becomes a file: the same samples whoever renders them, whole or not at all."""

from __future__ import annotations

import json
import shutil
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ambientgen.asked import Asked
from ambientgen.errors import ModelError, OutputError
from ambientgen.memory import peak_memory_mb
from ambientgen.messages import AudioWritten, Message, Notice, WindowsDone
from ambientgen.models.fingerprint import fingerprint
from ambientgen.renderer import Renderer, RenderReport
from ambientgen.scene import Scene, parse_scene
from ambientgen.store import Store

SCENE = """
title: A test of rain
duration: 9s
seed: 11
states:
  rain:
    curve: {0s: 0.2, 8s: 0.9}
  wind:
    curve: 0.4
"""


@pytest.fixture
def scene(hub_faithful_folder: Path) -> Scene:
    text = SCENE + f"model: {hub_faithful_folder}\nrender: {{steps: 2, guidance: 1}}\n"
    return parse_scene(text, "rain.yaml")


def _render(scene: Scene, path: Path, **options: object) -> RenderReport:
    workers = options.pop("workers", 1)
    return Renderer("cpu", workers).render(scene, path, **options)  # type: ignore[arg-type]


def test_the_file_has_the_requested_length_to_the_sample(scene: Scene, tmp_path: Path) -> None:
    report = _render(scene, tmp_path / "rain.wav")
    with wave.open(str(tmp_path / "rain.wav")) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels()) == (144_000, 16_000, 1)
        samples = np.frombuffer(file.readframes(144_000), np.int16)
    assert samples.std() > 0
    assert report.duration_s == 9 and report.windows.computed == report.windows.total > 1
    assert [path.name for path in tmp_path.iterdir()] == ["rain.wav"]


def test_samples_do_not_depend_on_the_number_of_workers(scene: Scene, tmp_path: Path) -> None:
    one = _render(scene, tmp_path / "one.wav")
    three = _render(scene, tmp_path / "three.wav", workers=3)
    assert one.sha256 == three.sha256


def test_samples_do_not_depend_on_the_callers_torch_threads(scene: Scene, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    hashes = set()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            path = tmp_path / f"{threads}.wav"
            hashes.add(_render(scene, path, asked=Asked(3.0)).sha256)
    finally:
        torch.set_num_threads(before)
    assert len(hashes) == 1


def test_every_render_tells_the_licence(scene: Scene, tmp_path: Path) -> None:
    told: list[Message] = []
    renderer = Renderer("cpu", 1, told.append)
    for name in ("one.wav", "two.wav"):
        renderer.render(scene, tmp_path / name, Asked(1.0))
    licences = [e for e in told if isinstance(e, Notice) and "licence" in e.text]
    assert len(licences) == 2


def test_a_scene_may_choose_its_scheduler(scene: Scene, tmp_path: Path) -> None:
    other = replace(scene, render=replace(scene.render, scheduler="EulerDiscreteScheduler"))
    one = _render(scene, tmp_path / "one.wav", asked=Asked(1.0))
    assert _render(other, tmp_path / "other.wav", asked=Asked(1.0)).sha256 != one.sha256


def test_damaged_weights_are_the_models_fault(scene: Scene, tmp_path: Path) -> None:
    renderer = Renderer("cpu", 1)
    model = renderer.model(scene.model)
    next(model.unet.parameters()).data.fill_(float("nan"))
    with pytest.raises(ModelError, match="damaged"):
        renderer.render(scene, tmp_path / "rain.wav")
    assert list(tmp_path.iterdir()) == []


def test_another_seed_is_another_take(scene: Scene, tmp_path: Path) -> None:
    one = _render(scene, tmp_path / "one.wav", asked=Asked(3.0))
    other = _render(scene.with_seed(12), tmp_path / "other.wav", asked=Asked(3.0))
    assert one.sha256 != other.sha256


def test_a_curve_changes_the_sound(scene: Scene, tmp_path: Path) -> None:
    one = _render(scene, tmp_path / "one.wav", asked=Asked(3.0))
    changed = parse_scene(
        SCENE.replace("0.2, 8s", "0.8, 8s") + f"model: {scene.model}\nrender: {{steps: 2}}\n"
    )
    other = _render(changed, tmp_path / "other.wav", asked=Asked(3.0))
    assert one.sha256 != other.sha256


def test_guidance_and_a_negative_prompt_render(scene: Scene, tmp_path: Path) -> None:
    guided = replace(scene, render=replace(scene.render, guidance=3.0, negative_prompt="music"))
    report = _render(guided, tmp_path / "guided.wav", asked=Asked(2.0))
    assert report.duration_s == 2


def test_an_existing_file_is_refused_before_rendering(scene: Scene, tmp_path: Path) -> None:
    kept = tmp_path / "kept.wav"
    kept.write_bytes(b"mine")
    with pytest.raises(OutputError):
        _render(scene, kept)
    assert kept.read_bytes() == b"mine"
    _render(scene, kept, force=True, asked=Asked(2.0))
    assert kept.read_bytes()[:4] == b"RIFF"


def test_progress_is_told_and_an_interruption_leaves_nothing(scene: Scene, tmp_path: Path) -> None:
    told: list[Message] = []

    def interrupt(message: Message) -> None:
        told.append(message)
        if isinstance(message, AudioWritten):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Renderer("cpu", 1, interrupt).render(scene, tmp_path / "rain.wav")
    assert any(isinstance(each, WindowsDone) for each in told)
    assert any(isinstance(each, Notice) for each in told)  # the folder states no licence
    assert list(tmp_path.iterdir()) == []


def test_the_model_is_loaded_once(scene: Scene, tmp_path: Path) -> None:
    renderer = Renderer("cpu", 1)
    renderer.render(scene, tmp_path / "one.wav", Asked(1.0))
    models = dict(renderer.models)
    renderer.render(scene, tmp_path / "two.wav", Asked(1.0))
    assert renderer.models == models and len(models) == 1


def test_models_of_one_name_are_two(hub_faithful_folder: Path, tmp_path: Path) -> None:
    """Of a folder only its last name is told; what is in it is taken from all of it."""
    for number in ("v1", "v2"):
        shutil.copytree(hub_faithful_folder, tmp_path / number / "mine")
    extras = tmp_path / "v2" / "mine" / "ambientgen.json"
    told = json.loads(extras.read_text()) if extras.exists() else {}
    extras.write_text(json.dumps(told | {"gain_db": -6.0}))
    renderer = Renderer("cpu", 1, store=Store(tmp_path / "cache" / "windows"))
    models = [renderer.model(str(tmp_path / number / "mine")) for number in ("v1", "v2")]
    assert {model.spec.name for model in models} == {"mine"}
    contents = [renderer.content(model) for model in models]
    assert contents == [fingerprint(model.spec.folder, None) for model in models]
    assert len(set(contents)) == 2


@pytest.mark.parametrize("status", ["Name: python\n", "", "VmHWM:\t  51200 kB\n"])
def test_a_system_need_not_tell_the_most_memory_held(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda _path, **_how: status)
    assert peak_memory_mb() == 50 if "VmHWM" in status else peak_memory_mb() >= 0
