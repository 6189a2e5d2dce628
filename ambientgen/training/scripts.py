"""How scripts of training end: with one line for each problem, and the program's exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ambientgen.errors import AmbientgenError, ExitCode


def run_script(main: Callable[[], None]) -> None:
    """Run `main`; problems that its user can cure are told without a traceback.

    Raises:
        SystemExit: with the code of the problem.
    """
    try:
        main()
    except AmbientgenError as error:
        told, code = str(error), error.exit_code
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        told, code = f"{place}{(error.strerror or str(error)).lower()}", ExitCode.BAD_INPUT
    except KeyboardInterrupt:
        told, code = "interrupted", ExitCode.INTERRUPTED
    else:
        return
    sys.stderr.write("".join(f"ambientgen: {line}\n" for line in told.splitlines()))
    raise SystemExit(int(code))
