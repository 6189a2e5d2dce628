"""Which file each scene is rendered into."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ambientgen.errors import Problem, UsageError
from ambientgen.shell import STDOUT, shell_word

if TYPE_CHECKING:
    from ambientgen.scene import Scene

OPTION = "-o"


@dataclass(frozen=True)
class Job:
    """One scene, as the command line named it, and where its sound goes (`-`: stdout)."""

    path: str
    scene: Scene
    output: str


def check_option(output: str | None, scenes: int, as_json: bool) -> None:
    """Refuse what cannot be meant, before anything is read.

    Raises:
        UsageError: one output for several scenes, or sound and JSON both on stdout.
    """
    if output is None or is_folder(output):
        return
    if output == STDOUT and as_json:
        what = "sound and --json cannot both go to standard output"
        raise UsageError(Problem(f"{OPTION} {STDOUT}", what, "write the sound to a file"))
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


def check_pcm(output: str | None, pcm: bool) -> None:
    """Refuse bare samples in a file, which could not say what they are.

    Raises:
        UsageError: they are to go anywhere but a pipe.
    """
    if pcm and output != STDOUT:
        what = "bare samples go to standard output alone"
        raise UsageError(Problem("--pcm", what, f"write `{OPTION} {STDOUT} --pcm`"))


def jobs_of(scenes: Sequence[tuple[str, Scene]], output: str | None) -> list[Job]:
    """An output for each scene: `output`, a file in it if it is a folder, or one right here.

    Raises:
        UsageError: two scenes would be written into one file.
    """
    jobs = [_job(path, scene, output) for path, scene in scenes]
    taken: dict[str, str] = {}
    for job in jobs:
        real = os.path.realpath(job.output)
        if real in taken:
            what = f"{taken[real]} and {job.path} would both become {job.output}"
            raise UsageError(Problem("", what, "render them one by one, each with its own -o"))
        taken[real] = job.path
    return jobs


def is_folder(output: str) -> bool:
    """A folder that is there, or a name that can only be one's."""
    return output.endswith(("/", os.sep)) or os.path.isdir(output)


def _job(path: str, scene: Scene, output: str | None) -> Job:
    if output is not None and not is_folder(output):
        return Job(path, in_format_of(scene, output), output)
    from ambientgen.audio_file import FORMATS

    name = Path(path).stem + FORMATS[scene.output.format].suffix
    return Job(path, scene, os.path.join(output, name) if output else name)


def in_format_of(scene: Scene, path: str) -> Scene:
    """`scene` with the output format that `path` asks for.

    That is the suffix's; of a pipe or `-` without one WAV, which needs no seeking. Any other path
    leaves the scene as it is.
    """
    from ambientgen.audio_file import FORMATS

    by_suffix = {kind.suffix: known for known, kind in FORMATS.items()}
    wanted = by_suffix.get(Path(path).suffix.lower())
    streamed = path == STDOUT or (os.path.exists(path) and not os.path.isfile(path))
    if wanted is None and streamed and not os.path.isdir(path):
        wanted = "wav"
    if wanted is None or wanted == scene.output.format:
        return scene
    return replace(scene, output=replace(scene.output, format=cast("Any", wanted)))
