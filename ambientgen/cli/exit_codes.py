"""What the exit codes mean, and which of several is told."""

from __future__ import annotations

from collections.abc import Iterable

from ambientgen.errors import ExitCode

MEANINGS = {
    ExitCode.DONE: "done; also when the reader of a pipe left early, as `head` does",
    ExitCode.INTERNAL: "internal error: please report it (`AMBIENTGEN_DEBUG=1` shows where)",
    ExitCode.BAD_INPUT: "the scene or the command is wrong",
    ExitCode.MODEL_UNAVAILABLE: "the model is not on this machine, or broken",
    ExitCode.OUTPUT: "the output cannot be written, or exists (`--force` replaces it)",
    ExitCode.FAILED: "examined, and not as it should be (`check`, `verify`)",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C, SIGINT)",
    ExitCode.TERMINATED: "terminated (SIGTERM, or SIGHUP when the terminal closes)",
}

SHORT = (
    "0 done, 1 internal error, 2 bad scene or usage, 3 model not available, 4 output not written, "
    "5 not as it should be, 130 interrupted, 143 terminated"
)
"""For `ambientgen --help`."""

GRAVITY = (
    ExitCode.DONE,
    ExitCode.FAILED,
    ExitCode.BAD_INPUT,
    ExitCode.MODEL_UNAVAILABLE,
    ExitCode.OUTPUT,
    ExitCode.INTERNAL,
)
"""Rising: of several scenes the gravest outcome is the command's. Signals end it at once."""


def gravest(codes: Iterable[ExitCode]) -> ExitCode:
    """The gravest of the codes; `DONE` of none."""
    return max(codes, key=GRAVITY.index, default=ExitCode.DONE)
