"""A mixture of states as a model makes it: plan, windows, latents, mel, samples, as a stream."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from itertools import tee

import numpy as np
import torch

from ambientgen.asked import AS_WRITTEN, Asked
from ambientgen.errors import ModelError, Problem, UsageError
from ambientgen.latents import SamplerOptions
from ambientgen.loa import Trajectory, condition, encode_prompts, encode_text, token_times_s
from ambientgen.models.batch import rows_of
from ambientgen.models.loading import Model
from ambientgen.models.profile import Profile, profile_of
from ambientgen.noise import Take
from ambientgen.passes import Conditionings, Means, window_latents
from ambientgen.plan import Plan, make_plan
from ambientgen.prompts import scene_text
from ambientgen.reuse import WindowMaker
from ambientgen.scene import Scene
from ambientgen.sources.studio import Progress, Studio
from ambientgen.stream import FloatArray, Stretch, from_start
from ambientgen.swells import Swells
from ambientgen.waveform import Decoder, decoder_of, sound
from ambientgen.windows import fitted_rule
from ambientgen.workers import Workers

PlanPart = tuple[Plan, Conditionings]
"""A part of a plan, and what its windows are told."""


class Diffused:
    """A scene of states, all in one mixture, as `model` renders it: one channel for each take.

    Takes are of one trajectory: what is said is encoded once, the noise is each one's own. The
    model's gain is applied, and its colour of a lone state. `asked` is what the plan is to say of
    the sound; which samples are made depends on the stretch that is pulled, and on nothing else. A
    `strength` below 1 is for takes that begin with a sound (`guided_takes`).
    """

    def __init__(
        self,
        model: Model,
        scene: Scene,
        studio: Studio,
        takes: tuple[Take, ...] | None = None,
        asked: Asked = AS_WRITTEN,
        progress: Progress | None = None,
        *,
        strength: float = 1.0,
    ) -> None:
        self.model, self.scene = model, scene
        self._studio = studio
        self._takes = takes or (Take(scene.seed),)
        self._asked = asked
        self._progress = progress or Progress(studio.tell)
        self._strength = strength
        self._maker: WindowMaker | None = None
        self._planned: tuple[Stretch, Plan] | None = None
        self._told: PlanPart | None = None

    @property
    def rate(self) -> int:
        """The model's, in Hz."""
        return self.model.geometry.sample_rate

    @property
    def channels(self) -> int:
        """As many as there are takes."""
        return len(self._takes)

    @property
    def period(self) -> int | None:
        """Samples of a loop."""
        return self.model.geometry.samples(self.scene.duration_s) if self.scene.loop else None

    @property
    def counts(self) -> tuple[int, int]:
        """Windows that were computed, and that were taken from earlier work."""
        return (0, 0) if self._maker is None else (self._maker.computed, self._maker.reused)

    @cached_property
    def profile(self) -> Profile:
        """What decides the last bits of what this source makes.

        Raises SceneError as `fitted_rule` does.
        """
        model = self.model
        return profile_of(model.device, model.dtype, self._studio.batch(model, self._longest))

    @cached_property
    def _longest(self) -> int:
        """Latent frames of a longest window."""
        return fitted_rule(self.model.spec.rule, self.scene, self.model.geometry).longest

    def reach(self, stretch: Stretch) -> Stretch:
        """The stretch: these samples are this source's own."""
        return stretch

    def plan(self, stretch: Stretch) -> Plan:
        """What making a stretch takes; the plan made last is kept.

        Raises UsageError and SceneError as `make_plan` does.
        """
        first, end = stretch
        if self.period is None:
            first, end = max(first, 0), None if end is None else max(end, 1)
        stretch = first, end
        if self._planned is None or self._planned[0] != stretch:
            geometry = self.model.geometry
            rule = self.model.spec.rule.at_strength(self._strength)
            asked = self._asked_of(stretch)
            self._planned = stretch, make_plan(self.scene, geometry, rule, asked, stretch)
        return self._planned[1]

    def _asked_of(self, stretch: Stretch) -> Asked:
        """What was asked for; where that has an end and the stretch has none, or the other way
        round, as the stretch says."""
        asked, from_s, end = self._asked, self._asked.between_s[0], stretch[1]
        endless = math.isinf(asked.length_s(self.scene.duration_s))
        if endless and end is not None:
            to_s = max(end / self.rate, (from_s or 0.0) + 1.0)
            return replace(asked, between_s=(from_s, to_s))
        if not endless and end is None:
            return Asked(math.inf, (from_s, None))
        return asked

    def prepare(self, stretch: Stretch) -> None:
        """Put into words what the first windows of a stretch are told, and count its windows."""
        plan = self.plan(stretch)
        self._told = plan, self._studio.meaning(self.model, plan, self._studio.workers)
        self._progress.expect(float("inf") if plan.endless else len(plan.windows) * self.channels)

    def blocks(self, stretch: Stretch) -> Iterator[FloatArray]:
        """The samples of a stretch, float32 (n, channels); silence before the scene's start.

        Raises ModelError where the model's weights are damaged, UsageError where a GPU's memory
        does not do.
        """
        silent, (first, end) = from_start(stretch, self.period)
        if silent:
            yield np.zeros((silent, self.channels), np.float32)
        if end is not None and first >= end:
            return
        try:
            yield from self._heard(self.plan(stretch))
        except torch.OutOfMemoryError as error:
            raise _too_large(self.profile.batch) from error

    def _heard(self, plan: Plan) -> Iterator[FloatArray]:
        """The samples (n, channels) of a plan, with the model's gain."""
        gain = np.float32(10.0 ** (self.model.spec.gain_db / 20.0))
        told = tee(self._parts(plan), self.channels)
        feeds = [
            self._feed(plan, take, parts) for take, parts in zip(self._takes, told, strict=True)
        ]
        for pieces in zip(*feeds, strict=True):
            block = np.stack(pieces, axis=1)
            if not np.isfinite(block).all():
                raise _damaged(self.model)
            yield block * gain

    def _decoder(self, plan: Plan, take: Take) -> Decoder:
        """What begins with a sound has that sound's colour and tones, whatever it is called."""
        workers = self._studio.workers
        if self._strength < 1.0:
            return Decoder(self.model, take, workers)
        return decoder_of(self.model, plan, take, workers)

    def _parts(self, plan: Plan) -> Iterator[PlanPart]:
        """The parts of a plan, and what their windows are told."""
        for part in plan.parts():
            if self._told is None or self._told[0] is not part:
                self._told = part, self._studio.meaning(self.model, part, self._studio.workers)
            yield self._told

    def _feed(self, plan: Plan, take: Take, parts: Iterable[PlanPart]) -> Iterator[FloatArray]:
        """The samples (n,) of one take."""
        workers = self._studio.workers
        rows = partial(rows_of, self.profile.batch, self._longest)
        means = Means(self._window_maker(), workers, rows)

        def windows() -> Iterator[tuple[int, FloatArray]]:
            for part, told in parts:
                for piece in window_latents(self.model, part, told, means, take):
                    self._progress.advance()
                    self._studio.check_store()
                    yield piece

        return sound(plan, windows(), self._decoder(plan, take))

    def _window_maker(self) -> WindowMaker:
        if self._maker is None:
            studio, model = self._studio, self.model
            options = studio.workers.run(lambda: sampler_options(model, self.scene))
            options = replace(options, strength=self._strength)
            content = studio.content(model) if studio.store is not None else ""
            self._maker = WindowMaker(model, content, self.profile, options, studio.store)
        return self._maker


def meaning(model: Model, plan: Plan, workers: Workers) -> Conditionings:
    """What each window of a plan is told: its LOA, and the scene's constant text."""
    swells = Swells(plan.scene, model.spec.swells)
    prompts = dict.fromkeys(p for keyframe in plan.keyframes for p, _ in keyframe.blend)
    prompts |= dict.fromkeys(swells.prompts(told_at(plan, model.loa_tokens)))
    loas: dict[str, torch.Tensor] = {}
    for found in workers.map(lambda prompt: encode_prompts(model, [prompt]), prompts):
        loas |= found
    interpolation = model.spec.defaults.filled(plan.scene.render).interpolation
    period_s = plan.scene.duration_s if plan.loop else None
    geometry, averaged_frames = plan.geometry, plan.rule.averaged_frames
    # What shortest windows do inside, a line between their middles does more evenly.
    trajectory = Trajectory(
        plan.keyframes,
        loas,
        geometry,
        interpolation,
        period_s,
        swells,
        averaged_frames=averaged_frames,
    )
    text = scene_text(plan.scene) if model.spec.defaults.text_stream else ""
    return Conditionings(trajectory, *workers.run(lambda: encode_text(model, text)))


def told_at(plan: Plan, tokens: int) -> Iterator[float]:
    """When the LOA tokens of a plan's windows speak, in seconds of the scene."""
    for window in plan.windows:
        for time_s in token_times_s(window, plan.geometry, tokens):
            yield time_s % plan.scene.duration_s if plan.loop else time_s


def sampler_options(model: Model, scene: Scene) -> SamplerOptions:
    """Steps, guidance and negative prompt: the scene's own, else the model's defaults."""
    asked, settings = scene.render, model.spec.defaults.filled(scene.render)
    negative = condition(model, asked.negative_prompt or "") if settings.guidance > 1 else None
    return SamplerOptions(settings.steps, settings.guidance, negative, settings.scheduler)


def _too_large(batch: int) -> UsageError:
    """The batch is left as it is: another one would make other samples."""
    windows = "1 window" if batch == 1 else f"{batch} windows"
    what = f"a pass of {windows}, or its sound, does not fit the GPU's memory beside what is there"
    remedy = "use `--device cpu`"
    if batch > 1:
        remedy = f"write `--batch {batch // 2}`, or {remedy}"
    return UsageError(Problem("--batch", what, remedy))


def _damaged(model: Model) -> ModelError:
    """Weights damaged inside a whole file show only here."""
    what = "the model's sound holds numbers that are not finite: its weights are damaged"
    return ModelError(Problem(model.spec.name, what, "copy or fetch the model again"))
