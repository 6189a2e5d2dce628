"""Sound files as libsndfile opens them, whatever bytes their names are made of."""

from __future__ import annotations

import importlib
import os
from typing import Any


def opened(path: str | os.PathLike[str]) -> Any:
    """A file to be read, as a `soundfile.SoundFile`. Raises what that raises.

    soundfile wants names that are text; on Linux a folder may have one that is not.
    """
    soundfile: Any = importlib.import_module("soundfile")
    return soundfile.SoundFile(os.fspath(path) if os.name == "nt" else os.fsencode(path))
