"""The records of an archive's central directory.

Layouts are those of PKWARE's APPNOTE.TXT 6.3.10: sections 4.3.12 (records) and 4.5.3 (the zip64 field).
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass

from carton_runtime.errors import FormatError
from carton_runtime.format.archive.entries import Method, ZipEntry, known_method
from carton_runtime.format.archive.extra import check_single_name, large_values
from carton_runtime.format.limits import Limits
from carton_runtime.format.paths import safe_path

CENTRAL = struct.Struct("<4s4B4HL2L5H2L")
CENTRAL_SIGNATURE = b"PK\x01\x02"

_UNIX, _DARWIN = 3, 19
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_DESCRIPTOR = 0x8


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the central directory, before its entry is checked against the others."""

    raw_name: bytes
    made_by: int
    flags: int
    method: int
    crc32: int
    compressed_size: int
    size: int
    header_offset: int
    disk: int
    attributes: int

    @property
    def is_directory(self) -> bool:
        """Whether this is a folder, which cartons neither need nor write."""
        return self.raw_name.endswith(b"/") or stat.S_ISDIR(self._mode)

    @property
    def is_symlink(self) -> bool:
        """Whether this is a symlink."""
        return stat.S_ISLNK(self._mode)

    @property
    def _mode(self) -> int:
        return self.attributes >> 16 if self.made_by in (_UNIX, _DARWIN) else 0

    def entry(self, limits: Limits, limit: int) -> ZipEntry:
        """The checked entry.

        Raises:
            FormatError: the name is unsafe, or the entry is encrypted, compressed in an unknown way, neither a file nor
                a symlink, or expands too much.
        """
        name = self._name(limits)
        if self.flags & _ENCRYPTED:
            raise FormatError("is encrypted", where=name)
        if self.disk:
            raise FormatError("lies in another part of an archive of several parts, which cartons are not", where=name)
        if stat.S_IFMT(self._mode) not in (0, stat.S_IFREG, stat.S_IFLNK):
            raise FormatError("is neither a file nor a symlink", where=name)
        self._check_sizes(name, limits)
        return ZipEntry(
            name=name,
            method=known_method(self.method, name),
            crc32=self.crc32,
            compressed_size=self.compressed_size,
            size=self.size,
            header_offset=self.header_offset,
            is_symlink=self.is_symlink,
            limit=limit,
            has_descriptor=bool(self.flags & _DESCRIPTOR),
        )

    def check_directory(self, limits: Limits) -> None:
        """Check a folder, which is left out: another reader must not see a file in it.

        Raises:
            FormatError: its name is unsafe, or it has content.
        """
        name = self._name(limits)
        if self.size:
            raise FormatError(f"is a folder with {self.size:,} bytes in it", where=name)

    def _name(self, limits: Limits) -> str:
        if len(self.raw_name) > limits.path_length:
            raise limits.excess("path_length", f"the name {self.raw_name[:80]!r}… has {len(self.raw_name):,} bytes")
        try:
            name = self.raw_name.decode("utf-8")
        except UnicodeDecodeError:
            raise FormatError(f"the name {self.raw_name!r} is not UTF-8") from None
        return safe_path(name.removesuffix("/") if self.is_directory else name)

    def _check_sizes(self, name: str, limits: Limits) -> None:
        if self.size > self.compressed_size * limits.compression_ratio:
            what = f"expands {self.compressed_size:,} bytes to {self.size:,}"
            raise limits.excess("compression_ratio", what, where=name)
        if self.method == Method.STORED and self.size != self.compressed_size:
            raise FormatError(f"is stored but has two sizes, {self.compressed_size:,} and {self.size:,}", where=name)
        if self.is_symlink and self.size > limits.path_length:
            raise limits.excess("path_length", f"is a symlink whose target has {self.size:,} bytes", where=name)


def read_record(directory: bytes, offset: int) -> tuple[Record, int]:
    """Read the record at `offset` of a central directory; returns it and the offset of the next one.

    Raises:
        FormatError: there is none, or it does not fit.
    """
    if len(directory) - offset < CENTRAL.size or not directory.startswith(CENTRAL_SIGNATURE, offset):
        raise FormatError("the archive's directory is damaged: an entry does not begin where it should")
    fields = CENTRAL.unpack_from(directory, offset)
    name_length, extra_length, comment_length = fields[12:15]
    name_end = offset + CENTRAL.size + name_length
    extra_end = name_end + extra_length
    end = extra_end + comment_length
    if end > len(directory):
        raise FormatError("the archive's directory is damaged: an entry is cut short")
    raw_name = directory[offset + CENTRAL.size : name_end]
    extra = directory[name_end:extra_end]
    check_single_name(extra, raw_name)
    size, compressed_size, header_offset = large_values(extra, (fields[11], fields[10], fields[18]), raw_name)
    record = Record(
        raw_name=raw_name,
        made_by=fields[2],
        flags=fields[5],
        method=fields[6],
        crc32=fields[9],
        compressed_size=compressed_size,
        size=size,
        header_offset=header_offset,
        disk=fields[15],
        attributes=fields[17],
    )
    return record, end
