"""Layers as the rest of the house sees them: what sounds by itself, where it stands, and events."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ambientgen.curves import within

if TYPE_CHECKING:
    from ambientgen.curves import Curve, FloatArray
    from ambientgen.scene.state import State

EngineName = Literal["model", "procedural", "recording"]
RoomName = Literal["none", "small", "large", "outdoors"]


@dataclass(frozen=True, kw_only=True)
class Ranged:
    """A curve that runs from `low` (its 0) to `high` (its 1) in a unit of its own.

    end_s: where its scene ends, as `curves.within` has it, or comes round if that is a `loop`.
    """

    curve: Curve
    low: float
    high: float
    end_s: float = math.inf
    loop: bool = False

    def at(self, times_s: FloatArray) -> FloatArray:
        """Values, float64, of the shape of `times_s` (seconds from the scene's start)."""
        inside = within(times_s, self.end_s, self.loop)
        return self.low + (self.high - self.low) * self.curve.at(inside)

    def reseeded(self, seed: int) -> Ranged:
        """The same with the wandering of another take."""
        return replace(self, curve=self.curve.reseeded(seed))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"low": self.low, "high": self.high, "curve": self.curve.to_json()}


@dataclass(frozen=True)
class Move:
    """Something of a placement that may move: its `attribute` there, and its unit; "": none."""

    attribute: str
    unit: str

    def with_unit(self, number: str) -> str:
        """`-6 dB`, `30°`, `0.3`."""
        return f"{number} {self.unit}" if self.unit.isalpha() else f"{number}{self.unit}"


MOVES = {
    "gain": Move("gain_db", "dB"),
    "direction": Move("direction", "°"),
    "distance": Move("distance", ""),
}
"""What of a placement may move, by the names that a scene has for it."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a layer stands and how loud it is; None where nothing was said.

    gain_db: in decibels, from -60 to 24. direction: degrees, 0 ahead, 90 right, -90 left, ±180
    behind. distance: 0 at the ear to 1 on the horizon. width: how unlike its channels are, 0 (one
    point) to 1; None: the output's. room: whose early reflections are heard.
    """

    gain_db: Ranged | None = None
    direction: Ranged | None = None
    distance: Ranged | None = None
    width: float | None = None
    room: RoomName = "none"

    @property
    def curves(self) -> dict[str, Ranged]:
        """Those of `MOVES` of which something was said."""
        said = {name: getattr(self, move.attribute) for name, move in MOVES.items()}
        return {name: curve for name, curve in said.items() if curve is not None}

    def reseeded(self, seed: int) -> Placement:
        """The same with the wandering of another take."""
        curves = self.curves.items()
        new = {MOVES[name].attribute: curve.reseeded(seed) for name, curve in curves}
        return replace(self, **new)  # type: ignore[arg-type]

    @property
    def changes_until_s(self) -> float:
        """A time after which nothing of it is new."""
        return max((curve.curve.changes_until_s for curve in self.curves.values()), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        curves = self.curves
        told = {
            move.attribute: curves[name].to_json() if name in curves else None
            for name, move in MOVES.items()
        }
        return {**told, "width": self.width, "room": self.room}


@dataclass(frozen=True, kw_only=True)
class Event:
    """One sound at a moment, or many at random ones.

    Attributes:
        sound: the name of a procedural texture.
        kind: which kind of it; None: its usual one.
        at_s: when it begins; None for random events.
        rate: how many a minute, for random events.
        level: its intensity, from the first to the second number, each 0 to 1.
        length_s: how long it lasts; None: as long as such a sound does.
        gain_db: louder or quieter than such a sound is.
        direction: degrees, drawn between the two; None: the layer's.
        distance: 0 to 1, drawn between the two; None: the layer's.
    """

    sound: str
    kind: str | None = None
    at_s: float | None = None
    rate: Ranged | None = None
    level: tuple[float, float] = (0.8, 0.8)
    length_s: float | None = None
    gain_db: float = 0.0
    direction: tuple[float, float] | None = None
    distance: tuple[float, float] | None = None

    def reseeded(self, seed: int) -> Event:
        """The same with the wandering of another take."""
        return self if self.rate is None else replace(self, rate=self.rate.reseeded(seed))

    @property
    def changes_until_s(self) -> float:
        """A time after which nothing of it is new."""
        if self.rate is not None:
            return self.rate.curve.changes_until_s
        return (self.at_s or 0.0) + (self.length_s or 0.0)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        plain = asdict(replace(self, rate=None))
        for name in ("level", "direction", "distance"):
            plain[name] = plain[name] and list(plain[name])
        return plain | {"rate": None if self.rate is None else self.rate.to_json()}


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One sound of a scene that is made by itself, placed, and mixed with the others.

    Attributes:
        name: its name in the file, and of its stem.
        engine: `model`: its states go to the model, as a scene's do; `procedural`: its states and
            events are synthesised; `recording`: `file` goes round and round.
        states: what it does over time (not of a recording).
        kinds: of a procedural layer: the kind of each state whose kind was chosen, (name, kind).
        setting: words that join every prompt of the layer.
        model: for the engine `model`, and of a guided layer; None: the scene's.
        strength: of a procedural layer: how much of its sound the model makes anew, above 0 and
            at most 1; None: all of it is heard as it is.
        seed: added to what the scene's seed and the layer's name give.
        file: a recording's path, as the scene writes it; `base` is the folder it counts from.
        events: single and random sounds (only of the engine `procedural`).
        placement: where it stands.
        place: line and column in the scene file, of `file` if it has one, for messages; layers that
            differ in it alone are equal.
    """

    name: str
    engine: EngineName = "model"
    states: tuple[State, ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()
    setting: str = ""
    model: str | None = None
    strength: float | None = None
    seed: int = 0
    file: str | None = None
    base: str = ""
    events: tuple[Event, ...] = ()
    placement: Placement = Placement()
    place: str = field(default="", compare=False, repr=False)

    @property
    def by_model(self) -> bool:
        """Whether a model makes it, wholly or in part: its states are put into words."""
        return self.engine == "model" or self.strength is not None

    @property
    def share_made_anew(self) -> float:
        """How much of its sound its model makes: all, unless a `strength` says less."""
        return 1.0 if self.strength is None else self.strength

    def reseeded(self, seed: int) -> Layer:
        """The same with the wandering of another take."""
        states = tuple(replace(state, curve=state.curve.reseeded(seed)) for state in self.states)
        events = tuple(event.reseeded(seed) for event in self.events)
        placement = self.placement.reseeded(seed)
        return replace(self, states=states, events=events, placement=placement)

    @property
    def changes_until_s(self) -> float:
        """A time after which nothing of it is new."""
        states = (state.curve.changes_until_s for state in self.states)
        events = (event.changes_until_s for event in self.events)
        return max((self.placement.changes_until_s, *states, *events))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; a recording's file as the scene writes it."""
        return {
            "name": self.name,
            "engine": self.engine,
            "states": [state.to_json() for state in self.states],
            "kinds": dict(self.kinds),
            "setting": self.setting,
            "model": self.model,
            "strength": self.strength,
            "seed": self.seed,
            "file": self.file,
            "events": [event.to_json() for event in self.events],
            "placement": self.placement.to_json(),
        }
