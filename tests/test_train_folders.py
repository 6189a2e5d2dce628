"""The folders of `ambientgen train`: what is kept in them, who may write to them, and when a disk
takes no more."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from ambientgen.cli.app import run
from ambientgen.errors import OutputError, UsageError
from ambientgen.interrupts import unheeded
from ambientgen.messages import Message, Notice
from ambientgen.models.registry import resolve
from ambientgen.training import job
from ambientgen.training.around import Around
from ambientgen.training.below import begin_anew, digest_of
from ambientgen.training.beside import beside
from ambientgen.training.devices import ONE_CPU
from ambientgen.training.keep import kept, kept_of, new_array, writing_below, written
from ambientgen.training.lock import LOCK, alone_in
from ambientgen.training.loop import Fit, Schedule
from ambientgen.training.order import MARK, Order, check, made_of, with_steps
from ambientgen.training.recipe import load_recipe, parse_recipe
from ambientgen.training.recordings import check_usable
from ambientgen.training.sources import find
from ambientgen.training.stages import Run, Setting

TINY = """\
from: pocket
synth: {stems: 1, clips: 6}
stages:
  vae: {steps: 1}
  mae: {steps: 1}
  clap: {steps: 0}
  meaning: {steps: 1}
  vocoder: {steps: 1}
  unet: {steps: 1}
  few: {steps: 1}
"""


def noise(path: Path, seconds: float = 1.5) -> Path:
    """A recording."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.1 * np.random.default_rng(1).standard_normal(int(seconds * 16_000))
    soundfile.write(path, samples, 16_000)
    return path


# What was learnt from networks that have learnt more since


def test_what_is_kept_belongs_to_the_weights_it_is_made_with(tmp_path: Path) -> None:
    made: list[str] = []
    path = tmp_path / "latents.pt"
    path.write_text("as older versions named it, of weights that nobody knows")
    (tmp_path / "latents_recordings-1.pt").touch()
    for digest in ("a" * 64, "a" * 64, "b" * 64):

        def make(partial: Path, said: str = digest[0]) -> None:
            made.append(said)
            partial.write_text(said)

        assert kept_of(digest, path, make).read_text() == digest[0]
    assert made == ["a", "b"]
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {f"latents-{'b' * 12}.pt", "latents_recordings-1.pt"}


def test_a_stage_begins_anew_when_what_it_learns_from_has_changed(tmp_path: Path) -> None:
    vae, mae = nn.Linear(2, 2), nn.Linear(2, 2)
    notices: list[Message] = []

    def begin() -> list[str]:
        networks = {"vae": vae, "mae": mae}
        begin_anew("unet", networks, tmp_path, notices.append, ONE_CPU)
        said = [event.text for event in notices if isinstance(event, Notice)]
        notices.clear()
        return said

    for name in ("unet.ckpt", "unet.log", "few.ckpt"):
        (tmp_path / name).touch()
    assert begin() == [], "of an older work folder nothing is known"
    (tmp_path / "unet.below").write_text("{torn")
    assert begin() == begin() == []
    with torch.no_grad():
        vae.weight += 1
    assert begin() == ["unet begins anew: vae has changed, from which it learns"]
    assert {path.name for path in tmp_path.iterdir()} == {"unet.below", "few.ckpt"}
    assert begin() == []


@pytest.mark.parametrize(
    ("stage", "changed", "anew"),
    [
        ("meaning", "mae", True),
        ("meaning", "vae", False),
        ("vocoder", "vae", True),
        ("vocoder", "mae", False),
        ("decoding", "vae", True),
        ("decoding", "meaning", False),
        ("unet", "meaning", True),
        ("unet", "vae", True),
        ("few", "mae", True),
        ("calls", "mae", True),
        ("calls", "clap", True),
        ("names", "vae", True),
        ("names", "meaning", False),
    ],
)
def test_stages_know_what_they_learn_from(
    stage: str, changed: str, anew: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every stage is asked for, with trainers that train nothing."""
    from ambientgen.training import calls, decoding, few, language, stages, unet, vocoder

    networks = {name: nn.Linear(1, 1) for name in ("vae", "mae", "clap", "meaning")}
    network = nn.Linear(1, 1)
    trainers = [(each, "train") for each in (vocoder, decoding, few, calls)]
    for module, name in ((language, "train_meaning"), *trainers):
        monkeypatch.setattr(module, name, lambda *_: network)
    monkeypatch.setattr(stages, "loa_examples", lambda *_: None)
    fit = SimpleNamespace(fit=lambda *_: network, batch=None)
    monkeypatch.setattr(calls, "single_calls", lambda *_: None)
    monkeypatch.setattr(calls, "no_single_call", lambda *_: None)
    monkeypatch.setattr(unet, "latents_of", lambda *_: (None, 1.0))
    monkeypatch.setattr(stages, "replace", lambda examples, among: examples)
    monkeypatch.setattr(Run, "_bank_of", lambda *_: None)
    fit.of = lambda *_: fit
    recipe = with_steps(parse_recipe(TINY.encode(), "tiny.yaml"), ["decoding=1", "calls=1"])

    def train() -> None:
        this = Run(recipe, Setting(tmp_path))
        this.__dict__ |= networks | {
            "stems": SimpleNamespace(),
            "corpus": SimpleNamespace(mels=[]),
            "tokenizers": (None, None),
            "latents": (torch.zeros(0), 1.0),
            "_examples": fit,
        }
        del this.__dict__["meaning"]
        assert this.meaning is network
        this.__dict__["meaning"] = networks["meaning"]
        assert this.vocoder is this.decoding is this.few is this.calls is network

    train()
    checkpoint = tmp_path / "run" / f"{stage}.ckpt"
    checkpoint.touch()
    train()
    assert checkpoint.exists()
    with torch.no_grad():
        networks[changed].weight += 1
    train()
    assert checkpoint.exists() != anew


def test_the_latents_of_a_vae_that_has_learnt_more_are_others(tmp_path: Path) -> None:
    from ambientgen.training.corpus import Corpus
    from ambientgen.training.unet import latents_of
    from ambientgen.training.vae import new_vae

    mels = np.random.default_rng(4).standard_normal((1, 1024, 64)).astype(np.float16)
    nothing = np.zeros((1, 1, 1024), np.float16)
    corpus = Corpus(mels, nothing, np.array([[""]]), np.array([""]))
    autoencoder = new_vae().requires_grad_(False)
    before, scale = latents_of(corpus, autoencoder, tmp_path / "latents.pt", 1.0)
    autoencoder.quant_conv.bias += 1
    after, _ = latents_of(corpus, autoencoder, tmp_path / "latents.pt", scale)
    assert not torch.equal(before, after)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_longer_stages_below_make_the_model_that_they_make_at_once(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    short = TINY.replace("vocoder: {steps: 1", "vocoder: {steps: 0").replace("few: {steps: 1}", "")
    long = short.replace("steps: 1}\n  mae: {steps: 1", "steps: 2}\n  mae: {steps: 2")
    notices: list[Message] = []
    for text, name, work in ((short, "short", "work"), (long, "long", "work"), (long, "once", "w")):
        order = Order(parse_recipe(text.encode(), name), tmp_path / work, tmp_path / name)
        job.train(order, notices.append)
    said = [event.text for event in notices if isinstance(event, Notice)]
    assert [text.partition(":")[0] for text in said if "anew" in text] == [
        "meaning begins anew",
        "unet begins anew",
    ]
    for path in (tmp_path / "long").rglob("*.safetensors"):
        one = load_file(path)
        other = load_file(tmp_path / "once" / path.relative_to(tmp_path / "long"))
        assert all(torch.equal(one[key], other[key]) for key in one), path


def _line(folder: Path, steps: int, **options: Any) -> Any:
    torch.manual_seed(0)
    module = nn.Linear(2, 1)

    def loss(step: int) -> dict[str, torch.Tensor]:
        return {"l": (module(torch.ones(1, 2)) - step).square().mean()}

    return Fit(module, loss, Schedule(steps, 0.1), folder, "line", **options).run()


def test_a_stage_with_no_steps_keeps_what_it_starts_from_beside_a_checkpoint(
    tmp_path: Path,
) -> None:
    warm = {"weight": torch.full((1, 2), 7.0), "bias": torch.ones(1)}
    taught = _line(tmp_path, 5, warm=warm)
    before = (tmp_path / "line.ckpt").read_bytes()
    idle = _line(tmp_path, 0, warm=warm)
    assert torch.equal(idle.weight, warm["weight"]) and not idle.training
    assert (tmp_path / "line.ckpt").read_bytes() == before
    assert torch.equal(_line(tmp_path, 5, warm=warm).weight, taught.weight)


def test_the_last_loss_is_kept_with_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(steps: int) -> list[float]:
        events: list[Any] = []
        torch.manual_seed(0)
        module = nn.Linear(2, 1)
        schedule = Schedule(steps, 0.1, around=Around(tell=events.append))
        loss = {"l": torch.tensor(0.5)}
        fit = Fit(module, lambda _: loss | {"w": 0 * module.weight.sum()}, schedule, tmp_path, "l")
        fit.run()
        return [event.loss for event in events]

    monkeypatch.setattr("ambientgen.training.loop.LOG_LINES", 1)
    assert told(2) == [0.5] * 2
    assert told(4) == [0.5] * 2, "of the steps 2 and 3 none is logged"


def test_a_loss_that_is_not_known_is_null_in_json() -> None:
    for loss, said in ((math.nan, None), (0.25, 0.25)):
        told = json.loads(json.dumps(job.StageReport("vae", 3, loss).to_json()))
        assert told == {"stage": "vae", "steps": 3, "loss": said}


def test_an_encoder_that_lacks_weights_is_told_and_seeded(tmp_path: Path) -> None:
    from ambientgen.training.mae import MaskedAutoencoder

    whole = MaskedAutoencoder().state_dict()
    broken = {key: value for key, value in whole.items() if "layers.0" not in key}
    start: Any = SimpleNamespace(weights={"mae": broken})
    recipe = parse_recipe(TINY.replace("mae: {steps: 1}", "mae: {steps: 0}").encode(), "t.yaml")
    found, notices = [], list[Message]()
    for seed in (1, 2):
        torch.manual_seed(seed)
        this = Run(recipe, Setting(tmp_path, start=start, tell=notices.append))
        found.append(digest_of(this.mae.state_dict()))
    assert found[0] == found[1]
    told = [event.text for event in notices if isinstance(event, Notice)]
    assert len(told) == 2 and "mae: not all weights could be taken over" in told[0]


def test_a_tokenizer_is_written_as_if_it_had_never_been_called(tmp_path: Path) -> None:
    from transformers import T5Tokenizer

    from ambientgen.training.export import uncalled

    files = []
    for called in ({}, {"padding": True, "truncation": True}):
        known = resolve("pocket").folder / "tokenizer_2"
        tokenizer = T5Tokenizer.from_pretrained(known, local_files_only=True)
        tokenizer(["heavy rain", "rain"], **called)
        uncalled(tokenizer).save_pretrained(tmp_path)
        files.append((tmp_path / "tokenizer.json").read_bytes())
    assert files[0] == files[1] and json.loads(files[0])["truncation"] is None


# Where they may stand


@pytest.mark.parametrize(
    ("work", "output", "said"),
    [
        ("m", "m", "is the model's folder"),
        ("m/work", "m", "lies in the model's folder"),
        ("x/../m", "./m", "is the model's folder"),
        ("w", "w/m", "lies in the work folder"),
        ("linked/w", "m", "lies in the model's folder"),
        ("rec", "m", "holds the recordings"),
    ],
)
def test_folders_in_one_another_are_refused(
    work: str, output: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    noise(tmp_path / "rec" / "a.wav")
    Path("linked").symlink_to("m")
    Path("w").mkdir()
    recipe = load_recipe("smoke").model_copy(update={"data": "rec"})
    with pytest.raises(UsageError, match=said):
        check(Order(recipe, Path(work), Path(output)))
    check(Order(recipe, Path("w"), Path("m")))


@pytest.mark.parametrize("data", ["proj/recordings", "proj/a/../recordings", "linked"])
def test_recordings_in_the_work_folder_are_refused(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training would write among them, and its folder may be deleted."""
    monkeypatch.chdir(tmp_path)
    noise(tmp_path / "proj" / "recordings" / "a.wav")
    (tmp_path / "proj" / "a").mkdir()
    Path("linked").symlink_to("proj/recordings")
    recipe = load_recipe("smoke").model_copy(update={"data": data})
    for order in (
        Order(recipe, Path("proj"), Path("m")),
        Order(recipe, Path("proj"), stages=("vae",)),
    ):
        with pytest.raises(UsageError, match="--work proj: holds the recordings; name another"):
            check(order)
    check(Order(recipe, Path("proj/work"), Path("m")))


def test_a_model_with_the_recordings_in_it_is_not_replaced(tmp_path: Path) -> None:
    output = tmp_path / "m"
    noise(output / "rec" / "a.wav")
    (output / "model_index.json").touch()
    recipe = load_recipe("smoke").model_copy(update={"data": str(output / "rec")})
    with pytest.raises(UsageError, match="holds the recordings"):
        check(Order(recipe, tmp_path / "w", output, force=True))


def test_a_trainings_own_folders_are_no_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    noise(tmp_path / "sea.wav")
    recipe = load_recipe("smoke").model_copy(update={"data": "."})
    order = Order(recipe, Path("m.training"), Path("m"))
    before = made_of(order)
    for folder in ("m", "m.training", "n"):
        noise(tmp_path / folder / "sub" / "b.wav")
    assert made_of(order) != before, "what is in n is a recording"
    (tmp_path / "n" / "sub" / "b.wav").unlink()
    assert made_of(order) == before
    assert [source.name for source in find(Path(), order.apart).sources] == ["sea.wav"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--data", ""], "--data: is empty"),
        (["--from", " "], "--from: is empty"),
        (["--work", ""], "--work: is empty"),
        (["--data", "~nobody-of-that-name/x"], "there is no such folder"),
        (["--data", "x" * 300], "the name is too long"),
        (["--work", "x" * 300], "the name is too long"),
        (["-o", "x" * 245], "the name is too long"),
    ],
)
def test_a_name_that_can_be_none_is_refused(
    args: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    noise(tmp_path / "a.wav")
    assert run(["train", "-o", "m", *args]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("field", ["from", "data", "licence"])
def test_an_empty_field_of_a_recipe_is_told_at_its_line(field: str) -> None:
    for empty in ('""', '"  "'):
        with pytest.raises(UsageError) as caught:
            parse_recipe(f"precision: auto\n{field}: {empty}".encode(), "r.yaml")
        places = [problem.place for problem in caught.value.problems]
        assert f"r.yaml:2:{len(field) + 3}" in places, caught.value


def test_only_a_file_stands_for_a_shipped_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("smoke").mkdir()
    assert load_recipe("smoke").stages.vae.steps > 0
    Path("smoke").rmdir()
    Path("smoke").write_text(TINY)
    assert load_recipe("smoke").start == "pocket"


def test_recordings_of_no_use_leave_no_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)
    Path("rec").mkdir()
    Path("rec/a.wav").write_text("no sound")
    command = ["train", "tiny.yaml", "--data", "rec", "-o", "m", "--device", "cpu"]
    monkeypatch.setattr(Run, "train", lambda *_: pytest.fail("nothing is made"))
    assert run(command) == 2
    told = capsys.readouterr().err
    assert "none of its 1 files can be learnt from" in told
    assert "a.wav: cannot be read as sound" in told
    assert not Path("m.training").exists()
    noise(Path("rec/a.wav"))
    recipe = parse_recipe(TINY.encode(), "tiny.yaml").model_copy(update={"data": "rec"})
    check(Order(recipe, Path("m.training"), Path("m")))
    check_usable(Path("rec"), Path("m.training/recordings"))


# Two at once


def _elsewhere(code: str, *args: str) -> subprocess.Popen[str]:
    """Another process, which says `ready` and lives until it is killed."""
    program = f"import sys, time\n{code}\nprint('ready', flush=True)\ntime.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *args], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def _killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_work_folder_is_one_trainings_at_a_time(tmp_path: Path) -> None:
    code = (
        "import os\n"
        "from pathlib import Path\n"
        "from ambientgen.training.lock import alone_in\n"
        "lock = alone_in(Path(sys.argv[1]))\n"
        "lock.__enter__()\n"
        "if os.fork() == 0: time.sleep(3); os._exit(0)"
    )
    process = _elsewhere(code, str(tmp_path))
    recipe = parse_recipe(TINY.encode(), "tiny.yaml")
    order = Order(recipe, tmp_path, tmp_path.with_name("model"), device="cpu")
    with pytest.raises(OutputError, match="another training is at work here"):
        job.train(order)
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]
    process.kill()  # what it forked lives on, and holds nothing
    process.wait()
    with alone_in(tmp_path):
        pass
    process.communicate()


def test_a_work_folder_that_lets_nobody_in_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / LOCK))

    monkeypatch.setattr(job, "alone_in", refused)
    order = Order(parse_recipe(TINY.encode(), "tiny.yaml"), tmp_path, device="cpu")
    with pytest.raises(OutputError, match="cannot be written"):
        job.train(order)


@pytest.mark.parametrize("mark", ["[]", "{", "5"])
def test_a_mark_that_makes_no_sense_is_another_trainings(mark: str, tmp_path: Path) -> None:
    (tmp_path / MARK).write_text(mark)
    with pytest.raises(UsageError, match="holds a training with another synth"):
        check(Order(parse_recipe(TINY.encode(), "tiny.yaml"), tmp_path))


def test_only_the_first_of_several_processes_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def locked(_work: Path) -> Iterator[None]:
        calls.append("locked")
        yield

    calls: list[str] = []
    monkeypatch.setattr(job, "alone_in", locked)
    order = Order(parse_recipe(TINY.encode(), "tiny.yaml"), tmp_path / "work")
    for rank in (1, 0):
        devices: Any = SimpleNamespace(rank=rank, wait=lambda: calls.append("waits"))
        with job._begun(order, devices):
            calls.append("works")
    assert calls == ["waits", "works", "locked", "waits", "works"]


def test_what_a_dead_process_left_beside_a_model_is_deleted(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from ambientgen.training.beside import beside\n"
        "folder = beside(Path(sys.argv[1]))\n"
        "(folder.__enter__() / 'half').touch()"
    )
    output = tmp_path / "m"
    process = _elsewhere(code, str(output))
    (tmp_path / ".m.thesis.part").mkdir()
    with beside(output) as living:
        (theirs,) = {path.parent for path in tmp_path.glob(".m.*.part/half")}
        assert living.is_dir() and theirs != living
    assert not living.exists() and theirs.exists()
    _killed(process)
    with beside(output):
        assert not theirs.exists()
    assert [path.name for path in tmp_path.iterdir()] == [".m.thesis.part"]


# The model's place


@pytest.mark.parametrize("there", ["a file", "a folder", "an empty folder", "a model", "a link"])
@pytest.mark.parametrize("force", [False, True])
def test_what_appears_at_the_models_place_stays(there: str, force: bool, tmp_path: Path) -> None:
    output, partial = tmp_path / "m", tmp_path / "part"
    if there == "a file":
        output.write_text("thesis")
    elif there == "a link":
        output.symlink_to(tmp_path / "gone")
    else:
        output.mkdir()
        name = {"a folder": "thesis.txt", "a model": "model_index.json"}.get(there)
        if name is not None:
            (output / name).touch()
    partial.mkdir()
    (partial / "weights").touch()
    (tmp_path / "m-2").mkdir()
    order = Order(load_recipe("smoke"), tmp_path / "work", output, force=force)
    if force and there in ("an empty folder", "a model"):
        job._put(partial, output, order)
        assert (output / "weights").is_file()
        return
    with pytest.raises(OutputError, match=re.escape(f"the model is in {tmp_path / 'm-3'}")):
        job._put(partial, output, order)
    assert (tmp_path / "m-3" / "weights").is_file() and not partial.exists()
    assert os.path.lexists(output) and not (output / "weights").exists()


def _exported(monkeypatch: pytest.MonkeyPatch, export: Callable[..., None]) -> Any:
    """A run whose model `export` writes."""
    monkeypatch.setattr(job, "export", export)
    monkeypatch.setattr(job, "_extras", lambda *_: {"revision": "m", "states": []})
    monkeypatch.setattr(job, "card", lambda *_: "card")
    return SimpleNamespace(components=None)


def test_ctrl_c_is_too_late_when_the_model_stands_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    this = _exported(monkeypatch, lambda *_: None)
    replace = job._replace

    def stopped(partial: Path, output: Path) -> None:
        signal.raise_signal(signal.SIGINT)
        replace(partial, output)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(job, "_replace", stopped)
    order = Order(load_recipe("smoke"), tmp_path / "work", tmp_path / "m")
    with ExitStack() as around:
        job._write(this, order, None, around)
        signal.raise_signal(signal.SIGINT)  # while loss curves are drawn
    assert (tmp_path / "m" / "README.md").read_text() == "card"
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with unheeded():
        signal.raise_signal(signal.SIGINT)


# A disk that takes no more


LIMIT = 300_000  # bytes


@pytest.fixture
def limited() -> Iterator[None]:
    """No file may grow beyond LIMIT, as on a disk that is full."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, former[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, former)


def _torch(path: Path) -> None:
    torch.save({"weights": torch.randn(200_000)}, path)


def _numpy(path: Path) -> None:
    np.save(path, np.ones(200_000))


def _numpys(path: Path) -> None:
    np.savez(path, one=np.ones(200_000), other=np.ones(3))


def _mapped(path: Path) -> None:
    new_array(path, (1000, 1000))[:] = 1


def _text(path: Path) -> None:
    path.write_text("x" * 1_000_000)


def _safetensors(path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"weights": torch.randn(200_000)}, path)


WRITERS = (_torch, _numpy, _numpys, _mapped, _text, _safetensors)


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("make", WRITERS)
def test_a_disk_that_takes_no_more_is_one_line(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "new" / ("kept.npy" if make is _numpy else "kept.npz")
    with pytest.raises(OutputError) as caught:
        kept(path, make)
    (problem,) = caught.value.problems
    assert problem.place == str(path) and "\n" not in str(problem)
    assert problem.what.startswith("cannot be written (") and "make room" in problem.remedy
    assert not list(path.parent.iterdir())


@pytest.mark.usefixtures("limited")
def test_a_disk_that_takes_no_checkpoint_keeps_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _line(tmp_path, 2)
    before = (tmp_path / "line.ckpt").read_bytes()
    monkeypatch.setattr(torch, "save", lambda _, path: _torch(path))
    with pytest.raises(OutputError, match=r"line\.ckpt: cannot be written"):
        _line(tmp_path, 3)
    assert (tmp_path / "line.ckpt").read_bytes() == before
    assert not (tmp_path / "line.part").exists()


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("name", ["_safetensors", "_text"])
def test_a_disk_that_takes_no_model_keeps_its_place_free(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = globals()[name]
    this = _exported(monkeypatch, lambda _parts, folder, _extras: write(folder / "w.safetensors"))
    order = Order(load_recipe("smoke"), tmp_path / "work", tmp_path / "m")
    with ExitStack() as around, pytest.raises(OutputError, match="m: cannot be written"):
        job._write(this, order, None, around)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("limited")
def test_stems_that_a_disk_does_not_take_are_one_line(tmp_path: Path) -> None:
    from ambientgen.training.stems import build

    with pytest.raises(OutputError, match="make room"):
        build(tmp_path / "stems", 1)
    assert not (tmp_path / "stems" / "names.npy").exists()


def test_other_failures_stay_what_they_are(tmp_path: Path) -> None:
    for failure in (RuntimeError("no kernel"), OSError("no repository"), FileNotFoundError(2, "")):

        def make(partial: Path, error: Exception = failure) -> None:
            partial.touch()
            raise error

        with pytest.raises(type(failure)) as caught:
            kept(tmp_path / "a.npy", make)
        assert caught.value is failure
    with pytest.raises(FileNotFoundError), writing_below(tmp_path):
        (tmp_path / "no" / "file").read_text()
    with pytest.raises(UsageError), written(tmp_path / "part", "part"):
        raise UsageError
    assert not list(tmp_path.iterdir())


def test_a_full_disk_under_a_small_file_is_one_line(tmp_path: Path) -> None:
    full = OSError(28, "No space left on device", str(tmp_path / "run" / "vae.log"))
    said = r"vae\.log: cannot be written \(the disk is full\)"
    with pytest.raises(OutputError, match=said), writing_below(tmp_path):
        raise full


@pytest.mark.parametrize(
    ("rank", "of"), [(None, None), ("0", "2"), ("1", "2"), ("1", None), ("1", "")]
)
def test_of_several_processes_the_first_speaks(
    rank: str | None,
    of: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)
    for name, value in (("RANK", rank), ("WORLD_SIZE", of)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    report = job.TrainReport(Path("m"), Path("m.training"), None, (), 0, (), (), 1.0)
    monkeypatch.setattr(job, "train", lambda *_: report)
    assert run(["train", "tiny.yaml", "-o", "m", "--device", "cpu", "--json"]) == 0
    told = capsys.readouterr()
    if of == "2" and rank == "1":
        assert told.out == told.err == ""
    else:
        assert json.loads(told.out) == report.to_json() and "m: a model" in told.err
