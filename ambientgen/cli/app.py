"""The commands, and the one place where whatever goes wrong becomes a line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
import typer.main

from ambientgen.cli import (
    bench,
    cache,
    check,
    doctor,
    exit_codes,
    models,
    new,
    plan,
    play,
    plot,
    preview,
    render,
    scenes,
    schema,
    train,
    validate,
    verify,
)
from ambientgen.cli.command import Command
from ambientgen.cli.outcomes import tell_error
from ambientgen.cli.signals import Terminated, signals_raised
from ambientgen.console import PROGRAM, Console
from ambientgen.errors import ExitCode

_COMPLETION = f"_{PROGRAM.upper()}_COMPLETE"  # set by the shells' completion scripts


app = typer.Typer(
    name=PROGRAM,
    help="Render scene files to sound: rain that builds and passes, surf all night.",
    epilog=f"Exit codes: {exit_codes.SHORT}.",
    # Rich's help pages cost more time than everything else that --help does.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for _command in (
    render.render,
    check.check,
    verify.verify,
    play.play,
    validate.validate,
    plan.plan,
    plot.plot,
    preview.preview,
    scenes.scenes,
    new.new,
    schema.schema,
    train.train,
    models.models,
    cache.cache,
    doctor.doctor,
    bench.bench,
):
    app.command(_command.__name__, cls=Command)(_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        import ambientgen

        Console().out(f"{PROGRAM} {ambientgen.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.BAD_INPUT)


def run(args: Sequence[str]) -> int:
    """Run the command line `args` (without the program's name) and return its exit code."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr has it
    try:
        with signals_raised():
            _dispatch(args)
        code: int = ExitCode.DONE
    except BaseException as error:
        code = _told(error, args, Console())
    _close_stdout()
    return code


def _dispatch(args: Sequence[str]) -> None:
    command = typer.main.get_command(app)
    if _COMPLETION in os.environ:  # a shell asks: Typer's own business
        command.main(list(args), PROGRAM)
        return
    # Not `command.main`, which has ways of its own with errors, signals and broken pipes.
    with command.make_context(PROGRAM, list(args)) as context:
        command.invoke(context)


def _told(error: BaseException, args: Sequence[str], console: Console) -> int:
    """Say what went wrong, on one line for each problem, and return the exit code."""
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, SystemExit):  # Typer's completion
        return error.code if isinstance(error.code, int) else ExitCode.INTERNAL
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        console.problem("interrupted")
        return ExitCode.INTERRUPTED
    if isinstance(error, Terminated):
        console.problem("terminated")
        return ExitCode.TERMINATED
    if hasattr(error, "format_message"):  # Typer's and click's errors of usage
        said = " ".join(str(error.format_message()).split()).rstrip(".")
        context = getattr(error, "ctx", None)
        path = context.command_path if context else _command_path(args)
        console.problem(f"{said}; see `{path} --help`")
        return ExitCode.BAD_INPUT
    return tell_error(error, console)


def _command_path(args: Sequence[str]) -> str:
    """The command that `args` begin with, whose help says more than the program's."""
    known = {command.name for command in app.registered_commands}
    return f"{PROGRAM} {args[0]}" if args and args[0] in known else PROGRAM


def _close_stdout() -> None:
    """Let nothing fail in Python's own last flush, which would spoil the exit code."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
