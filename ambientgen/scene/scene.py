"""The scene as the rest of the house sees it: everything filled in, nothing left to decide."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from ambientgen.curves import Curve
from ambientgen.scene.layers import Event, Layer
from ambientgen.scene.state import State
from ambientgen.tuning import Key, Tuning

LEAST_LOOKED_AT_S = 60.0
"""So much of a scene without end is looked at, even where nothing ever changes."""


@dataclass(frozen=True, kw_only=True)
class KeyframeRule:
    """Where keyframes stand: every so many seconds, or (None) as often as the curves need."""

    every_s: float | None = None


SchedulerName = Literal[
    "DDIMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
]
"""The diffusers schedulers that draw no noise of their own, so that windows agree."""

DEFAULT_SCHEDULER: SchedulerName = "DPMSolverMultistepScheduler"
"""The one that is also our own solver, which alone can begin with a sound (`strength`)."""

InterpolationName = Literal["linear", "spherical"]
DEFAULT_INTERPOLATION: InterpolationName = "linear"


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """How the model renders; None is the model's own default. Times in seconds.

    `swells`: how much sounds move by themselves, as a multiple of the model's own measure.
    """

    window_s: float | None = None
    overlap_s: float | None = None
    steps: int | None = None
    guidance: float | None = None
    negative_prompt: str | None = None
    interpolation: InterpolationName | None = None
    scheduler: SchedulerName | None = None
    swells: float | None = None


RENDER_NAMES = {"window": "window_s", "overlap": "overlap_s"}
"""Attributes of `RenderOptions` by their names in a scene's `render:`, where these differ."""


FormatName = Literal["wav", "flac", "ogg", "opus", "mp3"]
BitsName = Literal["16", "24", "32f"]
LayoutName = Literal["mono", "stereo", "quad", "5.1", "ambisonics"]


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """The sound file.

    Attributes:
        format: how it is written.
        sample_rate: in Hz, 16000 to 96000.
        bits: of WAV and FLAC: integers of 16 or 24 bits, or floats of 32.
        layout: its channels. Ambisonics is first order, ACN and SN3D.
        width: of layers that say none: how unlike the channels are, 0 (mono) to 1.
        air: whether what the model cannot make, above half its rate, is added.
        loudness_lufs: integrated loudness (EBU R128) that the whole is brought to; None: the
            model's one fixed gain.
        peak_dbtp: no true peak passes it.
        fade_in_s, fade_out_s: from and to silence.
        loudness_place: file, line and column of the loudness, for messages.
    """

    format: FormatName = "wav"
    sample_rate: int = 16000
    bits: BitsName = "16"
    layout: LayoutName = "mono"
    width: float = 0.5
    air: bool = True
    loudness_lufs: float | None = None
    peak_dbtp: float = -1.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    loudness_place: str = field(default="", compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, without the place."""
        fields = asdict(self)
        del fields["loudness_place"]
        return fields


OUTPUT_NAMES = {
    "loudness": "loudness_lufs",
    "peak": "peak_dbtp",
    "fade_in": "fade_in_s",
    "fade_out": "fade_out_s",
}
"""Attributes of `OutputOptions` by their names in a scene's `output:`, where these differ."""


MIXTURE, EVENTS = "mixture", "events"
"""Names of the sounds that a scene has without layers: its states, and its own events."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a place sounds like over time; a value: hashable, and equal if all of it is equal.

    `duration_s` is infinite of a scene without end. In a `loop` the end leads back to the start;
    its curves come again after `duration_s`. A scene has `states`, all in one mixture, or `layers`;
    with either, `events`. `variants` is how many takes are wanted; `sounds` says what is to be
    made, whichever way it was written. `model_place` is where its model is named (file, line and
    column, or an option), for messages. `key` is what its music and drones are in (None: the seed
    draws one); of a layer's own scene, `whole_seed` is the seed of the one it is a layer of.

    Curves hold the seed and the length of the scene that they are of: change those by overrides
    where it is read, or by `with_seed`, not one by one.
    """

    title: str
    duration_s: float
    loop: bool = False
    seed: int = 0
    setting: str = ""
    states: tuple[State, ...] = ()
    layers: tuple[Layer, ...] = ()
    events: tuple[Event, ...] = ()
    variants: int = 1
    keyframes: KeyframeRule = KeyframeRule()
    model: str = "pocket"
    render: RenderOptions = RenderOptions()
    output: OutputOptions = OutputOptions()
    model_place: str = field(default="", compare=False, repr=False)
    key: Key | None = None
    whole_seed: int | None = None

    @property
    def endless(self) -> bool:
        """It never ends."""
        return math.isinf(self.duration_s)

    @property
    def changes_until_s(self) -> float:
        """How long the scene changes, for lists and pictures of it: to its end; if it has none,
        until all curves hold or repeat, and `LEAST_LOOKED_AT_S` at least."""
        if not self.endless:
            return self.duration_s
        return max((LEAST_LOOKED_AT_S, *(sound.changes_until_s for sound in self.sounds)))

    def stays_at_0(self, curve: Curve) -> bool:
        """Whether one of its curves asks for nothing for as long as the scene changes."""
        # With the very end: a level that comes only there is held from then on.
        until_s = math.nextafter(self.changes_until_s, math.inf)
        return next(iter(curve.sounding_s(until_s)), None) is None

    @property
    def sounds(self) -> tuple[Layer, ...]:
        """The layers; of a mixture the one that it is; and one of the scene's own events."""
        sounds = self.layers
        if self.states:
            mixture = Layer(name=MIXTURE, states=self.states, setting=self.setting)
            sounds = (mixture, *sounds)
        if self.events:
            sounds = (*sounds, Layer(name=EVENTS, engine="procedural", events=self.events))
        return sounds

    def mixture_of(self, layer: Layer) -> Scene:
        """The scene of one of `sounds` alone, all in one mixture: what a model is to render.

        Of the mixture that this scene is, itself without events.
        """
        if layer.name == MIXTURE and self.states:
            return replace(self, events=())
        setting = ", ".join(words for words in (self.setting, layer.setting) if words)
        return replace(
            self,
            states=layer.states,
            layers=(),
            events=(),
            setting=setting,
            model=layer.model or self.model,
            model_place=layer.place if layer.model else self.model_place,
            seed=self.seed_of(layer),
            whole_seed=self.tuning.seed,
        )

    @property
    def tuning(self) -> Tuning:
        """What the music and drones that models make of it have in common, whichever layers they
        are of."""
        seed = self.seed if self.whole_seed is None else self.whole_seed
        return Tuning(self.key or Key.drawn(seed), seed)

    def seed_of(self, layer: Layer) -> int:
        """The seed of one of `sounds`: the scene's of a mixture, else of seed, name and offset."""
        if layer.name == MIXTURE and self.states:
            return self.seed
        return (derived_seed(self.seed, f"layer {layer.name}") + layer.seed) % 2**63

    def variant(self, number: int) -> Scene:
        """Take `number`, counted from 1, of `variants`: the first is the scene with its own seed.

        Raises:
            ValueError: `number` is below 1.
        """
        if number < 1:
            raise ValueError(f"takes are counted from 1, not {number}")
        one = replace(self, variants=1)
        seed = self.seed if number == 1 else derived_seed(self.seed, f"take {number}")
        return one.with_seed(seed)

    def with_seed(self, seed: int) -> Scene:
        """Another take of the scene: also the curves' wandering changes.

        Raises:
            ValueError: `seed` is not in 0…2^63 - 1.
        """
        if not 0 <= seed < 2**63:
            raise ValueError(f"a seed must be a whole number from 0 to 2^63 - 1, not {seed}")
        states = tuple(replace(state, curve=state.curve.reseeded(seed)) for state in self.states)
        layers = tuple(layer.reseeded(seed) for layer in self.layers)
        events = tuple(event.reseeded(seed) for event in self.events)
        return replace(
            self, seed=seed, whole_seed=None, states=states, layers=layers, events=events
        )

    def to_json(self) -> dict[str, Any]:
        """The scene as plain dicts, lists and scalars, everything resolved (also the key that its
        seed draws, whether or not there is music); always the same."""
        return {
            "title": self.title,
            "duration_s": None if self.endless else self.duration_s,
            "loop": self.loop,
            "seed": self.seed,
            "key": self.tuning.key.name,
            "setting": self.setting,
            "states": [state.to_json() for state in self.states],
            "layers": [layer.to_json() for layer in self.layers],
            "events": [event.to_json() for event in self.events],
            "variants": self.variants,
            "keyframes": asdict(self.keyframes),
            "model": self.model,
            "render": asdict(self.render),
            "output": self.output.to_json(),
        }


def derived_seed(seed: int, name: str) -> int:
    """A seed in 0…2^63 - 1 that `seed` and `name` choose, unlike any other pair's."""
    digest = hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8, person=b"ambientgen seed")
    return int.from_bytes(digest.digest(), "little") % 2**63
