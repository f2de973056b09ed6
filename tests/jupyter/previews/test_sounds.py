"""Sounds that play, and what their waveform looks like."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
import pytest

from carton_jupyter.previews import preview
from carton_jupyter.previews.sounds import channels_of
from carton_runtime import TensorSpec

TONE = np.sin(np.arange(16_000) / 10)


def played(array: np.ndarray[Any, Any], said: str = "") -> tuple[Any, np.ndarray[Any, Any]]:
    made = preview(array, TensorSpec("audio", "float32", None, said), "audio", key="k")
    assert made.view["kind"] == "audio"
    with wave.open(io.BytesIO(made.blobs[made.view["blob"]].data)) as file:
        assert (file.getsampwidth(), file.getframerate()) == (2, made.view["rate"])
        return made.view, np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())


def test_floats_are_played_as_they_are() -> None:
    view, samples = played(TONE)
    assert samples[:, 0] == pytest.approx(TONE * 32767.5, abs=2)
    assert (view["rate"], view["seconds"], view["more"]) == (16_000, 1.0, "")


def test_int16_is_not_touched() -> None:
    array = (TONE * 30_000).astype(">i2")
    assert np.array_equal(played(array)[1][:, 0], array)


def test_other_integers_have_their_own_full_range() -> None:
    assert played(np.full(100, 2**31 - 1, np.int32))[1].max() == 32767


def test_what_is_too_loud_is_made_softer_and_what_is_no_number_silent() -> None:
    array = TONE * 4
    array[0] = np.nan
    _, samples = played(array)
    assert samples[0] == 0
    assert samples.max() == 32767
    assert samples[:, 0] == pytest.approx(np.nan_to_num(array) / np.abs(array[1:]).max() * 32767.5, abs=2)


@pytest.mark.parametrize("shape", [(2, 500), (500, 2), (1, 2, 500)])
def test_stereo_may_have_its_channels_first_or_last(shape: tuple[int, ...]) -> None:
    assert played(np.zeros(shape))[1].shape == (500, 2)


def test_the_description_names_the_rate() -> None:
    view, _ = played(TONE, "mono, 8 kHz")
    assert (view["rate"], view["seconds"]) == (8_000, 2.0)


def test_peaks_follow_the_waveform() -> None:
    view, _ = played(TONE * np.linspace(0, 1, TONE.size))
    pairs = np.array(view["peaks"]).reshape(-1, 2)
    assert len(pairs) == 200
    assert (pairs[:, 0] <= pairs[:, 1]).all()
    assert pairs[0] == pytest.approx([0, 0], abs=0.01)
    assert pairs[-1] == pytest.approx([-1, 1], abs=0.05)


def test_a_long_sound_is_cut_and_says_so() -> None:
    view, samples = played(np.broadcast_to(np.float32(0), (3600 * 16_000,)))
    assert samples.shape == (120 * 16_000, 1)
    assert (view["seconds"], view["more"]) == (120, "the first 120 of 3,600 seconds")


def test_many_channels_are_no_sound() -> None:
    assert channels_of(np.zeros((100, 100))) is None
    assert channels_of(np.zeros((2, 2, 100))) is None
