"""Windows that share a pass of the UNet: how many a GPU holds, and that they are what they were."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hubconfigs import UNET
from hypothesis import given
from hypothesis import strategies as st
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ambientgen import reuse
from ambientgen.cli.app import run
from ambientgen.errors import ExitCode, UsageError
from ambientgen.latents import SamplerOptions, denoise
from ambientgen.loa import Conditioning, condition
from ambientgen.models import batch as batches
from ambientgen.models.batch import batch_for, fitting, rows_of, weight_bytes, window_bytes
from ambientgen.models.loading import Model, load
from ambientgen.models.nets.unet import Unet
from ambientgen.models.profile import device_name, profile_of
from ambientgen.models.registry import POCKET, pocket_folder, resolve
from ambientgen.models.weights import Unfilled
from ambientgen.passes import PATIENCE, Pass, in_order, passes, row_of
from ambientgen.renderer import Renderer, RenderReport
from ambientgen.rounds import placed, to_make
from ambientgen.scene import Scene, parse_scene
from ambientgen.sidecar import Sidecar, read_sidecar, rule_for
from ambientgen.store import Store
from ambientgen.windows import Window

GB = 1_000_000_000
CARDS = (4, 8, 16, 24, 80)

# Widths of cvssp/audioldm2 (haoheliu/AudioLDM2: 128 channels times 1, 2, 3, 5, two blocks a level);
# of its 1.1 billion parameters the UNet's 350 million are in half precision, as are some others.
AUDIOLDM2: dict[str, Any] = UNET | {
    "attention_head_dim": 8,
    "block_out_channels": [128, 256, 384, 640],
    "cross_attention_dim": [[None, 768, 1024]] * 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
}
AUDIOLDM2_WINDOW = (256, 16)
AUDIOLDM2_WEIGHTS = 4 * 750_000_000 + 2 * 350_000_000


@pytest.fixture(scope="module")
def half() -> Model:
    return load(resolve(POCKET), "cpu", torch.float16)


def pocket_config() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((pocket_folder() / "unet" / "config.json").read_text())
    return told


# How much a window takes


def _storage(tensor: torch.Tensor) -> Any:
    """What tells whether the tensor's memory is still held, without holding it."""
    reference: Any = StorageWeakRef
    return reference(tensor.untyped_storage())


class Held(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The most bytes that results of operators held at once, but for views of `known` tensors."""

    def __init__(self, known: Iterable[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = 0
        self._known = {_storage(each) for each in known}
        self._alive: dict[Any, int] = {}

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        out = operator(*args, **(kwargs or {}))
        self._alive = {ref: size for ref, size in self._alive.items() if not ref.expired()}
        for each in tree_leaves(out):
            if isinstance(each, torch.Tensor) and (ref := _storage(each)) not in self._known:
                self._alive[ref] = each.untyped_storage().nbytes()
        self.most = max(self.most, sum(self._alive.values()))
        return out


@torch.no_grad()
def held(unet: Unet, config: dict[str, Any], image: tuple[int, int]) -> int:
    """Bytes that one window, guided, holds in a pass of a UNet, at its first and later steps."""
    like = next(unet.parameters())
    loa_width, text_width = config["cross_attention_dim"][-1][1:]
    sample = like.new_zeros(2, config["in_channels"], *image)
    loa, text = like.new_zeros(2, 8, loa_width), like.new_zeros(2, 20, text_width)
    with Held(unet.parameters()) as counting:
        streams = unet.streams(loa, text, None)
        for time in (900, 10):
            unet.predict(sample, torch.tensor(time, device=like.device), streams)
    return int(counting.most)


def test_what_pockets_windows_take_is_less_than_reckoned_and_not_much_less(pocket: Model) -> None:
    config, unet = pocket_config(), pocket.unet
    assert isinstance(unet, Unet)
    for frames in (32, 104):
        true = held(unet, config, (frames, 8))
        assert true < window_bytes(config, (frames, 8), torch.float32) < 3 * true


def test_what_audioldm2s_windows_take_is_less_than_reckoned_and_not_much_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without memory or arithmetic; attention as a GPU has it, never with all its scores."""
    monkeypatch.setattr(F, "scaled_dot_product_attention", lambda q, *_: torch.empty_like(q))
    with Unfilled():
        unet = Unet.configured(AUDIOLDM2).to(torch.float16)
    assert next(unet.parameters()).is_meta
    assert sum(p.numel() for p in unet.parameters()) == pytest.approx(350e6, rel=0.02)
    true = held(unet, AUDIOLDM2, AUDIOLDM2_WINDOW)
    assert true < window_bytes(AUDIOLDM2, AUDIOLDM2_WINDOW, torch.float16) < 3 * true


# How many a card holds


def test_a_card_holds_more_the_larger_it_is() -> None:
    small = window_bytes(pocket_config(), (104, 8), torch.float16)
    large = window_bytes(AUDIOLDM2, AUDIOLDM2_WINDOW, torch.float16)
    weights = 60_000_000
    assert [fitting(card * GB, weights, small) for card in CARDS] == [64] * len(CARDS)
    found = [fitting(card * GB, AUDIOLDM2_WEIGHTS, large) for card in CARDS]
    assert found == [1, 8, 8, 8, 8]


@given(st.integers(0, 10**12), st.integers(0, 10**11), st.integers(1, 10**10))
def test_a_batch_is_a_power_of_two_that_leaves_the_share_free(
    card: int, weights: int, each: int
) -> None:
    batch = fitting(card, weights, each)
    assert batch in {2**power for power in range(7)}
    assert batch == 1 or batch * each + weights <= 0.75 * card
    assert batch == 1 or batch * each <= batches.MOST_BYTES
    full = 2 * batch * each > batches.MOST_BYTES or 2 * batch * each + weights > 0.75 * card
    assert batch == batches.MOST_FITTING or full
    assert fitting(card + 1, weights, each) >= batch


def test_longer_and_finer_windows_take_more() -> None:
    config = pocket_config()
    sizes = [window_bytes(config, (frames, 8), torch.float16) for frames in (8, 32, 56, 104, 512)]
    assert sizes == sorted(set(sizes))
    full = window_bytes(config, (104, 8), torch.float32)
    assert sizes[3] < full <= 2 * sizes[3]


def test_what_an_older_configuration_leaves_out_is_as_ever() -> None:
    older = {name: value for name, value in AUDIOLDM2.items() if name != "layers_per_block"}
    sizes = [window_bytes(told, AUDIOLDM2_WINDOW, torch.float16) for told in (older, AUDIOLDM2)]
    assert sizes[0] == sizes[1]
    assert window_bytes({}, AUDIOLDM2_WINDOW, torch.float16) > sizes[0]


def test_weights_are_counted_in_their_precision(pocket: Model, half: Model) -> None:
    folder = sum(file.stat().st_size for file in pocket_folder().rglob("*.safetensors"))
    assert 0.8 * folder < weight_bytes(half) < weight_bytes(pocket) < 3 * folder


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A GPU as torch describes it; its size may be changed."""
    size = {"total_memory": 8 * GB}
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda _device: SimpleNamespace(**size)
    )
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "A Card")
    monkeypatch.setattr(torch.cuda, "mem_get_info", None)  # what is free now is no matter
    return size


def test_a_gpus_batch_is_of_its_size_alone(half: Model, card: dict[str, int]) -> None:
    on_card = replace(half, device=torch.device("cuda"))
    assert batch_for(on_card, 104) == 64
    card["total_memory"] = 2 * weight_bytes(half)
    assert 1 <= batch_for(on_card, 4096) < batch_for(on_card, 104) < 64
    profile = profile_of(on_card.device, on_card.dtype, batch_for(on_card, 104)).to_json()
    assert (profile["device"], profile["dtype"]) == ("cuda A Card", "float16")
    assert profile["batch"] == batch_for(on_card, 104)


def test_a_cpu_takes_two_of_a_narrow_unet_and_apples_gpu_four(half: Model) -> None:
    with torch.device("meta"):
        wide = replace(half, unet=Unet.configured(AUDIOLDM2))
    assert batch_for(half, 104) == batch_for(half, 32) == 2
    assert batch_for(wide, 256) == 1
    assert batch_for(replace(half, device=torch.device("mps")), 104) == 4


def test_shorter_windows_are_more_in_a_pass() -> None:
    assert [rows_of(2, 104, frames) for frames in (104, 56, 32, 16, 112)] == [2, 2, 4, 8, 2]
    assert [rows_of(1, 104, frames) for frames in (104, 32)] == [1, 1]
    assert rows_of(64, 256, 16) == 1024


# How windows are put together


def windows(lengths: list[int], silent: Container[int] = ()) -> list[Window]:
    """Of so many latent frames with their overlap of 8, one after another, some of them silent."""
    starts = [sum(lengths[:i]) - 8 * i for i in range(len(lengths))]
    return [
        Window(i, start, frames, frames - 8, i in silent)
        for i, (start, frames) in enumerate(zip(starts, lengths, strict=True))
    ]


def indices(together: Pass) -> dict[int, int]:
    return {row: window.index for row, (_, window) in together.windows.items()}


TWOS = partial(rows_of, 2, 104)


def test_windows_of_one_length_meet_in_the_rows_of_their_time() -> None:
    given = windows([32, 32, 56, 32, 32, *[104] * 3, *[32] * 4])
    assert [indices(each) for each in passes(given, TWOS)] == [
        {0: 0, 1: 1},  # whose first row is wanted again
        {1: 5, 0: 6},
        {0: 3, 1: 4, 2: 8, 3: 9},
        {1: 2},  # nobody else came
        {1: 7},
        {0: 10, 1: 11},
    ]
    assert [indices(each) for each in passes(given, lambda _: 1)] == [{0: w.index} for w in given]


LENGTHS = st.lists(st.sampled_from([32, 56, 104]), max_size=60)


@given(LENGTHS, st.sampled_from([1, 2, 3, 9, 64]))
def test_every_window_is_made_once_and_comes_in_its_turn(lengths: list[int], batch: int) -> None:
    given, rows = windows(lengths), partial(rows_of, batch, 104)
    grouped = list(passes(given, rows))
    for each in grouped:
        together = [window for _, window in each.windows.values()]
        assert {rows(window.frames) for window in together} == {each.rows}
        assert len({window.frames for window in together}) == 1
        assert all(row == row_of(window, each.rows) for row, (_, window) in each.windows.items())
    assert list(in_order(chain.from_iterable(each.windows.values() for each in grouped))) == given


@given(LENGTHS, st.sampled_from([1, 2, 3, 9, 64]))
def test_no_window_waits_for_many_others(lengths: list[int], batch: int) -> None:
    seen: list[Window] = []

    def coming() -> Iterator[Window]:
        for window in windows(lengths):
            seen.append(window)
            yield window

    for each in passes(coming(), partial(rows_of, batch, 104)):
        first = min(due for due, _ in each.windows.values())
        (length,) = {window.frames for _, window in each.windows.values()}
        assert sum(window.frames != length for window in seen[first:]) <= PATIENCE


@pytest.mark.parametrize("batch", [1, 2, 16, 64])
@pytest.mark.parametrize("frames", [32, 104])
def test_passes_of_a_steady_scene_are_full(frames: int, batch: int) -> None:
    grouped = list(passes(windows([frames] * 640), partial(rows_of, batch, 104)))
    assert sum(each.rows for each in grouped) < 1.25 * 640


@given(
    st.lists(st.sampled_from([32, 56, 104]), min_size=1, max_size=12),
    st.integers(126, 140),
    st.integers(1, 4),
    st.sampled_from([2, 64]),
    st.sets(st.integers(0, 139)),
)
def test_a_long_loops_windows_come_in_their_turns(
    lengths: list[int], count: int, turns: int, batch: int, silent: set[int]
) -> None:
    """Some are kept for later turns, and the rest made anew in each; silent ones never are."""
    loop = windows([lengths[i % len(lengths)] for i in range(count)], silent)
    total = sum(window.core_frames for window in loop)
    plan = SimpleNamespace(
        windows=loop,
        loop=SimpleNamespace(frames=total),
        made_latents=(0, turns * total),
    )
    made = chain.from_iterable(
        [(due, (window, window.index)) for due, window in each.windows.values()]
        for each in passes(to_make(plan), partial(rows_of, batch, 104))  # type: ignore[arg-type]
    )
    found = list(placed(plan, in_order(made), lambda window: -window.index))  # type: ignore[arg-type]
    assert [start for start, _ in found] == sorted(start for start, _ in found)
    assert len(found) >= turns * count
    by_start = {window.start_frame: window.index for window in loop}
    for start, index in found:
        own = by_start[start % total]
        assert index == (-own if own in silent else own)


def test_a_loop_that_never_ends_meets_itself_turn_by_turn() -> None:
    def turns() -> Iterator[Window]:
        while True:
            yield from windows([32] * 3)

    grouped = passes(turns(), TWOS)
    assert [indices(next(grouped)) for _ in range(3)] == [{0: 0, 1: 1, 2: 2}] * 3


@pytest.mark.parametrize("frames", [32, 56, 104])
def test_a_row_is_the_same_to_the_bit_whatever_the_others_hold(pocket: Model, frames: int) -> None:
    """What stretches, edits and stores rest on: see `passes.Pass`."""
    rows = TWOS(frames)
    torch.manual_seed(3)
    noise = torch.randn(rows, 16, frames, 8)
    told = [condition(pocket, words) for words in ("light rain", "heavy rain")]
    each: list[Conditioning] = [told[row % 2] for row in range(rows)]
    options = SamplerOptions(steps=2)
    whole = denoise(pocket, noise, each, options)
    for row in range(rows):
        filled = torch.stack([noise[row]] * rows)
        alone = denoise(pocket, filled, [each[row]] * rows, options)
        assert torch.equal(alone[row], whole[row])
    assert not torch.equal(whole[0], whole[1])


# That they are what they were

SCENE = """
title: A test of batches
duration: 11s
seed: 11
output: {bits: 32f}
states:
  rain:
    curve: {0s: 0.2, 6s: 0.9}
"""


@pytest.fixture
def scene(hub_faithful_folder: Path) -> Scene:
    text = SCENE + f"model: {hub_faithful_folder}\nrender: {{steps: 2, guidance: 2}}\n"
    return parse_scene(text, "rain.yaml")


def rendered(
    scene: Scene, path: Path, batch: int | None, workers: int = 1, store: Store | None = None
) -> RenderReport:
    renderer = Renderer("cpu", workers, store=store, batch=batch)
    return renderer.render(scene, path, force=True, sidecar=rule_for(str(path), True, True))


def profile_beside(path: Path) -> dict[str, Any]:
    beside = read_sidecar(path.with_suffix(".json"))
    assert beside is not None
    told: dict[str, Any] = beside.document["profile"]
    return told


@pytest.mark.slow
def test_windows_together_are_what_they_are_alone(scene: Scene, tmp_path: Path) -> None:
    """Within rounding, if there is any; and to the bit, however many workers there are."""
    one, three = tmp_path / "one.wav", tmp_path / "three.wav"
    alone, together = rendered(scene, one, 1), rendered(scene, three, 3)
    assert alone.windows.total > 3
    samples = [soundfile.read(path, dtype="float32")[0] for path in (one, three)]
    peak = np.abs(samples[0]).max()
    assert peak > 0 and np.abs(samples[0] - samples[1]).max() < 1e-4 * peak
    assert profile_beside(one) == {**profile_beside(three), "batch": 1}
    assert profile_beside(three)["batch"] == 3
    for workers in (2, 3):
        assert rendered(scene, tmp_path / "more.wav", 3, workers).sha256 == together.sha256
    assert rendered(scene, tmp_path / "one too.wav", 1).sha256 == alone.sha256


@pytest.mark.slow
def test_a_store_resumes_batches_and_keeps_sizes_apart(scene: Scene, tmp_path: Path) -> None:
    store, out = Store(tmp_path / "windows"), tmp_path / "rain.wav"
    afresh = rendered(scene, out, 3)
    first = rendered(scene, out, 3, store=store)
    assert (first.sha256, first.windows.reused) == (afresh.sha256, 0)
    other = rendered(scene, out, 2, store=store)
    assert other.windows.reused == 0
    again = rendered(scene, out, 3, workers=2, store=store)
    assert (again.windows.computed, again.sha256) == (0, afresh.sha256)
    for entry in sorted(store.folder.rglob("*.entry"))[::5]:  # as a render that was killed
        entry.unlink()
    resumed = rendered(scene, out, 3, store=store)
    assert 0 < resumed.windows.computed < resumed.windows.total
    assert resumed.sha256 == afresh.sha256


@pytest.mark.slow
def test_a_sidecar_is_rendered_again_in_the_batches_it_tells_of(
    scene: Scene, hub_faithful_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file, first, again = (tmp_path / name for name in ("rain.yaml", "rain.wav", "again.wav"))
    text = SCENE + f"model: {hub_faithful_folder}\nrender: {{steps: 2, guidance: 2}}\n"
    file.write_text(text)
    usual = ["--device", "cpu", "--no-cache", "--quiet"]
    assert run(["render", str(file), "-o", str(first), "--batch", "3", *usual]) == ExitCode.DONE
    beside = str(first.with_suffix(".json"))
    assert run(["render", beside, "-o", str(again), *usual]) == ExitCode.DONE
    assert again.read_bytes() == first.read_bytes()
    assert profile_beside(again)["batch"] == 3
    verifying = ["verify", "--render", str(first), "--device", "cpu", "--quiet"]
    assert run(verifying) == ExitCode.DONE
    lone = tmp_path / "lone.wav"
    assert run(["render", beside, "-o", str(lone), *usual, "--batch", "1"]) == ExitCode.DONE
    assert profile_beside(lone)["batch"] == 1
    # Whether rounding differs with the size of a pass is the CPU's affair.
    differs = lone.read_bytes() != first.read_bytes()
    said = run([*verifying, "--batch", "1"])
    assert said == (ExitCode.FAILED if differs else ExitCode.DONE)
    told = capfd.readouterr().err
    assert ("here these are different: profile.batch" in told) == differs


def test_what_a_sidecar_says_of_batches_is_of_its_device_and_model() -> None:
    def told(**profile: object) -> dict[str, Any]:
        return {"model": {"fingerprint": "f"}, "profile": {"device": "cpu", **profile}}

    assert Sidecar("a.json", told(batch=3)).batches == {("f", "cpu"): 3}
    layers = [told(batch=2), {"name": "none"}, {**told(batch=4), "model": {"fingerprint": "g"}}]
    assert Sidecar("a.json", {"layers": layers}).batches == {("f", "cpu"): 2, ("g", "cpu"): 4}
    for none in (told(), told(batch=0), told(batch=True), told(batch="3"), {"profile": 1}):
        assert Sidecar("a.json", none).batches == {}


def test_another_devices_batches_are_not_taken_over(scene: Scene) -> None:
    renderer = Renderer("cpu", 1)
    model = renderer.model(scene.model)
    content = renderer.content(model)

    def batch(known: dict[tuple[str, str], int]) -> int:
        return renderer._studio(None, known).batch(model, 88)  # type: ignore[arg-type]

    assert device_name(model.device) == "cpu"
    assert batch({(content, "cpu"): 5}) == 5
    assert batch({(content, "cuda A Card"): 64}) == batch({("other", "cpu"): 5}) == 2
    assert batch({(content, "cpu"): 10**9}) == 2
    renderer._batch = 3
    assert batch({(content, "cpu"): 5}) == 3


# What goes wrong


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "1.5", "1025", ""])
def test_a_batch_that_is_none_is_told_in_a_line(
    wrong: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for command in ("render", "play", "preview", "verify"):
        assert run([command, "rain.yaml", f"--batch={wrong}"]) == ExitCode.BAD_INPUT
        said = capfd.readouterr().err.strip()
        assert said.startswith(f"ambientgen: --batch: `{wrong}` is no") and "\n" not in said
        assert said.endswith("write for example `--batch 4`")


@pytest.mark.parametrize("wrong", [0, -1, 1025])
def test_the_library_refuses_such_batches_too(wrong: int) -> None:
    with pytest.raises(UsageError, match=f"^--batch: `{wrong}` windows .* from 1 to 1024$"):
        Renderer("cpu", batch=wrong)


@pytest.mark.parametrize("wrong", [0, -1])
def test_the_library_refuses_so_many_workers(wrong: int) -> None:
    with pytest.raises(UsageError, match=f"^--workers: `{wrong}` is no .* write 1 or more"):
        Renderer("cpu", wrong)


def test_the_library_refuses_a_device_that_is_none_whether_or_not_it_is_used() -> None:
    with pytest.raises(UsageError, match=r"^--device: 'gpu' is no device; choose auto, cpu"):
        Renderer("gpu")


@pytest.mark.parametrize(
    ("batch", "remedy"),
    [(3, "write `--batch 1`, or use `--device cpu`"), (1, "use `--device cpu`")],
)
def test_a_memory_that_does_not_do_is_told_in_a_line(
    scene: Scene,
    tmp_path: Path,
    batch: int,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB.\nAnd more.")

    monkeypatch.setattr(reuse, "denoise", full)
    with pytest.raises(UsageError) as told:
        rendered(scene, tmp_path / "rain.wav", batch)
    assert told.value.exit_code is ExitCode.BAD_INPUT
    said = str(told.value)
    assert said.startswith(f"--batch: a pass of {batch} window") and said.endswith(remedy)
    assert "\n" not in said
    assert not list(tmp_path.iterdir())
