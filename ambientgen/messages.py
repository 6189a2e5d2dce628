"""What the library tells while it works. It never prints: the console, or the caller, does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """A warning that stops nothing: what the model cannot do, a clipped peak, a licence."""

    text: str


@dataclass(frozen=True)
class StemClips(Notice):
    """A stem passes full scale. `what` is `text` without what is to be done of a file."""

    what: str


def of_layers(told: Iterable[tuple[str, str]], named: bool) -> list[str]:
    """What is told of layers, as (layer, text), each text once; with the layer's name before it if
    they are `named` and it is told of one alone."""
    by_text: dict[str, list[str]] = {}
    for layer, text in told:
        by_text.setdefault(text, []).append(layer)
    return [
        f"{layers[0]}: {text}" if named and len(layers) == 1 else text
        for text, layers in by_text.items()
    ]


@dataclass(frozen=True)
class StageStarted:
    """A stage begins: `loading`, `planning`, `meaning` (GPT-2), `rendering`, `measuring` (of the
    loudness), or one of training."""

    name: str


@dataclass(frozen=True)
class WindowsDone:
    """So many of all windows are rendered; None: of a scene without end."""

    done: int
    total: int | None


@dataclass(frozen=True)
class AudioWritten:
    """So many seconds of audio, of the whole (infinite: it never ends), have left the renderer."""

    time_s: float
    duration_s: float


@dataclass(frozen=True)
class StepsDone:
    """So many of all steps of a training stage are done; `loss` is the last one measured."""

    stage: str
    done: int
    total: int
    loss: float


Message = Notice | StageStarted | WindowsDone | AudioWritten | StepsDone
Listener = Callable[[Message], None]


def ignore(_message: Message) -> None:
    """The listener of callers who do not want to know."""
