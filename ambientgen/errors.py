"""What can go wrong, said once: errors that carry place, problem and remedy; exit codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit status of the command line; documented in docs/cli.md."""

    DONE = 0
    INTERNAL = 1
    BAD_INPUT = 2
    MODEL_UNAVAILABLE = 3
    OUTPUT = 4
    FAILED = 5
    INTERRUPTED = 130  # 128 + SIGINT, the shells' convention
    TERMINATED = 143  # 128 + SIGTERM


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: `place` is `file:line:column`, a file, an option, or empty."""

    place: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        said = f"{self.what}; {self.remedy}" if self.remedy else self.what
        return f"{self.place}: {said}" if self.place else said


class AmbientgenError(Exception):
    """Every error a user can cause or cure. Holds at least one `Problem`; prints one line each."""

    exit_code = ExitCode.INTERNAL

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class SceneError(AmbientgenError):
    """A scene file, or an override of it, is wrong. Carries all problems of the file at once."""

    exit_code = ExitCode.BAD_INPUT


class UsageError(AmbientgenError):
    """An option or a call's argument is wrong."""

    exit_code = ExitCode.BAD_INPUT


class ModelError(AmbientgenError):
    """A model is not here, incomplete, truncated, or of another architecture."""

    exit_code = ExitCode.MODEL_UNAVAILABLE


class MismatchError(AmbientgenError):
    """A sound was examined, and is not what it should be."""

    exit_code = ExitCode.FAILED


class OutputError(AmbientgenError):
    """The output cannot be written, or exists and may not be replaced."""

    exit_code = ExitCode.OUTPUT


def check_all(*checks: Callable[[], object]) -> None:
    """Make all checks, so that what they find is told at once.

    Raises AmbientgenError: with the problems of all, of the kind whose exit code is the highest.
    """
    raised: list[AmbientgenError] = []
    for check in checks:
        try:
            check()
        except AmbientgenError as error:
            raised.append(error)
    if raised:
        problems = dict.fromkeys(problem for error in raised for problem in error.problems)
        gravest = max(raised, key=lambda error: error.exit_code)
        raise type(gravest)(*problems) from gravest
