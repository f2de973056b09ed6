from __future__ import annotations

import stat
from collections.abc import Callable

import pytest

from carton_runtime.errors import FormatError
from carton_runtime.format.archive import Method, Range
from carton_runtime.format.limits import Limits

SYMLINK = (stat.S_IFLNK | 0o777) << 16
FOLDER = (stat.S_IFDIR | 0o755) << 16
UNICODE_PATH = b"\x75\x70\x09\x00\x01" + b"\0" * 4 + b"evil"


def test_an_archive_like_the_originals_is_read(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(
        raw_entry("carton.toml", b"spec_version = 1"),
        raw_entry("model/main.py", b"print()" * 1000),
        raw_entry("MANIFEST", b"a=b\n", method=0),
    )
    assert list(archive.index().entries) == ["carton.toml", "model/main.py", "MANIFEST"]
    assert archive.read("carton.toml") == b"spec_version = 1"
    assert archive.read("model/main.py") == b"print()" * 1000
    entry = archive.index().entries["MANIFEST"]
    assert (entry.method, entry.size, entry.is_symlink) == (Method.STORED, 4, False)


@pytest.mark.parametrize("zip64", [False, True])
def test_a_small_archive_is_indexed_in_one_read(archive_of: Callable, raw_entry: type, zip64: bool) -> None:
    archive = archive_of(raw_entry("a", b"x"), zip64=zip64)
    assert list(archive.index().entries) == ["a"]
    assert archive.ranges == [Range(0, len(archive.data))]


def test_a_large_directory_takes_one_read_more(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(raw_entry("first", b"x" * 5000, method=0), raw_entry("b" * 300, b"x"))
    index = archive.index(tail=100)
    assert len(archive.ranges) == 2
    assert archive.ranges[0] == Range(len(archive.data) - 100, 100)
    assert archive.ranges[1].start > 5000
    assert archive.run_entry(index.entries["first"]) == b"x" * 5000


def test_an_empty_archive_has_no_entries(archive_of: Callable) -> None:
    assert archive_of().index().entries == {}


def test_a_comment_may_follow_even_one_that_looks_like_an_end(archive_of: Callable, raw_entry: type) -> None:
    comment = b"PK\x05\x06" + b"\0" * 30
    assert list(archive_of(raw_entry("a"), comment=comment).index().entries) == ["a"]


def test_folders_are_left_out(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(
        raw_entry("model/", method=0),
        raw_entry("model/folder", method=0, made_by=3, attributes=FOLDER),
        raw_entry("model/folder/a", b"x"),
    )
    assert list(archive.index().entries) == ["model/folder/a"]


def test_a_symlink_is_one_only_when_made_by_unix(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(
        raw_entry("link", b"a", method=0, made_by=3, attributes=SYMLINK),
        raw_entry("file", b"a", method=0, made_by=0, attributes=SYMLINK),
    )
    assert {name: entry.is_symlink for name, entry in archive.index().entries.items()} == {"link": True, "file": False}


def test_padding_after_extra_fields_is_skipped(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(raw_entry("a", b"x", extra=b"\x55\x54\x01\x00\x00" + b"\0\0\0", comment=b"c"))
    assert archive.read("a") == b"x"


def test_zip64_sizes_are_read(archive_of: Callable, raw_entry: type) -> None:
    large = b"\x55\x54\0\0" + b"\x01\x00\x18\x00" + (3).to_bytes(8, "little") * 2 + (0).to_bytes(8, "little")
    entry = raw_entry("a", b"abc", method=0, extra=large)
    entry.size = entry.compressed_size = entry.offset = 0xFFFFFFFF
    read = archive_of(entry, zip64=True).index().entries["a"]
    assert (read.size, read.compressed_size, read.header_offset) == (3, 3, 0)


def test_two_zip64_fields_are_refused(archive_of: Callable, raw_entry: type) -> None:
    field = b"\x01\x00\x08\x00" + (3).to_bytes(8, "little")
    with pytest.raises(FormatError, match="zip64 sizes twice"):
        archive_of(raw_entry("a", b"abc", method=0, size=0xFFFFFFFF, extra=field * 2)).index()


def test_zip64_sizes_that_are_missing_are_an_error(archive_of: Callable, raw_entry: type) -> None:
    with pytest.raises(FormatError, match="no zip64 sizes"):
        archive_of(raw_entry("a", b"abc", method=0, size=0xFFFFFFFF)).index()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flags": 1}, "encrypted"),
        ({"flags": 0x41}, "encrypted"),
        ({"method": 12}, "compressed with method 12; cartons use stored"),
        ({"name": "../evil"}, "not normalised"),
        ({"name": "/etc/passwd"}, "absolute"),
        ({"name": "a\\b"}, "backslash"),
        ({"name": "C:/x"}, "absolute"),
        ({"name": b"a\0b"}, "NUL"),
        ({"name": b"\xff"}, "not UTF-8"),
        ({"name": ""}, "is empty"),
        ({"name": "x" * 5000}, "has 5,000 bytes, more than limit_path_length = 4,096"),
        ({"made_by": 3, "attributes": (stat.S_IFIFO | 0o644) << 16}, "neither a file nor a symlink"),
        ({"compressed_size": 10_000}, "overlaps"),
        ({"offset": 10_000}, "overlaps"),
        ({"size": 1 << 40}, "expands|two sizes|zip64"),
        ({"method": 0, "size": 99}, "two sizes"),
        ({"name": "model/NUL.txt"}, "device"),
        ({"name": "model/C:/x"}, "absolute"),
        ({"name": "a\x1b[2J"}, "control character"),
        ({"disk": 1}, "another part"),
        ({"extra": UNICODE_PATH}, "another name in an extra field: b'evil'"),
        ({"method": 0, "made_by": 3, "attributes": SYMLINK, "content": b"x" * 5000, "size": 5000}, "symlink whose"),
        ({"name": "../", "content": b"", "size": 0}, "not normalised"),
        ({"name": "folder/"}, "a folder with 3 bytes"),
        ({"made_by": 3, "attributes": FOLDER}, "a folder with 3 bytes"),
    ],
)
def test_an_entry_that_is_unsafe_or_wrong_is_refused(
    archive_of: Callable, raw_entry: type, change: dict[str, object], message: str
) -> None:
    wanted = {"name": "a", "content": b"abc"} | change
    with pytest.raises(FormatError, match=message):
        archive_of(raw_entry(**{**wanted, "size": min(wanted.get("size", 3), 0xFFFFFFFE)})).index()


def test_a_name_may_be_there_once(archive_of: Callable, raw_entry: type) -> None:
    with pytest.raises(FormatError, match="a: is in the archive twice"):
        archive_of(raw_entry("a", b"1"), raw_entry("a", b"2")).index()


def test_two_names_may_not_be_one_file_where_cases_are_not_told_apart(archive_of: Callable, raw_entry: type) -> None:
    with pytest.raises(FormatError, match="holds 'model/a' and 'model/A', which are one file on many systems"):
        archive_of(raw_entry("model/A", b"1"), raw_entry("model/a", b"2")).index()


def test_nothing_may_lie_before_the_first_entry(archive_of: Callable, raw_entry: type, opened: type) -> None:
    data = archive_of(raw_entry("a", b"abc", method=0, offset=9)).data
    shifted = bytearray(b"#!/bin/sh" + data)
    shifted[-6:-2] = (int.from_bytes(shifted[-6:-2], "little") + 9).to_bytes(4, "little")
    with pytest.raises(FormatError, match="begins with 9 bytes that belong to no entry"):
        opened(bytes(shifted)).index()


def test_nothing_may_lie_below_a_file_or_a_link(archive_of: Callable, raw_entry: type) -> None:
    link = raw_entry("model/x", b"..", method=0, made_by=3, attributes=SYMLINK)
    with pytest.raises(FormatError, match="'model/x/y' lies below 'model/x'"):
        archive_of(link, raw_entry("model/x/y", b"2")).index()


def test_two_entries_may_not_share_bytes(archive_of: Callable, raw_entry: type) -> None:
    with pytest.raises(FormatError, match="overlaps"):
        archive_of(raw_entry("a", b"1"), raw_entry("b", b"1", offset=0)).index()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(entries=1), r"2 entries, more than limit_entries = 1 allows"),
        (Limits(directory_size=90), "directory has 97 bytes, more than limit_directory_size = 90"),
        (Limits(path_length=3), "has 4 bytes, more than limit_path_length = 3"),
        (Limits(expanded_size=100), "expands to 2,000 bytes, more than limit_expanded_size = 100"),
        (Limits(compression_ratio=2), "to 1,000, more than limit_compression_ratio = 2"),
    ],
)
def test_an_archive_may_not_hold_more_than_allowed(
    archive_of: Callable, raw_entry: type, limits: Limits, message: str
) -> None:
    archive = archive_of(raw_entry("long", b"x" * 1000), raw_entry("b", b"x" * 1000))
    assert len(archive.index().entries) == 2
    with pytest.raises(FormatError, match=message):
        archive.index(limits=limits)


def test_more_than_a_gigabyte_may_not_come_of_next_to_nothing(archive_of: Callable, raw_entry: type) -> None:
    entries = [raw_entry(f"bomb{number}", data=b"x" * 9000, size=600 << 20) for number in range(2)]
    with pytest.raises(FormatError, match=r"bytes to 1,258,291,200, more than limit_total_ratio = 1,000 allows"):
        archive_of(*entries).index()
    assert archive_of(*entries).index(limits=Limits(total_ratio=100_000)).entries
    assert archive_of(entries[0]).index().entries, "so much may be an array of zeros"


@pytest.mark.parametrize("data", [b"", b"PK", b"\x1f\x8b" + b"\0" * 100, b"PK\x05\x06", b"spec_version = 1\n" * 9000])
def test_what_is_no_zip_is_refused(opened: type, data: bytes) -> None:
    with pytest.raises(FormatError, match="not a zip archive"):
        opened(data).index()


def test_a_zip_that_was_cut_or_grew_is_refused(archive_of: Callable, raw_entry: type, opened: type) -> None:
    data = archive_of(raw_entry("a", b"abc")).data
    for broken in (data[:-1], data[1:], b"x" + data, data + b"x", data[:20] + data[21:]):
        with pytest.raises(FormatError):
            opened(broken).index()


def test_a_source_that_gives_too_little_is_noticed(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(raw_entry("a", b"abc"))
    archive.fetch = lambda wanted: archive.data[wanted.start : wanted.stop - 1]
    with pytest.raises(FormatError, match="cut short"):
        archive.index()


@pytest.mark.parametrize("count", [0, 2, 60_000])
def test_the_number_of_entries_must_be_true(archive_of: Callable, raw_entry: type, count: int) -> None:
    with pytest.raises(FormatError, match="directory"):
        archive_of(raw_entry("a", b"abc"), count=count).index()


def test_two_end_records_must_agree(archive_of: Callable, raw_entry: type, opened: type) -> None:
    data = bytearray(archive_of(raw_entry("a", b"abc"), zip64=True).data)
    data[-14:-10] = (7).to_bytes(2, "little") * 2
    with pytest.raises(FormatError, match="contradict"):
        opened(bytes(data)).index()


def test_an_archive_in_several_parts_is_refused(archive_of: Callable, raw_entry: type, opened: type) -> None:
    data = bytearray(archive_of(raw_entry("a", b"abc")).data)
    data[-18] = 1
    with pytest.raises(FormatError, match="several"):
        opened(bytes(data)).index()


@pytest.mark.parametrize("options", [{"here": 0}, {"here": 0, "zip64": True}, {"disks": 2, "zip64": True}])
def test_so_is_one_that_only_counts_several_parts(
    archive_of: Callable, raw_entry: type, options: dict[str, int]
) -> None:
    with pytest.raises(FormatError, match="several"):
        archive_of(raw_entry("a", b"abc"), **options).index()


@pytest.mark.parametrize("zip64", [False, True])
def test_nothing_may_hide_between_the_directory_and_the_end(archive_of: Callable, raw_entry: type, zip64: bool) -> None:
    with pytest.raises(FormatError, match="bytes were added"):
        archive_of(raw_entry("a", b"abc"), gap=b"hidden", zip64=zip64).index()
