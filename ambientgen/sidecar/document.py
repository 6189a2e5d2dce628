"""What a sidecar says: everything that decides a sound's samples, and where it is joined."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ambientgen.asked import Asked
from ambientgen.layered_plan import key_of
from ambientgen.mix.layouts import LAYOUTS
from ambientgen.plan import Plan
from ambientgen.scene.document import scene_document
from ambientgen.version import package_version
from ambientgen.windows import turns

if TYPE_CHECKING:
    from ambientgen.models.registry import ModelSpec
    from ambientgen.scene import Scene

FORMAT = "ambientgen sidecar 1"
_DECIMALS = 6  # of joins, in seconds: a sample is 62 µs

Document = dict[str, Any]

Batches = Mapping[tuple[str, str], int]
"""Windows in one pass of the UNet, by the model's fingerprint and the device."""


@dataclass(frozen=True)
class Made:
    """What of a sound a model makes: for which layer, by which plan and model.

    content: the model's fingerprint. profile: what decides the last bits.
    """

    layer: str
    plan: Plan
    spec: ModelSpec
    content: str
    profile: Mapping[str, Any]

    def to_json(self) -> Document:
        """As plain JSON values, but for where its windows and chunks join."""
        spec, geometry, rule = self.spec, self.plan.geometry, self.plan.rule
        settings = spec.defaults.filled(self.plan.scene.render)
        return {
            "model": {
                "name": spec.name,
                "revision": spec.revision,
                "licence": spec.licence,
                "fingerprint": self.content,
            },
            "geometry": {
                "mel_hop": geometry.mel_hop,
                "mel_bins": geometry.mel_bins,
                "latent_stride": geometry.latent_stride,
                "latent_channels": geometry.latent_channels,
                "window_cores": list(rule.cores),
                "window_overlap": rule.overlap,
            },
            "sampler": {"steps": settings.steps, "guidance": settings.guidance},
            "profile": dict(self.profile),
        }

    def joins(self, span: SampleSpan) -> Document:
        """Where windows, and chunks, join in the file, in seconds of it."""
        geometry = self.plan.geometry
        return {
            "overlap_s": round(geometry.seconds(self.plan.rule.overlap), _DECIMALS),
            "joins_s": span.inside(map(geometry.seconds, _joins(self.plan))),
            "chunk_joins_s": span.inside(map(geometry.seconds, _chunk_joins(self.plan))),
        }


@dataclass(frozen=True)
class SampleSpan:
    """The samples that a file holds of a scene, `first` to `end`, at `rate` Hz.

    period: of a loop, in samples.
    """

    first: int
    end: int
    rate: int
    period: int | None = None

    @property
    def start_s(self) -> float:
        """When the file begins, in seconds of the scene."""
        return self.first / self.rate

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return (self.end - self.first) / self.rate

    def inside(self, times_s: Iterable[float]) -> list[float]:
        """Seconds of the scene as seconds of the file; those outside it are left out."""
        own = (time_s - self.start_s for time_s in times_s)
        return [round(time_s, _DECIMALS) for time_s in own if 0 < time_s < self.duration_s]


def describe(
    scene: Scene,
    wanted: Asked,
    span: SampleSpan,
    made: Sequence[Made],
    recordings: Mapping[str, str] = MappingProxyType({}),
    folder: str | None = None,
) -> Document:
    """Everything about a render with an end but the hash of its samples, as plain JSON values.

    made: what models make of it. recordings: SHA-256 of those used, by layer. folder: where the
    sidecar is to lie; recordings' paths count from there. What a scene without layers says of its
    one model stands at the top; others say it layer by layer.
    """
    layers = {layer.name: layer for layer in scene.sounds}
    document = {
        "format": FORMAT,
        "ambientgen": package_version(),
        "title": scene.title,
        "scene": scene_document(scene, folder),
        "asked": wanted.to_json(),
        "seed": scene.seed,
        "key": key_of(scene, ((layers[one.layer], one.plan.scene, one.spec) for one in made)),
        "duration_s": span.duration_s,
        "from_s": span.start_s,
        "to_s": span.start_s + span.duration_s,
        "samples": span.end - span.first,
        "sample_rate": span.rate,
        "channels": len(LAYOUTS[scene.output.layout].channels),
        "layout": scene.output.layout,
        "bits": scene.output.bits,
        "loop": span.period is not None and (span.end - span.first) % span.period == 0,
    }
    if not scene.layers and not scene.events:
        (only,) = made
        return {**document, **only.to_json(), **only.joins(span)}
    joins = [each.joins(span) for each in made]
    return {
        **document,
        "layers": _layers(scene, span, made, recordings),
        "overlap_s": max((each["overlap_s"] for each in joins), default=0.0),
        "joins_s": sorted({time_s for each in joins for time_s in each["joins_s"]}),
        "chunk_joins_s": sorted({time_s for each in joins for time_s in each["chunk_joins_s"]}),
    }


def _layers(
    scene: Scene,
    span: SampleSpan,
    made: Sequence[Made],
    recordings: Mapping[str, str],
) -> list[Document]:
    """What each sound of a scene is made of."""
    found = []
    for layer in scene.sounds:
        told: Document = {"name": layer.name, "engine": layer.engine}
        told["seed"] = scene.seed_of(layer)
        for each in made:
            if each.layer == layer.name:
                told |= {**each.to_json(), **each.joins(span)}
        if layer.name in recordings:
            told["sha256"] = recordings[layer.name]
        found.append(told)
    return found


def _joins(plan: Plan) -> Iterator[float]:
    """The middle of each overlap of two windows that are not both silent, in latent frames."""
    placed = [(window.start_frame, window) for window in plan.windows]
    if plan.loop is not None:
        placed = list(turns(plan.windows, plan.loop.frames, *plan.reach.latents))
    for (_, before), (start_frame, window) in pairwise(placed):  # nothing comes before the first
        if not (before.silent and window.silent):
            yield start_frame + before.overlap / 2


def _chunk_joins(plan: Plan) -> Iterator[float]:
    """The middle of each fade from chunk to chunk where something is rendered, in latent frames."""
    for start, _ in plan.reach.chunks():
        middle = (start + plan.geometry.chunk.fade / 2) / plan.geometry.latent_stride
        if (start or plan.loop is not None) and not plan.is_silent(math.floor(middle)):
            yield middle
