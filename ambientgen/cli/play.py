"""`ambientgen play`."""

from __future__ import annotations

import math
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ambientgen.cli import options
from ambientgen.cli.equipment import Equipment
from ambientgen.cli.inputs import (
    Overrides,
    asked_of,
    check_model,
    named_after,
    read_between,
    read_duration,
    read_scene,
    read_wanted_store,
)
from ambientgen.console import Console
from ambientgen.errors import OutputError, Problem, UsageError, check_all
from ambientgen.messages import Notice, StageStarted
from ambientgen.shell import shell_word

if TYPE_CHECKING:
    from ambientgen.asked import Asked
    from ambientgen.scene import Scene
    from ambientgen.scene.scene import OutputOptions

# How players are told to take 16-bit samples, or a WAV file, from their standard input: the format
# they get, and their command. The system's own come first.
PLAYERS = (
    ("pcm", "aplay -q -t raw -f S16_LE -r {rate} -c {channels} -"),
    ("pcm", "paplay --raw --format=s16le --rate={rate} --channels={channels}"),
    ("wav", "ffplay -loglevel error -nodisp -autoexit -i -"),
    ("wav", "mpv --no-video --really-quiet -"),
    ("wav", "play -q -t wav -"),
)
_LAST_SECONDS_S = 5.0  # what a player that is asked to leave gets before it is made to


def play(
    scene: options.OneScene,
    *,
    player: Annotated[
        str | None,
        typer.Option(
            "--player",
            metavar="CMD",
            help="Play through this command, which gets WAV on its standard input.",
        ),
    ] = None,
    start: options.From = None,
    end: options.To = None,
    model: options.Model = None,
    seed: options.Seed = None,
    duration: options.Duration = None,
    steps: options.Steps = None,
    guidance: options.Guidance = None,
    device: options.OneDevice = options.Device.AUTO,
    workers: options.Workers = None,
    batch: options.Batch = None,
    assignments: options.Assignments = None,
    quiet: options.Quiet = False,
    cache: options.Cache = None,
    cache_size: options.CacheSize = None,
    no_cache: options.NoCache = False,
) -> None:
    """Play a scene while it is rendered, ahead of what is heard.

    Loops go round, and endless scenes go on, until Ctrl-C. The sound goes to aplay, paplay, ffplay,
    mpv or SoX's play, whichever is there.
    """
    console = Console(quiet)
    from ambientgen.audio_file.target import check_current_folder

    check_current_folder()
    overrides = Overrides.of(assignments, model, seed, steps, guidance)
    given = read_duration(duration), read_between(start, end), overrides
    store = read_wanted_store(cache, cache_size, no_cache)
    from ambientgen.job import Job

    wanted = read_scene(scene, overrides)
    asked = _lasting(wanted, asked_of(scene, *given))
    wanted, lost = _playable(wanted)
    # What cannot be is refused before any model loads.
    check_all(partial(Job.of, wanted, asked), partial(check_model, scene, wanted))
    form, command = _command(player, scene, wanted.output)
    with console.progress(scene) as listener, named_after(scene):
        for notice in lost:
            listener(notice)
        listener(StageStarted("starting"))
        renderer = Equipment(device, workers, batch, store).renderer(listener)
        with _running(command) as output:
            renderer.render(wanted, output, asked, format_name=form)


def _lasting(scene: Scene, asked: Asked) -> Asked:
    """A loop goes round until it is stopped, unless an end is given."""
    forever = scene.loop and asked.duration_s is None and asked.between_s[1] is None
    return replace(asked, duration_s=math.inf) if forever else asked


def _playable(scene: Scene) -> tuple[Scene, list[Notice]]:
    """The scene as it can be heard while it is rendered: of 16 bits, which all players take, and at
    the level it has, for the whole's loudness is known only at the end."""
    lost = []
    if scene.output.loudness_lufs is not None:
        lost = [Notice("played at the level it has: loudness is measured by `render` only")]
    output = replace(scene.output, bits="16", format="wav", loudness_lufs=None)
    return replace(scene, output=output), lost


def _command(player: str | None, scene: str, output: OutputOptions) -> tuple[str, list[str]]:
    """The format that the player gets, and its command.

    Raises:
        UsageError: `player` is no command.
        OutputError: no player is here.
    """
    if player is not None:
        try:
            words = shlex.split(player)
        except ValueError as error:
            raise UsageError(Problem("--player", f"is no command ({error})", _EXAMPLE)) from None
        if not words:
            raise UsageError(Problem("--player", "is empty", _EXAMPLE))
        if shutil.which(words[0]) is None:
            raise OutputError(Problem("--player", f"there is no command {words[0]}", _EXAMPLE))
        return "wav", words
    from ambientgen.mix.layouts import LAYOUTS

    for form, line in PLAYERS:
        channels = len(LAYOUTS[output.layout].channels)
        words = line.format(rate=output.sample_rate, channels=channels).split()
        if shutil.which(words[0]) is not None:
            return form, words
    known = ", ".join(line.split()[0] for _, line in PLAYERS)
    remedy = f"install one, or name yours: `ambientgen render {shell_word(scene)} -o - | PLAYER`"
    raise OutputError(Problem("", f"there is no player here (looked for {known})", remedy))


_EXAMPLE = "write for example `--player 'ffplay -i -'`"


@contextmanager
def _running(command: list[str]) -> Iterator[str]:
    """The player, and the name of the pipe into it; gone at the end, however that comes.

    A player that quits has had enough: that is no error, unless it says that it failed.
    """
    from ambientgen.audio_file import ReaderGone

    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
    except OSError as error:
        what = f"{command[0]} cannot be started ({error.strerror})"
        raise OutputError(Problem("--player", what, _EXAMPLE)) from None
    assert process.stdin is not None
    try:
        with suppress(ReaderGone):
            yield f"/dev/fd/{process.stdin.fileno()}"
        process.stdin.close()
        code = process.wait()
    finally:
        _ended(process)
    if code:
        what = f"the player {command[0]} ended with status {code}"
        raise OutputError(Problem("", what, "see what it said, or name another with --player"))


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Ask the player to leave; if it does not, end it."""
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_LAST_SECONDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
