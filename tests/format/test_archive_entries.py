from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carton_runtime.errors import FormatError
from carton_runtime.format.archive import Decompressor, Method, ZipEntry, data_start, read_descriptor
from carton_runtime.format.archive.codecs import Zstd, zstd

METHODS = list(Method)
CONTENT = bytes(range(256)) * 40


def entry_of(content: bytes, data: bytes, method: Method) -> ZipEntry:
    return ZipEntry("a", method, zlib.crc32(content), len(data), len(content), 0, is_symlink=False, limit=len(data))


def expanded(entry: ZipEntry, *chunks: bytes) -> bytes:
    decompressor = Decompressor(entry)
    content = b"".join(piece for chunk in chunks for piece in decompressor.feed(chunk))
    decompressor.finish()
    return content


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("content", [b"", b"x", CONTENT, b"\0" * 3_000_000])
def test_content_comes_out_as_it_went_in(archive_of: Callable, raw_entry: type, method: Method, content: bytes) -> None:
    archive = archive_of(raw_entry("a", content, method=method), raw_entry("b", b""))
    assert archive.read("a") == content


@pytest.mark.parametrize("method", METHODS)
@given(content=st.binary(max_size=2000), step=st.integers(1, 300))
def test_chunks_may_have_any_size(compress: Callable, method: Method, content: bytes, step: int) -> None:
    data = compress(content, method)
    entry = entry_of(content, data, method)
    assert expanded(entry, *(data[at : at + step] for at in range(0, len(data), step))) == content


def test_a_small_entry_is_read_at_once(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(raw_entry("a", CONTENT), raw_entry("b", CONTENT))
    entry = archive.index().entries["a"]
    archive.ranges.clear()
    assert archive.run_entry(entry) == CONTENT
    assert len(archive.ranges) == 1


def test_a_long_extra_field_takes_one_read_more(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(raw_entry("a", CONTENT, local_extra=b"\x99\x99\xc8\x00" + b"x" * 200), raw_entry("b"))
    entry = archive.index().entries["a"]
    archive.ranges.clear()
    assert archive.run_entry(entry) == CONTENT
    assert len(archive.ranges) == 2


def test_the_data_begins_after_the_local_header(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(raw_entry("é", CONTENT, method=0, local_extra=b"\x99\x99\x00\x00"))
    entry = archive.index().entries["é"]
    start = archive.run(data_start(entry))
    assert archive.data[start : start + entry.size] == CONTENT


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"local_name": b"b"}, "is called b'b' by its local header"),
        ({"local_name": b"a/"}, "is called"),
        ({"local_method": 0}, "local header has method 0"),
        ({"local_signature": b"PK\x01\x02"}, "no local header"),
        ({"crc32": 1}, "checksum"),
        ({"size": 2}, "expands to more than the 2 bytes declared"),
        ({"size": 5}, "5 bytes came out"),
        ({"data": b"garbage"}, "damaged"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(
    archive_of: Callable, raw_entry: type, change: dict[str, object], message: str
) -> None:
    archive = archive_of(raw_entry("a", **({"content": b"abc"} | change)), raw_entry("b"))
    with pytest.raises(FormatError, match=message):
        archive.read("a")


@pytest.mark.parametrize("name", [b"ab", b"b"])
def test_the_name_is_checked_before_the_data_is_read(archive_of: Callable, raw_entry: type, name: bytes) -> None:
    archive = archive_of(raw_entry("a", b"abc", local_name=name), raw_entry("b"))
    with pytest.raises(FormatError, match="by its local header"):
        archive.run(data_start(archive.index().entries["a"]))


def test_a_local_header_may_not_push_the_data_into_the_next_entry(archive_of: Callable, raw_entry: type) -> None:
    entry = raw_entry("a", b"abc", method=0)
    entry.local = lambda: raw_entry.local(entry)[:28] + b"\x09\x00" + raw_entry.local(entry)[30:]
    with pytest.raises(FormatError, match="overlaps"):
        archive_of(entry, raw_entry("b")).read("a")


def test_an_entry_encrypted_only_by_its_local_header_is_refused(archive_of: Callable, raw_entry: type) -> None:
    entry = raw_entry("a", b"abc", method=0)
    entry.local = lambda: raw_entry.local(entry)[:6] + b"\x01\x00" + raw_entry.local(entry)[8:]
    with pytest.raises(FormatError, match="flags 0x1"):
        archive_of(entry).read("a")


@pytest.mark.parametrize("method", METHODS)
def test_pieces_are_small_whatever_they_come_from(compress: Callable, method: Method) -> None:
    content = b"\0" * (5 << 20)
    data = compress(content, method)
    decompressor = Decompressor(entry_of(content, data, method))
    assert max(map(len, decompressor.feed(data))) <= 1 << 20
    decompressor.finish()


@pytest.mark.parametrize("method", [Method.DEFLATE, Method.ZSTD])
def test_a_bomb_stops_at_the_declared_size(compress: Callable, method: Method) -> None:
    data = compress(b"\0" * (50 << 20), method)
    decompressor = Decompressor(entry_of(b"\0" * 100, data, method))
    with pytest.raises(FormatError, match="more than the 100 bytes declared"):
        list(decompressor.feed(data))


@pytest.mark.parametrize("method", METHODS)
def test_more_than_declared_is_not_taken(compress: Callable, method: Method) -> None:
    data = compress(CONTENT, method)
    with pytest.raises(FormatError, match="more bytes than declared"):
        expanded(entry_of(CONTENT, data, method), data, b"x")


@pytest.mark.parametrize("method", METHODS)
def test_less_than_declared_is_noticed(compress: Callable, method: Method) -> None:
    data = compress(CONTENT, method)
    with pytest.raises(FormatError, match="cut short"):
        expanded(entry_of(CONTENT, data, method), data[:-1])


@pytest.mark.parametrize("method", [Method.DEFLATE, Method.ZSTD])
def test_nothing_may_follow_the_compressed_data(compress: Callable, method: Method) -> None:
    data = compress(CONTENT, method) + b"tail"
    with pytest.raises(FormatError, match="damaged"):
        expanded(entry_of(CONTENT, data, method), data)


def test_several_zstd_frames_are_one_content(compress: Callable) -> None:
    skippable = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    data = compress(b"first", 93) + skippable + compress(b"", 93) + compress(b"second", 93)
    entry = entry_of(b"firstsecond", data, Method.ZSTD)
    assert expanded(entry, data) == b"firstsecond"
    assert expanded(entry, *(data[at : at + 1] for at in range(len(data)))) == b"firstsecond"


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_file_may_have_no_bytes_at_all(method: Method) -> None:
    assert expanded(entry_of(b"", b"", method)) == b""


def test_a_changed_byte_is_noticed(compress: Callable) -> None:
    content = os.urandom(1000)
    for method in METHODS:
        data = bytearray(compress(content, method))
        data[len(data) // 2] ^= 1
        with pytest.raises(FormatError, match=r"a: is (damaged|cut)"):
            expanded(entry_of(content, bytes(data), method), bytes(data))


CRC = zlib.crc32(b"abc")


@pytest.mark.parametrize("numbers", [(1, 3, 3), (CRC, 4, 3), (CRC, 3, 0), (0, 0, 0)])
def test_a_local_header_with_other_numbers_is_refused(
    archive_of: Callable, raw_entry: type, numbers: tuple[int, int, int]
) -> None:
    archive = archive_of(raw_entry("a", b"abc", method=0, local_numbers=numbers), raw_entry("b"))
    entry = archive.index().entries["a"]
    for reading in (archive.run_entry, lambda entry: archive.run(data_start(entry))):
        with pytest.raises(FormatError, match="a: its local header and the archive's directory contradict each other"):
            reading(entry)


def test_a_local_header_may_have_its_sizes_in_a_zip64_field(archive_of: Callable, raw_entry: type) -> None:
    marks, field = (CRC, 0xFFFFFFFF, 0xFFFFFFFF), struct.pack("<2H2Q", 1, 16, 3, 3)
    entry = raw_entry("a", b"abc", method=0, local_numbers=marks, local_extra=field)
    assert archive_of(entry, raw_entry("b")).read("a") == b"abc"
    entry.local_extra = struct.pack("<2H2Q", 1, 16, 3, 4)
    with pytest.raises(FormatError, match="contradict"):
        archive_of(entry, raw_entry("b")).read("a")


def test_a_local_header_with_another_name_in_an_extra_field_is_refused(archive_of: Callable, raw_entry: type) -> None:
    field = b"\x75\x70\x09\x00\x01" + b"\0" * 4 + b"evil"
    with pytest.raises(FormatError, match="another name in an extra field: b'evil'"):
        archive_of(raw_entry("a", b"abc", local_extra=field), raw_entry("b")).read("a")


@pytest.mark.parametrize("layout", ["<3L", "<L2Q"])
@pytest.mark.parametrize("signature", [b"", b"PK\7\x08"])
@pytest.mark.parametrize("numbers", [(0, 0, 0), (CRC, 3, 3)])
def test_a_descriptor_may_follow_an_entry(
    archive_of: Callable, raw_entry: type, layout: str, signature: bytes, numbers: tuple[int, int, int]
) -> None:
    descriptor = signature + struct.pack(layout, CRC, 3, 3)
    entry = raw_entry("a", b"abc", method=0, flags=8, local_numbers=numbers, descriptor=descriptor)
    archive = archive_of(entry, raw_entry("b"))
    assert archive.read("a") == b"abc"
    found = archive.index().entries["a"]
    archive.run(read_descriptor(found, archive.run(data_start(found))))


@pytest.mark.parametrize("wrong", [(1, 3, 3), (CRC, 4, 3), (CRC, 3, 4)])
def test_a_descriptor_with_other_numbers_is_refused(
    archive_of: Callable, raw_entry: type, wrong: tuple[int, int, int]
) -> None:
    entry = raw_entry("a", b"abc", method=0, flags=8, local_numbers=(0, 0, 0), descriptor=struct.pack("<3L", *wrong))
    archive = archive_of(entry, raw_entry("b"))
    found = archive.index().entries["a"]
    with pytest.raises(FormatError, match="a: its data descriptor and the archive's directory contradict each other"):
        archive.run_entry(found)
    start = archive.run(data_start(found))
    with pytest.raises(FormatError, match="a: its data descriptor and the archive's directory contradict each other"):
        archive.run(read_descriptor(found, start))


@pytest.mark.parametrize("flags", [0, 8])
def test_bytes_that_nothing_accounts_for_are_refused(archive_of: Callable, raw_entry: type, flags: int) -> None:
    archive = archive_of(raw_entry("a", b"abc", flags=flags, descriptor=b"hidden"), raw_entry("b"))
    with pytest.raises(FormatError, match="a: is followed by 6 bytes"):
        archive.read("a")


def test_a_descriptor_that_only_the_local_header_announces_is_refused(archive_of: Callable, raw_entry: type) -> None:
    entry = raw_entry("a", b"abc", method=0)
    entry.local = lambda: raw_entry.local(entry)[:6] + b"\x08\x00" + raw_entry.local(entry)[8:]
    with pytest.raises(FormatError, match="flags 0x8"):
        archive_of(entry).read("a")


@pytest.mark.timeout(40)  # it took a minute where each frame's end copied all that was behind it
def test_half_a_million_frames_take_no_time_without_end() -> None:
    frame = zstd.compress(b"")
    data = frame * ((5 << 20) // len(frame)) + zstd.compress(b"end")
    codec = Zstd()
    assert codec.expand(data, 1 << 20) == b"end"
    assert codec.expand(b"", 1 << 20) == b""
    assert codec.is_complete()
