"""A command that tells of all its wrong options at once, where Typer stops at the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import typer
from typer.core import TyperCommand

from ambientgen.errors import Problem, UsageError


class Command(TyperCommand):
    """One of the program's commands: `app.command(cls=Command)`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line. Raises UsageError with what every option's reader refuses."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except UsageError as first:
            found = tuple(self._refused(ctx, given))
            raise (UsageError(*found) if found else first) from None

    def _refused(self, ctx: Any, args: list[str]) -> Iterator[Problem]:
        told, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        for option in self.get_params(ctx):
            value, _ = option.consume_value(ctx, told)
            try:
                with suppress(typer.BadParameter):  # Typer's own, which it tells by itself
                    option.process_value(ctx, value)
            except UsageError as error:
                yield from error.problems
