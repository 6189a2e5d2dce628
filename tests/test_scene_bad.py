"""Bad scenes: each is refused within a second, with its place, what is wrong, and the remedy."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import pytest
from bad_layers import BAD_LAYERS
from bad_scenes import BAD, GOOD

from ambientgen.errors import ExitCode, SceneError
from ambientgen.scene import load_scene, parse_scene

ALL = BAD | BAD_LAYERS


@pytest.mark.parametrize("name", ALL)
def test_a_bad_scene_is_refused_with_place_problem_and_remedy(name: str) -> None:
    text, messages = ALL[name]
    started = time.process_time()
    with pytest.raises(SceneError) as caught:
        parse_scene(text, "bad.yaml")
    elapsed_s = time.process_time() - started
    assert [str(problem) for problem in caught.value.problems] == messages
    assert caught.value.exit_code is ExitCode.BAD_INPUT
    assert elapsed_s < 1.0


def test_the_scene_that_the_bad_ones_vary_is_good() -> None:
    assert parse_scene(GOOD).states[0].name == "rain"


def test_a_scene_without_its_suffix_is_pointed_to(tmp_path: Path) -> None:
    (tmp_path / "lake.yaml").write_text(GOOD)
    for name, remedy in {"lake": f"did you mean `{tmp_path}/lake.yaml`?", "sea": "check "}.items():
        with pytest.raises(SceneError) as caught:
            load_scene(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: there is no such file; {remedy}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * 1_000_001)
    refusals = {
        tmp_path: "this is a folder; name a scene file, such as `rain.yaml`",
        tmp_path / "none.yaml": "there is no such file; "
        "check the name; `ambientgen scenes` lists the scenes that come along",
        large: "the file is over 1 MB; a scene is a short text: name another file",
        tmp_path / "a\0b": "the file cannot be read (embedded null byte); "
        "check the name and its permissions",
    }
    for path, message in refusals.items():
        with pytest.raises(SceneError) as caught:
            load_scene(path)
        assert str(caught.value) == f"{path}: {message}"


HEAD = "duration: 10m\nstates:\n"
LARGE = {
    "wrong points": HEAD
    + "  rain:\n    curve:\n"
    + "".join(f"      {i}: 7\n" for i in range(9900)),
    "unknown fields": HEAD + "".join(f"  rain{i}: {{curv: 0}}\n" for i in range(3300)),
    "unknown keys": "".join(f"statez{i}: 7\n" for i in range(9_900)),
    "repeated keys": "title: x\n" * 9_900,
    "aliases": "b: *x\n" * 9_900,
    "a long text": 'title: "' + "\\n" * 499_000 + '"',
    "a long name": "? " + "k" * 990_000 + "\n: 1\n",
    "a long number": "seed: " + "9" * 990_000,
    "a long time": "duration: " + "9" * 990_000 + "s",
    "comments": "#\n" * 499_000,
    "line breaks": "\n" * 999_000,
    "wrong layers": "duration: 1m\nlayers:\n"
    + "".join(f"  L{i}: {{gain: x}}\n" for i in range(3300)),
    "wrong events": "duration: 1m\nevents:\n" + "- {sound: x}\n" * 4900,
    "tabs": "a\t\n" * 330_000,
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_bad_scene_is_refused_within_a_second_and_a_page(name: str) -> None:
    gc.collect()
    gc.freeze()  # what other tests have left behind is none of this one's time
    started = time.process_time()
    with pytest.raises(SceneError) as caught:
        parse_scene(LARGE[name], "bad.yaml")
    assert time.process_time() - started < 1.0
    assert len(caught.value.problems) <= 101
    assert len(str(caught.value)) < 50_000


def test_a_large_good_scene_is_read_within_a_second() -> None:
    points = "".join(f"      {i / 10}s: 0.5\n" for i in range(6000))
    started = time.process_time()
    scene = parse_scene(f"{HEAD}  rain:\n    curve:\n{points}")
    assert time.process_time() - started < 1.0
    assert len(scene.states[0].curve.to_json()["points"]) == 6000
