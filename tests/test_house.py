"""The house rules: directions, sizes, docs that run, nothing in the repository that is not ours."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ambientgen.errors import ExitCode
from ambientgen.layered_plan import to_models
from ambientgen.models.folder import EXTRAS
from ambientgen.models.registry import (
    COMMERCIAL_LICENCES,
    PUBLISHED,
    fetch_command,
    pocket_folder,
    resolve,
)
from ambientgen.models.vocabulary import unheard
from ambientgen.plan import make_plan
from ambientgen.scene import KNOWN, load_scene, parse_scene
from ambientgen.training.recipe import STAGES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ambientgen"
MODULES = sorted(PACKAGE.rglob("*.py"))
SCENES = sorted((ROOT / "scenes").glob("*.yaml"))
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = DOCS[0].read_text(encoding="utf-8")
MODELS_DOC = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")

LONGEST_MODULE, LONGEST_FUNCTION = 400, 60  # lines
LARGEST_FILE, LARGEST_POCKET = 1_000_000, 48_000_000  # bytes
LOADS_TORCH = {
    "bench",
    "workers",
    "latents",
    "loa",
    "models",
    "sources",
    "passes",
    "reuse",
    "silence",
    "tones",
    "training",
    "waveform",
}

# Put together from halves, so that this file does not hold what it looks for.
FOREIGN = re.compile(
    "|".join(
        re.escape(first) + second
        for first, second in [
            ("/t", r"mp/\w"),
            ("/w", r"ork/\w"),
            ("../sha", "red"),
            ("pypi", r"\.org"),
            ("pythonhosted", r"\.org"),
            ("npmjs", r"\.(org|com)"),
            ("debian", r"\.org"),
            ("issue", r" #?\d"),
        ]
    )
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


# Sizes and directions


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_modules_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < LONGEST_MODULE
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines < LONGEST_FUNCTION, f"{node.name}: {lines} lines"


def test_only_some_modules_load_torch() -> None:
    """By direct imports; import-linter follows the indirect ones."""
    loading = set()
    for path in MODULES:
        imported = {
            name.split(".")[0]
            for node in ast.walk(parsed(path))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        if imported & {"torch", "transformers", "diffusers"}:
            loading.add(path.relative_to(PACKAGE).parts[0].removesuffix(".py"))
    assert loading <= LOADS_TORCH


def test_imports_point_downwards() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    found = subprocess.run(
        [linter, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_library_never_prints() -> None:
    """Only the console, commands, and the `main` of a training script do."""
    for path in MODULES:
        room = path.relative_to(PACKAGE).parts[0]
        if room in {"cli", "console.py"}:
            continue
        body = [
            node
            for node in parsed(path).body
            if not (
                room == "training" and isinstance(node, ast.FunctionDef) and node.name == "main"
            )
        ]
        calls = [n for part in body for n in ast.walk(part) if isinstance(n, ast.Call)]
        names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
        assert "print" not in names, path


# What is in the repository


@cache
def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def test_nothing_foreign_is_mentioned() -> None:
    found = []
    for path in tracked():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            if match := FOREIGN.search(line):
                found.append(f"{relative(path)}:{number}: {match[0]}")
    assert not found, "\n".join(found)


def test_files_are_small() -> None:
    weights = [path for path in tracked() if path.is_relative_to(pocket_folder())]
    others = set(tracked()) - set(weights)
    assert not [path for path in others if path.stat().st_size >= LARGEST_FILE]
    assert weights, "pocket is not in the repository"
    assert sum(path.stat().st_size for path in weights) < LARGEST_POCKET


def test_pocket_is_whole_and_free_to_use() -> None:
    spec = resolve("pocket")
    assert spec.licence == "Apache-2.0"
    assert spec.commercial
    assert spec.states
    card = (pocket_folder() / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")
    assert "license: apache-2.0" in card.lower()


@pytest.mark.parametrize("path", SCENES, ids=lambda path: path.stem)
def test_a_shipped_scene_plans_with_pocket_which_says_what_it_lacks(path: Path) -> None:
    spec = resolve("pocket")
    for _, scene in to_models(load_scene(path)):
        plan = make_plan(scene, spec.geometry, spec.rule)
        needed = plan.reach.latents[1]  # what the last decoder chunk takes
        assert needed is not None
        if plan.loop is None:
            assert plan.total_frames <= needed
            last = plan.windows[-1]
            assert last.start_frame < needed <= last.start_frame + last.frames
        lacked = {state.name for state in scene.states} - set(spec.states)
        assert lacked <= set(KNOWN)  # which a model taught all of the catalogue would not lack
        assert len(unheard(spec, scene)) == len(lacked)


def test_every_dependency_is_pinned() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = set(re.findall(r'^  "([\w-]+)>=', project, flags=re.MULTILINE))
    assert len(named) > 20
    pins = constraints()
    assert {canonicalize_name(name) for name in named} <= pins.keys()
    assert not [version for version in pins.values() if "+" in version], "found on one machine only"


def constraints() -> dict[str, str]:
    """The pinned version of every package, on the Python that runs the tests."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    meant = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    found = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in meant}
    assert len(found) == len(meant), "pinned twice"
    return found


# The docs: their blocks


@dataclass(frozen=True)
class Block:
    """A fenced block: `kind` is the language, `mark` what stands behind it."""

    path: Path
    line: int
    kind: str
    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}"


def blocks() -> Iterator[Block]:
    for path in DOCS:
        text = path.read_text(encoding="utf-8")
        for found in re.finditer(r"^```(\w+) ?(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            line = text.count("\n", 0, found.start()) + 1
            yield Block(path, line, found[1], found[2], found[3])


BLOCKS = list(blocks())


def runnable(kind: str, marks: set[str]) -> list[object]:
    """The blocks of a kind to run, slow ones marked."""
    return [
        pytest.param(
            block,
            id=str(block),
            marks=[pytest.mark.slow, pytest.mark.timeout(900)] if block.mark == "slow" else [],
        )
        for block in BLOCKS
        if block.kind == kind and block.mark in marks
    ]


def of_kind(kind: str) -> list[Block]:
    return [block for block in BLOCKS if block.kind == kind]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds only the scenes; `ambientgen` is this checkout's, and offline."""
    shutil.copytree(ROOT / "scenes", tmp_path / "place" / "scenes")
    tools = tmp_path / "bin"
    tools.mkdir()
    script = tools / "ambientgen"
    call = "import sys; from ambientgen.cli import main; sys.exit(main())"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{call}" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_block_says_how_it_is_tested() -> None:
    marks = {
        "yaml": {""},
        "sh": {"", "run", "slow", "smoke", "install", "test"},
        "python": {"", "slow"},
        "text": {""},
        "json": {""},
    }
    assert BLOCKS
    for block in BLOCKS:
        assert block.mark in marks.get(block.kind, ()), f"{block}: {block.kind} {block.mark}"


@pytest.mark.parametrize("block", of_kind("yaml"), ids=str)
def test_documented_scenes_are_right(block: Block) -> None:
    assert parse_scene(block.text, str(block)).sounds


@pytest.mark.parametrize("block", runnable("sh", {"run", "slow"}))
def test_documented_commands_run(block: Block, place: Path) -> None:
    done = run("bash", "-euo", "pipefail", "-c", block.text)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_smoke_recipe_makes_a_folder_that_renders(place: Path) -> None:
    """Every stage from nothing, the export and the load are real, as documented."""
    (block,) = [block for block in BLOCKS if block.mark == "smoke"]
    done = run("bash", "-euo", "pipefail", "-c", block.text)
    assert done.returncode == 0, done.stdout + done.stderr
    logs = {path.stem for path in (place / "smoke-model.training" / "run").glob("*.log")}
    assert set(STAGES) <= logs
    extras = json.loads((place / "smoke-model" / "ambientgen.json").read_text(encoding="utf-8"))
    assert (extras["steps"], extras["only_steps"]) == (2, True), "what `few` has trained"
    samples, rate = soundfile.read(place / "rain.wav")
    assert len(samples) == 2 * rate and np.isfinite(samples).all() and samples.any()


@pytest.mark.parametrize("block", runnable("python", {"", "slow"}))
def test_documented_python_runs(block: Block, place: Path) -> None:
    done = run(sys.executable, "-c", block.text)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def documented_calls() -> dict[str, set[str]]:
    """Options shown for each command anywhere in the docs: inline, indented or fenced."""
    shown: dict[str, set[str]] = {}
    for path in DOCS:
        text = path.read_text(encoding="utf-8")
        inline = re.findall(r"(?<!`)`(ambientgen [^`\n]+)`(?!`)", text)
        lines = re.findall(r"^(?: {4}|\$ )?(?:\S*/)?(ambientgen [a-z-].*)$", text, re.MULTILINE)
        chained = re.findall(r"[&|;] (?:\S*/)?(ambientgen [a-z-][^&|;\n]*)", text)
        in_code = [line for line in lines if _is_code(text, line)]
        for call in [*inline, *in_code, *chained]:
            words = re.split(r" #| [|&>] ", call)[0].split()[1:]
            command = words[0] if re.fullmatch("[a-z]+", words[0]) else ""
            options = {word.split("=")[0] for word in words if re.match("-{1,2}[a-z]", word)}
            shown.setdefault(command, set()).update(options)
    return shown


def _is_code(text: str, line: str) -> bool:
    """Whether a line that starts like a command stands in a fence or is indented."""
    return f"    {line}" in text or any(line in block.text for block in of_kind("sh"))


CALLS = documented_calls()


@pytest.mark.parametrize("command", sorted(CALLS))
def test_documented_commands_exist(command: str, place: Path) -> None:
    told = run("ambientgen", *filter(None, [command]), "--help")
    assert told.returncode == 0, told.stdout + told.stderr
    for option in CALLS[command] - {"--help"}:
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", told.stdout), option


def test_the_readme_shows_the_main_commands() -> None:
    assert {"render", "validate", "plan", "scenes", "new", "models"} <= CALLS.keys()


# The docs: what they say


def test_the_readme_has_one_command_each_to_install_and_to_test() -> None:
    for mark in ("install", "test"):
        (block,) = [block for block in BLOCKS if block.mark == mark]
        assert block.path == DOCS[0]
        assert len(block.text.splitlines()) == 1
        assert "-c constraints.txt" in block.text


def test_the_readme_tells_every_exit_code() -> None:
    table = README.split("## Exit codes")[1].split("\n## ")[0]
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert told == {code.value for code in ExitCode}


def test_the_docs_tell_every_model_as_it_is() -> None:
    for name, published in PUBLISHED.items():
        source = f"`{published.hub_id}` | `{published.revision}`"
        assert f"| `{name}` | {source} | {published.licence} | no |" in MODELS_DOC
        assert published.licence.lower() not in COMMERCIAL_LICENCES
        assert f"| `{name}` |" in README
    assert fetch_command("audioldm2") in MODELS_DOC


def test_the_docs_tell_every_field_of_a_models_extras() -> None:
    registry = (PACKAGE / "models" / "registry.py").read_text(encoding="utf-8")
    read = set(
        re.findall(
            r'extras\.(?:text|texts|number|whole|wholes|flag|pairs|numbers|rows|chosen)\("(\w+)"',
            registry,
        )
    )
    table = MODELS_DOC.split(f"### {EXTRAS}")[1].split("\n### ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == read


def test_the_way_through_the_house_names_every_room() -> None:
    text = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    table = text.split("## The way through the house")[1].split("\n## ")[0]
    told = set(re.findall(r"^\| `([\w.]+)/?` \|", table, re.MULTILINE))
    rooms = {
        path.name
        for path in PACKAGE.iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").is_file())
        and not path.name.startswith("__")
    }
    assert told == rooms


def headings(page: Path) -> set[str]:
    """The anchors that a page offers, as they are made of its headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}


def test_links_lead_somewhere() -> None:
    for path in DOCS:
        text = path.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
            page = path.parent / target if target else path
            assert page.exists(), f"{path.name}: {target}"
            assert not anchor or anchor in headings(page), f"{path.name}: {target}#{anchor}"


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", index)) == pages
