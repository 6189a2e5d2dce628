"""What makes up for sounds that a model renders too dull or too loud: found, kept, applied."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
from ambientgen.mel import bands, log_mel
from ambientgen.messages import ignore
from ambientgen.models.loading import Model, load
from ambientgen.models.registry import resolve
from ambientgen.models.typed_json import TypedJson
from ambientgen.noise import Take
from ambientgen.scene.catalogue import KNOWN
from ambientgen.scene.scene import Scene
from ambientgen.scene.state import State
from ambientgen.sources.diffused import Diffused, meaning
from ambientgen.sources.studio import Studio
from ambientgen.training import job
from ambientgen.training.colours import Comparison, Off, compared, evened, raised
from ambientgen.training.keep import put_fields
from ambientgen.training.recipe import load_recipe
from ambientgen.training.scores.teacher import Wish
from ambientgen.workers import Workers

Floats = NDArray[Any]
Colours = dict[str, tuple[float, ...]]
BRIGHT = (*[0.0] * 32, *[6.0] * 32)


@cache
def pocket() -> Model:
    return load(resolve("pocket"), "cpu")


def rendered(colours: Colours, *names: str, strength: float = 1.0) -> Floats:
    model = replace(pocket(), spec=replace(pocket().spec, colours=colours))
    known = ((name, KNOWN[name]) for name in names)
    states = tuple(
        State(name=n, curve=Constant(0.5), levels=k.levels, plain=k.plain) for n, k in known
    )
    scene = Scene(title="", duration_s=2.0, seed=1, states=states)
    with Workers(1) as workers:
        studio = Studio(workers, None, ignore, lambda _: model, lambda _: "", meaning)
        source = Diffused(model, scene, studio, (Take(1),), strength=strength)
        return np.concatenate(list(source.blocks((0, 16_000))))[:, 0]


def test_bands_of_a_lone_state_are_raised_by_its_colour() -> None:
    plain, bright = rendered({}, "rain"), rendered({"rain": BRIGHT, "wind": (-20.0,) * 64}, "rain")
    plain_db, bright_db = (8.686 * log_mel(sound, 64).mean(0) for sound in (plain, bright))
    raised = bright_db - plain_db
    np.testing.assert_allclose(raised[2:30], 0.0, atol=0.5)
    np.testing.assert_allclose(raised[34:62], 6.0, atol=0.5)


@pytest.mark.parametrize(("names", "strength"), [(("rain", "wind"), 1.0), (("rain",), 0.4)])
def test_mixtures_and_what_begins_with_a_sound_keep_theirs(
    names: tuple[str, ...], strength: float
) -> None:
    """A mixture is one mel; a sound to begin with has a colour of its own."""
    bright = rendered({"rain": BRIGHT}, *names, strength=strength)
    np.testing.assert_array_equal(bright, rendered({}, *names, strength=strength))


def test_the_colour_of_a_scene_is_that_of_its_state() -> None:
    spec = replace(resolve("pocket"), colours={"crickets": BRIGHT})
    assert spec.colour_of(["crickets"]) == BRIGHT
    assert spec.colour_of(["rain"]) is None
    assert spec.colour_of([]) is None
    assert spec.colour_of(["rain", "crickets"]) is None


@pytest.mark.parametrize(
    "wrong",
    [
        3.0,
        {"rain": 3.0},
        {"rain": [1.0]},
        {"rain": [1.0, "2"]},
        {"rain": [1.0, 101.0]},
        {"rain": [1.0, float("nan")]},
        {"rain": [1.0, 2.0], "wind": []},
    ],
)
def test_what_is_no_colour_is_refused(wrong: object) -> None:
    said = TypedJson(Path("ambientgen.json"), {"colours": wrong})
    with pytest.raises(ModelError, match=r"`colours` is .* lists of 2 numbers from -100 to 100"):
        said.rows("colours", 2, -100.0, 100.0)


def test_a_colour_is_read_as_it_was_written() -> None:
    said = TypedJson(Path("ambientgen.json"), {"colours": {"rain": [1, -2.5]}})
    assert said.rows("colours", 2, -100.0, 100.0) == {"rain": (1.0, -2.5)}
    assert said.rows("others", 2, -100.0, 100.0) == {}


def test_how_far_bands_are_off_is_counted_by_seeds() -> None:
    """What a seed's takes at all levels have in common is one chance, not three."""
    taught = np.full((3, 4, 5), -40.0)
    of_seeds = np.array([-7.0, -5.0, -6.0, -6.0])[:, None]
    off = compared(taught + of_seeds + np.array([[[1.0]], [[0.0]], [[-1.0]]]), taught)
    np.testing.assert_allclose(off.mean_db, -6.0)
    np.testing.assert_allclose(off.error_db, of_seeds.std(ddof=1) / 2)


def test_neighbouring_bands_are_taken_together() -> None:
    renders = np.zeros((3, 4, 7))
    renders[:, :, 3] = 8.0
    mean_db = compared(renders, np.zeros((3, 4, 7))).mean_db
    np.testing.assert_allclose(mean_db, [0, 0, 2, 4, 2, 0, 0])


@pytest.mark.parametrize(
    ("mean_db", "error_db", "gain_db"),
    [(-6.0, 0.0, 6.0), (5.0, 0.5, -4.8), (-6.0, 1.5, 4.5), (-4.0, 1.9, 0.0), (-0.9, 0.0, 0.0)],
)
def test_what_is_little_or_may_be_chance_gets_no_colour(
    mean_db: float, error_db: float, gain_db: float
) -> None:
    found = evened(Off(np.full(4, mean_db), np.full(4, error_db)))
    np.testing.assert_allclose(found, gain_db)


def test_bands_that_are_right_stay_as_they_are() -> None:
    mean_db, error_db = np.array([0.0, -8.0, 0.3, -8.0]), np.array([0.0, 0.4, 0.4, 4.0])
    np.testing.assert_allclose(evened(Off(mean_db, error_db)), [0.0, 7.92, 0.0, 0.0])


def test_a_soft_sound_is_raised_as_far_as_chance_lets_it() -> None:
    """Bands that are surely right stay so."""
    left = Off(np.array([0.0, -1.0, -3.0, -1.0, 2.0]), np.array([0.1, 0.5, 4.0, 1.0, 0.5]))
    soft, loud = (Off(np.array(mean_db), np.array(0.8)) for mean_db in (-6.0, 6.0))
    np.testing.assert_allclose(raised(soft, left), [0.2, 2, 6, 3, 0])
    np.testing.assert_allclose(raised(loud, left), [-0.2, 0, -5, -1, -3])


@pytest.mark.parametrize(
    ("mean_db", "error_db"), [(-0.9, 0.1), (-6.0, 3.1), (0.0, 0.0), (-np.inf, np.nan)]
)
def test_what_is_little_or_may_be_chance_is_not_raised(mean_db: float, error_db: float) -> None:
    left = Off(np.zeros(4), np.full(4, 9.0))
    assert not raised(Off(np.array(mean_db), np.array(error_db)), left).any()


def test_colours_are_rows_beside_what_a_model_says_already(tmp_path: Path) -> None:
    file = tmp_path / "ambientgen.json"
    file.write_text('{"steps": 2, "states": ["a [\\n1]", "b"], "colours": {"rain": [1]}}')
    put_fields(file, {"colours": {"crickets": (6.9, -1.0)}})
    told = {"steps": 2, "states": ["a [\n1]", "b"], "colours": {"crickets": [6.9, -1.0]}}
    assert json.loads(file.read_text()) == told
    assert '"crickets": [6.9, -1.0]\n' in file.read_text()


def test_a_number_that_is_none_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "ambientgen.json"
    file.write_text('{"steps": 2}')
    with pytest.raises(ValueError, match="not JSON compliant"):
        put_fields(file, {"colours": {"rain": [float("inf")]}})
    assert file.read_text() == '{"steps": 2}' and len(list(tmp_path.iterdir())) == 1


def test_colours_of_what_a_model_learns_anew_are_dropped() -> None:
    """Nobody knows how that came out."""
    recipe = load_recipe("adapt")
    of_night = SimpleNamespace(states=("crickets", "my_pond", "music"))
    run = SimpleNamespace(
        recipe=recipe, setting=SimpleNamespace(data=Path("night")), recordings=of_night
    )
    before = {"crickets": [6.9], "birds": [3.1]}
    tones = {"music": "chords", "drone": "held"}
    extras = {"colours": before, "tones": tones, "revision": "a", "states": ["crickets"]}
    start = SimpleNamespace(extras=extras)
    told = job._extras(cast(Any, run), "mine", cast(Any, start))
    assert told["colours"] == {"birds": [3.1]} and "crickets" in before
    assert told["tones"] == {"drone": "held"} and "music" in tones, "their own is no pad"
    fresh = job._extras(cast(Any, run), "mine", None)
    assert fresh["tones"] == {"drone": "held"} and "music" in job.NEW_EXTRAS["tones"]


def test_what_a_model_makes_of_its_colours_is_what_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model whose sounds are procedural ones, duller by 6 dB in its upper bands, and softer."""
    monkeypatch.setattr("ambientgen.training.colours.SEEDS", 3)
    rng = np.random.default_rng(4)
    taught = {seed: 0.05 * rng.standard_normal(40_000) for seed in range(7_000, 7_003)}

    def through(sound: Floats, gains_db: Sequence[float]) -> Floats:
        centres = bands(64).argmax(0) * 16_000 / 1024
        hz = np.fft.rfftfreq(len(sound), 1 / 16_000)
        gains = 10 ** (np.interp(hz, centres, gains_db) / 20)
        return np.asarray(np.fft.irfft(np.fft.rfft(sound) * gains, len(sound)))

    class Teacher:
        def prepare(self, wishes: object) -> None: ...

        def take(self, wish: Wish) -> Floats:
            return wish.curve[0][1] * taught[wish.seed]

    class Rendered:
        def __init__(self, renderer: Any, *_: object) -> None:
            self.spec = renderer._change(pocket()).spec

        def take(self, states: dict[str, str], _s: float, seed: int, apart: bool) -> Floats:
            level = float(states["rain"].strip("{}").split(":")[1])
            dull = through(level * taught[seed], (*[-3.0] * 32, *[-9.0] * 32))
            return through(dull, self.spec.colours.get("rain", [0.0] * 64))

    monkeypatch.setattr("ambientgen.training.colours.Takes", Rendered)
    comparison = Comparison(pocket().spec, cast(Any, Teacher()), tmp_path)
    off, gains = comparison.of("rain")
    np.testing.assert_allclose(off.mean_db[[4, 20, 44, 60]], [-3, -3, -9, -9], atol=0.3)
    np.testing.assert_allclose(gains[[4, 20, 44, 60]], [3, 3, 9, 9], atol=0.3)
