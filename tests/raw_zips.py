"""Zip archives made by hand, field by field, so that each of them can be wrong in one way."""

from __future__ import annotations

import struct
import sys
import zlib
from dataclasses import dataclass, field

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@dataclass
class RawEntry:
    """An entry of a zip; what is `None` is computed from the rest. The defaults are what older cartons hold."""

    name: bytes | str
    content: bytes = b""
    method: int = 93
    flags: int = 0
    made_by: int = 0
    attributes: int = 0
    date: int = 0  # 1980-00-00, which no calendar has
    extract_version: int = 10
    data: bytes | None = None
    size: int | None = None
    compressed_size: int | None = None
    crc32: int | None = None
    offset: int | None = None
    disk: int = 0
    local_name: bytes | None = None
    local_method: int | None = None
    local_signature: bytes = b"PK\x03\x04"
    local_numbers: tuple[int, int, int] | None = None  # checksum, compressed size, size
    descriptor: bytes = b""
    local_extra: bytes = b""
    extra: bytes = b""
    comment: bytes = b""

    def __post_init__(self) -> None:
        self.name = self.name.encode() if isinstance(self.name, str) else self.name
        if self.data is None:
            self.data = compressed(self.content, self.method)
        self.size = len(self.content) if self.size is None else self.size
        self.compressed_size = len(self.data) if self.compressed_size is None else self.compressed_size
        self.crc32 = zlib.crc32(self.content) if self.crc32 is None else self.crc32

    def local(self) -> bytes:
        name = self.name if self.local_name is None else self.local_name
        method = self.method if self.local_method is None else self.local_method
        numbers = self.local_numbers or (self.crc32, self.compressed_size, self.size)
        fixed = struct.pack(
            "<4s5H3L2H",
            *(self.local_signature, self.extract_version, self.flags, method, 0, self.date),
            *(min(number, 0xFFFFFFFF) for number in numbers),
            *(len(name), len(self.local_extra)),
        )
        return fixed + name + self.local_extra + self.data + self.descriptor

    def central(self, offset: int) -> bytes:
        offset = offset if self.offset is None else self.offset
        fixed = struct.pack(
            "<4s4B4HL2L5H2L",
            *(b"PK\x01\x02", 63, self.made_by, self.extract_version, 0, self.flags, self.method, 0, self.date),
            *(self.crc32, self.compressed_size, self.size, len(self.name), len(self.extra), len(self.comment)),
            *(self.disk, 0, self.attributes, offset),
        )
        return fixed + self.name + self.extra + self.comment


@dataclass
class RawZip:
    """A zip archive as bytes."""

    entries: list[RawEntry] = field(default_factory=list)
    comment: bytes = b""
    zip64: bool = False
    count: int | None = None
    gap: bytes = b""
    here: int | None = None
    disks: int = 1

    def build(self) -> bytes:
        body, directory = b"", b""
        for entry in self.entries:
            directory += entry.central(len(body))
            body += entry.local()
        count = len(self.entries) if self.count is None else self.count
        here = count if self.here is None else self.here
        if not self.zip64:
            numbers = (here, count, len(directory), len(body))
            end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *numbers, len(self.comment))
            return body + directory + self.gap + end + self.comment
        large = (44, 45, 45, 0, 0, here, count, len(directory), len(body))
        end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", *large)
        locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(body) + len(directory) + len(self.gap), self.disks)
        marks = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *marks, len(self.comment)) + self.comment
        return body + directory + self.gap + end64 + locator + end


def compressed(content: bytes, method: int) -> bytes:
    if method == 8:
        stream = zlib.compressobj(wbits=-15)
        return stream.compress(content) + stream.flush()
    return zstd.compress(content) if method == 93 else content
