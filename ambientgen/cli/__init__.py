"""The command line: parse, call the library, turn what went wrong into a line and an exit code."""

from __future__ import annotations

import gc
import sys

TYPE_CHECKING = False  # `typing` is left to those who come after the signals are caught
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command that the process was started with."""
    from ambientgen.cli.signals import ended_at_once

    ended_at_once()
    from ambientgen.cli.app import run

    code = run(sys.argv[1:])
    # What is left goes with the process. To look for garbage in it, as the interpreter does at the
    # end, takes half a second once torch has been imported.
    gc.freeze()
    sys.exit(code)
