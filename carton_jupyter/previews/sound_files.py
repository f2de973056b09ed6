"""Sounds from WAV files in the dtype, the rate and the axes of a spec."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

import carton_runtime as carton
from carton_jupyter.previews.hints import RATES, rate_of
from carton_jupyter.previews.kinds import Array
from carton_jupyter.previews.sounds import MOST_CHANNELS, SAMPLES

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_MOST_SAMPLES = 100_000_000
_CHANNELS = {"c", "ch", "channel", "channels"}


@dataclass(frozen=True)
class _Format:
    code: int
    channels: int
    rate: int
    bits: int


def is_wav(data: bytes) -> bool:
    """Whether a file begins as a WAV file does."""
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE"


def read_sound(name: str, data: bytes, spec: carton.TensorSpec | None) -> Array:
    """A sound as a tensor: floats within -1..1, int16 in its full range.

    Mono where the spec has one axis or one channel, else [channels, samples]; at the rate that the description names.

    Raises:
        InvalidTensorError: the file is no WAV file of whole samples, or the spec is not one of sounds.
    """
    if spec is not None and spec.dtype not in SAMPLES:
        raise carton.InvalidTensorError(f"the sound {name!r} cannot be put into {spec.name!r}, which is {spec.dtype}")
    channels, rate = _read(name, data)
    wanted = rate_of(spec)
    if wanted is not None and wanted != rate:
        channels = _resampled(name, channels, rate, wanted)
    return _typed(_shaped(name, channels, spec), spec.dtype if spec is not None else "float32")


def _read(name: str, data: bytes) -> tuple[Array, int]:
    """Samples within -1..1 as float64 of [channels, samples], and their rate."""
    try:
        chunks = dict(_chunks(data))
        shape = _format(chunks[b"fmt "])
        samples = _samples(shape, chunks[b"data"])
    except (KeyError, ValueError, struct.error) as error:
        raise carton.InvalidTensorError(
            f"{name!r} is no WAV file that can be read ({error}); give one of PCM or floats"
        ) from error
    if not 1 <= shape.channels <= MOST_CHANNELS:
        raise carton.InvalidTensorError(f"{name!r} has {shape.channels} channels; a sound has 1 to {MOST_CHANNELS}")
    whole = samples[: samples.size // shape.channels * shape.channels]
    return whole.reshape(-1, shape.channels).T, shape.rate


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        yield name, data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _format(chunk: bytes) -> _Format:
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if code == _EXTENSIBLE:
        (code,) = struct.unpack_from("<H", chunk, 24)
    if rate not in RATES:
        raise ValueError(f"its rate is {rate}")
    return _Format(code, channels, rate, bits)


def _samples(shape: _Format, data: bytes) -> Array:
    width = shape.bits // 8
    if len(data) > _MOST_SAMPLES * width:
        raise ValueError(f"it has more than {_MOST_SAMPLES:,} samples")
    if shape.code == _FLOAT and width in (4, 8):
        return np.frombuffer(data[: len(data) // width * width], f"<f{width}").astype(np.float64)
    if shape.code != _PCM or width not in (1, 2, 3, 4):
        raise ValueError(f"format {shape.code} of {shape.bits} bits is not known")
    octets = np.frombuffer(data[: len(data) // width * width], np.uint8).reshape(-1, width)
    if width == 1:
        return (octets[:, 0] - 128.0) / 128  # the only width without a sign
    padded = np.zeros((len(octets), 4), np.uint8)
    padded[:, 4 - width :] = octets
    return np.asarray(padded.view("<i4")[:, 0] / float(1 << 31))


def _resampled(name: str, channels: Array, rate: int, wanted: int) -> Array:
    """The same sound at another rate, by its spectrum."""
    there = channels.shape[1]
    count = max(1, round(there * wanted / rate))
    if channels.shape[0] * count > _MOST_SAMPLES:
        raise carton.InvalidTensorError(f"{name!r} has {count:,} samples at {wanted:,} Hz, which is too many; cut it")
    spectrum = np.fft.rfft(channels, axis=1)[:, : count // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, count, axis=1) * (count / max(there, 1)))


def _shaped(name: str, channels: Array, spec: carton.TensorSpec | None) -> Array:
    shape = spec.shape if spec is not None and isinstance(spec.shape, tuple) else None
    if shape is None:
        return channels[0] if len(channels) == 1 else channels
    mono: Array = channels.mean(axis=0)
    if len(shape) == 1:
        return mono
    if len(shape) not in (2, 3):
        raise carton.InvalidTensorError(f"the sound {name!r} cannot be put into {len(shape)} axes; give a .npy file")
    if len(shape) == 3:
        return _channelled(channels, shape[1:])[np.newaxis]
    return _channelled(channels, shape)


def _channelled(channels: Array, sizes: tuple[int | str | None, ...]) -> Array:
    """[channels, samples], or the reverse where the last axis is that of channels."""
    is_last = _is_channels(sizes[1]) and not _is_channels(sizes[0])
    wanted = sizes[1] if is_last else sizes[0]
    is_mono = wanted == 1 or (isinstance(wanted, str) and not _is_channels(wanted))  # a batch of one
    fitting = channels.mean(axis=0, keepdims=True) if is_mono else channels
    if isinstance(wanted, int) and len(fitting) == 1:
        fitting = np.repeat(fitting, wanted, axis=0)
    return fitting.T if is_last else fitting


def _is_channels(size: int | str | None) -> bool:
    return size.lower() in _CHANNELS if isinstance(size, str) else size is not None and size <= MOST_CHANNELS


def _typed(samples: Array, dtype: str) -> Array:
    if dtype in ("float32", "float64"):
        return np.ascontiguousarray(samples, dtype)
    full = np.iinfo(dtype)
    return np.ascontiguousarray(np.rint(samples * (full.max + 1.0)).clip(full.min, full.max), dtype)
