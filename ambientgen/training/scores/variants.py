"""Renderers with one thing changed or taken away: what is each part of the model worth?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ambientgen.loa import (
    Conditioning,
    Trajectory,
    encode_prompts,
    encode_text,
    token_times_s,
)
from ambientgen.models.loading import Model
from ambientgen.passes import Conditionings
from ambientgen.plan import Plan
from ambientgen.prompts import Template, simplex_corners
from ambientgen.renderer import Renderer
from ambientgen.scene.catalogue import KNOWN
from ambientgen.sources.diffused import told_at
from ambientgen.state_values import state_values
from ambientgen.swells import Swells
from ambientgen.training.mae import LoaEncoder
from ambientgen.training.mel import log_mel
from ambientgen.training.scores.teacher import Teacher, Wish
from ambientgen.windows import Window
from ambientgen.workers import Workers

Alter = Callable[[Model, Plan, Conditionings, Window], Conditioning]

LOOKED_UP_S = 5.12  # of sound behind a line of the lookup; its mel frames are a multiple of 64
LOOKED_UP_TAKES = 2
SHUFFLE_SEED = 1


@dataclass(frozen=True)
class _Altered(Conditionings):
    """Conditionings that are changed on the way to the UNet."""

    model: Model
    plan: Plan
    alter: Alter

    def of(self, window: Window) -> Conditioning:
        told = Conditionings(self.trajectory, self.text, self.text_mask)
        return self.alter(self.model, self.plan, told, window)


class Throughout(Renderer):
    """Renders windows too in which all states stand at 0: a model's own silence is what is scored,
    and that a sound follows its curve must not come from windows that were left out."""

    def __init__(self, workers: int | None = None) -> None:
        super().__init__("cpu", workers)

    def loaded(self, name: str) -> Model:
        """The model called `name`, which is asked for all windows."""
        model = super().loaded(name)
        return replace(
            model, spec=replace(model.spec, rule=replace(model.spec.rule, silence=False))
        )


class Altering(Throughout):
    """Renders with conditionings changed by `alter`, window by window."""

    def __init__(self, alter: Alter, workers: int | None = None) -> None:
        super().__init__(workers)
        self._alter = alter

    def meaning(self, model: Model, plan: Plan, workers: Workers) -> Conditionings:
        """What each window is told, changed."""
        told = super().meaning(model, plan, workers)
        return _Altered(told.trajectory, told.text, told.text_mask, model, plan, self._alter)


def textless(model: Model, plan: Plan, told: Conditionings, window: Window) -> Conditioning:
    """The T5 stream says nothing; LOA must say what there is and how much."""
    return Conditioning(told.of(window).loa, *encode_text(model, ""))


def wordy(model: Model, plan: Plan, told: Conditionings, window: Window) -> Conditioning:
    """The T5 stream of each window says the nearest keyframe's prompt."""
    middle = plan.geometry.seconds(window.start_frame + window.frames / 2)
    nearest = min(plan.keyframes, key=lambda k: abs(k.time_s - middle))
    return Conditioning(told.of(window).loa, *encode_text(model, nearest.prompt))


def frozen(model: Model, plan: Plan, told: Conditionings, window: Window) -> Conditioning:
    """LOA stands still: every window hears that of the middle of the scene."""
    given, middle = told.of(window), plan.windows[len(plan.windows) // 2]
    # A moment that some token speaks of: only of these it is sure that all their prompts are known.
    at_s = token_times_s(middle, plan.geometry, len(given.loa))[0]
    return replace(given, loa=told.trajectory.at(at_s).float())


def backwards(model: Model, plan: Plan, told: Conditionings, window: Window) -> Conditioning:
    """Each position hears the moment of its opposite: the first what the last should say. Shortest
    windows, in which all hear the average, as ever."""
    given = told.of(window)
    if window.core_frames <= plan.rule.averaged_frames:
        return given
    count = len(given.loa)
    at = [
        plan.geometry.seconds(window.start_frame + (i + 0.5) / count * window.frames)
        for i in range(count)
    ]
    tokens = [told.trajectory.at(at[count - 1 - i])[i] for i in range(count)]
    return replace(given, loa=torch.stack(tokens).float())


def swapped(model: Model, plan: Plan, told: Conditionings, window: Window) -> Conditioning:
    """The rows of LOA in another order: nothing, to a UNet that sees no order."""
    given = told.of(window)
    return replace(given, loa=given.loa.flip(0))


def averaged(model: Model, plan: Plan, told: Conditionings, window: Window) -> Conditioning:
    """Every position says the mean of all: no token knows its place."""
    given = told.of(window)
    return replace(given, loa=given.loa.mean(0, keepdim=True).expand_as(given.loa).contiguous())


class Changed(Throughout):
    """Renders with a model whose networks are exchanged."""

    def __init__(self, change: Callable[[Model], Model], workers: int | None = None) -> None:
        super().__init__(workers)
        self._change = change

    def loaded(self, name: str) -> Model:
        """The model called `name`, changed once it is loaded."""
        return self._change(super().loaded(name))


class _Zeroed(nn.Module):
    """A network whose outputs of one name are zeros of their shape."""

    def __init__(self, network: nn.Module, field: str) -> None:
        super().__init__()
        self.network, self.field = network, field

    def forward(self, **inputs: Tensor) -> Any:
        value = getattr(self.network(**inputs), self.field)
        return SimpleNamespace(**{self.field: torch.zeros_like(value)})


def without_clap(model: Model) -> Model:
    """CLAP's embedding is zero."""
    return replace(model, text_encoder=_Zeroed(model.text_encoder, "text_embeds"))


def without_t5(model: Model) -> Model:
    """T5's states are zero, for GPT-2 and for the UNet."""
    return replace(model, text_encoder_2=_Zeroed(model.text_encoder_2, "last_hidden_state"))


def shuffled_unet(model: Model) -> Model:
    """Every tensor of the UNet keeps its numbers, each at a place drawn by chance."""
    dice = torch.Generator().manual_seed(SHUFFLE_SEED)
    for parameter in model.unet.parameters():
        flat = parameter.data.reshape(-1)
        parameter.data = flat[torch.randperm(len(flat), generator=dice)].reshape(parameter.shape)
    return model


class LookingUp(Throughout):
    """Renders without GPT-2: LOA is looked up, the mean of real LOA at each state's level word.

    A mixture's is the mean of its states'; the setting says nothing.
    """

    def __init__(self, teacher: Teacher, workers: int | None = None) -> None:
        super().__init__(workers)
        self._teacher = teacher
        self._lines: dict[tuple[str, int], Tensor] = {}

    def meaning(self, model: Model, plan: Plan, workers: Workers) -> Conditionings:
        """The windows' LOA from the lookup; the text stream as ever."""
        told = super().meaning(model, plan, workers)
        template = Template.of(plan.scene)
        names = [state.name for state in plan.scene.states]
        swells = Swells(plan.scene, model.spec.swells)
        levels_said = [np.array([k.states[n] for n in names]) for k in plan.keyframes]
        if swells:
            times_s = np.array(list(told_at(plan, model.loa_tokens)))
            levels_said += [*state_values(plan.scene, times_s).T, *swells.values(times_s).T]
        found: dict[str, Tensor] = {}
        for levels in levels_said:
            for corner, _ in simplex_corners((levels * template.tops).tolist()):
                heard = {n: k for n, k in zip(names, corner, strict=True) if k}
                found.setdefault(template.prompt(corner), self._blend(model, heard))
        trajectory = Trajectory(
            plan.keyframes,
            found,
            model.geometry,
            swells=swells,
            averaged_frames=plan.rule.averaged_frames,
        )
        return Conditionings(trajectory, told.text, told.text_mask)

    def _blend(self, model: Model, heard: Mapping[str, int]) -> Tensor:
        if not heard:
            return encode_prompts(model, ["silence"])["silence"]
        return torch.stack([self._line(model, n, k) for n, k in heard.items()]).mean(0)

    def _line(self, model: Model, name: str, word: int) -> Tensor:
        if (name, word) not in self._lines:
            level = word / (len(KNOWN[name].levels) - 1)
            encoder = LoaEncoder()
            weights = load_file(model.spec.folder / "loa_encoder" / "model.safetensors")
            encoder.load_state_dict({key: value.float() for key, value in weights.items()})
            sounds = [
                self._teacher.take(Wish.held(name, level, LOOKED_UP_S, seed))
                for seed in range(LOOKED_UP_TAKES)
            ]
            mels = torch.stack([log_mel(torch.from_numpy(s).float()[None])[0] for s in sounds])
            with torch.inference_mode():
                self._lines[name, word] = encoder(mels).mean(0)
        return self._lines[name, word]
