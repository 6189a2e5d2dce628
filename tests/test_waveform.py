"""Latents to sound: chunks of an absolute grid, and vocoder pieces that equal the whole."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ambientgen.models.loading import Model
from ambientgen.models.vocoder import TextureVocoder
from ambientgen.noise import Take
from ambientgen.stretch import VOCODER_CONTEXT, Grid, Reach
from ambientgen.training.mel import log_mel, mel_basis
from ambientgen.units import TONE_FRAMES
from ambientgen.waveform import Chunk, Decoder, chunked
from ambientgen.workers import Workers

FloatArray = NDArray[np.float32]


def _cut(values: FloatArray, lengths: list[int]) -> Iterator[FloatArray]:
    start = 0
    for length in [*lengths, values.shape[1]]:
        yield values[:, start : start + length]
        start += length


@given(
    first=st.integers(0, 30),
    frames=st.integers(1, 90),
    lengths=st.lists(st.integers(1, 30), max_size=8),
    core=st.integers(1, 20),
    context=st.tuples(st.integers(0, 12), st.integers(0, 12)),
    below=st.booleans(),
)
def test_chunks_hold_the_stream_at_their_absolute_places(
    first: int, frames: int, lengths: list[int], core: int, context: tuple[int, int], below: bool
) -> None:
    values = np.arange(first, first + frames, dtype=np.float32)[None] + 1
    pieces = list(Grid(core).pieces(first, first + frames + 3 * core))
    floor = None if below else 0
    chunks = list(chunked(_cut(values, lengths), first, pieces, context, floor))
    assert [chunk.start for chunk in chunks] == [p[0] for p in pieces if p[0] < first + frames]
    for chunk in chunks:
        assert chunk.lead == (context[0] if below else min(context[0], chunk.start))
        assert chunk.frames == core
        places = np.arange(chunk.start - chunk.lead, chunk.start + core + context[1])
        known = (places >= first) & (places < first + frames)
        np.testing.assert_array_equal(chunk.values[0], np.where(known, places + 1, 0))


def test_chunks_of_no_stream_are_none() -> None:
    assert list(chunked([], 0, [(0, 4)], (1, 1))) == []


@given(st.integers(1, 400), st.integers(1, 100), st.integers(-900, 900), st.integers(1, 900))
def test_a_grid_tiles_the_timeline_and_repeats_with_a_loop(
    period: int, core: int, first: int, frames: int
) -> None:
    grid = Grid(core, period)
    found = list(grid.pieces(first, first + frames))
    assert found[0][0] <= first < found[0][1] and found[-1][0] < first + frames <= found[-1][1]
    assert all(left[1] == right[0] for left, right in pairwise(found))
    assert all(min(core, period) <= end - start < 2 * core or core > period for start, end in found)
    turned = [(start + period, end + period) for start, end in found]
    assert list(grid.pieces(first + period, first + period + frames)) == turned


@pytest.fixture
def vocoder() -> TextureVocoder:
    """A small texture vocoder with weights large enough that tones and gains are heard."""
    torch.manual_seed(3)
    network = TextureVocoder(width=16, depth=6)
    torch.nn.init.normal_(network.head.weight, std=0.05)
    network.spread.copy_(torch.rand(network.spread.shape) / 100)
    network.phase.copy_(torch.rand(network.phase.shape))
    return network.eval().requires_grad_(False)


def _far_reaching(led: bool) -> TextureVocoder:
    """A texture vocoder that hears all that it can reach, and clicks."""
    torch.manual_seed(3)
    network = TextureVocoder(width=16, depth=6, pulses=4, led=led)
    network.set_front_end(mel_basis())
    torch.nn.init.normal_(network.head.weight, std=0.05)
    for block in network.blocks:
        torch.nn.init.constant_(block.scale, 3.0)
    if led:
        torch.nn.init.normal_(network.leading.weight, std=0.5)
    return network.eval().requires_grad_(False)


@given(start=st.integers(0, 12), frames=st.integers(1, 40), led=st.booleans())
def test_a_vocoder_piece_with_context_equals_the_whole(start: int, frames: int, led: bool) -> None:
    network = _far_reaching(led)
    first = TONE_FRAMES * start
    mel, noise = torch.randn(1, 320, 64) - 2, torch.randn(1, 320 * 160)
    whole = network(mel, noise)[0]
    low, high = max(0, first - VOCODER_CONTEXT), min(320, first + frames + VOCODER_CONTEXT)
    piece = network(mel[:, low:high], noise[:, low * 160 : high * 160])[0]
    cut = piece[(first - low) * 160 : (first - low + frames) * 160]
    torch.testing.assert_close(
        cut, whole[first * 160 : (first + frames) * 160], atol=1e-5, rtol=1e-3
    )


@pytest.mark.parametrize("led", [False, True])
def test_a_vocoder_hears_no_further_than_its_context(led: bool) -> None:
    network = _far_reaching(led)
    mel, noise = torch.randn(1, 160, 64) - 2, torch.randn(1, 160 * 160)
    other = mel.clone()
    other[:, 80] += 3
    changed = torch.nonzero(network(mel, noise)[0] != network(other, noise)[0])[:, 0] / 160
    assert (
        float(changed.min()) >= 80 - VOCODER_CONTEXT
        and float(changed.max()) <= 81 + VOCODER_CONTEXT
    )
    assert float(changed.max()) - float(changed.min()) > 40  # frames: it hears nearly as far


def test_hifigan_pieces_equal_the_whole(hub_model: Model) -> None:
    mel = torch.randn(1, 200, 64)
    with torch.no_grad():
        whole = hub_model.vocoder(mel).reshape(-1)
        piece = hub_model.vocoder(mel[:, 32:128]).reshape(-1)
    torch.testing.assert_close(
        piece[32 * 160 : 64 * 160], whole[64 * 160 : 96 * 160], atol=1e-4, rtol=0
    )


def test_a_constant_mel_does_not_buzz(vocoder: TextureVocoder) -> None:
    """No period at the mel hop: the noise never repeats, as HiFi-GAN's constant output does."""
    torch.nn.init.zeros_(vocoder.head.weight)
    with torch.no_grad():
        audio = vocoder(torch.full((1, 400, 64), -4.0))[0, 8000:-8000]
    centred = audio - audio.mean()
    repeat = (centred[160:] * centred[:-160]).mean() / centred.square().mean()
    assert abs(float(repeat)) < 0.05


def test_a_led_vocoder_sounds_as_its_mel_says_but_for_the_noise_that_it_keeps() -> None:
    torch.manual_seed(3)
    network = TextureVocoder(width=16, depth=2, led=True).requires_grad_(False)
    network.set_front_end(mel_basis())
    noise = torch.randn(1, 160 * 160)
    wanted = log_mel(0.1 * torch.randn(1, 160 * 160) * (1 + torch.arange(160 * 160) // 6400 % 2))

    def off(kept: float | None) -> float:
        if kept is None:
            network.leading = None
        else:
            torch.nn.init.constant_(network.leading.bias[:64], kept)
        heard = log_mel(network(wanted, noise))
        return float((heard - wanted)[:, 16:-16].square().mean().sqrt())

    none, half, all_, unled = (off(kept) for kept in (-30, 0, 30, None))
    assert none < 0.85 * half < 0.85 * 0.85 * all_
    assert none < 0.7 * unled


def _latents(model: Model, frames: int) -> FloatArray:
    rows = model.geometry.latent_channels * model.geometry.latent_bins
    return np.random.default_rng(0).standard_normal((rows, frames)).astype(np.float32)


def _decoded(
    model: Model, latents: FloatArray, lengths: list[int], count: int, reach: Reach
) -> FloatArray:
    with Workers(count) as workers:
        blocks = Decoder(model, Take(5), workers).decode(_cut(latents, lengths), 0, reach)
        return np.concatenate(list(blocks))


def test_decoding_does_not_depend_on_blocks_workers_or_what_else_is_asked(hub_model: Model) -> None:
    latents = _latents(hub_model, 300)
    end = 170 * hub_model.geometry.samples_per_frame
    one = _decoded(hub_model, latents, [], 1, Reach(0, end, 160, 4, hub_model.geometry.chunk))
    other = _decoded(
        hub_model, latents, [7, 100, 1, 90], 3, Reach(0, end, 160, 4, hub_model.geometry.chunk)
    )
    assert len(one) == end
    np.testing.assert_array_equal(one, other)
    part = _decoded(
        hub_model, latents, [], 1, Reach(81_000, 90_001, 160, 4, hub_model.geometry.chunk)
    )
    np.testing.assert_array_equal(part, one[81_000:90_001])


def test_chunk_is_frozen() -> None:
    chunk = Chunk(np.zeros((1, 1), np.float32), 0, 0, 1)
    with pytest.raises(AttributeError):
        chunk.start = 3  # type: ignore[misc]
