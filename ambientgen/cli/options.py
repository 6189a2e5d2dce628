"""Options that several commands share, and how they reach the scene."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ambientgen.cli.numbers import number, whole_number
from ambientgen.errors import Problem, SceneError, UsageError

if TYPE_CHECKING:
    from ambientgen.asked import Between
    from ambientgen.scene import Scene
    from ambientgen.sidecar import Sidecar
    from ambientgen.store import Store

MOST_WORKERS = 256
MOST_BATCH = 1024  # of `ambientgen.models.batch`, which imports torch

SOUNDS = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".w64"})
"""Suffixes of what is taken for a sound; all else is a scene, or a sidecar."""

Scenes = Annotated[
    list[str], typer.Argument(metavar="SCENE", help="Scene files, or sidecars of sounds.")
]
OneScene = Annotated[
    str, typer.Argument(metavar="SCENE", help="A scene file, or the sidecar of a sound.")
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change the scene first, for example states.rain.curve=0.8; `null` takes a field "
        "out. As often as you like.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]
Keep = Annotated[
    bool,
    typer.Option(
        "--keep",
        help="Leave sounds that are there, whole and just what would be rendered now. Others need "
        "--force as well to be replaced.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        parser=whole_number("--seed", 7),
        help="Another take of the scene; its own seed if left out.",
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--steps",
        metavar="N",
        parser=whole_number("--steps", 8),
        help="Diffusion steps, 1 to 1000, instead of the scene's.",
    ),
]
Guidance = Annotated[
    float | None,
    typer.Option(
        "--guidance",
        metavar="G",
        parser=number("--guidance", 3.5),
        help="How strictly prompts are followed, 1 (off) to 30, instead of the scene's.",
    ),
]
Duration = Annotated[
    str | None,
    typer.Option(
        "--duration",
        metavar="D",
        help="Render this long (90s, 5m, 1h30m): crops the scene, or holds its last levels; "
        "a loop goes round. `endless`, to a pipe or a player, plays on until stopped.",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="TIME", help="Begin here (12m); to the bit as in the whole render."
    ),
]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="End here (13m).")]
Pcm = Annotated[
    bool,
    typer.Option(
        "--pcm",
        help="To a pipe: bare samples (the output's bits, else 16; little-endian), no WAV header.",
    ),
]


Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE|DIR|-",
        help="Where to: a .wav, .flac, .ogg, .opus or .mp3 file, a folder, or - for WAV on "
        "standard output. "
        "Left out: the scene's name, in the current folder.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        parser=whole_number("--workers", 2, range(1, MOST_WORKERS + 1)),
        help="Passes made at a time; one for each core if left out, or one for a GPU.",
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        "--batch",
        metavar="N",
        parser=whole_number("--batch", 4, range(1, MOST_BATCH + 1)),
        help="Longest windows that share a pass of the UNet (of shorter ones, more); what fills a "
        "GPU, as far as it fits, if left out, and two of pocket's on a CPU. A pass is always made "
        "whole. Samples differ with it by rounding.",
    ),
]
Cache = Annotated[
    str | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Keep finished windows here; else where AMBIENTGEN_CACHE says, or the system's caches "
        "are.",
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Make every window anew, and keep none.")]
CacheSize = Annotated[
    str | None,
    typer.Option(
        "--cache-size",
        metavar="SIZE",
        help="Keep at most this much (500MB, 2GB); else AMBIENTGEN_CACHE_SIZE, or 2GB.",
    ),
]
NoSidecar = Annotated[
    bool, typer.Option("--no-sidecar", help="Write no NAME.json beside the sound.")
]
Stems = Annotated[
    bool,
    typer.Option(
        "--stems",
        help="Write each layer as well, to NAME.LAYER beside the mix: together they are the mix "
        "before its limiter, but for the dither of 16 and 24 bits.",
    ),
]
Variants = Annotated[
    int | None,
    typer.Option(
        "--variants",
        metavar="N",
        parser=whole_number("--variants", 5),
        help="So many takes, to NAME-1, NAME-2, ..., each with a seed of its own.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what goes wrong.")]


class Device(str, Enum):
    """Where to compute; the names that `ambientgen.models.loading` knows."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


def read_device(text: str | Device) -> Device:
    """A device, refused before anything is loaded if there is none of that name."""
    try:
        return Device(text)
    except ValueError:
        what, remedy = f"`{text}` is no device", "choose auto, cpu, cuda or mps"
        raise UsageError(Problem("--device", what, remedy)) from None


def _device_names(incomplete: str) -> list[str]:
    return [device.value for device in Device if device.value.startswith(incomplete)]


OneDevice = Annotated[
    Device,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda|mps",
        parser=read_device,
        autocompletion=_device_names,
        help="Where to compute; auto takes a GPU if there is one.",
    ),
]


def _model_names(incomplete: str) -> list[str]:
    from ambientgen.models.registry import POCKET, PUBLISHED

    return [name for name in (POCKET, *PUBLISHED) if name.startswith(incomplete)]


Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="M",
        autocompletion=_model_names,
        help="A model's name (see `ambientgen models`), folder or hub id, instead of the scene's.",
    ),
]


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

    def in_the_users_words(self, problem: Problem) -> Problem:
        """The problem with `--set render.steps` called `--steps` where that was written."""
        for option, path, _ in self.options:
            if problem.place == f"--set {path}":
                return replace(problem, place=option)
        return problem


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
    from ambientgen.store import open_store, parse_size

    limit_bytes = None if size is None else parse_size(size, "--cache-size")
    return open_store(Path(cache) if cache else None, limit_bytes)


def _point_to_shipped(path: str) -> None:
    from ambientgen.scene.shipped import scenes_folder

    name = path.removesuffix(".yaml")
    if name in {file.stem for file in scenes_folder().glob("*.yaml")}:
        remedy = f"the scene of that name comes along: copy it out with `ambientgen scenes {name}`"
        if path == name:
            remedy += f", then name {name}.yaml"
        raise SceneError(Problem(path, "there is no such file", remedy))


def _refuse_sound(path: str) -> None:
    """A sound given for a scene, told by its suffix before its bytes are read as text."""
    if Path(path).suffix.lower() not in SOUNDS or not os.path.isfile(path):
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
    from ambientgen.scene.schema import ENDLESS, MOST_DURATION_S

    if text == ENDLESS:
        return math.inf
    duration_s = _read_time("--duration", text)
    if not 0 < duration_s <= MOST_DURATION_S:
        what = f"a render lasts more than 0s and at most {spell(MOST_DURATION_S)}"
        raise UsageError(Problem("--duration", what, "write for example `5m`"))
    return duration_s


def read_between(start: str | None, end: str | None) -> Between:
    """`--from` and `--to` in seconds; None where they are not given.

    Raises:
        UsageError: no times, or the end is not after the start.
    """
    from_s = None if start is None else _read_time("--from", start)
    to_s = None if end is None else _read_time("--to", end)
    if to_s is not None and to_s <= (from_s or 0.0):
        what = f"`{end}` is not after `{start or '0s'}`, where the sound is to begin"
        raise UsageError(Problem("--to", what, "write a later time"))
    return from_s, to_s


def read_moment(text: str, duration_s: float) -> float:
    """`--at` in seconds; `50%` is half of `duration_s`, unless that is infinite.

    Raises:
        UsageError: no time.
    """
    return _read_time("--at", text, duration_s if math.isfinite(duration_s) else None)


def _read_time(option: str, text: str, whole_s: float | None = None) -> float:
    from ambientgen.scene.durations import DurationError, parse_span

    try:
        return parse_span(text, percent=whole_s is not None).resolve(whole_s or 0.0)
    except DurationError as error:
        raise UsageError(Problem(option, error.what, error.remedy)) from None
