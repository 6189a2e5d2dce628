"""The process's memory: what may lie in it, what did, and how the C library keeps what is freed."""

from __future__ import annotations

import ctypes
import platform
import re
import sys
from pathlib import Path

MOST_BATCH = 1024
"""No more windows may be asked to share a pass of the UNet: all their latents lie in memory."""

# Of glibc's malloc.h: the number of each setting, and what it is set to (bytes, or arenas). What is
# as large as M_MMAP_THRESHOLD is still given back at once; 32 MB are the most that older versions
# take, and come first, since with another setting alone the usual 128 kB would stay. Threads share
# one arena: of several each would keep what it once needed most.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8
SETTINGS = {
    M_MMAP_THRESHOLD: 2**25,
    M_ARENA_MAX: 1,
    M_TRIM_THRESHOLD: 2**31 - 1,
    M_TOP_PAD: 2**24,
}


def keep_memory() -> bool:
    """Let the process keep what it frees, for its next use of it. Whether that could be had.

    A render needs megabytes for a moment, again and again. glibc gives them back to the system each
    time, which then clears every page before it is used anew: some hundredths of a render's time.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(setting, value) for setting, value in SETTINGS.items())


def peak_memory_mb() -> float:
    """The most memory this process has held so far, in MB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would begin with what the launching process held
        peak = re.search(r"^VmHWM:\s*(\d+)", status.read_text(), re.MULTILINE)
        if peak:  # some containers do not tell
            return int(peak[1]) / 1024
    if sys.platform == "win32":
        return 0.0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1024**2 if sys.platform == "darwin" else most / 1024
