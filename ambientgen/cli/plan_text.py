"""A plan, and a moment of it, as people read them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ambientgen.cli.model_notices import key_heard
from ambientgen.cli.sparklines import sparkline_table, unworded
from ambientgen.console import bars, is_terminal, table
from ambientgen.scene.durations import spell

if TYPE_CHECKING:
    from ambientgen.layered_plan import LayeredPlan
    from ambientgen.plan import Moment, Plan
    from ambientgen.scene import Scene

MOST_ROWS = 60
"""A terminal shows tables of so many rows whole: ten minutes of quick changes, and no more than can
be scrolled back to."""
FIRST_ROWS, LAST_ROWS = 30, 10  # of longer ones


def plan_text(plan: Plan) -> str:
    """The curves at a glance, the keyframes, the windows, and what the model cannot follow."""
    scene = plan.scene
    rate, layout = scene.output.sample_rate, scene.output.layout
    about = f"{length_text(plan)}, {drawn_text(scene)}, model {scene.model}, {rate} Hz"
    about += "" if layout == "mono" else f", {layout}"
    drawn = curves_text(scene, (plan.start_s, plan.duration_s))
    parts = [f"{scene.title}\n{about}", drawn, keyframes_text(plan), windows_text(plan)]
    if plan.notices:
        parts.append("\n".join(f"note: {notice}" for notice in plan.notices))
    return "\n\n".join(parts)


def drawn_text(scene: Scene) -> str:
    """`seed 7`, and if there is music or a drone `seed 7, key D minor`."""
    key = key_heard(scene)
    return f"seed {scene.seed}" + (f", key {key}" if key else "")


def moment_text(plan: Plan, moment: Moment) -> str:
    """Every state's level and word, the prompts, and the windows that sound."""
    windows = " and ".join(f"{window.index}" for window in moment.windows)
    sounding = f"window{'s' * (len(moment.windows) > 1)} {windows}"
    return "\n\n".join(
        [
            f"{plan.scene.title} at {spell(moment.time_s)} of {length_text(plan)}",
            states_text(moment),
            "Prompts by weight:\n" + prompts_text(moment),
            f"Sounding: {sounding} (by their index)",
        ]
    )


def states_text(moment: Moment) -> str:
    """Every state's level and word."""
    words = [moment.words[name] or unworded(value) for name, value in moment.states.items()]
    rows = [
        (name, bars([value]), f"{value:.2f}", word)
        for (name, value), word in zip(moment.states.items(), words, strict=True)
    ]
    return table(rows)


def prompts_text(moment: Moment) -> str:
    """The prompts of a blend by weight."""
    return table([(f"{weight:.2f}", prompt) for prompt, weight in moment.blend])


def length_text(plan: Plan | LayeredPlan) -> str:
    """`5m`, `5m from 12m on`, `a loop of 1m`, `endless; of which 10m`."""
    length = spell(plan.duration_s)
    if plan.endless:
        length = f"endless; of which {length}"
    elif plan.scene.loop:
        loop = spell(plan.scene.duration_s)
        length = f"a loop of {loop}" if length == loop else f"{length} of a loop of {loop}"
    return f"{length} from {spell(plan.start_s)} on" if plan.start_s else length


def curves_text(scene: Scene, stretch_s: tuple[float, float]) -> str:
    """A sparkline of each state, over a time axis, in a stretch (start, length)."""
    return sparkline_table(scene, stretch_s, clock)


def keyframes_text(plan: Plan) -> str:
    """A row for each keyframe; a prompt that stays is not said again.

    On a terminal, the middle of many keyframes is left out.
    """
    names = [state.name for state in plan.scene.states]
    rows = [("   time", *names, "prompt")]
    count = len(plan.keyframes)
    shown = shown_rows(count) if is_terminal(sys.stdout) else range(count)
    said, before = "", -1
    for index in shown:
        if index > before + 1:
            left_out = f"({index - before - 1} keyframes left out; --json has all)"
            rows.append(("    ...", *("" for _ in names), left_out))
            said = ""
        keyframe, before = plan.keyframes[index], index
        levels = (f"{bars([v])} {v:.2f}" for v in (keyframe.states[name] for name in names))
        prompt = '"' if keyframe.prompt == said else keyframe.prompt
        rows.append((clock(keyframe.time_s).rjust(7), *levels, prompt))
        said = keyframe.prompt
    return f"{count} keyframe{'s' if count > 1 else ''}\n{table(rows)}"


def shown_rows(count: int) -> list[int]:
    """Which of so many rows a terminal shows: all, or those at both ends."""
    rows = list(range(count))
    return rows if count <= MOST_ROWS else rows[:FIRST_ROWS] + rows[-LAST_ROWS:]


def clock(time_s: float) -> str:
    """`1m6.7s`: as a scene may write it, to a tenth of a second."""
    tenths = round(time_s * 10)
    whole, rest = spell(tenths // 10), tenths % 10
    if not rest:
        return whole
    if tenths // 10 % 60:
        return f"{whole[:-1]}.{rest}s"
    return (whole if tenths >= 600 else "") + f"0.{rest}s"


def windows_text(plan: Plan) -> str:
    """How many, how long, and what they share."""
    lengths = sorted({window.frames for window in plan.windows})
    seconds = plan.geometry.seconds
    shortest, longest = seconds(lengths[0]), seconds(lengths[-1])
    long = f"{shortest:.2f} s" if len(lengths) == 1 else f"{shortest:.2f} to {longest:.2f} s"
    fade = f"each fading over {seconds(plan.rule.overlap):.2f} s into the next"
    count, beside = len(plan.sounding), len(plan.windows) - len(plan.sounding)
    more = f"; {beside} more made beside them" if beside else ""
    silent = sum(window.silent for window in plan.sounding)
    spared = f"; {silent} of them silent, and not rendered" if silent else ""
    return f"{count} window{'s' * (count != 1)} of {long}, {fade}{spared}{more}"
