"""What a model has never heard, said before it pretends: torch-free."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ambientgen.events import Notice
from ambientgen.models.registry import ModelSpec
from ambientgen.scene import Scene
from ambientgen.scene.durations import spell
from ambientgen.world import state_value

if TYPE_CHECKING:
    from ambientgen.models.tokens import PromptTokenizer

LISTEN_S = 0.5  # spacing of the moments at which a state's first sound is looked for
QUOTED_AT_MOST = 80  # characters of a prompt in a notice


def unknown_states(
    spec: ModelSpec, scene: Scene, until_s: float | None = None
) -> tuple[Notice, ...]:
    """A warning for each state of `scene` that the model was not taught, and from when it matters.

    `until_s` is how much of the scene is rendered, in seconds; None: all of it. A model that does
    not list its states (`states` in ambientgen.json) is taken to know them all.
    """
    if not spec.states:
        return ()
    notices = []
    end_s = scene.duration_s if until_s is None else min(until_s, scene.duration_s)
    times = np.arange(0.0, end_s, LISTEN_S)
    for state in scene.states:
        heard = state_value(scene, state, times) > 0
        if state.name in spec.states or not heard.any():
            continue
        near = difflib.get_close_matches(state.name, spec.states, 1)
        remedy = (
            f"the nearest it knows is {near[0]}" if near else f"it knows {', '.join(spec.states)}"
        )
        first = spell(float(times[heard.argmax()]))
        notices.append(
            Notice(f"{spec.name} has never heard {state.name} (asked for from {first}): {remedy}")
        )
    return tuple(notices)


def cut_prompts(
    name: str, tokenizers: Sequence[PromptTokenizer], prompts: Iterable[str]
) -> tuple[Notice, ...]:
    """One warning if any of `prompts` is longer than one of the tokenizers of model `name` takes.

    It tells how many are, and of the first what is lost: where tokenizers differ, to any of them.
    """
    first: tuple[int, str, str] | None = None
    cut, different = 0, dict.fromkeys(prompts)
    for prompt in different:
        losses = [(tokenizer.cut(prompt), tokenizer.max_length) for tokenizer in tokenizers]
        lost, tokens = max(losses, key=lambda loss: len(loss[0]), default=("", 0))
        if lost:
            cut += 1
            first = first or (tokens, prompt, lost)
    if first is None:
        return ()
    tokens, prompt, lost = first
    return (
        Notice(
            f"{name} hears only the first {tokens} tokens of a prompt, and {cut} of this scene's "
            f"{len(different)} prompts {'is' if cut == 1 else 'are'} longer: "
            f'of "{_quoted(prompt)}" it does not hear "{_quoted(lost)}"'
        ),
    )


def _quoted(text: str) -> str:
    """As much of a text as fits a line."""
    return text if len(text) <= QUOTED_AT_MOST else text[: QUOTED_AT_MOST - 1].rstrip() + "…"
