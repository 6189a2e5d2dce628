"""Processes that work for one that may be stopped, or killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait
from types import FrameType

GRACE_S = 10.0  # for the process that was told, too, to end its workers in good order


def be_worker() -> None:
    """Make this process one that ends with the process that started it, however that ends, and
    `GRACE_S` seconds after it is told to. For the beginning of a worker's own work.

    Ctrl-C, which a terminal sends to all processes, is left to the one they work for. Signals that
    somebody has ignored stay so.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end_soon)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_soon(_number: int, _frame: FrameType | None) -> None:
    # Not at once: a pool that breaks while it is being shut down may never be done with it.
    timer = threading.Timer(GRACE_S, os._exit, (1,))
    timer.daemon = True
    timer.start()


def _end_with_parent() -> None:
    # Not by the parent's number, which may be told even when it is gone.
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
