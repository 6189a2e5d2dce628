"""How signals end a command: at once while it is still being imported, then by unwinding it.

Imports next to nothing, so that it is in force before anything that takes time.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Names of signals, exit code and word; Windows has no SIGHUP. `ExitCode` says why these codes:
# to import it takes longer than the gap that is closed here.
_ENDINGS = {
    "SIGINT": (130, "interrupted"),
    "SIGTERM": (143, "terminated"),
    "SIGHUP": (143, "terminated"),
}


class Terminated(BaseException):
    """SIGTERM or SIGHUP, as an exception, so that half-written files are cleaned up."""


def end_at_once(number: int, _frame: FrameType | None) -> None:
    """End the process with a line and an exit code: there is nothing yet to clean up."""
    code, word = _ENDINGS[signal.Signals(number).name]
    try:
        os.write(2, f"ambientgen: {word}\n".encode())
    finally:
        os._exit(code)


def ended_at_once() -> None:
    """From now on signals end the process at once, unless somebody has them ignored."""
    for number in _numbers():
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, end_at_once)


@contextmanager
def signals_raised() -> Iterator[None]:
    """Signals unwind like Ctrl-C does, unless somebody has them ignored. Only the first one: an
    impatient second would break off what cleans up, and leave threads that abort the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = (signal.SIG_DFL, end_at_once)
    former = {n: signal.getsignal(n) for n in _numbers() if signal.getsignal(n) in ours}
    unwinding = False

    def unwind(number: int, _frame: FrameType | None) -> None:
        nonlocal unwinding
        if not unwinding:
            unwinding = True
            raise KeyboardInterrupt if number == signal.SIGINT else Terminated

    for number in former:
        signal.signal(number, unwind)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _numbers() -> list[int]:
    return [int(getattr(signal, name)) for name in _ENDINGS if hasattr(signal, name)]
