"""What the measures work with: renders into a folder, each window made once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ambientgen.asked import Asked
from ambientgen.messages import Message, Notice
from ambientgen.models.registry import renders_apart
from ambientgen.renderer import Renderer, RenderReport
from ambientgen.scene import Scene, parse_scene
from ambientgen.store import Store

_LIMITED = re.compile(r"the limiter took off up to ([\d.]+) dB")


@dataclass(frozen=True)
class Take:
    """A rendered file. notices: what the renderer told meanwhile."""

    path: Path
    report: RenderReport
    notices: tuple[str, ...] = ()

    @property
    def limited_db(self) -> float:
        """What the limiter took off at most, in dB; 0: it had nothing to do."""
        found = [float(match[1]) for text in self.notices if (match := _LIMITED.search(text))]
        return max(found, default=0.0)


@dataclass
class Bench:
    """Renders scenes with one model into `folder`, where finished windows are kept besides.

    What the renderer tells meanwhile is kept in each `Take`.
    """

    model: str
    folder: Path
    _renderer: Renderer = field(init=False)
    _heard: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        store = Store(self.folder / "windows")
        self._renderer = Renderer("cpu", 1, self._listen, store)

    def scene(self, text: str, name: str, *overrides: str) -> Scene:
        """The scene in `text`, with the bench's model and `overrides` as of `--set`."""
        with_model = (f'model="{self.model}"', *overrides)
        return parse_scene(text, f"{name}.yaml", with_model, renders_apart)

    def take(
        self,
        scene: Scene,
        name: str,
        stems: Mapping[str, Path] | None = None,
        duration_s: float | None = None,
    ) -> Take:
        """Render `scene` to the file `name` in the folder; one that is there is replaced."""
        path = self.folder / name
        self._heard.clear()
        report = self._renderer.render(scene, path, Asked(duration_s), stems=stems, force=True)
        return Take(path, report, tuple(self._heard))

    def _listen(self, message: Message) -> None:
        if isinstance(message, Notice):
            self._heard.append(message.text)
