"""Sounds in the dtype, the rate and the axes that a model wants."""

from __future__ import annotations

import io
import struct
import wave
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carton_runtime as carton
from carton_jupyter.previews import sound_files
from carton_jupyter.previews.sound_files import read_sound
from carton_runtime import TensorSpec

TONE = np.sin(np.arange(8_000) * 2 * np.pi * 440 / 16_000)


def pcm(samples: Any = TONE, rate: int = 16_000, width: int = 2) -> bytes:
    """What Python's own module writes; `samples` are [samples] or [samples, channels] within -1..1."""
    samples = np.asarray(samples)
    written = io.BytesIO()
    whole = np.rint(samples * (2 ** (8 * width - 1) - 1)).astype("<i4")
    octets = (whole + (128 if width == 1 else 0)).reshape(-1, 1).view(np.uint8)[:, :width]
    with wave.open(written, "wb") as file:
        file.setnchannels(samples.shape[1] if samples.ndim == 2 else 1)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(octets).tobytes())
    return written.getvalue()


def floats(samples: np.ndarray[Any, Any], dtype: str, code: int = 3) -> bytes:
    """A file of floats, whose format may be named at once or, with code 0xFFFE, further on."""
    width = np.dtype(dtype).itemsize
    head = struct.pack("<HHIIHH", code, 1, 16_000, 16_000 * width, width, 8 * width)
    head += struct.pack("<HHIH14x", 22, 8 * width, 4, 3) if code == 0xFFFE else b""
    body = samples.astype(dtype).tobytes()
    chunks = b"".join(
        name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
        for name, data in ((b"fmt ", head), (b"LIST", b"odd"), (b"data", body))
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def spec(dtype: str = "float32", shape: Any = ("n",), said: str = "") -> TensorSpec:
    return TensorSpec("x", dtype, shape, said)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_integers_of_any_width_are_read(width: int) -> None:
    found = read_sound("x.wav", pcm(width=width), spec())
    assert found.dtype == np.float32
    assert found == pytest.approx(TONE, abs=2.0 ** (2 - 8 * width) + 1e-6)


@pytest.mark.parametrize(("dtype", "code"), [("<f4", 3), ("<f8", 3), ("<f4", 0xFFFE)])
def test_floats_are_read(dtype: str, code: int) -> None:
    assert read_sound("x.wav", floats(TONE, dtype, code), spec("float64")) == pytest.approx(TONE, abs=1e-6)


def test_int16_keeps_every_sample() -> None:
    whole = np.arange(-32767, 32767, 7)
    assert np.array_equal(read_sound("x.wav", pcm(whole / 32767), spec("int16")), whole)


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        (("n",), (100,)),
        ((2, "n"), (2, 100)),
        ((1, "n"), (1, 100)),
        (("channels", "n"), (2, 100)),
        (("n", 2), (100, 2)),
        (("batch", "n"), (1, 100)),
        ((1, 1, "n"), (1, 1, 100)),
        (("batch", 2, "n"), (1, 2, 100)),
        (None, (2, 100)),
    ],
    ids=str,
)
def test_the_axes_are_the_spec_s(shape: Any, found: tuple[int, ...]) -> None:
    stereo = np.stack([np.full(100, 0.5), np.full(100, -0.5)], axis=1)
    sound = read_sound("x.wav", pcm(stereo), spec(shape=shape))
    assert sound.shape == found
    assert sound.flags.c_contiguous


def test_mono_is_the_mean_of_the_channels_and_fills_as_many_as_are_wanted() -> None:
    stereo = np.stack([np.full(100, 0.5), np.full(100, -0.5)], axis=1)
    assert read_sound("x.wav", pcm(stereo), spec()) == pytest.approx(np.zeros(100), abs=1e-4)
    assert read_sound("x.wav", pcm(), spec(shape=(2, "n"))).shape == (2, 8_000)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_a_sound_of_another_rate_keeps_its_pitch(rate: int) -> None:
    tone = np.sin(np.arange(rate) * 2 * np.pi * 440 / rate) * 0.5
    found = read_sound("x.wav", pcm(tone, rate), spec(said="mono, 16 kHz"))
    assert found.shape == (16_000,)
    assert np.abs(np.fft.rfft(found)).argmax() == 440
    assert np.abs(found[100:-100]).max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("data", "wanted", "said"),
    [
        (pcm()[:30], spec(), "no WAV file that can be read"),
        (b"RIFF\0\0\0\0WAVE", spec(), "no WAV file that can be read"),
        (pcm(np.zeros((10, 9))), spec(), "9 channels; a sound has 1 to 8"),
        (pcm(), spec("string"), "cannot be put into 'x', which is string"),
        (pcm(), spec("uint8"), "cannot be put into 'x', which is uint8"),
        (pcm(), spec(shape=()), "cannot be put into 0 axes"),
        (pcm(rate=0xFFFF).replace(b"\xff\xff\0\0", bytes(4), 1), spec(), "its rate is 0"),
    ],
    ids=["cut", "empty", "channels", "string", "uint8", "scalar", "rate"],
)
def test_what_is_no_sound_for_it_is_refused(data: bytes, wanted: TensorSpec, said: str) -> None:
    with pytest.raises(carton.InvalidTensorError, match=said):
        read_sound("x.wav", data, wanted)


def test_a_sound_that_would_be_too_long_at_its_rate_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_files, "_MOST_SAMPLES", 10_000)
    with pytest.raises(carton.InvalidTensorError, match="has 16,000 samples at 16,000 Hz, which is too many; cut it"):
        read_sound("x.wav", pcm(TONE, 8_000), spec(said="16 kHz"))
    monkeypatch.setattr(sound_files, "_MOST_SAMPLES", 1_000)
    with pytest.raises(carton.InvalidTensorError, match="more than 1,000 samples"):
        read_sound("x.wav", pcm(), spec())


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=20), st.integers(8, 60))
def test_garbage_is_refused_with_words(noise: bytes, place: int) -> None:
    whole = pcm(TONE[:20])
    try:
        read_sound("x.wav", whole[:place] + noise + whole[place + len(noise) :], spec(said="16 kHz"))
    except carton.InvalidTensorError as error:
        assert "x.wav" in str(error)  # noqa: PT017  # some of it is a sound after all
