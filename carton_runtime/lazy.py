"""Tensors and files that stay in the carton until somebody asks for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from carton_runtime import background
from carton_runtime._child.carton_wire.values import Tensor

Fetch = Callable[[], Coroutine[Any, Any, Any]]


class LazyTensor:
    """A stored tensor.

    Attributes:
        name: its name in the carton.
        dtype: its dtype, as in `TensorSpec`.
        shape: its sizes; `None` where the parts of a nested tensor may differ.
    """

    def __init__(self, name: str, dtype: str, shape: tuple[int | None, ...] | None, fetch: Fetch) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self._fetch = fetch

    def get(self) -> Awaitable[Tensor]:
        """The tensor, checked against its hash.

        Raises:
            IntegrityError: its bytes are not what the MANIFEST promises.
            FormatError: its files make no tensor.
            StorageError: the carton cannot be read any more.
        """
        return background.run(self._fetch())

    def get_blocking(self) -> Tensor:
        """The tensor, waiting in this thread. Raises as `get` does."""
        tensor: Tensor = background.run_blocking(self._fetch())
        return tensor

    def __repr__(self) -> str:
        shape = (
            "" if self.shape is None else str(["?" if size is None else size for size in self.shape]).replace("'", "")
        )
        return f"<LazyTensor {self.name} {self.dtype}{shape}>"


class MiscFile:
    """A picture, sound or other file that comes with a carton.

    Attributes:
        path: its path below ``misc/``.
    """

    def __init__(self, path: str, fetch: Fetch) -> None:
        self.path = path
        self._fetch = fetch

    async def read(self, size_bytes: int | None = None) -> bytes:
        """The file, or its first `size_bytes`; all of it is checked against its hash first.

        Raises:
            FormatError: the carton names the file and does not have it.
            IntegrityError: its bytes are not what the MANIFEST promises.
        """
        data: bytes = await background.run(self._fetch())
        return data[:size_bytes]

    def read_blocking(self, size_bytes: int | None = None) -> bytes:
        """The file, waiting in this thread. Raises as `read` does."""
        data: bytes = background.run_blocking(self._fetch())
        return data[:size_bytes]

    def __repr__(self) -> str:
        return f"<MiscFile {self.path}>"
