"""What tests share: one tiny model folder in the published layout, built once a session."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

# How long an example takes says more of a busy machine than of the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

if TYPE_CHECKING:
    from ambientgen.models.loading import Model
    from ambientgen.renderer import Renderer


# Beside another busy process two torch threads are several times slower than one.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors, but one only diffusers can cure: its solvers hand tensors to NumPy 2."""
    diffusers_and_numpy = "ignore:__array(_wrap)?__ :DeprecationWarning"
    config.addinivalue_line("filterwarnings", diffusers_and_numpy)


# Files whose slow tests take minutes, on one worker each: the longest first.
LONGEST = (
    "test_scores",
    "test_unbreakable",
    "test_house",
    "test_wheel",
    "test_train",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, or a worker would be left alone with one of them at the end."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(LONGEST)))


@pytest.fixture(autouse=True, scope="session")
def _cache_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or fills the user's own store of finished windows, nor do their processes."""
    os.environ["AMBIENTGEN_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def hub_faithful_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of the published layout with tiny random weights. Copy it to change it."""
    from hubfaithful import build  # imports diffusers: only when a test asks

    return build(tmp_path_factory.mktemp("hub") / "audioldm2")


@pytest.fixture
def folder(hub_faithful_folder: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(hub_faithful_folder, tmp_path / "model"))


@pytest.fixture(scope="session")
def hub_model(hub_faithful_folder: Path) -> Model:
    """That folder loaded by us, on the CPU."""
    from ambientgen.models.loading import load
    from ambientgen.models.registry import resolve

    return load(resolve(str(hub_faithful_folder)))


@pytest.fixture(scope="session")
def pocket() -> Model:
    """Pocket as its folder has it, on the CPU, not packed. Not to be changed."""
    from ambientgen.models.loading import load
    from ambientgen.models.registry import resolve

    return load(resolve("pocket"))


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    """One worker on the CPU, which keeps the models that a file's tests render with."""
    from ambientgen.renderer import Renderer

    return Renderer("cpu", 1)


@pytest.fixture(scope="session")
def stock_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same weights in diffusers' own pipeline.

    It cannot run the published `GPT2Model` with transformers 5; wrapped in a language head it can.
    The published CLAP configuration says float64, which transformers 5 obeys: hence `to`.
    """
    import torch
    from diffusers import AudioLDM2Pipeline
    from hubfaithful import Variant, build

    folder = tmp_path_factory.mktemp("stock") / "audioldm2"
    untyped: Any = AudioLDM2Pipeline
    pipeline = untyped.from_pretrained(build(folder, Variant("GPT2LMHeadModel")))
    pipeline.to(torch.float32)
    # Transformers 5 drops generation settings such as this from a model's configuration.
    pipeline.language_model.config.max_new_tokens = 8
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
