"""Any stretch of a sound is the same to the bit whatever else is rendered; loops close."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ambientgen.asked import Asked
from ambientgen.renderer import Renderer
from ambientgen.scene import Scene, parse_scene

SCENE = """
duration: {duration}
loop: {loop}
seed: 5
states:
  rain:
    curve: {{0s: 0.2, 3s: 0.9}}
    wander: {{amount: 0.1, period: 4s}}
  wind: {{curve: 0.4}}
model: {model}
render: {{steps: 2, guidance: 1}}
"""

Samples = NDArray[np.int64]


def scene(folder: Path, duration: str, loop: bool = False) -> Scene:
    text = SCENE.format(duration=duration, loop=str(loop).lower(), model=folder)
    return parse_scene(text, "rain.yaml")


def heard(renderer: Renderer, subject: Scene, path: Path, **options: object) -> Samples:
    renderer.render(subject, path, force=True, **options)  # type: ignore[arg-type]
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.int64)


@pytest.fixture(scope="module")
def whole(
    renderer: Renderer, hub_faithful_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Samples:
    path = tmp_path_factory.mktemp("whole") / "rain.wav"
    return heard(renderer, scene(hub_faithful_folder, "17s"), path)


@pytest.mark.parametrize(
    ("from_s", "to_s"), [(None, 2.0), (5.3, 5.9), (10.2401, 11.0), (9.9, None), (5.0, 10.5)]
)
def test_a_stretch_is_what_it_is_in_the_whole(
    renderer: Renderer,
    hub_faithful_folder: Path,
    tmp_path: Path,
    whole: Samples,
    from_s: float | None,
    to_s: float | None,
) -> None:
    subject = scene(hub_faithful_folder, "17s")
    part = heard(renderer, subject, tmp_path / "part.wav", asked=Asked(between_s=(from_s, to_s)))
    first, end = round((from_s or 0) * 16000), round((to_s or 17) * 16000)
    np.testing.assert_array_equal(part, whole[first:end])
    assert part.std() > 0


def test_a_crop_and_a_longer_render_are_the_same_sound(
    renderer: Renderer, hub_faithful_folder: Path, tmp_path: Path, whole: Samples
) -> None:
    subject = scene(hub_faithful_folder, "17s")
    crop = heard(renderer, subject, tmp_path / "crop.wav", asked=Asked(10.1))
    np.testing.assert_array_equal(crop, whole[: len(crop)])
    longer = heard(renderer, subject, tmp_path / "longer.wav", asked=Asked(18.0))
    np.testing.assert_array_equal(longer[: len(whole)], whole)


@pytest.mark.parametrize("duration", ["4s", "4030ms", "7770ms"])
def test_a_loop_goes_round_to_the_bit(
    renderer: Renderer, hub_faithful_folder: Path, tmp_path: Path, duration: str
) -> None:
    subject = scene(hub_faithful_folder, duration, loop=True)
    once = heard(renderer, subject, tmp_path / "once.wav")
    assert len(once) == round(subject.duration_s * 16000)
    more_s = subject.duration_s * 2 + 1
    again = heard(renderer, subject, tmp_path / "again.wav", asked=Asked(more_s))
    np.testing.assert_array_equal(again, np.resize(once, len(again)))
    between = (1.0, subject.duration_s * 1.5)
    part = heard(renderer, subject, tmp_path / "p.wav", asked=Asked(more_s, between))
    np.testing.assert_array_equal(part, again[16000 : 16000 + len(part)])


def test_a_loops_joint_is_no_rougher_than_any_other_moment(
    renderer: Renderer, hub_faithful_folder: Path, tmp_path: Path
) -> None:
    for duration in ("4s", "4030ms"):
        once = heard(renderer, scene(hub_faithful_folder, duration, True), tmp_path / "o.wav")
        steps = np.abs(np.diff(np.append(once, once[0])))
        bends = np.abs(np.diff(np.concatenate([once[-2:], once, once[:2]]), 3))
        assert steps[-1] <= np.quantile(steps, 0.999)
        assert max(bends[0], bends[-1]) <= np.quantile(bends, 0.999)
