"""`ambientgen preview`."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ambientgen.cli import options
from ambientgen.cli.equipment import Equipment
from ambientgen.cli.files import check_named, check_new_file, check_not_read, write_whole
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
from ambientgen.errors import OutputError, Problem, UsageError
from ambientgen.messages import Notice, StageStarted, StemClips

if TYPE_CHECKING:
    from ambientgen.asked import Asked
    from ambientgen.messages import Listener, Message
    from ambientgen.picture.timeline import Timeline
    from ambientgen.preview.page import Track
    from ambientgen.scene import Scene
    from ambientgen.scene.scene import BitsName

USUAL_S, MOST_S = 600.0, 3_600.0
"""Of longer scenes so much is rendered, and no more than so much if asked: a page's sound lies
decoded in the browser's memory, 230 MB an hour for each channel of a stem at 16 kHz."""
_ELSEWHERE = "free some space there, or name a folder elsewhere in TMPDIR"
PAGES = frozenset({".html", ".htm"})


def preview(
    scene: options.OneScene,
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PAGE",
            help="Where to: a .html file. Left out: the scene's name, in the current folder.",
        ),
    ] = None,
    open_it: Annotated[
        bool, typer.Option("--open", help="Show the page in the browser when it is made.")
    ] = False,
    lossless: Annotated[
        bool, typer.Option("--lossless", help="Put FLAC into the page: four times as large.")
    ] = False,
    model: options.Model = None,
    seed: options.Seed = None,
    duration: options.Duration = None,
    start: options.From = None,
    end: options.To = None,
    steps: options.Steps = None,
    guidance: options.Guidance = None,
    device: options.OneDevice = options.Device.AUTO,
    workers: options.Workers = None,
    batch: options.Batch = None,
    assignments: options.Assignments = None,
    quiet: options.Quiet = False,
    force: options.Force = False,
    cache: options.Cache = None,
    cache_size: options.CacheSize = None,
    no_cache: options.NoCache = False,
) -> None:
    """Make a page that plays a scene: one HTML file, which needs no server and no network.

    Its sound, with a switch for each layer; its spectrogram; curves and prompts that follow the
    playhead. Of a scene longer than 10 minutes the beginning, if no stretch is asked for.
    """
    console = Console(quiet)
    target = _target(scene, output, force)
    overrides = Overrides.of(assignments, model, seed, steps, guidance)
    wanted = read_scene(scene, overrides)
    store = read_wanted_store(cache, cache_size, no_cache)
    with named_after(scene):
        asked = asked_of(scene, read_duration(duration), read_between(start, end), overrides)
        part = _shortened(asked, wanted, console)
        from ambientgen.picture.timeline import timeline

        shown = timeline(wanted, part)
    check_model(scene, wanted)
    with console.progress(str(target)) as listener, named_after(scene):
        making = _Making(Equipment(device, workers, batch, store), listener)
        content = making.page(wanted, part, shown, lossless)
    write_whole(target, content, force)
    console.say(f"{target}: {len(content) / 1e6:.1f} MB")
    if open_it:
        _open(target, console)


def _target(scene: str, output: str | None, force: bool) -> Path:
    """The page's place, which is free: `output`, or named after the scene in the current folder.
    That folder must be there for the render, wherever the page goes."""
    from ambientgen.audio_file.target import check_current_folder

    check_current_folder()
    check_named("SCENE", scene, "name a scene file")
    target = Path(output) if output is not None else Path(Path(scene).stem + ".html")
    if target.suffix.lower() not in PAGES:
        raise UsageError(Problem("-o", f"`{target}` is no kind of page", "name a .html file"))
    check_not_read("-o", target, (scene,))
    check_new_file(target, force)
    return target


def _shortened(asked: Asked, scene: Scene, console: Console) -> Asked:
    """What was asked for, or as much of it as is usual.

    Raises:
        UsageError: more was asked for than a page can hold.
    """
    from ambientgen.scene.durations import spell

    duration_s, (from_s, to_s) = asked.duration_s, asked.between_s
    length_s = scene.duration_s if duration_s is None else duration_s
    begin_s = from_s or 0.0
    long_s = (length_s if to_s is None else to_s) - begin_s
    chosen = to_s is not None or (duration_s is not None and math.isfinite(duration_s))
    if chosen and long_s > MOST_S:
        what = f"a page holds at most {spell(MOST_S)} of sound, not {spell(long_s)}"
        raise UsageError(Problem("", what, "name a shorter stretch with --from and --to"))
    if not chosen and long_s > USUAL_S:
        to_s = begin_s + USUAL_S
        until = f"{spell(begin_s)} to {spell(to_s)}"
        console.notice(f"the page holds {until} of the scene; choose with --from and --to")
    return replace(asked, between_s=(from_s, to_s))


@dataclass(frozen=True)
class _Making:
    """How the sound is rendered."""

    equipment: Equipment
    listener: Listener

    def page(self, scene: Scene, part: Asked, shown: Timeline, lossless: bool) -> bytes:
        """The whole page; nothing is left behind but it."""
        self.listener(StageStarted("starting"))
        # What a browser plays: of what stands around the listener, the two sides.
        layout = scene.output.layout if scene.output.layout == "mono" else "stereo"
        # Stems have no limiter, and Vorbis takes floats past full scale; FLAC has 16 bits there,
        # which are dithered best when they are made.
        bits: BitsName = "16" if lossless else "32f"
        heard = replace(scene.output, format="wav", layout=layout, bits=bits)
        scene = replace(scene, output=heard, variants=1)
        with _temporary_folder() as folder:
            mix = folder / "mix.wav"
            names = [layer.name for layer in scene.sounds]
            stems = {name: folder / f"{i}.wav" for i, name in enumerate(names)}
            many = len(stems) > 1
            self.equipment.renderer(self._hear).render(
                scene,
                mix,
                part,
                stems=stems if many else None,
            )
            return _page(shown, mix, stems if many else {}, lossless)

    def _hear(self, message: Message) -> None:
        """Pass on what is told; a stem clips only where its bits are the page's own."""
        if isinstance(message, StemClips):
            message = Notice(f"{message.what}: leave out --lossless")
        self.listener(message)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder for the sound until it is in the page.

    Raises OutputError, also of what is written inside, at the place that can be chosen.
    """
    from ambientgen.mix.spool import temporary_folder

    place = temporary_folder()
    try:
        folder = tempfile.TemporaryDirectory(prefix="ambientgen-", dir=place)
    except OSError as error:
        what = f"cannot be written to ({(error.strerror or str(error)).lower()})"
        raise OutputError(Problem(place, what, _ELSEWHERE)) from error
    try:
        with folder as name:
            yield Path(name)
    except OutputError as error:
        told = (Problem(place, each.what, _ELSEWHERE) for each in error.problems)
        raise OutputError(*told) from error


def _page(shown: Timeline, mix: Path, stems: dict[str, Path], lossless: bool) -> bytes:
    from ambientgen.audio_file.opened import opened
    from ambientgen.picture.spectrogram import spectrogram
    from ambientgen.preview.page import Track, page
    from ambientgen.preview.tracks import packed

    tracks: list[Track] = [Track(name, packed(path, lossless)) for name, path in stems.items()]
    if not tracks:
        tracks = [Track(None, packed(mix, lossless))]
    with opened(mix) as file:
        rate = int(file.samplerate)
    return page(shown, tracks, rate, spectrogram(mix)).encode()


def _open(target: Path, console: Console) -> None:
    import webbrowser

    if not webbrowser.open(target.resolve().as_uri()):
        console.notice(f"no browser was found: open {target} yourself")
