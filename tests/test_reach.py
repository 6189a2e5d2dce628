"""Any stretch of any scene takes all the windows it is made of: joined, they are what the whole is.

Windows hold numbers of their own here, so nothing is rendered; that sound is the same to the bit
`test_stretches.py` says.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from planning_scenes import (
    POCKET,
    POCKET_RULE,
    PUBLISHED,
    PUBLISHED_RULE,
    drawn_scenes,
    scene,
    state,
)

from ambientgen.asked import Asked
from ambientgen.crossfade import join_windows
from ambientgen.errors import SceneError
from ambientgen.levelling import levelled
from ambientgen.plan import Plan, make_plan
from ambientgen.rounds import placed, to_make
from ambientgen.scene import RenderOptions, Scene
from ambientgen.units import ChunkRule, Geometry
from ambientgen.windows import Window, WindowRule, cut_timeline

FloatArray = NDArray[np.float32]

SHORT_CHUNKS = replace(POCKET, chunk=ChunkRule(160, 16, 16))
MODELS = [
    (replace(POCKET, chunk=ChunkRule(768, 64, 64)), WindowRule((24, 48, 96), 16, 4, True)),
    (POCKET, POCKET_RULE),
    (PUBLISHED, PUBLISHED_RULE),
    (SHORT_CHUNKS, WindowRule((24, 48), 16, 8)),
    (SHORT_CHUNKS, WindowRule((24,), 24, 1, True)),
    (replace(SHORT_CHUNKS, latent_stride=4), WindowRule((16, 32, 64), 16, 16, True)),
]
RENDERS = st.sampled_from(
    [
        *[RenderOptions()] * 4,
        RenderOptions(overlap_s=0.0),
        RenderOptions(overlap_s=0.64),
        RenderOptions(overlap_s=1.92),
        RenderOptions(window_s=5.0),
        RenderOptions(window_s=9.0, overlap_s=0.5),
    ]
)


def made(plan: Plan, window: Window) -> FloatArray:
    """What stands for a window's latents: a function of its place, loud or soft on the whole."""
    if window.silent:
        return np.full((2, window.frames), -3, np.float32)
    turn = plan.loop.frames if plan.loop is not None else None
    place = window.start_frame if turn is None else window.start_frame % turn
    drawn = np.random.default_rng([place + window.core_frames, window.frames])  # from 0 on
    own = drawn.standard_normal((2, window.frames)) + 2 * drawn.standard_normal((2, 1))
    return own.astype(np.float32)


def joined(plan: Plan) -> tuple[int, FloatArray]:
    """The first frame, and all latents that a plan's windows come to."""
    windows = ((window, made(plan, window)) for window in to_make(plan))
    pieces = list(placed(plan, windows, lambda window: made(plan, window)))
    most = plan.rule.overlap + plan.rule.multiple - 1
    halves = levelled(pieces, plan.rule.levelled_frames)
    return pieces[0][0], np.concatenate(list(join_windows(halves, most)), axis=1)


def planned(subject: Scene, model: tuple[Geometry, WindowRule], asked: Asked) -> Plan:
    try:
        return make_plan(subject, *model, asked)
    except SceneError:  # an overlap that this rule cannot have
        assume(False)
        raise


def far(subject: Scene, model: tuple[Geometry, WindowRule]) -> Plan:
    """All of a scene and what is around it: a minute more, or three turns of a loop."""
    if not subject.loop:
        return planned(subject, model, Asked(subject.duration_s + 60.0))
    around = planned(subject, model, Asked(3 * subject.duration_s))
    assert around.loop is not None
    turn, windows = around.loop.samples, planned(subject, model, Asked()).windows
    return replace(around, heard=(-turn, 3 * turn), windows=windows)


@settings(max_examples=150, deadline=None)
@given(
    drawn_scenes(),
    st.booleans(),
    st.sampled_from(MODELS),
    RENDERS,
    st.floats(0.0, 0.9),
    st.floats(0.05, 1.0),
)
def test_a_stretch_is_made_of_what_the_whole_is_made_of(
    subject: Scene,
    loop: bool,
    model: tuple[Geometry, WindowRule],
    render: RenderOptions,
    begin: float,
    share: float,
) -> None:
    assume(not loop or subject.duration_s >= 4.0)
    subject = replace(subject, loop=loop, render=render)
    from_s = begin * subject.duration_s
    to_s = from_s + max(share * (subject.duration_s - from_s), 0.01)
    part = planned(subject, model, Asked(between_s=(from_s, min(to_s, subject.duration_s))))
    first, end = part.reach.latents
    assert end is not None
    (whole_at, whole), (part_at, own) = joined(far(subject, model)), joined(part)
    assert part_at <= first
    assert part_at + own.shape[1] >= end
    first = max(first, whole_at)
    end = min(end, whole_at + whole.shape[1])
    np.testing.assert_array_equal(
        own[:, first - part_at : end - part_at], whole[:, first - whole_at : end - whole_at]
    )


@pytest.mark.parametrize(
    ("frame", "found"), [(20, [1, 2]), (31, [1, 2]), (32, [2]), (76, [2]), (77, [2, 3])]
)
def test_no_window_is_made_in_vain(frame: int, found: list[int]) -> None:
    """A window of 112 frames is moved by the one before up to 24 frames from the middle of their
    overlap, 8; by the one after as far before its own."""
    rule = WindowRule((24, 48, 96), 16, 4)
    cut = cut_timeline(scene(60.0, state("rain", 0.5)), POCKET, rule, 600)
    first = 2 * 96 + frame
    assert [window.index for window in cut.windows(rule, first, first + 4)] == found
