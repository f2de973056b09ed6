"""The zip file around a carton: an index and entries that are read by ranges and without any I/O, and a writer.

The standard library's `zipfile` can neither read a remote file by few ranges nor be strict about what it reads.
"""

from __future__ import annotations

from carton_runtime.format.archive.decompress import Decompressor
from carton_runtime.format.archive.descriptor import read_descriptor
from carton_runtime.format.archive.entries import Method, ZipEntry
from carton_runtime.format.archive.glimpse import Glimpse, read_glimpse
from carton_runtime.format.archive.local_header import data_start, read_entry
from carton_runtime.format.archive.ranges import Range, Reading, drive
from carton_runtime.format.archive.symlinks import symlink_target
from carton_runtime.format.archive.zip_index import ZipIndex, read_index
from carton_runtime.format.archive.zip_writer import ArchiveWriter

__all__ = [
    "ArchiveWriter",
    "Decompressor",
    "Glimpse",
    "Method",
    "Range",
    "Reading",
    "ZipEntry",
    "ZipIndex",
    "data_start",
    "drive",
    "read_descriptor",
    "read_entry",
    "read_glimpse",
    "read_index",
    "symlink_target",
]
