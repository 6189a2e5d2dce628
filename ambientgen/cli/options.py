"""Options that several commands share: their names, types and help."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from ambientgen.cli.inputs import checked, read_cache_size, read_duration, read_time
from ambientgen.cli.numbers import number, whole_number
from ambientgen.errors import Problem, UsageError
from ambientgen.memory import MOST_BATCH

MOST_WORKERS = 256

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
        parser=checked(read_duration),
        help="Render this long (90s, 5m, 1h30m): crops the scene, or holds its last levels; "
        "a loop goes round. `endless`, to a pipe or a player, plays on until stopped.",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        parser=checked(lambda text: read_time("--from", text)),
        help="Begin here (12m); to the bit as in the whole render.",
    ),
]
To = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="TIME",
        parser=checked(lambda text: read_time("--to", text)),
        help="End here (13m).",
    ),
]
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
        parser=checked(read_cache_size),
        help="Keep at most this much (500MB, 2GB, 2GiB); else AMBIENTGEN_CACHE_SIZE, or 2GB.",
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
