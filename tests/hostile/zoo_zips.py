"""Zips that lie about themselves: sizes, checksums, offsets, and what else two readers may see differently."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hostile.beasts import Beast, draft
from hostile.drafts import FILES, Draft
from hostile.sandbox import Sandbox
from raw_zips import RawEntry, RawZip

from carton_runtime import IntegrityError

WEIGHTS = "model/weights.bin"
CRC = zlib.crc32(FILES[WEIGHTS])
SIZE = len(FILES[WEIGHTS])


def _weights(**fields: Any) -> Callable[[Sandbox], Draft]:
    """Lies about one file of the model."""
    return draft(changes={WEIGHTS: fields})


def _stored(**fields: Any) -> Callable[[Sandbox], Draft]:
    return _weights(method=0, **fields)


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Sandbox], bytes]:
    return lambda _: change(Draft().zipped())


def _shifted(data: bytes) -> bytes:
    """Something before the first entry, with every offset made to fit."""
    entries = Draft().entries()
    whole, prefix = RawZip(entries).build(), b"#!/bin/sh\nrm -rf ~\n"
    offset = len(prefix)
    for entry in entries:
        entry.offset, offset = offset, offset + len(entry.local())
    shifted = RawZip(entries).build()
    assert len(shifted) == len(whole) == len(data)
    start = len(whole) - 6
    moved = struct.pack("<L", struct.unpack_from("<L", whole, start)[0] + len(prefix))
    return prefix + shifted[:start] + moved + shifted[start + 4 :]


def _between(data: bytes) -> bytes:
    """Bytes between two entries that nobody accounts for."""
    entries = Draft(changes={WEIGHTS: {"descriptor": b"hidden"}}).entries()
    return RawZip(entries).build()


def _overlapping(count: int) -> Callable[[Sandbox], Draft]:
    """Many entries that are all the bytes of one, as in the bombs that need no nesting."""
    kernel = [RawEntry(f"model/bomb{number}", b"\0" * 1_000_000, offset=0) for number in range(count)]
    return draft(added=kernel)


def _inside(_: Sandbox) -> Draft:
    """An entry whose bytes are another entry, header and all, so that both can be read."""
    inner = RawEntry("model/inner", b"evil", method=0)
    outer = RawEntry("model/outer", inner.local(), method=0)
    before = sum(len(entry.local()) for entry in Draft().entries())
    hidden = replace(inner, offset=before + 30 + len("model/outer"))
    hidden.local = lambda: b""  # type: ignore[method-assign]
    return Draft(added=[outer, hidden])


def _contradicting(data: bytes) -> bytes:
    whole = bytearray(RawZip(Draft().entries(), zip64=True).build())
    whole[-14:-10] = struct.pack("<2H", 7, 7)
    return bytes(whole)


def _at_the_end(position: int, layout: str, value: int) -> Callable[[Sandbox], bytes]:
    """Changes one number of the end record."""

    def change(data: bytes) -> bytes:
        at = len(data) - 22 + position
        return data[:at] + struct.pack(layout, value) + data[at + struct.calcsize(layout) :]

    return _bytes(change)


def _bomb(_: Sandbox) -> Draft:
    return Draft().with_files({"model/bomb": b"\0" * 40_000_000})


ZIP64 = struct.pack("<2HQ", 1, 8, SIZE)
DESCRIPTOR = struct.pack("<4s3L", b"PK\7\x08", CRC, SIZE + 1, SIZE)

BIG = "model/big.bin"
BIG_CONTENT = bytes(range(256)) * 8192  # two megabytes: such files are not read at once
BIG_CRC, BIG_SIZE = zlib.crc32(BIG_CONTENT), len(BIG_CONTENT)


def _big(*, promise: str = "", **fields: Any) -> Callable[[Sandbox], Draft]:
    """Lies about a file that is read in pieces."""
    promises = {BIG: promise} if promise else {}
    return lambda _: Draft(changes={BIG: fields}, promises=promises).with_files({BIG: BIG_CONTENT})


def _descriptor(crc32: int, size: int) -> dict[str, Any]:
    data = b"PK\7\x08" + struct.pack("<3L", crc32, BIG_SIZE, size)
    return {"method": 0, "flags": 8, "local_numbers": (0, 0, 0), "descriptor": data}


LARGE = [
    Beast("a wrong checksum of a large file", _big(method=0, crc32=1), "its checksum (CRC-32) differs", reach="load"),
    Beast("a wrong checksum of a large packed file", _big(crc32=1), "its checksum (CRC-32) differs", reach="load"),
    Beast(
        "a large file with more than it says", _big(method=8, size=BIG_SIZE - 1), "expands to more than", reach="load"
    ),
    Beast("a large file with less than it says", _big(method=8, size=BIG_SIZE + 1), "cut short", reach="load"),
    Beast("another name of a large file", _big(method=0, local_name=b"model/big.exe"), "is called", reach="load"),
    Beast(
        "another size of a large file",
        _big(method=0, local_numbers=(BIG_CRC, BIG_SIZE, 1)),
        "its local header and the archive's directory contradict each other",
        reach="load",
    ),
    Beast(
        "a data descriptor of a large file that lies",
        _big(**_descriptor(BIG_CRC, 1)),
        "its data descriptor and the archive's directory contradict each other",
        reach="load",
    ),
    Beast("a large file with hidden bytes", _big(method=0, descriptor=b"hidden"), "is followed by 6", reach="load"),
    Beast(
        "another large file than was promised",
        _big(method=0, promise="0" * 64),
        "the MANIFEST promises",
        error=IntegrityError,
        reach="load",
    ),
    Beast("a large packed file with a hole", _big(method=8, data=b"\0" * 300_000), "is damaged", reach="load"),
]

BEASTS = [
    *LARGE,
    Beast("nothing at all", lambda _: b"", "this is not a zip archive: it has only 0 bytes"),
    Beast("no zip", lambda _: b"\x7fELF" * 1000, "this is not a zip archive, or its end is missing"),
    Beast("an empty zip", lambda _: RawZip().build(), "it has no MANIFEST"),
    Beast("a zip that is cut short", _bytes(lambda data: data[:-30]), "or its end is missing"),
    Beast("a zip without its beginning", _bytes(lambda data: data[100:]), "does not lie where its end says"),
    Beast("a program before the zip", _bytes(lambda data: b"#!/bin/sh\n" + data), "does not lie where its end says"),
    Beast("a program that the zip knows of", _bytes(_shifted), "bytes that belong to no entry"),
    Beast("bytes after the zip", _bytes(lambda data: data + b"x" * 50), "or its end is missing"),
    Beast("bytes between two entries", _bytes(_between), "is followed by 6 bytes that belong to no", reach="load"),
    Beast("bytes after the directory", draft(zip={"gap": b"hidden"}), "does not lie where its end says"),
    Beast("two entries with the same bytes", draft(changes={"carton.toml": {"offset": 0}}), "overlaps what follows it"),
    Beast("a thousand entries with the same bytes", _overlapping(1000), "overlaps what follows it"),
    Beast("an entry within an entry", _inside, "overlaps what follows it"),
    Beast("an entry beyond the end", _weights(offset=1 << 30), "overlaps what follows it, or reaches beyond"),
    Beast("other names in the local headers", _weights(local_name=b"model/weights.exe"), "is called", reach="load"),
    Beast("another method in the local header", _weights(local_method=0), "local header has method 0", reach="load"),
    Beast("no local header", _weights(local_signature=b"PK\1\2"), "has no local header", reach="load"),
    Beast(
        "other sizes in the local header",
        _stored(local_numbers=(CRC, SIZE, SIZE - 1)),
        "its local header and the archive's directory contradict each other",
        reach="load",
    ),
    Beast(
        "another checksum in the local header",
        _stored(local_numbers=(1, SIZE, SIZE)),
        "its local header and the archive's directory contradict each other",
        reach="load",
    ),
    Beast(
        "another name in the local header's extra field",
        _weights(local_extra=b"\x75\x70\x09\x00\x01" + b"\0" * 4 + b"evil"),
        "another name in an extra field",
        reach="load",
    ),
    Beast(
        "a data descriptor that lies",
        _stored(flags=8, local_numbers=(0, 0, 0), descriptor=DESCRIPTOR),
        "its data descriptor and the archive's directory contradict each other",
        reach="load",
    ),
    Beast("a data descriptor that is none", _stored(flags=8, descriptor=b"PK"), "are no data descriptor", reach="load"),
    Beast("a wrong checksum", _weights(crc32=1), "its checksum (CRC-32) differs", reach="load"),
    Beast("a wrong checksum of carton.toml", draft(changes={"carton.toml": {"crc32": 1}}), "(CRC-32) differs"),
    Beast("damaged bytes", _weights(data=b"\x28\xb5\x2f\xfd" + b"evil" * 99), "is damaged", reach="load"),
    Beast(
        "bytes behind the compressed ones",
        _weights(method=8, data=b"\3\0evil", content=b""),
        "cut short or damaged",
        reach="load",
    ),
    Beast("an encrypted entry", _weights(flags=1), "is encrypted"),
    Beast("a strongly encrypted entry", _weights(flags=0x41), "is encrypted"),
    Beast("an encrypted directory", _weights(flags=0x2000), "is encrypted"),
    Beast("an unknown compression", _weights(method=99, data=b"evil"), "is compressed with method 99; cartons use"),
    Beast("bzip2", _weights(method=12, data=b"evil"), "is compressed with method 12; cartons use"),
    Beast("a bomb that says so", _weights(size=0xFFFFFFF0, data=b"x" * 9), "more than limit_compression_ratio = "),
    Beast(
        "a bomb for a smaller limit",
        _bomb,
        "more than limit_compression_ratio = ",
        variables={"CARTON_LIMIT_COMPRESSION_RATIO": "100"},
    ),
    Beast("a bomb in all", _bomb, "the archive expands to", variables={"CARTON_LIMIT_EXPANDED_SIZE": "20 MB"}),
    Beast("a bomb that denies it", _weights(content=b"\0" * 40_000_000, size=9), "expands to more than", reach="load"),
    Beast("a file with less than it says", _weights(size=SIZE + 1), "is cut short or damaged", reach="load"),
    Beast("a stored file with two sizes", _stored(size=SIZE + 1), "is stored but has two sizes"),
    Beast(
        "too many entries",
        draft(),
        "entries, more than limit_entries = 3 allows",
        variables={"CARTON_LIMIT_ENTRIES": "3"},
    ),
    Beast("a large directory", draft(), "the archive's directory has", variables={"CARTON_LIMIT_DIRECTORY_SIZE": "99"}),
    Beast("more entries than there are", _at_the_end(8, "<L", 0x00FF00FF), "the archive's directory"),
    Beast("a directory elsewhere", _at_the_end(16, "<L", 5), "does not lie where its end says"),
    Beast("a directory without end", _at_the_end(12, "<L", 0xFFFFFFF0), "does not lie where its end says"),
    Beast("one part of several", _at_the_end(4, "<H", 1), "the archive is one part of several"),
    Beast("an entry in another part", _weights(disk=1), "lies in another part of an archive of several parts"),
    Beast("large sizes that are missing", _weights(size=0xFFFFFFFF), "has no zip64 sizes although it needs them"),
    Beast("large sizes twice", _stored(size=0xFFFFFFFF, extra=ZIP64 * 2), "has zip64 sizes twice"),
    Beast(
        "a large size that lies",
        _stored(size=0xFFFFFFFF, extra=struct.pack("<2HQ", 1, 8, 1 << 60)),
        "more than limit_compression_ratio = ",
    ),
    Beast("two end records", _bytes(_contradicting), "the archive's two end records contradict each other"),
    Beast("an end record of another disk", draft(zip={"zip64": True, "disks": 2}), "is one part of several"),
]
