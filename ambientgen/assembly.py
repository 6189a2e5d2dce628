"""All sounds of a scene: each a stream from its source to its place, and their mix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ambientgen.asked import Asked
from ambientgen.audio_file.digest import file_sha256
from ambientgen.messages import Listener, StageStarted
from ambientgen.mix.air import Air
from ambientgen.mix.centre import Centred
from ambientgen.mix.layouts import LAYOUTS, Layout
from ambientgen.mix.mixture import Louder, Mixed
from ambientgen.mix.rate import ToRate
from ambientgen.noise import Take, common_of
from ambientgen.scene import Scene, recording_path
from ambientgen.scene.layers import EngineName, Layer, Placement
from ambientgen.sources.diffused import Diffused
from ambientgen.sources.studio import Progress, Studio
from ambientgen.stream import Stream, Stretch

SYNTHESIS_DB = 3.0
"""Pocket's own gain (`gain_db` of its ambientgen.json): it learnt from what is synthesised."""


@dataclass(frozen=True)
class Setup:
    """What every sound of a scene needs to know: the scene, fitted to the output, and the studio.

    asked: what is wanted of the scene. progress: counts windows of all sounds together.
    """

    scene: Scene
    studio: Studio
    asked: Asked
    progress: Progress

    @property
    def rate(self) -> int:
        """Hz, of the output."""
        return self.scene.output.sample_rate

    @property
    def layout(self) -> Layout:
        """The output's channels."""
        return LAYOUTS[self.scene.output.layout]

    def width(self, layer: Layer) -> float:
        """How unlike the channels of a layer are, 0 to 1."""
        own = layer.placement.width
        return self.scene.output.width if own is None else own

    def takes(self, layer: Layer) -> tuple[Take, ...]:
        """The takes that a layer is rendered in: one for each feed of a wide sound."""
        seed, width = self.scene.seed_of(layer), self.width(layer)
        if width == 0 or self.layout.feeds == 1:
            return (Take(seed),)
        common = common_of(width)
        return tuple(Take(seed, feed, common) for feed in range(self.layout.feeds))

    def at_rate(self, layer: Layer, stream: Stream) -> Stream:
        """A source's stream about its centre, at the output's rate, with air if it is wanted."""
        return ToRate(Centred(stream), self.rate, self._air(layer, common_of(self.width(layer))))

    def events(self, layer: Layer) -> Stream:
        """A layer's events at the output's rate, each where it stands, with the layer's gain."""
        from ambientgen.mix.clip import ClipToRate
        from ambientgen.mix.gain import Gained
        from ambientgen.mix.place import place_clip
        from ambientgen.sources.events import Events
        from ambientgen.synth.signals import RATE

        raised = ClipToRate(RATE, self.rate, self._air(layer))
        stream = Events(layer, self.scene, self.layout, self.rate, place_clip, raised=raised)
        gain_db = layer.placement.gain_db
        return stream if gain_db is None else Gained(stream, gain_db)

    def _air(self, layer: Layer, common: float = 1.0) -> Air | None:
        """A layer's air; None where none is wanted."""
        return Air(self.scene.seed_of(layer), layer.name, common) if self.scene.output.air else None

    def placed(self, layer: Layer, stream: Stream, width: float | None = None) -> Stream:
        """A stream of the output's rate where its layer stands; `width` None: as wide as that."""
        plain = layer.placement == Placement() and stream.channels == 1
        if self.layout.name == "mono" and plain:
            return stream  # as it is; placing takes scipy, which takes its time to be imported
        from ambientgen.mix.place import placed

        width = self.width(layer) if width is None else width
        return placed(stream, layer.placement, self.layout, width)


@dataclass(frozen=True)
class Sound:
    """One of a scene's sounds: its stem, and what of it a model makes, which needs planning.

    `made` are the models' sources, each with the stream of the output's rate that it feeds.
    """

    layer: Layer
    stem: Stream
    made: tuple[tuple[Diffused, Stream], ...] = ()

    def plans(self, stretch: Stretch) -> Iterator[tuple[Diffused, Stretch]]:
        """The models' sources, and what each must make for a stretch of the stem."""
        for source, stream in self.made:
            yield source, stream.reach(stretch)


def by_model(setup: Setup, layer: Layer) -> Sound:
    """States in one mixture, rendered by a model: as many feeds as a wide sound takes."""
    scene = setup.scene.mixture_of(layer)
    model, takes = setup.studio.model(scene.model), setup.takes(layer)
    source = Diffused(model, scene, setup.studio, takes, setup.asked, setup.progress)
    stem = setup.placed(layer, setup.at_rate(layer, source))
    return Sound(layer, stem, ((source, stem),))


def by_guided_model(setup: Setup, layer: Layer) -> Sound:
    """States and events, synthesised and then made anew by a model as far as `strength` says."""
    from ambientgen.sources.guided import guided_takes

    scene = setup.scene.mixture_of(layer)
    model = setup.studio.model(scene.model)
    takes = guided_takes(setup.takes(layer), model, layer, setup.scene)
    shared = setup.studio, takes, setup.asked, setup.progress
    source = Diffused(model, scene, *shared, strength=layer.share_made_anew)
    stem = setup.placed(layer, setup.at_rate(layer, source))
    return Sound(layer, stem, ((source, stem),))


def by_synthesis(setup: Setup, layer: Layer) -> Sound:
    """States and events, synthesised: as loud as pocket makes what it learnt from the same."""
    if layer.strength is not None:
        return by_guided_model(setup, layer)
    from ambientgen.sources.procedural import Procedural

    parts: dict[str, Stream] = {}
    if layer.states:
        takes = setup.takes(layer)
        source = Procedural(layer, setup.scene, setup.studio.workers.map, takes=takes)
        parts["states"] = setup.placed(layer, setup.at_rate(layer, source))
    if layer.events:
        parts["events"] = setup.events(layer)
    return Sound(layer, Louder(Mixed(parts), SYNTHESIS_DB))


def by_recording(setup: Setup, layer: Layer) -> Sound:
    """A sound file, round and round."""
    from ambientgen.sources.recording import OWN_WIDTH, Recording

    width = min(setup.width(layer), OWN_WIDTH)  # beyond, it is no wider: its power is the same, too
    source = Recording(layer, setup.scene, setup.rate, width)
    return Sound(layer, setup.placed(layer, source, width))


ENGINES: dict[EngineName, Callable[[Setup, Layer], Sound]] = {
    "model": by_model,
    "procedural": by_synthesis,
    "recording": by_recording,
}
"""What makes a layer's sound, by its engine's name. Each is imported when it is needed."""


@dataclass(frozen=True)
class Ensemble:
    """The sounds of a scene, and their mix."""

    sounds: tuple[Sound, ...]
    mixed: Mixed = field(repr=False)

    def plans(self, stretch: Stretch) -> Iterator[tuple[Layer, Diffused, Stretch]]:
        """All models' sources, with their layer, and what each makes for a stretch of the mix."""
        for sound in self.sounds:
            for source, own in sound.plans(stretch):
                yield sound.layer, source, own

    def prepare(self, stretch: Stretch, tell: Listener) -> None:
        """Put into words what models are told first, so that all windows are counted."""
        plans = list(self.plans(stretch))
        if plans:
            tell(StageStarted("meaning"))
        for _, source, own in plans:
            source.prepare(own)
        tell(StageStarted("rendering"))

    @property
    def counts(self) -> tuple[int, int]:
        """Windows that were computed, and that were taken from earlier work."""
        each = [source.counts for sound in self.sounds for source, _ in sound.made]
        return sum(computed for computed, _ in each), sum(reused for _, reused in each)

    def recordings(self) -> dict[str, str]:
        """SHA-256 of the recordings, by layer."""
        layers = (sound.layer for sound in self.sounds if sound.layer.file is not None)
        return {each.name: file_sha256(recording_path(each)) for each in layers}


def assembled(scene: Scene, studio: Studio, asked: Asked) -> Ensemble:
    """The sounds of a scene that `fitted` the output's rate. Loads the models it names."""
    setup = Setup(scene, studio, asked, Progress(studio.tell))
    sounds = tuple(ENGINES[layer.engine](setup, layer) for layer in scene.sounds)
    return Ensemble(sounds, Mixed({sound.layer.name: sound.stem for sound in sounds}))


def models_of(scene: Scene) -> list[str]:
    """The names of the models that make any of a scene's sounds, each once."""
    names = (layer.model or scene.model for layer in scene.sounds if layer.by_model)
    return list(dict.fromkeys(names))
