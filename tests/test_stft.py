"""Spectra and sounds of our own are torch's."""

from __future__ import annotations

import pytest
import torch

from ambientgen.models.nets.stft import magnitudes, spectra, waveform

SIZES = pytest.mark.parametrize(("size", "hop"), [(512, 80), (1024, 160), (64, 16)])


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


@SIZES
def test_spectra_are_torchs(size: int, hop: int) -> None:
    audio = noise(2, 20 * hop)
    wanted = torch.stft(
        audio,
        size,
        hop,
        window=torch.hann_window(size),
        pad_mode="constant",
        return_complex=True,
    ).transpose(1, 2)
    found = spectra(audio, size, hop)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(magnitudes(found), wanted.abs())


@SIZES
def test_sound_is_torchs_whether_its_last_frame_is_silent_or_not(size: int, hop: int) -> None:
    spectrum = torch.fft.rfft(noise(2, 21, size))
    window = torch.hann_window(size)
    wanted = torch.istft(spectrum.transpose(1, 2), size, hop, window=window, length=20 * hop)
    torch.testing.assert_close(waveform(spectrum, size, hop, 20), wanted)

    silent = torch.cat([spectrum, torch.zeros_like(spectrum[:, :1])], 1).transpose(1, 2)
    wanted = torch.istft(silent, size, hop, window=window, length=21 * hop)
    torch.testing.assert_close(waveform(spectrum, size, hop, 21), wanted)


def test_there_and_back_is_the_same_sound() -> None:
    audio = noise(1, 30 * 160)
    back = waveform(spectra(audio, 1024, 160), 1024, 160, 30)
    torch.testing.assert_close(back, audio, atol=1e-5, rtol=1e-5)


def test_training_may_use_what_a_render_has_left() -> None:
    with torch.inference_mode():
        waveform(spectra(noise(1, 7 * 160), 1024, 160), 1024, 160, 7)
    audio = noise(1, 7 * 160).requires_grad_()
    waveform(spectra(audio, 1024, 160), 1024, 160, 7).square().sum().backward()
    assert audio.grad is not None
    torch.testing.assert_close(audio.grad, 2 * audio.detach(), atol=1e-4, rtol=1e-4)


def test_silence_has_gradients() -> None:
    audio = torch.zeros(1, 10 * 160, requires_grad=True)
    magnitudes(spectra(audio, 1024, 160)).sum().backward()
    assert audio.grad is not None
    assert audio.grad.isfinite().all()
