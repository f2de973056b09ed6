"""The seam behind which bytes live: a thing of a known size that ranges can be read from."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Source(ABC):
    """Bytes somewhere, read by ranges.

    Attributes:
        name: where they are, for messages; never holds credentials.
    """

    name: str

    @abstractmethod
    async def size(self) -> int:
        """How many bytes there are.

        Raises:
            StorageError: there is nothing there, or it may not be read.
        """

    @abstractmethod
    async def identity(self) -> str:
        """A text that changes whenever the bytes may have changed. Raises as `size` does."""

    @abstractmethod
    async def read(self, start: int, length: int) -> bytes:
        """Exactly `length` bytes from `start`.

        Raises:
            StorageError: fewer are there, or reading failed.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of what is held open. May be called twice."""
