"""What the library tells while it works. It never prints: the console, or the caller, does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """A warning that stops nothing: what the model cannot do, a clipped peak, a licence."""

    text: str


@dataclass(frozen=True)
class StageStarted:
    """A stage begins: `loading`, `planning`, `meaning` (GPT-2) or `rendering`."""

    name: str


@dataclass(frozen=True)
class WindowsDone:
    """So many of all windows are rendered."""

    done: int
    total: int


@dataclass(frozen=True)
class AudioWritten:
    """So many seconds of audio, of the whole, have left the renderer."""

    time_s: float
    duration_s: float


Event = Notice | StageStarted | WindowsDone | AudioWritten
Listener = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """The listener of callers who do not want to know."""
