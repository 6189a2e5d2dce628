"""As a stranger gets it: what the wheel carries, and what the README's command makes of a clone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from packaging.utils import canonicalize_name
from test_house import BLOCKS, ROOT, constraints, tracked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SECONDS = 3
FREE = {"pip", "ambientgen"}  # pip comes with the interpreter


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Standard output of a command that must succeed. The checkout is nowhere on its path."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env=inherited | environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, cwd=ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which the README's command has installed, from its own wheel, and rendered."""
    clone = tmp_path_factory.mktemp("fresh") / "clone"
    for path in tracked():  # as committed here or about to be: a clone plus the changes at hand
        target = clone / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (command,) = [block.text for block in BLOCKS if block.mark == "install"]
    run("bash", "-c", command, cwd=clone, HF_HUB_OFFLINE="1", HF_HOME=str(clone.parent / "hub"))
    return clone


def test_the_wheel_carries_weights_scenes_and_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = [path for path in tracked() if path.is_relative_to(ROOT / "ambientgen")]
    assert {str(path.relative_to(ROOT)) for path in shipped} <= names
    for part in ("model_index.json", "README.md"):
        assert f"ambientgen/models/pocket/{part}" in names
    assert any(re.fullmatch(r"ambientgen/models/pocket/unet/.*\.safetensors", n) for n in names)
    scenes = {f"ambientgen/scenes/{path.name}" for path in (ROOT / "scenes").glob("*.yaml")}
    assert scenes <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "docs/"))]


def test_the_readmes_command_renders(clone: Path) -> None:
    info = soundfile.info(clone / "rain.wav")
    assert info.duration == 120
    assert info.samplerate == 16_000


def test_what_is_installed_renders_offline_in_an_empty_folder(clone: Path, tmp_path: Path) -> None:
    installed = clone / ".venv" / "bin" / "ambientgen"
    told = run(installed, "scenes", cwd=tmp_path)
    assert "rain" in told
    packages = clone / ".venv" / "lib"
    (scene,) = packages.glob("python*/site-packages/ambientgen/scenes/rain.yaml")
    command = ["render", str(scene), "--duration", f"{SECONDS}s", "-o", "rain.wav", "--json"]
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    report = json.loads(run(installed, *command, cwd=tmp_path, **offline))
    assert report["model"]["name"] == "pocket"
    samples, rate = soundfile.read(tmp_path / "rain.wav", dtype="float32")
    assert samples.shape == (SECONDS * rate,)
    assert np.isfinite(samples).all()
    assert np.sqrt(np.mean(samples**2)) > 1e-3
    left = sorted(path.name for path in tmp_path.iterdir() if path.name != "hub")
    assert left == ["rain.json", "rain.wav"]


def test_the_readmes_command_installs_only_what_is_pinned(clone: Path) -> None:
    pip = clone / ".venv" / "bin" / "pip"
    frozen = run(pip, "freeze", "--all", cwd=clone).split()
    held = dict(line.split("==") for line in frozen if "==" in line)
    pins = constraints()
    for name, version in held.items():
        if canonicalize_name(name) not in FREE:
            assert pins.get(canonicalize_name(name)) == version.split("+")[0], name
    assert not {"accelerate", "mypy", "pytest", "ruff"} & {canonicalize_name(name) for name in held}
