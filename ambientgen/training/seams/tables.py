"""Joins of many takes, pooled, as tables; and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ambientgen.ear.seams import FEATURES, Auc, auc
from ambientgen.training.scores.report import Figure, Row, Table
from ambientgen.training.seams.files import Whole
from ambientgen.training.seams.judging import DETECTOR, EVENT_LEVEL, EVENTS, MIDWAY, Joins
from ambientgen.training.seams.loops import Joint
from ambientgen.training.seams.ways import SHIPPED, WAYS
from ambientgen.windows import CALM_BOUND

FEWEST, LOW, HIGH = 500, 0.5, 0.56
"""The shipped way passes if, over at least so many joins, the 95 % interval of the AUC includes 0.5
and ends below 0.56."""

TITLES = {way.name: way.title for way in WAYS} | {MIDWAY: "(halfway between the shipped joins)"}


def pooled(joins: Sequence[Joins], column: int = DETECTOR, kind: str = "") -> Auc | None:
    """The detector (or one feature) over the joins of many takes, or those of one kind only:
    `calm`, `changing` or `events`. None: there is none of it."""
    found = []
    for each in joins:
        chosen = {
            "": np.ones(len(each.placements), dtype=bool),
            "calm": ~np.array(each.changing, dtype=bool),
            "changing": np.array(each.changing, dtype=bool),
            "events": np.array(each.events, dtype=bool),
        }[kind]
        if chosen.any():
            found.append(np.array(each.placements)[chosen, column])
    return auc(np.concatenate(found)) if found else None


def verdict(joins: Sequence[Joins]) -> bool | None:
    """Whether joins cannot be told; None: there are too few to say."""
    whole = pooled(joins)
    if whole is None or whole.joins < FEWEST:
        return None
    return _cannot_be_told(whole)


def _cannot_be_told(found: Auc) -> bool:
    return found.low <= LOW <= found.high < HIGH


def verdict_on_files(files: Sequence[Whole]) -> bool | None:
    """The same of whole files as they ship."""
    if sum(len(each.placements) for each in files) < FEWEST:
        return None
    return _cannot_be_told(_of_files(files))


def tables(joins: Sequence[Joins], files: Sequence[Whole], joints: Sequence[Joint]) -> list[Table]:
    """All that was measured so far."""
    by_way = {name: [each for each in joins if each.way == name] for name in TITLES}
    ways = {name: found for name, found in by_way.items() if found}
    made = [_seams(ways), _hard(ways), _features(ways)] if ways else []
    joined = [each for each in files if each.placements]
    made += [_files(joined)] if joined else []
    return [*made, _loops(joints)] if joints else made


def _of_files(files: Sequence[Whole], column: int = DETECTOR) -> Auc:
    rows = [each.placements for each in files if each.placements]
    return auc(np.concatenate(rows)[:, column])


def _files(files: Sequence[Whole]) -> Table:
    goal = (
        f"All of each shipped scene, as it is rendered; over at least {FEWEST} joins of all its "
        f"layers the interval of the AUC includes {LOW} and ends below {HIGH}."
    )
    names = sorted({each.scene for each in files})
    rows = [_files_row(name, [each for each in files if each.scene == name]) for name in names]
    rows.append(_files_row("all", files, judged=True))
    between = [replace(each, placements=each.midway) for each in files if each.midway]
    rows += [_files_row("(halfway between them)", between)] if between else []
    return Table("files", "Whole files", goal, rows)


def _files_row(name: str, files: Sequence[Whole], judged: bool = False) -> Row:
    found = _of_files(files)
    figures: dict[str, Figure] = {
        "files": str(len(files)),
        "joins": str(found.joins),
        "AUC": f"{found.value:.3f}",
        "95 %": f"{found.low:.3f} to {found.high:.3f}",
    }
    figures |= {f: f"{_of_files(files, i).value:.3f}" for i, f in enumerate(FEATURES)}
    return Row(name, figures, verdict_on_files(files) if judged else None)


def _seams(ways: dict[str, list[Joins]]) -> Table:
    goal = (
        f"Over at least {FEWEST} joins the interval of the AUC includes {LOW} and ends below "
        f"{HIGH}. Overlaps: correlation of both windows' latents. Texture: distance at joins less "
        "distance by chance. UNet and VAE: latent frames worked on for a second of sound, in each "
        "step; cost: those of the UNet against what ships."
    )
    rows = []
    ours = float(np.mean([each.unet for each in ways.get(SHIPPED.name, [])] or [0.0]))
    for name, found in ways.items():
        whole = pooled(found)
        figures: dict[str, Figure] = {
            "joins": None if whole is None else str(whole.joins),
            "AUC": None if whole is None else f"{whole.value:.3f}",
            "95 %": None if whole is None else f"{whole.low:.3f} to {whole.high:.3f}",
            "overlaps": _mean([value for each in found for value in each.agreement], 3),
            "dip, dB": _mean([value for each in found for value in each.dips_db], 2),
            "texture": _mean([e.texture for e in found if e.texture is not None], 3),
        }
        if name != MIDWAY:
            unet = float(np.mean([each.unet for each in found]))
            figures["UNet"], figures["cost"] = f"{unet:.1f}", unet / ours if ours else None
            figures["VAE"] = f"{float(np.mean([each.decoder for each in found])):.1f}"
        rows.append(Row(TITLES[name], figures, verdict(found) if name != MIDWAY else None))
    return Table("seams", "Joins", goal, rows)


def _hard(ways: dict[str, list[Joins]]) -> Table:
    goal = (
        f"AUC, its 95 % interval, and joins. Changing: a state's average moves by more than "
        f"{CALM_BOUND} from window to window. Events: one of {', '.join(EVENTS)} at "
        f"{EVENT_LEVEL} or more."
    )
    kinds = ("calm", "changing", "events")
    rows = [
        Row(TITLES[name], {kind: _told(pooled(found, kind=kind)) for kind in kinds})
        for name, found in ways.items()
    ]
    return Table("hard", "The hard cases", goal, rows)


def _features(ways: dict[str, list[Joins]]) -> Table:
    rows = [
        Row(
            TITLES[name],
            {f: _value(pooled(found, column)) for column, f in enumerate(FEATURES)},
        )
        for name, found in ways.items()
    ]
    return Table("features", "What tells them", "AUC of each feature by itself.", rows)


def _loops(joints: Sequence[Joint]) -> Table:
    goal = (
        "Loops joined to themselves: AUC of the joint among all other moments. Over all lengths "
        f"the 95 % interval includes {LOW} and ends below {HIGH}."
    )
    loops = [each for each in joints if each.made]
    lengths = sorted({each.length_s for each in loops})
    rows = [_loop_row(f"{s:g} s", [e for e in loops if e.length_s == s]) for s in lengths]
    if loops:
        rows.append(_loop_row("all", loops, _cannot_be_told))
    if control := [each for each in joints if not each.made]:
        rows.append(_loop_row("(the same, not made as loops)", control))
    return Table("loops", "Loops", goal, rows)


def _loop_row(
    name: str, joints: Sequence[Joint], passes: Callable[[Auc], bool] | None = None
) -> Row:
    found = auc(np.array([each.placements[DETECTOR] for each in joints]))
    figures: dict[str, Figure] = {
        "loops": str(len(joints)),
        "AUC": f"{found.value:.3f}",
        "95 %": f"{found.low:.3f} to {found.high:.3f}",
        "`loop.point` passes": f"{sum(each.passed for each in joints)} of {len(joints)}",
    }
    return Row(name, figures, passes(found) if passes else None)


def _mean(values: Sequence[float], digits: int) -> Figure:
    return f"{float(np.mean(values)):.{digits}f}" if values else None


def _value(found: Auc | None) -> Figure:
    return None if found is None else f"{found.value:.3f}"


def _told(found: Auc | None) -> Figure:
    if found is None:
        return None
    return f"{found.value:.3f} ({found.low:.2f} to {found.high:.2f}, {found.joins})"
