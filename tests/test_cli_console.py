"""What is drawn: progress, colours, tables, sparklines."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambientgen import console
from ambientgen.cli.app import run
from ambientgen.cli.plan_text import FIRST_ROWS, LAST_ROWS, MOST_ROWS, clock, shown_rows
from ambientgen.console import Console, Lines, Meter
from ambientgen.errors import ExitCode
from ambientgen.messages import AudioWritten, Message, Notice, StageStarted, WindowsDone
from ambientgen.scene.durations import parse_span


class Clock:
    """A clock that is set by hand."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Stderr as a terminal. Not a fixture: pytest sets stderr anew when the test begins."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return stream


def test_a_meter_tells_share_speed_and_time_left() -> None:
    clock = Clock()
    meter = Meter(clock)
    assert meter.describe() == "0 %"
    meter.take(StageStarted("rendering"))
    clock.now_s = 10.0
    meter.take(WindowsDone(5, 10))
    assert meter.describe() == "40 %, 15s left"
    meter.take(AudioWritten(30.0, 60.0))
    assert meter.describe() == "50 %, 3.0 × real time, 10s left"
    meter.take(WindowsDone(10, 10))
    meter.take(AudioWritten(60.0, 60.0))
    assert meter.done == 1.0


def test_lines_come_with_each_stage_and_every_few_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    lines = Lines(Console(), "rain.wav", clock)
    for message in (
        StageStarted("loading"),
        StageStarted("loading"),
        StageStarted("rendering"),
    ):
        lines(message)
    for second in range(1, 26):
        clock.now_s = float(second)
        lines(WindowsDone(second, 100))
    lines(Notice("a peak"))
    assert capsys.readouterr().err.splitlines() == [
        "rain.wav: loading the model",
        "rain.wav: rendering",
        "rain.wav: 8 %, 1m55s left",
        "rain.wav: 16 %, 1m45s left",
        "ambientgen: note: a peak",
    ]


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    said = Console()
    with said.progress("{rain} [b].wav") as tell:
        messages: list[Message] = [
            StageStarted("rendering"),
            WindowsDone(1, 2),
            AudioWritten(1, 4),
        ]
        for message in [*messages, Notice("a peak")]:
            tell(message)
    drawn = terminal.getvalue()
    assert "{rain} [b].wav" in drawn
    assert "a peak" in drawn
    assert "45 %" in drawn
    assert "\x1b[2K" in drawn  # the line is erased


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    Console().problem("one")
    assert terminal.getvalue() == "\x1b[31mambientgen: \x1b[0mone\n"
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            Console().problem(name)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    Console().problem("three")
    assert sys.stderr.getvalue() == "ambientgen: three\n"  # type: ignore[attr-defined]
    assert terminal.getvalue().splitlines()[1:] == ["ambientgen: NO_COLOR", "ambientgen: TERM"]


def test_a_problem_is_one_line_and_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    said = Console(quiet=True)
    for _ in range(2):
        said.problem("bad\nname\x1b[31m: gone\udcff")
    said.notice("nothing of this")
    assert capsys.readouterr().err == "ambientgen: bad\\nname\\x1b[31m: gone\\udcff\n"


def test_nobody_to_tell_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    Console().problem("unheard")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(console.sys, "stderr", closed)
    console._print_error("unheard")


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.0042, "0.0042"), (0.5, "0.50"), (3.0, "3.0"), (14.2, "14"), (1234.5, "1234")],
)
def test_speeds_are_told_to_two_digits(value: float, said: str) -> None:
    assert console.two_digits(value) == said


def test_every_stage_is_told_when_it_begins(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(Console(), "a")
    for name in ("loading", "planning", "meaning", "rendering"):
        lines(StageStarted(name))
    told = capsys.readouterr().err.splitlines()
    stages = ["loading the model", "planning", "finding the words", "rendering"]
    assert told == [f"a: {stage}" for stage in stages]


def test_bars_show_whatever_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    assert console.bars([0.0, 0.01, 0.5, 1.0]) == " ▁▄█"
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert console.bars([0.0, 0.01, 0.5, 1.0]) == " .=@"


def test_tables_align_and_wrap_their_last_column() -> None:
    text = console.table([("a", "bb", "one " * 40), ("ccc", "d", "two")], indent="")
    lines = text.splitlines()
    assert lines[0].startswith("a    bb  one one")
    assert all(line.startswith(" " * 9 + "one") for line in lines[1:-1])
    assert lines[-1] == "ccc  d   two"
    assert max(map(len, lines)) <= console.WIDTH


@given(st.floats(0.0, 1e6))
def test_clock_times_are_right_to_a_tenth_and_can_be_written_in_a_scene(time_s: float) -> None:
    assert parse_span(clock(time_s)).seconds == pytest.approx(time_s, abs=0.0501)


LONG = """
title: Waves
duration: 10m
model: pocket
states: {waves: {curve: {0s: 0, 5s: 1}, repeat: 10s}}
"""


def test_a_terminal_shows_both_ends_of_a_long_plan_and_a_pipe_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = tmp_path / "waves.yaml"
    scene.write_text(LONG)
    texts = []
    for stream in (io.StringIO(), Terminal()):
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setenv("TERM", "xterm")
        assert run(["plan", str(scene)]) == ExitCode.DONE
        texts.append(stream.getvalue().splitlines())
    whole, short = (
        [line for line in lines if re.match(r" +[\d.hms]+  .* \d\.\d\d  ", line)] for lines in texts
    )
    heading = next(line for line in texts[0] if line.endswith(" keyframes"))
    assert len(whole) == int(heading.split()[0]) > MOST_ROWS
    assert heading in texts[1]
    assert short[:FIRST_ROWS] == whole[:FIRST_ROWS]
    assert len(short) == FIRST_ROWS + LAST_ROWS
    assert [line.split()[0] for line in short[-LAST_ROWS:]] == [
        line.split()[0] for line in whole[-LAST_ROWS:]
    ]
    assert not short[-LAST_ROWS].endswith('"'), "no prompt is said above it"
    left_out = f"({len(whole) - FIRST_ROWS - LAST_ROWS} keyframes left out; --json has all)"
    assert [line.split(None, 1)[1] for line in texts[1] if line.strip().startswith("...")] == [
        left_out
    ]
    assert not any("left out" in line for line in texts[0])


def test_a_terminal_shows_a_plan_of_a_screen_or_two_whole() -> None:
    assert shown_rows(MOST_ROWS) == list(range(MOST_ROWS))
    assert len(shown_rows(MOST_ROWS + 1)) == FIRST_ROWS + LAST_ROWS
