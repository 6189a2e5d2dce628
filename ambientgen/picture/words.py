"""Words under a time axis: as many as there is room for, none over another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

ELLIPSIS = "…"
_LEAST_LETTERS = 14  # of a shortened text: fewer say nothing

_MOST = 150
"""Of more texts than this the rest would find no room anyway."""


_SHARE = 0.2
"""Of the whole length: as much as a text may take where there is no room for all."""


@dataclass(frozen=True)
class Word:
    """A text that found its place: which one it is, `width` wide from `left` on, in row `row`.

    Its leader comes down at `left` from above row 0, and meets no other text.
    """

    index: int
    left: float
    width: float
    row: int
    text: str


def shortened(text: str, room: float, measure: Callable[[str], float]) -> str | None:
    """`text`, or as many of its words as fit into `room`, with an ellipsis; None if next to none.

    measure: the width of a text, in the unit of `room`.
    """
    if measure(text) <= room:
        return text
    words = text.split(" ")
    while len(words) > 1:
        words.pop()
        short = " ".join(words).rstrip(",;:") + ELLIPSIS
        if len(short) < _LEAST_LETTERS:
            return None
        if measure(short) <= room:
            return short
    return None


def placed(
    texts: Sequence[tuple[float, str]],
    measure: Callable[[str], float],
    end: float,
    rows: int,
    gap: float,
) -> list[Word]:
    """Places for `texts`, (left, text) in order of `left`, none reaching over `end`.

    As few rows as hold all of them whole, at most `rows`; where they do not fit, some are shortened
    and some left out: those that stay are spread over the whole length.
    """
    if len(texts) > _MOST:
        chosen = [round(i * (len(texts) - 1) / (_MOST - 1)) for i in range(_MOST)]
        few = placed([texts[i] for i in chosen], measure, end, rows, gap)
        return [replace(word, index=chosen[word.index]) for word in few]
    for count in range(1, rows + 1):
        whole = [(left, measure(text)) for left, text in texts]
        found = _stairs(whole, end, count, gap)
        if found is not None:
            return [Word(i, *whole[i], row, texts[i][1]) for i, row in enumerate(found)]
    short = [shortened(text, min(end * _SHARE, end - left), measure) for left, text in texts]
    kept = [i for i in range(len(texts)) if short[i] is not None]
    stay: list[int] = []
    for index in _spread([texts[i][0] for i in kept]):
        tried = sorted([*stay, kept[index]])
        if _stairs([(texts[i][0], measure(short[i] or "")) for i in tried], end, rows, gap):
            stay = tried
    sizes = [(texts[i][0], measure(short[i] or "")) for i in stay]
    found = _stairs(sizes, end, rows, gap) or []
    return [
        Word(i, *size, row, short[i] or "") for i, size, row in zip(stay, sizes, found, strict=True)
    ]


def _stairs(
    sizes: Sequence[tuple[float, float]], end: float, rows: int, gap: float
) -> list[int] | None:
    """A row for each text (left, width) in order of `left`, as deep as can be; None: no room.

    A text over which another begins stands below it: so no leader goes through a text.
    """
    found: list[int] = []
    over: list[tuple[float, int]] = []  # right end and row of those still under way
    for left, width in sizes:
        over = [(right, row) for right, row in over if right + gap > left]
        row = min((row for _, row in over), default=rows) - 1
        if row < 0 or left + width > end:
            return None
        over.append((left + width, row))
        found.append(row)
    return [row - min(found) for row in found]


def _spread(lefts: Sequence[float]) -> list[int]:
    """Indices: the first, then always the one furthest from all before."""
    if not lefts:
        return []
    order, distance = [0], [abs(left - lefts[0]) for left in lefts]
    chosen = {0}
    while len(order) < len(lefts):
        far = max((i for i in range(len(lefts)) if i not in chosen), key=lambda i: distance[i])
        order.append(far)
        chosen.add(far)
        distance = [min(d, abs(x - lefts[far])) for d, x in zip(distance, lefts, strict=True)]
    return order
