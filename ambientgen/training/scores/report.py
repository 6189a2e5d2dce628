"""Scores as tables: for a terminal, for the docs, for a program."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Figure = float | str | None


@dataclass(frozen=True)
class Row:
    """One line: what was measured, its figures by column, and whether it reached its threshold.

    `passed` None: there is nothing to reach, it is told for comparison.
    """

    name: str
    figures: Mapping[str, Figure]
    passed: bool | None = None


@dataclass(frozen=True)
class Table:
    """One score: `key` (of the JSON), `title`, `goal` (its threshold in words) and its rows."""

    key: str
    title: str
    goal: str
    rows: Sequence[Row]

    @property
    def passed(self) -> int:
        """How many rows reached their threshold."""
        return sum(row.passed is True for row in self.rows)

    @property
    def judged(self) -> int:
        """How many rows have a threshold."""
        return sum(row.passed is not None for row in self.rows)

    def markdown(self) -> str:
        """The table in Markdown, under its title and goal."""
        columns = list(dict.fromkeys(name for row in self.rows for name in row.figures))
        judged = self.judged > 0
        heads = ["", *columns, *(["reached"] if judged else [])]
        lines = [f"### {self.title}", "", self.goal]
        if judged:
            lines[-1] += f" Reached: {self.passed} of {self.judged}."
        lines += ["", _line(heads), _line(["---"] * len(heads))]
        for row in self.rows:
            cells = [row.name, *(shown(row.figures.get(name)) for name in columns)]
            lines.append(_line([*cells, *([_verdict(row)] if judged else [])]))
        return "\n".join(lines) + "\n"

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain JSON values."""
        return {
            "title": self.title,
            "goal": self.goal,
            "passed": self.passed,
            "judged": self.judged,
            "rows": [
                {
                    "name": row.name,
                    "passed": row.passed,
                    **{k: _plain(v) for k, v in row.figures.items()},
                }
                for row in self.rows
            ],
        }


def shown(figure: Figure) -> str:
    """A figure as a table shows it: three digits that count, nothing for what was not measured."""
    if figure is None or (isinstance(figure, float) and math.isnan(figure)):
        return "–"
    if isinstance(figure, str):
        return figure
    if math.isinf(figure):
        return "never"
    if figure == int(figure) and abs(figure) >= 10:
        return f"{figure:.0f}"
    return (
        f"{figure:.0f}"
        if abs(figure) >= 100
        else f"{figure:.1f}"
        if abs(figure) >= 10
        else f"{figure:.2f}"
    )


def _verdict(row: Row) -> str:
    return {True: "yes", False: "no", None: ""}[row.passed]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _plain(figure: Figure) -> Figure:
    """JSON knows no NaN."""
    return None if isinstance(figure, float) and not math.isfinite(figure) else figure
