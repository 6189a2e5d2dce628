"""Tables into the docs: between two comments that name the measure, in whatever page they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_PLACE = re.compile(r"(<!-- figures: ([a-z ]+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def filled(page: str, texts: Mapping[str, str]) -> str:
    """`page` with each of `texts` (by measure) in its place; places of other measures stay."""

    def put(match: re.Match[str]) -> str:
        text = texts.get(match[2])
        return match[0] if text is None else f"{match[1]}\n{text.strip()}\n\n{match[3]}"

    return _PLACE.sub(put, page)


def fill(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Put `texts` into the pages in `folder`; gives those that changed."""
    changed = []
    for path in sorted(folder.glob("*.md")):
        before = path.read_text(encoding="utf-8")
        after = filled(before, texts)
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed
