"""Signals that unwind the program (Ctrl-C), kept from where they would do harm."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any]


@contextmanager
def unbroken() -> Iterator[None]:
    """Signals are held back until the block ends: it is done whole or not at all."""
    caught: list[tuple[Handler, int, FrameType | None]] = []
    with _handled(lambda former, number, frame: caught.append((former, number, frame))):
        yield
    if caught:
        former, number, frame = caught[0]
        former(number, frame)


@contextmanager
def unheeded() -> Iterator[None]:
    """Signals are ignored in the block: the program is about to end by itself, and what was asked
    for is there."""
    with _handled(lambda *_: None):
        yield


@contextmanager
def not_in_workers() -> Iterator[None]:
    """Signals unwind this process, but not those that it forks in the block: a terminal sends
    Ctrl-C to all of them, and each would print a traceback."""
    here = os.getpid()

    def handle(former: Handler, number: int, frame: FrameType | None) -> None:
        if os.getpid() == here:
            former(number, frame)

    with _handled(handle):
        yield


@contextmanager
def _handled(handle: Callable[[Handler, int, FrameType | None], None]) -> Iterator[None]:
    """Signals go to `handle`, with the handler they had; only where one was set, in the main
    thread."""
    former: dict[int, Handler] = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            handler = signal.getsignal(number) if number is not None else None
            if number is not None and callable(handler):
                former[number] = handler
    for number in former:
        signal.signal(number, lambda n, frame: handle(former[n], n, frame))
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
