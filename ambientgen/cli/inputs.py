"""What the options and files of a command line say: scenes as they are changed, times, a store."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ambientgen.errors import Problem, SceneError, UsageError
from ambientgen.shell import STDOUT
from ambientgen.suffixes import SOUND_SUFFIXES

if TYPE_CHECKING:
    from ambientgen.asked import Asked, Between
    from ambientgen.models.registry import ModelSpec
    from ambientgen.scene import Layer, RenderOptions, Scene
    from ambientgen.sidecar import Sidecar
    from ambientgen.store import Store


@dataclass(frozen=True)
class Overrides:
    """What the command line changes in every scene. `--set` comes first, options of their own
    after it; all of them are checked as if they stood in the scene."""

    assignments: tuple[str, ...]
    options: tuple[tuple[str, str, object], ...]  # option, the field it sets, its value

    @classmethod
    def of(
        cls,
        assignments: list[str] | None,
        model: str | None = None,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        variants: int | None = None,
    ) -> Overrides:
        """Those that were given."""
        options = (
            ("--model", "model", model),
            ("--seed", "seed", seed),
            ("--steps", "render.steps", steps),
            ("--guidance", "render.guidance", guidance),
            ("--variants", "variants", variants),
        )
        given = tuple(option for option in options if option[2] is not None)
        return cls(tuple(assignments or ()), given)

    def lines(self) -> list[str]:
        """As `path=value`; a JSON scalar is a YAML one."""
        said = (
            f"{path}={json.dumps(value, ensure_ascii=False)}" for _, path, value in self.options
        )
        return [*self.assignments, *said]

    @property
    def set_duration(self) -> bool:
        """Whether the scene gets another length."""
        paths = (each.partition("=")[0].strip().strip('"') for each in self.assignments)
        return "duration" in paths

    def in_the_users_words(self, problem: Problem) -> Problem:
        """The problem with `--set render.steps` called `--steps` where that was written."""
        for option, path, _ in self.options:
            if problem.place == f"--set {path}":
                field = path.rpartition(".")[2]
                remedy = problem.remedy.replace(f"`{field}: ", f"`{option} ")
                return replace(problem, place=option, remedy=remedy)
        return problem


def checked(read: Callable[[str], object]) -> Callable[[str], str]:
    """A reader that leaves an option's text as it is, once `read` has taken it: so it is refused
    together with all other options that are wrong."""

    def text_of(text: str) -> str:
        read(text)
        return text

    return text_of


def read_scene(path: str, overrides: Overrides) -> Scene:
    """The scene in a file, changed as the command line asks.

    Raises:
        SceneError: all problems at once. Where no file is, but a scene of that name comes along,
            how to get it.
    """
    from ambientgen.models.registry import renders_apart
    from ambientgen.scene import load_scene

    if not os.path.exists(path):
        _point_to_shipped(path)
    _refuse_sound(path)
    beside = read_if_sidecar(path)
    try:
        if beside is not None:
            scene = beside.scene(overrides.lines(), renders_apart)
        else:
            scene = load_scene(path, overrides.lines(), renders_apart)
    except SceneError as error:
        raise SceneError(*map(overrides.in_the_users_words, error.problems)) from None
    model = overrides.in_the_users_words(Problem(scene.model_place, ""))
    return replace(scene, model_place=model.place)


def read_if_sidecar(path: str) -> Sidecar | None:
    """The sidecar that `path` names, or None if it names a scene, or nothing that can be read.

    Raises:
        SceneError: a sidecar of another version, or one with fields missing.
    """
    if not path.endswith(".json") or not os.path.isfile(path):
        return None
    from ambientgen.sidecar import read_sidecar

    try:
        return read_sidecar(path)
    except OSError:
        return None  # as a scene it is refused with what is wrong


def read_store(cache: str | None, size: str | None) -> Store:
    """The store of finished windows that the options ask for.

    Raises:
        UsageError: a size, here or in the environment, is none.
    """
    from ambientgen.store import open_store

    limit_bytes = None if size is None else read_cache_size(size)
    return open_store(Path(cache) if cache else None, limit_bytes)


def read_wanted_store(cache: str | None, size: str | None, none: bool) -> Store | None:
    """The same of a command that can do without: None with `--no-cache`.

    Raises:
        UsageError: as `read_store` does, and where `--no-cache` comes with what it forbids.
    """
    if not none:
        return read_store(cache, size)
    said = {"--cache": cache, "--cache-size": size}
    clashing = [option for option, value in said.items() if value is not None]
    if clashing:
        what, remedy = "nothing is kept with `--no-cache`", "leave out one of the two"
        raise UsageError(*(Problem(option, what, remedy) for option in clashing))
    return None


def read_cache_size(text: str) -> int:
    """`--cache-size` in bytes. Raises UsageError: it is no size."""
    from ambientgen.store import parse_size

    return parse_size(text, "--cache-size")


def _point_to_shipped(path: str) -> None:
    from ambientgen.scene.shipped import scenes_folder

    if path == STDOUT:
        raise SceneError(Problem(path, "there is no such file", "standard input is /dev/stdin"))
    name = path.removesuffix(".yaml")
    if name in {file.stem for file in scenes_folder().glob("*.yaml")}:
        remedy = f"the scene of that name comes along: copy it out with `ambientgen scenes {name}`"
        if path == name:
            remedy += f", then name {name}.yaml"
        raise SceneError(Problem(path, "there is no such file", remedy))


def _refuse_sound(path: str) -> None:
    """A sound given for a scene, told by its suffix before its bytes are read as text."""
    if Path(path).suffix.lower() not in SOUND_SUFFIXES or not os.path.isfile(path):
        return
    from ambientgen.sidecar import sidecar_path
    from ambientgen.sidecar.reading import is_sidecar

    beside = sidecar_path(path)
    remedy = "name a scene file, such as rain.yaml"
    if is_sidecar(beside):
        remedy = f"name its sidecar, {beside}"
    raise SceneError(Problem(path, "this is a sound, not a scene", remedy))


def read_duration(text: str | None) -> float | None:
    """`--duration` in seconds; `endless` is infinite.

    Raises:
        UsageError: no time, nothing, or more than a scene may last.
    """
    if text is None:
        return None
    from ambientgen.scene.durations import spell
    from ambientgen.scene.fields import ENDLESS, MOST_DURATION_S

    if text == ENDLESS:
        return math.inf
    duration_s = read_time("--duration", text)
    if not 0 < duration_s <= MOST_DURATION_S:
        what = f"a render lasts more than 0s and at most {spell(MOST_DURATION_S)}"
        raise UsageError(Problem("--duration", what, "write for example `5m`"))
    return duration_s


def read_between(start: str | None, end: str | None) -> Between:
    """`--from` and `--to` in seconds; None where they are not given.

    Raises:
        UsageError: no times, later than any sound lasts, or the end is not after the start.
    """
    from_s = None if start is None else _read_bound("--from", start)
    to_s = None if end is None else _read_bound("--to", end)
    if to_s is not None and to_s <= (from_s or 0.0):
        what = f"`{end}` is not after `{start or '0s'}`, where the sound is to begin"
        raise UsageError(Problem("--to", what, "write a later time"))
    return from_s, to_s


def _read_bound(option: str, text: str) -> float:
    """`--from` or `--to` in seconds, or `--at` of what never ends. That is given an end by them:
    without a limit of their own they would ask for windows without number."""
    from ambientgen.scene.durations import spell
    from ambientgen.scene.fields import MOST_DURATION_S

    time_s = read_time(option, text)
    if time_s > MOST_DURATION_S:
        most = spell(MOST_DURATION_S)
        what = f"`{text}` is too late: a sound is rendered for at most {most}"
        raise UsageError(Problem(option, what, f"write a time up to `{most}`"))
    return time_s


def read_moment(text: str, duration_s: float) -> float:
    """`--at` in seconds; `50%` is half of `duration_s`, unless that is infinite.

    Raises:
        UsageError: no time, or one later than any sound lasts.
    """
    if math.isinf(duration_s):
        return _read_bound("--at", text)
    return read_time("--at", text, duration_s)


def read_time(option: str, text: str, whole_s: float | None = None) -> float:
    """The time that an option gives, in seconds; with `whole_s` also as a share of that.

    Raises:
        UsageError: it is none.
    """
    from ambientgen.scene.durations import DurationError, parse_span

    try:
        return parse_span(text, percent=whole_s is not None).resolve(whole_s or 0.0)
    except DurationError as error:
        raise UsageError(Problem(option, error.what, error.remedy)) from None


def asked_of(
    path: str, duration_s: float | None, between_s: Between, overrides: Overrides
) -> Asked:
    """What is wanted besides the scene at `path`: as the options say, else as a sidecar does.

    `--from` and `--to` each replace what it says of them. A new length of the scene replaces its
    length, and `--duration` all of it.
    """
    from ambientgen.asked import Asked

    beside = None if duration_s is not None else read_if_sidecar(path)
    if beside is None:
        return Asked(duration_s, between_s)
    told, (from_s, to_s) = beside.asked, between_s
    length_s, (told_from_s, told_to_s) = told.duration_s, told.between_s
    # What never ends by itself got its length from `--to`: the two go together.
    ended = beside.is_endless and length_s == told_to_s
    if overrides.set_duration and ended:
        told_to_s = None
    if overrides.set_duration or (to_s is not None and ended):
        length_s = None
    between_s = told_from_s if from_s is None else from_s, told_to_s if to_s is None else to_s
    return Asked(length_s, between_s)


@contextmanager
def named_after(path: str) -> Iterator[None]:
    """Problems of a scene that do not say which file they are in, say so."""
    try:
        yield
    except SceneError as error:
        raise SceneError(
            *(replace(each, place=f"{path}: {each.place}") for each in error.problems)
        ) from error


def check_model(path: str, scene: Scene) -> None:
    """The models of all layers are here and can render windows as the scene wants them.

    Raises:
        ModelError: a model is not here, or broken.
        SceneError: no window of a model meets the scene's render options, or no course of its
            sampler.
    """
    from ambientgen.layered_plan import with_models
    from ambientgen.windows import fitted_rule

    for layer, mixture, spec in with_models(scene):
        with named_after(path):
            fitted_rule(spec.rule, mixture, spec.geometry)
            _check_course(layer, mixture.render, spec)


def _check_course(layer: Layer, asked: RenderOptions, spec: ModelSpec) -> None:
    """Our own solver goes the way that a layer asks for; of others diffusers knows.

    Raises ModelError for a schedule that is none, SceneError for a way that there is not.
    """
    from ambientgen.models.configuration import UnsupportedError
    from ambientgen.models.folder import read_json
    from ambientgen.models.solver import CONFIG, solver_steps
    from ambientgen.scene.scene import DEFAULT_SCHEDULER

    settings = spec.defaults.filled(asked)
    if settings.scheduler != DEFAULT_SCHEDULER:
        return
    strength = layer.share_made_anew
    config = read_json(spec.folder / CONFIG)
    try:
        solver_steps(config, settings.steps, strength)
    except UsageError as error:
        raise SceneError(*error.problems) from None
    except UnsupportedError as error:
        if strength < 1:
            what = f"{spec.name} cannot begin with a sound ({error})"
            place = f"layers.{layer.name}.strength"
            raise SceneError(Problem(place, what, "leave it out, or use another model")) from None
