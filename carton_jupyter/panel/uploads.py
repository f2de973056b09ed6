"""Files that come in parts."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from typing import IO

from carton_jupyter.panel.requests import RequestError, Upload

LARGEST = 512 << 20
"""Bytes of a file. Larger ones are better read in the notebook, and used as a variable."""

_IN_MEMORY = 8 << 20


def _new_file() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)


@dataclass
class _Arriving:
    """One file on its way."""

    number: str
    size: int
    file: IO[bytes] = field(default_factory=_new_file)
    received: int = 0
    offsets: set[int] = field(default_factory=set)


class Uploads:
    """Files on their way to fields, at most one for each; a new one takes the place of one that broke off."""

    def __init__(self) -> None:
        self._arriving: dict[str, _Arriving] = {}

    def take(self, part: Upload) -> tuple[int, bytes | None]:
        """Take a part: how many bytes have come in all, and the file once it is whole.

        Raises:
            RequestError: the file is too large, or the part is not one of it.
        """
        arriving = self._of(part)
        if part.offset in arriving.offsets or part.offset + len(part.data) > arriving.size:
            self.drop(part.field)
            raise RequestError(f"{len(part.data):,} bytes at {part.offset:,} are no part that {part.name!r} lacks")
        arriving.offsets.add(part.offset)
        arriving.file.seek(part.offset)
        arriving.file.write(part.data)
        arriving.received += len(part.data)
        if arriving.received < arriving.size:
            return arriving.received, None
        arriving.file.seek(0)
        data = arriving.file.read()
        self.drop(part.field)
        return arriving.received, data

    def drop(self, name: str) -> None:
        """Forget what was on its way to a field."""
        arriving = self._arriving.pop(name, None)
        if arriving is not None:
            arriving.file.close()

    def close(self) -> None:
        """Forget everything."""
        for name in list(self._arriving):
            self.drop(name)

    def _of(self, part: Upload) -> _Arriving:
        if part.size > LARGEST:
            raise RequestError(
                f"{part.name!r} has {part.size:,} bytes, and an upload at most {LARGEST:,}; "
                "read it in the notebook, and use it as a variable"
            )
        arriving = self._arriving.get(part.field)
        if arriving is None or (arriving.number, arriving.size) != (part.upload, part.size):
            self.drop(part.field)
            arriving = self._arriving[part.field] = _Arriving(part.upload, part.size)
        return arriving
