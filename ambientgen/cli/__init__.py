"""The command line: parse, call the library, turn what went wrong into a line and an exit code."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command that the process was started with."""
    from ambientgen.cli.app import run

    sys.exit(run(sys.argv[1:]))
