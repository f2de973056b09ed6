"""Damaged input: it is read, or a `FormatError` is raised; nothing else, and no memory is taken on its word."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carton_runtime.errors import FormatError
from carton_runtime.format import v1
from carton_runtime.format.limits import Limits
from carton_runtime.format.manifest import Links, Manifest
from carton_runtime.format.tensor_files import TensorIndex, encode

TOML = b"""spec_version = 1
required_platforms = ["x86_64-unknown-linux-gnu"]
[runner]
runner_name = "python"
required_framework_version = "=3.10"
runner_compat_version = 1
opts = {"a.b" = 1, c = 1.5, d = true}
[[input]]
name = "x"
dtype = "float32"
shape = ["batch", "*", 3]
[[self_test]]
inputs = {x = "@tensor_data/a"}
[[example]]
inputs = {x = "@misc/a.png"}
"""
LINKS = b"version = 1\n[urls]\n" + b"a" * 64 + b' = ["https://x.example/a"]\n'
TENSORS = encode({"a": np.arange(6.0).reshape(2, 3), "s": np.array(["x", "y"])})
LIMITS = Limits(entries=100, expanded_size=1 << 20)

TOKENS = st.sampled_from(
    b"[ ] { } = . , -1 1e999 nan true [[a]] 9223372036854775808 1979-05-27 @misc/../ @tensor_data/ # \\ud800".split()
) | st.sampled_from([b'"', b"'", b'"*"', b'"""', b"\n", b"\xff", b"\0", b"9" * 5000])
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), TOKENS | st.binary(max_size=4)), min_size=1, max_size=4)


def edited(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for place, removed, added in edits:
        at = int(place * len(data))
        data = data[:at] + added + data[at + removed :]
    return data


def attempt(read: Callable[[], object]) -> object:
    try:
        return read()
    except FormatError:
        return None


@given(EDITS)
@settings(max_examples=400)
def test_a_damaged_document_is_read_or_refused(edits: list[tuple[float, int, bytes]]) -> None:
    data = edited(TOML, edits)
    document = attempt(lambda: v1.parse(data))
    if document is not None:
        # What could be read can also be written, and means the same
        assert v1.serialise(v1.parse(v1.serialise(document))) == v1.serialise(document)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@example(b"\xef\xbb\xbfspec_version = 1")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for parse in (v1.parse, Links.parse, Manifest.parse, TensorIndex.parse):
        attempt(lambda parse=parse: parse(data))


@given(EDITS)
def test_damaged_links_and_manifests_are_read_or_refused(edits: list[tuple[float, int, bytes]]) -> None:
    attempt(lambda: Links.parse(edited(LINKS, edits)))
    manifest = attempt(lambda: Manifest.parse(edited(b"model/a=" + b"0" * 64 + b"\n", edits)))
    if manifest is not None:
        assert Manifest.parse(manifest.serialise()) == manifest


@given(EDITS, EDITS)
def test_damaged_tensors_are_read_or_refused(edits: list[tuple[float, int, bytes]], others: list) -> None:
    files = {path: edited(bytes(content), others) for path, content in TENSORS.items()}
    index = attempt(lambda: TensorIndex.parse(edited(bytes(TENSORS["tensor_data/index.toml"]), edits)))
    for name in index.tensors if index else ():
        attempt(lambda name=name: index.files_of(name))
        attempt(lambda name=name: index.decode(name, files))


@pytest.fixture(scope="module")
def sample(archive_of: Callable, raw_entry: type) -> bytes:
    entries = [raw_entry(f"model/{method}", bytes(range(256)) * 8, method=method) for method in (0, 8, 93)]
    return archive_of(*entries, zip64=True).data


NUMBERS = st.sampled_from([b"\0", b"\1", b"\x7f", b"\xff", b"\xff" * 4, b"\xff" * 8, b"\0" * 4, b"PK\5\6", b"PK\1\2"])


@given(st.lists(st.tuples(st.floats(0, 1), NUMBERS | st.binary(min_size=1, max_size=4)), min_size=1, max_size=4))
@settings(max_examples=600)
def test_a_damaged_archive_is_read_or_refused(sample: bytes, opened: type, changes: list[tuple[float, bytes]]) -> None:
    data = bytearray(sample)
    for place, change in changes:
        # Most of the places are in the directory and the end records, at the end
        at = int((1 - place**3) * len(data))
        data[at : at + len(change)] = change
    archive = opened(bytes(data))
    index = attempt(lambda: archive.index(limits=LIMITS))
    for entry in index.entries.values() if index else ():
        attempt(lambda entry=entry: archive.run_entry(entry))


def test_every_cut_of_an_archive_is_refused(sample: bytes, opened: type) -> None:
    for length in range(len(sample)):
        with pytest.raises(FormatError):
            opened(sample[:length]).index()


def test_every_single_byte_of_an_archive_may_change(sample: bytes, opened: type) -> None:
    tracemalloc.start()
    try:
        for position in range(len(sample)):
            data = bytearray(sample)
            data[position] ^= 0xFF
            archive = opened(bytes(data))
            index = attempt(lambda archive=archive: archive.index(limits=LIMITS))
            for entry in index.entries.values() if index else ():
                attempt(lambda archive=archive, entry=entry: archive.run_entry(entry))
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()
