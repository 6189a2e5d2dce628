"""What becomes of each of several scenes: every one is tried, the gravest exit code wins."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from ambientgen.cli.exit_codes import gravest
from ambientgen.console import Console
from ambientgen.errors import AmbientgenError, ExitCode, OutputError, Problem

DEBUG = "AMBIENTGEN_DEBUG"  # environment variable: show tracebacks of internal errors


class Outcomes:
    """Collects exit codes. With `as_json`, tells each failure as a JSON line too."""

    def __init__(self, console: Console, as_json: bool) -> None:
        self._console = console
        self._as_json = as_json
        self.code = ExitCode.DONE

    @contextmanager
    def trying(self, scene: str) -> Iterator[None]:
        """An error inside is told and remembered, and does not leave. A reader's leaving is none,
        and not told."""
        try:
            yield
        except Exception as error:  # the other scenes are still to be tried
            code = tell_error(error, self._console)
            if code is ExitCode.DONE:
                return
            self.code = gravest((self.code, code))
            failure = {"problems": problems_json(error)}
            self.record({"scene": scene, "error": failure, "exit_code": int(code)})

    def record(self, line: dict[str, Any]) -> None:
        """One JSON line, if JSON is wanted. Where it cannot be written, that is told and
        remembered, and no reason to stop; that nobody listens any more is not even told."""
        if not self._as_json:
            return
        try:
            self._console.out(json.dumps(line))
        except OutputError as error:
            self._as_json = False
            self.code = gravest((self.code, tell_error(error, self._console)))


def tell_error(error: BaseException, console: Console) -> ExitCode:
    """Say an error's problems, one line each, and return its exit code.

    A pipe whose reader has had enough is none: nothing is said then.
    """
    if isinstance(error, AmbientgenError):
        from ambientgen.audio_file import ReaderGone

        if isinstance(error, ReaderGone):
            return ExitCode.DONE
        for problem in error.problems:
            console.problem(problem)
        return error.exit_code
    if os.environ.get(DEBUG):
        traceback.print_exception(error, file=sys.stderr)
    for problem in _internal(error):
        console.problem(problem)
    return ExitCode.INTERNAL


def problems_json(error: BaseException) -> list[dict[str, str]]:
    """An error's problems as plain JSON values: place, what, remedy."""
    known = error.problems if isinstance(error, AmbientgenError) else _internal(error)
    return [asdict(problem) for problem in known]


def _internal(error: BaseException) -> tuple[Problem, ...]:
    what = " ".join(f"{type(error).__name__}: {error}".split())
    remedy = f"set {DEBUG}=1 to see where, and please report it"
    return (Problem("internal error", what, remedy),)
