"""The command line as a process: what it imports, what it costs, and how signals end it."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DEAR = {"torch", "transformers", "diffusers", "rich", "scipy"}
LIMIT_S = 0.5  # of processor time, on an idle core
BUSY = 3.0  # a core that others use counts time it waits for memory

COMMANDS = (
    "--help",
    "--version",
    "render --help",
    "validate rain.yaml",
    "validate missing.yaml",
    "plan rain.yaml --model {model}",
    "plan rain.yaml --model {model} --json --at 1m",
    "schema",
    "scenes",
    "scenes rain --force",
    "new lake --force",
    "models",
    "render missing.yaml",
    "play missing.yaml",
    "render rain.yaml --model no/such-model",
)

STUDIO = """
import sys, time, types
import numpy as np
from ambientgen.audio_file import Encoding, Shape, open_sink
from ambientgen.messages import StageStarted

class Renderer:
    def __init__(self, device, workers, listener, store, batch):
        self.tell = listener

    def render(self, scene, output, asked, *, force, **more):
        encoding, shape = Encoding(scene.output.format), Shape(16000, 1, None)
        with open_sink(output, encoding, shape, force=force) as sink:
            sink.write(np.zeros(16000))
            self.tell(StageStarted("rendering"))
            while True:
                time.sleep(0.01)
                sink.write(np.zeros(160))

sys.modules["ambientgen.renderer"] = types.SimpleNamespace(Renderer=Renderer)
from ambientgen.cli import main
main()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a scene, from which this checkout is imported."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "scenes" / "rain.yaml", tmp_path)
    return tmp_path


def imported(report: str) -> set[str]:
    """The packages in a report of `-X importtime`."""
    lines = (line.rpartition("|")[2] for line in report.splitlines() if "import time" in line)
    return {name.strip().partition(".")[0] for name in lines}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_that_make_no_sound_import_nothing_dear(
    place: Path, hub_faithful_folder: Path, command: str
) -> None:
    args = command.format(model=hub_faithful_folder).split()
    call = [sys.executable, "-X", "importtime", "-m", "ambientgen", *args]
    ran = subprocess.run(call, capture_output=True, text=True, check=False, timeout=100)
    assert ran.returncode in {0, 2, 3}
    assert "ambientgen" in imported(ran.stderr)
    assert not imported(ran.stderr) & DEAR


@pytest.mark.parametrize("command", ["--help", "--version"])
def test_help_reads_no_schema(place: Path, command: str) -> None:
    call = [sys.executable, "-X", "importtime", "-m", "ambientgen", *command.split()]
    ran = subprocess.run(call, capture_output=True, text=True, check=True)
    assert not imported(ran.stderr) & (DEAR | {"numpy", "pydantic", "yaml"})


def test_importing_the_package_imports_next_to_nothing(place: Path) -> None:
    call = [sys.executable, "-X", "importtime", "-c", "import ambientgen"]
    ran = subprocess.run(call, capture_output=True, text=True, check=True)
    assert not imported(ran.stderr) & (DEAR | {"numpy", "pydantic", "yaml", "typer"})


def test_all_public_names_are_there_without_another_import(place: Path) -> None:
    code = (
        "import ambientgen\n"
        "for name in ambientgen.__all__: getattr(ambientgen, name)\n"
        "assert issubclass(ambientgen.errors.SceneError, ambientgen.AmbientgenError)\n"
        "assert ambientgen.messages.Notice('x').text == 'x'\n"
        "assert not hasattr(ambientgen, 'sound')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    "command", ["--help", "validate rain.yaml", "plan rain.yaml --model {model}", "schema"]
)
def test_commands_that_make_no_sound_are_quick(
    place: Path, hub_faithful_folder: Path, command: str
) -> None:
    args = command.format(model=hub_faithful_folder).split()
    took: list[float] = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        call = [sys.executable, "-m", "ambientgen", *args]
        subprocess.run(call, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < LIMIT_S * BUSY, f"{min(took):.2f} s"


def ended(call: list[str], number: int, when: str) -> tuple[int, str, str]:
    """Start a process, send a signal once it says `when`; its code, stdout and stderr."""
    process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    err = ""
    try:
        for line in process.stderr:
            err += line
            if when in line:
                break
        time.sleep(0.2)
        process.send_signal(number)
        out, rest = process.communicate(timeout=100)
    finally:
        process.kill()
        process.wait()
    return process.returncode, out, err + rest


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 143, "terminated"),
    ],
)
def test_a_signal_ends_a_render_and_leaves_nothing(
    place: Path, hub_faithful_folder: Path, number: int, code: int, word: str
) -> None:
    (place / "rain.wav").write_bytes(b"the old one")
    model = str(hub_faithful_folder)
    args = ["render", "rain.yaml", "rain2.yaml", "--force", "--json", "--model", model]
    shutil.copy("rain.yaml", "rain2.yaml")
    returned, out, err = ended([sys.executable, "-c", STUDIO, *args], number, "rendering")
    assert returned == code
    assert out == ""
    assert err.splitlines()[-1] == f"ambientgen: {word}"
    assert "Traceback" not in err
    assert (place / "rain.wav").read_bytes() == b"the old one"
    assert sorted(p.name for p in place.iterdir()) == ["rain.wav", "rain.yaml", "rain2.yaml"]


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_while_the_command_is_imported_ends_it_cleanly(
    place: Path, number: int, code: int, word: str
) -> None:
    slow = "import sys, time\nprint('importing', file=sys.stderr, flush=True)\ntime.sleep(60)\n"
    (place / "typer.py").write_text(slow)
    call = [sys.executable, "-m", "ambientgen", "schema"]
    assert ended(call, number, "importing") == (code, "", f"importing\nambientgen: {word}\n")


def test_an_ignored_interrupt_stays_ignored_while_the_command_is_imported(place: Path) -> None:
    kill = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nraise SystemExit(7)\n"
    (place / "typer.py").write_text(kill)
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from ambientgen.cli import main; main()\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 7


@pytest.mark.timeout(300)
def test_a_signal_reaches_a_render_at_work(place: Path, hub_faithful_folder: Path) -> None:
    call = [
        sys.executable, "-m", "ambientgen", "render", "rain.yaml", "--duration", "1h",
        "--steps", "1", "--model", str(hub_faithful_folder),
    ]  # fmt: skip
    returned, _, err = ended(call, signal.SIGTERM, "rendering")
    assert returned == 143
    assert err.splitlines()[-1] == "ambientgen: terminated"
    assert "Traceback" not in err
    assert [p.name for p in place.iterdir()] == ["rain.yaml"]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_second_signal_does_not_break_what_the_first_one_ends(name: str) -> None:
    script = (
        f"import os, signal; from ambientgen.cli import signals; number = signal.{name}\n"
        "signals.ended_at_once()\n"
        "with signals.signals_raised():\n"
        "    try: os.kill(os.getpid(), number)\n"
        "    except BaseException: os.kill(os.getpid(), number)\n"
        "    print('cleaned up')\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"cleaned up\n", b"")


def test_an_ignored_hangup_stays_ignored(place: Path) -> None:
    script = (
        "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from ambientgen.cli import signals\n"
        "with signals.signals_raised(): os.kill(os.getpid(), signal.SIGHUP)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_pipe_whose_reader_leaves_ends_a_render_quietly(
    place: Path, hub_faithful_folder: Path
) -> None:
    args = ["render", "rain.yaml", "-o", "-", "--model", str(hub_faithful_folder), "--quiet"]
    process = subprocess.Popen(
        [sys.executable, "-c", STUDIO, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        head = os.read(process.stdout.fileno(), 44)
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(timeout=100) == 0
    assert head[:4] == b"RIFF"
    assert err == b""


def test_printing_into_a_pipe_whose_reader_left_is_quiet(place: Path) -> None:
    command = f"{sys.executable} -m ambientgen schema; echo $? >&2"
    process = subprocess.Popen(
        ["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == "0\n"
    process.wait()


def test_a_sound_for_a_closed_standard_output_is_exit_code_4(
    place: Path, hub_faithful_folder: Path
) -> None:
    render = f"{sys.executable} -m ambientgen render rain.yaml -o - --model {hub_faithful_folder}"
    ran = subprocess.run(["sh", "-c", f"{render} >&-"], capture_output=True, text=True, check=False)
    assert ran.returncode == 4
    assert ran.stderr.startswith("ambientgen: standard output: is closed; ")


@pytest.mark.slow
def test_standard_output_carries_only_the_sound_of_a_real_render(
    place: Path, hub_faithful_folder: Path
) -> None:
    call = [
        sys.executable, "-m", "ambientgen", "render", "rain.yaml", "-o", "-", "--duration", "1s",
        "--steps", "1", "--quiet", "--model", str(hub_faithful_folder),
    ]  # fmt: skip
    ran = subprocess.run(call, capture_output=True, check=True, timeout=100)
    (place / "heard.wav").write_bytes(ran.stdout)
    with wave.open(str(place / "heard.wav")) as sound:
        assert sound.getnframes() == 16000
    assert len(ran.stdout) == 44 + 32000
    assert ran.stderr == b""


def test_a_scene_is_validated_without_what_writes_sounds() -> None:
    script = (
        "import sys; from ambientgen.cli.app import run; "
        f"assert run(['validate', {str(ROOT / 'scenes' / 'rain.yaml')!r}]) == 0; "
        "print(sorted({'torch', 'scipy', 'soundfile', 'ambientgen.audio_file'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
