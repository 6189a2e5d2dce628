"""Which file each scene is rendered into."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ambientgen.errors import Problem, UsageError
from ambientgen.shell import STDOUT, shell_word

if TYPE_CHECKING:
    from ambientgen.scene import Scene

OPTION = "-o"


@dataclass(frozen=True)
class RenderRequest:
    """One scene, as the command line named it, and where its sound goes (`-`: stdout).

    stems: a file for each layer's, by its name; none if they are not wanted.
    """

    path: str
    scene: Scene
    output: str
    stems: Mapping[str, Path] = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """Everything that it writes but the sidecar."""
        return [self.output, *map(str, self.stems.values())]


def check_option(output: str | None, scenes: int, as_json: bool) -> None:
    """Refuse what cannot be meant, before anything is read.

    Raises:
        UsageError: one output for several scenes, or sound and JSON both on stdout.
    """
    if output is None or is_folder(output):
        return
    if as_json and _is_stdout(output):
        what = "sound and --json cannot both go to standard output"
        raise UsageError(Problem(f"{OPTION} {output}", what, "write the sound to a file"))
    if scenes > 1 and output == STDOUT:
        what = f"{scenes} scenes cannot go to standard output together"
        remedy = "render one at a time, or name a folder, such as `-o sounds/`"
        raise UsageError(Problem(f"{OPTION} {STDOUT}", what, remedy))
    if scenes > 1 and not Path(output).suffix and not os.path.lexists(output):
        remedy = f"make it with `mkdir -p {shell_word(output)}` and write "
        remedy += f"`-o {shell_word(output + '/')}`"
        raise UsageError(Problem(f"{OPTION} {output}", "there is no folder of that name", remedy))
    if scenes > 1:
        what = f"{scenes} scenes cannot go into one output"
        remedy = "name a folder, such as `-o sounds/`, or leave -o out"
        raise UsageError(Problem(f"{OPTION} {output}", what, remedy))


def _is_stdout(output: str) -> bool:
    """Whether a name is standard output's, by itself or as the system's name of it."""
    if output == STDOUT:
        return True
    with contextlib.suppress(OSError, ValueError, AttributeError):  # none there, or none at all
        return os.path.samestat(os.stat(output), os.fstat(sys.stdout.fileno()))
    return False


def check_pcm(output: str | None, pcm: bool) -> None:
    """Refuse bare samples in a file, which could not say what they are.

    Raises:
        UsageError: they are to go anywhere but a pipe.
    """
    if pcm and output != STDOUT:
        what = "bare samples go to standard output alone"
        raise UsageError(Problem("--pcm", what, f"write `{OPTION} {STDOUT} --pcm`"))


def requests_of(
    scenes: Sequence[tuple[str, Scene]],
    output: str | None,
    trying: Callable[[str], AbstractContextManager[None]],
    stems: bool = False,
) -> list[RenderRequest]:
    """An output for each scene: `output`, a file in it if it is a folder, or one right here.

    A scene of several takes has as many, called NAME-1, NAME-2 and so on. `stems`: files for the
    layers, NAME.LAYER, beside each. Scenes that have no output are left out; why, is raised as a
    UsageError inside `trying(path)`: several files are wanted where only one sound can go, another
    scene would be written into the same file (then neither has one), or a file over what the scene
    is made of. As an OutputError: the current folder, where it would go, was deleted.
    """
    from ambientgen.audio_file.target import real_path

    wanted: list[tuple[str, list[RenderRequest]]] = []
    owners: dict[str, list[int]] = {}
    for path, scene in scenes:
        with trying(path):
            requests = _takes(_request(path, scene, output))
            stemmed = (
                [replace(request, stems=_stems_of(request)) for request in requests]
                if stems
                else requests
            )
            for file in [real_path(file) for request in stemmed for file in request.files]:
                owners.setdefault(file, []).append(len(wanted))
            wanted.append((path, stemmed))
    found: list[RenderRequest] = []
    for number, (path, requests) in enumerate(wanted):
        with trying(path):
            for request in requests:
                _refuse_own_sources(request)
                for file in request.files:
                    others = list(owners[real_path(file)])
                    others.remove(number)
                    if others:
                        what = f"would become {file}, as would {wanted[others[0]][0]}"
                        remedy = "render them one by one, each with its own -o"
                        raise UsageError(Problem(path, what, remedy))
            found += requests
    return found


def _refuse_own_sources(request: RenderRequest) -> None:
    """Raises UsageError: a file would be written over what its scene is made of."""
    from ambientgen.audio_file.target import real_path

    sources = _sources_of(request)
    for file in request.files:
        real = real_path(file)
        if real in sources:
            what = f"{sources[real]} would be overwritten"
            raise UsageError(Problem(file, what, "name another output with -o"))


def is_folder(output: str) -> bool:
    """A folder that is there, or a name that can only be one's."""
    return output.endswith(("/", os.sep)) or os.path.isdir(output)


def _takes(request: RenderRequest) -> list[RenderRequest]:
    """A request for each take of the scene that is wanted."""
    from ambientgen.audio_file import is_stream

    number = request.scene.variants
    if number == 1:
        return [request]
    if is_stream(request.output):
        what = f"{number} takes of {request.path} cannot go there together"
        remedy = "name a file or a folder with -o, or write `--variants 1`"
        raise UsageError(Problem(f"{OPTION} {request.output}", what, remedy))
    root, suffix = os.path.splitext(request.output)
    return [
        replace(request, scene=request.scene.variant(k), output=f"{root}-{k}{suffix}")
        for k in range(1, number + 1)
    ]


def _stems_of(request: RenderRequest) -> dict[str, Path]:
    """A file for each sound of a scene, beside its mix."""
    from ambientgen.audio_file import is_stream

    if is_stream(request.output):
        remedy = "name a file with -o, such as `-o mix.wav`"
        raise UsageError(Problem("--stems", "stems are files beside the mix", remedy))
    root, suffix = os.path.splitext(request.output)
    return {layer.name: Path(f"{root}.{layer.name}{suffix}") for layer in request.scene.sounds}


def _sources_of(request: RenderRequest) -> dict[str, str]:
    """What a scene is made of, by its real path, in words: its file and its recordings."""
    from ambientgen.job import recordings_of

    return {os.path.realpath(request.path): "the scene to render"} | recordings_of(request.scene)


def _request(path: str, scene: Scene, output: str | None) -> RenderRequest:
    if output is not None and not is_folder(output):
        from ambientgen.job import in_format_of

        return RenderRequest(path, in_format_of(scene, output), output)
    from ambientgen.audio_file import FORMATS

    name = _name_of(path) + FORMATS[scene.output.format].suffix
    return RenderRequest(path, scene, os.path.join(output, name) if output else name)


def _name_of(path: str) -> str:
    """NAME of NAME.yaml, NAME.json, and of NAME.ogg.json, a sidecar that belongs to NAME.ogg."""
    from ambientgen.audio_file import FORMATS
    from ambientgen.sidecar import SUFFIX

    name = Path(path)
    inner = Path(name.stem)
    of_sound = inner.suffix.lower() in {kind.suffix for kind in FORMATS.values()}
    return inner.stem if name.suffix == SUFFIX and of_sound else name.stem
