"""How many cores there are to work on."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """The cores this process may use, at least 1: as many workers as a render has by itself."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
