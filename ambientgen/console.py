"""The only place that draws: results on stdout; problems, notices and progress on stderr."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from ambientgen.errors import OutputError, Problem
from ambientgen.messages import AudioWritten, Notice, StageStarted, StepsDone, WindowsDone

if TYPE_CHECKING:
    from ambientgen.messages import Listener, Message

PROGRAM = "ambientgen"
LINE_EVERY_S = 10.0  # between lines of progress where there is no terminal
WIDTH = 100  # columns, where there is no terminal
BARS, ASCII_BARS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"

_STAGES = {
    "loading": "loading the model",
    "planning": "planning",
    "meaning": "finding the words",
    "rendering": "rendering",
    "measuring": "measuring the loudness",
    "starting": "starting",
    "textures": "making textures",
    "recordings": "reading recordings",
    "corpus": "mixing the corpus",
    "latents": "encoding the corpus",
    "prompts": "predicting prompts",
    "export": "writing the model",
}
_RED, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"


class Console:
    """Where a command says things. `quiet`: nothing but problems and results."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._told: set[str] = set()

    def out(self, text: str) -> None:
        """A result, with its line end, on standard output at once.

        Raises:
            OutputError: it cannot be written; ReaderGone if the reader of a pipe has left.
        """
        if sys.stdout is None:
            remedy = "leave it open, or redirect it to a file"
            raise OutputError(Problem("standard output", "is closed", remedy))
        try:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        except OSError:
            from ambientgen.audio_file.target import errors_named
            from ambientgen.shell import STDOUT

            with errors_named(STDOUT):
                raise

    def problem(self, problem: Problem | str) -> None:
        """One thing that is wrong, on a line of its own; never twice."""
        self._tell(str(problem), _RED)

    def notice(self, text: str) -> None:
        """A warning that stops nothing; never twice."""
        if not self._quiet:
            self._tell(text, _YELLOW, "note: ")

    def say(self, text: str) -> None:
        """A line for people."""
        if not self._quiet:
            _print_error(one_line(text))

    @contextmanager
    def progress(self, name: str, meter: Meter | StepMeter | None = None) -> Iterator[Listener]:
        """A listener that shows how the render, or the training, called `name` gets on."""
        meter = meter or Meter()
        if self._quiet:
            yield lambda _message: None
        elif is_terminal(sys.stderr):
            with _bar(self, name, meter) as listener:
                yield listener
        else:
            yield Lines(self, name, meter=meter)

    def _tell(self, text: str, colour: str, kind: str = "") -> None:
        if text in self._told:
            return
        self._told.add(text)
        start, end = (colour, _PLAIN) if coloured(sys.stderr) else ("", "")
        _print_error(f"{start}{PROGRAM}: {kind}{end}{one_line(text)}")


@dataclass
class Meter:
    """How far a render is. Times in seconds; unknown ones are None."""

    clock: Callable[[], float] = time.monotonic
    began_s: float | None = None
    windows: float = 0.0
    audio: float = 0.0
    time_s: float = 0.0
    duration_s: float | None = None

    # Most of the work is in the windows, which run ahead of the sound that leaves.
    WINDOWS_SHARE = 0.8

    def take(self, message: Message) -> None:
        """Learn from a message."""
        if isinstance(message, StageStarted) and message.name == "rendering":
            self.began_s = self.clock()
        elif isinstance(message, WindowsDone):
            self.windows = 0.0 if message.total is None else message.done / max(message.total, 1)
        elif isinstance(message, AudioWritten):
            self.audio = message.time_s / message.duration_s
            self.time_s, self.duration_s = message.time_s, message.duration_s

    @property
    def done(self) -> float:
        """The share of the work that is done, 0 to 1."""
        share = self.WINDOWS_SHARE * self.windows + (1 - self.WINDOWS_SHARE) * self.audio
        return min(share, 1.0)

    @property
    def elapsed_s(self) -> float:
        """Time since rendering began."""
        return 0.0 if self.began_s is None else self.clock() - self.began_s

    def describe(self) -> str:
        """`42 %, 12 × real time, 35s left`, as far as it is known."""
        from ambientgen.scene.durations import spell

        if self.duration_s == math.inf:
            speed = self.time_s / self.elapsed_s if self.elapsed_s else 0.0
            return f"{spell(float(round(self.time_s)))}, {two_digits(speed)} × real time"
        said = [f"{self.done:.0%}".replace("%", " %")]
        if self.done > 0 and self.elapsed_s > 0:
            if self.duration_s is not None:
                speed = self.done * self.duration_s / self.elapsed_s
                said.append(f"{two_digits(speed)} × real time")
            left_s = self.elapsed_s * (1 / self.done - 1)
            said.append(f"{spell(float(round(left_s)))} left")
        return ", ".join(said)


@dataclass
class StepMeter:
    """How far the stage of a training is."""

    clock: Callable[[], float] = time.monotonic
    began_s: float | None = None
    first: int = 0  # step at which this run took the stage up
    latest: StepsDone | None = None

    def take(self, message: Message) -> None:
        """Learn from a message."""
        if isinstance(message, StageStarted):
            self.began_s, self.latest = None, None
        elif isinstance(message, StepsDone):
            if self.began_s is None:
                # The first step warms up, and would spoil the forecast.
                self.began_s, self.first = self.clock(), message.done
            self.latest = message

    @property
    def done(self) -> float:
        """The share of the stage that is done, 0 to 1."""
        return self.latest.done / self.latest.total if self.latest else 0.0

    def describe(self) -> str:
        """`unet: step 120 of 5000, loss 0.213, 1h2m left`, as far as it is known."""
        from ambientgen.scene.durations import spell

        if self.latest is None or self.began_s is None:
            return ""
        stage, done, total = self.latest.stage, self.latest.done, self.latest.total
        said = [f"{stage}: step {done} of {total}"]
        if math.isfinite(self.latest.loss):
            said.append(f"loss {self.latest.loss:.3g}")
        if done > self.first:
            left_s = (self.clock() - self.began_s) / (done - self.first) * (total - done)
            said.append(f"{spell(float(round(left_s)))} left")
        return ", ".join(said)


class Lines:
    """Progress where there is no terminal: a line for each stage, and one every few seconds."""

    def __init__(
        self,
        console: Console,
        name: str,
        clock: Callable[[], float] = time.monotonic,
        meter: Meter | StepMeter | None = None,
    ) -> None:
        self._console, self._name, self._clock = console, name, clock
        self._meter = meter or Meter(clock)
        self._last_s = clock()
        self._stage = ""

    def __call__(self, message: Message) -> None:
        self._meter.take(message)
        if isinstance(message, Notice):
            self._console.notice(message.text)
        elif isinstance(message, StageStarted):
            if message.name != self._stage:
                self._say(stage_text(message.name))
            self._stage = message.name
        elif self._clock() - self._last_s >= LINE_EVERY_S:
            self._say(self._meter.describe())

    def _say(self, text: str) -> None:
        self._last_s = self._clock()
        self._console.say(f"{self._name}: {text}")


@contextmanager
def _bar(console: Console, name: str, meter: Meter | StepMeter) -> Iterator[Listener]:
    """Progress on a terminal; gone when it is over."""
    from rich.console import Console as Terminal
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    columns = (
        SpinnerColumn("line"),
        TextColumn(escape(one_line(name)).replace("{", "{{").replace("}", "}}")),
        BarColumn(bar_width=30),
        TextColumn("{task.description}", markup=False),
    )
    # Standard output is the sound's or the results' alone.
    with Progress(
        *columns, console=Terminal(stderr=True), transient=True, redirect_stdout=False
    ) as progress:
        task = progress.add_task("", total=None)

        def listen(message: Message) -> None:
            meter.take(message)
            if isinstance(message, Notice):
                console.notice(message.text)
            elif isinstance(message, StageStarted):
                progress.update(task, description=stage_text(message.name))
            else:
                total, text = 1.0, meter.describe()
                progress.update(task, total=total, completed=meter.done, description=text)

        yield listen


def stage_text(name: str) -> str:
    """What a stage is called on the screen."""
    return _STAGES.get(name, name)


def is_terminal(stream: TextIO | Any) -> bool:
    """Something is drawn on: a terminal that can move its cursor."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def coloured(stream: TextIO | Any) -> bool:
    """Colours are wanted: on terminals, unless NO_COLOR is set (no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def two_digits(value: float) -> str:
    """A positive number to two significant digits, without an exponent: `0.042`, `3.0`, `142`."""
    if not 0 < value < math.inf:
        return "0"
    return f"{value:.{max(1 - math.floor(math.log10(value)), 0)}f}"


def one_line(text: str) -> str:
    """`text` with everything unprintable spelt out: names of files may hold anything."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def width() -> int:
    """Columns to fill."""
    if is_terminal(sys.stdout):
        return max(shutil.get_terminal_size((WIDTH, 24)).columns, 40)
    return WIDTH


def bars(values: Iterable[float]) -> str:
    """A sparkline of values from 0 to 1, in ASCII where standard output knows no blocks."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        BARS.encode(encoding)
        glyphs = BARS
    except UnicodeEncodeError:
        glyphs = ASCII_BARS
    last = len(glyphs) - 1
    # Whatever is heard at all is seen.
    return "".join(glyphs[max(round(value * last), int(value > 0))] for value in values)


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Rows as aligned columns; the last one is wrapped to the width."""
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    lead = len(indent) + sum(size + 2 for size in widths)
    room = max(width() - lead, 24)
    lines: list[str] = []
    for row in rows:
        cells = [cell.ljust(size) + "  " for cell, size in zip(row, widths, strict=False)]
        first, *more = textwrap.wrap(row[-1], room) or [""]
        lines.append((indent + "".join(cells) + first).rstrip())
        lines += [" " * lead + line for line in more]
    return "\n".join(lines)


def _print_error(line: str) -> None:
    """A line on stderr; where there is none any more, there is nobody to tell."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
