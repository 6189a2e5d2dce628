"""What makes up for sounds that a model renders too loud or too soft: found, kept, applied."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from ambientgen.curves import Constant
from ambientgen.errors import ModelError
from ambientgen.events import ignore
from ambientgen.models.loading import Model, load
from ambientgen.models.registry import MOST_GAIN_DB, resolve
from ambientgen.models.typed_json import TypedJson
from ambientgen.noise import Take
from ambientgen.scene.catalogue import KNOWN
from ambientgen.scene.scene import Scene
from ambientgen.scene.state import State
from ambientgen.sources.diffused import Diffused, meaning
from ambientgen.sources.studio import Studio
from ambientgen.training import job
from ambientgen.training.gains import Off, compared
from ambientgen.training.keep import put_fields
from ambientgen.training.recipe import load_recipe
from ambientgen.workers import Workers

Floats = NDArray[Any]


@cache
def pocket() -> Model:
    return load(resolve("pocket"), "cpu")


def rendered(gains: dict[str, float], *names: str, strength: float = 1.0) -> Floats:
    model = replace(pocket(), spec=replace(pocket().spec, gains=gains))
    known = ((name, KNOWN[name]) for name in names)
    states = tuple(
        State(name=n, curve=Constant(0.5), levels=k.levels, plain=k.plain) for n, k in known
    )
    scene = Scene(title="", duration_s=2.0, seed=1, states=states)
    with Workers(1) as workers:
        studio = Studio(workers, None, ignore, lambda _: model, lambda _: "", meaning)
        source = Diffused(model, scene, studio, (Take(1),), strength=strength)
        return np.concatenate(list(source.blocks((0, 16_000))))[:, 0]


def test_a_lone_state_is_raised_by_its_own_gain() -> None:
    plain, raised = rendered({}, "rain"), rendered({"rain": 6.0, "wind": -20.0}, "rain")
    np.testing.assert_allclose(raised, plain * 10 ** (6.0 / 20), rtol=1e-5)


@pytest.mark.parametrize(("names", "strength"), [(("rain", "wind"), 1.0), (("rain",), 0.4)])
def test_mixtures_and_what_begins_with_a_sound_are_not_raised(
    names: tuple[str, ...], strength: float
) -> None:
    """In a mixture one state cannot be raised; a sound to begin with has a level of its own."""
    raised = rendered({"rain": 6.0}, *names, strength=strength)
    np.testing.assert_array_equal(raised, rendered({}, *names, strength=strength))


def test_the_gain_of_a_scene_is_that_of_its_state_beside_the_models() -> None:
    spec = replace(resolve("pocket"), gain_db=3.0, gains={"crickets": 6.5})
    assert spec.gain_of(["crickets"]) == 9.5
    assert spec.gain_of(["rain"]) == spec.gain_of([]) == spec.gain_of(["rain", "crickets"]) == 3.0


@pytest.mark.parametrize("wrong", [3.0, {"rain": "3"}, {"rain": 101}, {"rain": float("nan")}])
def test_what_is_no_gain_is_refused(wrong: object) -> None:
    said = TypedJson(Path("ambientgen.json"), {"gains": wrong})
    with pytest.raises(ModelError, match=r"`gains` is .* numbers from -100 to 100"):
        said.numbers("gains", -MOST_GAIN_DB, MOST_GAIN_DB)


def test_how_far_levels_are_off_is_counted_by_seeds() -> None:
    """What a seed's takes at all levels have in common is one chance, not three."""
    taught = np.full((3, 4), -40.0)
    of_seeds = np.array([-7.0, -5.0, -6.0, -6.0])
    off = compared(taught + of_seeds + np.array([[1.0], [0.0], [-1.0]]), taught)
    np.testing.assert_allclose(off.levels_db, [-5.0, -6.0, -7.0])
    assert off.mean_db == pytest.approx(-6.0)
    assert off.error_db == pytest.approx(of_seeds.std(ddof=1) / 2)
    assert off.gain_db == 6.0


@pytest.mark.parametrize(
    ("mean_db", "error_db", "gain_db"),
    [(-6.04, 0.8, 6.0), (2.5, 0.3, -2.5), (-1.9, 0.1, None), (-6.0, 3.1, None), (0.0, 0.0, None)],
)
def test_what_is_little_or_may_be_chance_gets_no_gain(
    mean_db: float, error_db: float, gain_db: float | None
) -> None:
    assert Off((mean_db,), mean_db, error_db).gain_db == gain_db


def test_of_a_silent_take_no_gain_is_found() -> None:
    taught = np.full((3, 4), -40.0)
    renders = taught - 6.0
    renders[1, 2] = -np.inf
    with np.errstate(invalid="ignore"):
        assert compared(renders, taught).gain_db is None


def test_gains_are_written_beside_what_a_model_says_already(tmp_path: Path) -> None:
    file = tmp_path / "ambientgen.json"
    file.write_text('{"steps": 2, "gains": {"rain": 1}}')
    put_fields(file, {"gains": {"crickets": 6.9}})
    assert json.loads(file.read_text()) == {"steps": 2, "gains": {"crickets": 6.9}}


def test_a_number_that_is_none_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "ambientgen.json"
    file.write_text('{"steps": 2}')
    with pytest.raises(ValueError, match="not JSON compliant"):
        put_fields(file, {"gains": {"rain": float("inf")}})
    assert file.read_text() == '{"steps": 2}' and len(list(tmp_path.iterdir())) == 1


def test_gains_of_what_a_model_learns_anew_are_dropped() -> None:
    """Nobody knows how loud that came out."""
    recipe = load_recipe("adapt")
    of_night = SimpleNamespace(states=("crickets", "my_pond"))
    run = SimpleNamespace(
        recipe=recipe, setting=SimpleNamespace(data=Path("night")), recordings=of_night
    )
    start = SimpleNamespace(
        extras={"gains": {"crickets": 6.9, "birds": 3.1}, "revision": "a", "states": ["crickets"]}
    )
    told = job._extras(cast(Any, run), "mine", cast(Any, start))
    assert told["gains"] == {"birds": 3.1} and "crickets" in start.extras["gains"]
