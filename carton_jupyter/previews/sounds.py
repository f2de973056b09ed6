"""Sounds: samples to a WAV file and to the outline of their waveform."""

from __future__ import annotations

import io
import wave

import numpy as np

from carton_jupyter.previews.figures import unit
from carton_jupyter.previews.kinds import Array, Blob
from carton_jupyter.previews.sampling import long_rows

MOST_CHANNELS = 8
SAMPLES = ("float32", "float64", "int16", "int32")
"""The dtypes of samples."""


def channels_of(array: Array) -> Array | None:
    """Samples as a view of [channels, samples], or `None` where the shape is not a sound's.

    Takes [samples], [channels, samples] and [samples, channels], each also with leading axes of size 1.
    """
    return long_rows(array, MOST_CHANNELS)


def wav(channels: Array, rate: int) -> Blob:
    """A WAV file of 16 bits.

    Args:
        channels: [channels, samples]; floats within -1..1 (louder ones are made softer), or integers in full range.
        rate: samples a second.
    """
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(channels.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(_int16(channels).T.tobytes())
    return Blob("audio/wav", written.getvalue())


def peaks(channels: Array, most: int) -> list[float]:
    """The least and the greatest value of each of at most so many stretches, within -1..1."""
    mixed = _unit(channels).mean(axis=0)
    starts = np.unique(np.linspace(0, mixed.size, min(most, mixed.size), endpoint=False).astype(np.intp))
    pairs = np.stack([np.minimum.reduceat(mixed, starts), np.maximum.reduceat(mixed, starts)], axis=1)
    return [round(peak, 3) for peak in pairs.reshape(-1).tolist()]


def _int16(channels: Array) -> Array:
    if channels.dtype.newbyteorder("=") == np.int16:
        return channels.astype("<i2")
    rounded: Array = np.rint(_unit(channels) * 32768).clip(-32768, 32767)
    return rounded.astype("<i2")


def _unit(channels: Array) -> Array:
    """Samples within -1..1, as float64."""
    if channels.dtype.kind != "f":
        full = np.iinfo(channels.dtype)
        return unit(channels.astype(np.float64), full.min, full.max) * 2 - 1
    finite = np.nan_to_num(channels.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0)
    return np.asarray(finite / max(1.0, float(np.abs(finite).max(initial=0))))
