"""Windows are made once: what a store gives back is what would be made, and only that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ambientgen.asked import AS_WRITTEN, Asked
from ambientgen.messages import Message, Notice
from ambientgen.renderer import Renderer, RenderReport
from ambientgen.scene import Scene, parse_scene
from ambientgen.store import Store

SCENE = """
title: A test of windows
duration: 12s
seed: 11
states:
  rain:
    curve: {0s: 0.2, 3s: 0.5, 9s: 0.5, 12s: LAST}
"""


def scene_of(folder: Path, last: str = "0.9") -> Scene:
    text = SCENE.replace("LAST", last) + f"model: {folder}\nrender: {{steps: 2, guidance: 1}}\n"
    return parse_scene(text, "rain.yaml")


def rendered(
    renderer: Renderer, scene: Scene, path: Path, asked: Asked = AS_WRITTEN
) -> RenderReport:
    return renderer.render(scene, path, asked, force=True)


def test_a_second_render_reuses_all_and_an_edit_makes_what_it_touches(
    hub_faithful_folder: Path, tmp_path: Path
) -> None:
    scene, out = scene_of(hub_faithful_folder), tmp_path / "rain.wav"
    store = Store(tmp_path / "windows")
    keeping = Renderer("cpu", 2, store=store)
    first = rendered(keeping, scene, out)
    assert first.windows.reused == 0 and first.windows.computed == first.windows.total > 4
    again = rendered(keeping, scene, out)
    assert (again.windows.computed, again.windows.reused) == (0, first.windows.total)
    assert again.sha256 == first.sha256

    edited = scene_of(hub_faithful_folder, last="0.8")
    third = rendered(keeping, edited, out)
    assert 0 < third.windows.computed < third.windows.total
    plain = Renderer("cpu", 1)
    plain.models = keeping.models
    afresh = rendered(plain, edited, out)
    assert third.sha256 == afresh.sha256 != first.sha256
    assert afresh.windows.reused == 0

    # Damaged entries are made again, and the sound is the same.
    for number, entry in enumerate(sorted(store.folder.rglob("*.entry"))):
        raw = entry.read_bytes()
        entry.write_bytes(raw[: len(raw) // 2] if number % 2 else raw[:-1] + b"\0\1")
    mended = rendered(keeping, edited, out)
    assert (mended.windows.reused, mended.sha256) == (0, afresh.sha256)


def test_what_makes_another_window_has_another_key(
    hub_faithful_folder: Path, tmp_path: Path
) -> None:
    scene, out = scene_of(hub_faithful_folder), tmp_path / "rain.wav"
    keeping = Renderer("cpu", 1, store=Store(tmp_path / "windows"))
    first = rendered(keeping, scene, out, Asked(1.0))
    for other in (
        scene.with_seed(12),
        replace(scene, render=replace(scene.render, steps=3)),
        replace(scene, render=replace(scene.render, scheduler="EulerDiscreteScheduler")),
        replace(scene, setting="a lake"),
    ):
        assert rendered(keeping, other, out, Asked(1.0)).windows.reused == 0
    renamed = replace(scene, title="Another title")
    same = rendered(keeping, renamed, out, Asked(1.0))
    assert (same.windows.computed, same.sha256) == (0, first.sha256)


def test_other_weights_are_another_model_whatever_it_is_called(
    folder: Path, tmp_path: Path
) -> None:
    scene, out = scene_of(folder), tmp_path / "rain.wav"
    store = Store(tmp_path / "windows")
    first = rendered(Renderer("cpu", 1, store=store), scene, out, Asked(1.0))
    weights = next((folder / "unet").glob("*.safetensors"))
    raw = bytearray(weights.read_bytes())
    raw[-2] ^= 8
    weights.write_bytes(raw)
    other = rendered(Renderer("cpu", 1, store=store), scene, out, Asked(1.0))
    assert (other.windows.reused, first.windows.reused) == (0, 0)


def test_a_store_that_cannot_be_written_costs_one_notice(
    hub_faithful_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    told: list[Message] = []
    scene = scene_of(hub_faithful_folder)
    renderer = Renderer("cpu", 1, told.append, Store(tmp_path / "file" / "windows"))
    report = rendered(renderer, scene, tmp_path / "rain.wav", Asked(5.0))
    assert report.windows.computed == report.windows.total > 1
    notices = [e.text for e in told if isinstance(e, Notice) and "cannot be kept" in e.text]
    assert len(notices) == 1


def test_damaged_weights_leave_nothing_in_the_store(
    hub_faithful_folder: Path, tmp_path: Path
) -> None:
    store = Store(tmp_path / "windows")
    renderer = Renderer("cpu", 1, store=store)
    scene = scene_of(hub_faithful_folder)
    next(renderer.model(scene.model).unet.parameters()).data.fill_(float("nan"))
    with pytest.raises(Exception, match="damaged"):
        rendered(renderer, scene, tmp_path / "rain.wav", Asked(1.0))
    assert store.size().entries == 0
