"""Tensors and files that stay in the carton until somebody asks for them, and the list of its files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from carton_runtime import background
from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.contents.listing import FileTable

Fetch = Callable[[], Coroutine[Any, Any, Any]]
Form = tuple[str, tuple[int | None, ...] | None]


class _Lazy:
    """Something that is fetched when asked for."""

    def __init__(self, fetch: Fetch, near: Callable[[], bool]) -> None:
        self._fetch = fetch
        self._near = near

    @property
    def is_at_hand(self) -> bool:
        """Whether it can be had without asking anybody far away: it is on this machine, or was fetched before."""
        return self._near()


def _yes() -> bool:
    return True


class LazyTensor(_Lazy):
    """A stored tensor.

    Attributes:
        name: its name in the carton.
    """

    def __init__(self, name: str, form: Callable[[], Form], fetch: Fetch, near: Callable[[], bool] = _yes) -> None:
        super().__init__(fetch, near)
        self.name = name
        self._form = form

    @property
    def dtype(self) -> str:
        """Its dtype, as in `TensorSpec`; empty while that is far away, as the tensor is."""
        return self._form()[0]

    @property
    def shape(self) -> tuple[int | None, ...] | None:
        """Its sizes; `None` where the parts of a nested tensor may differ, or while they are far away."""
        return self._form()[1]

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
        return f"<LazyTensor {self.name} {self.dtype}{shape}>" if self.dtype else f"<LazyTensor {self.name}>"


class MiscFile(_Lazy):
    """A picture, sound or other file that comes with a carton.

    Attributes:
        path: its path below ``misc/``.
    """

    def __init__(
        self,
        path: str,
        fetch: Fetch,
        near: Callable[[], bool] = _yes,
        size: Callable[[], int | None] = lambda: None,
    ) -> None:
        super().__init__(fetch, near)
        self.path = path
        self._size = size

    @property
    def size(self) -> int | None:
        """Bytes in it; `None` while that is not known."""
        return self._size()

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


class LazyFiles(_Lazy):
    """The files of a carton, listed when somebody asks for them.

    Attributes:
        count: about how many there are.
    """

    def __init__(self, count: int, fetch: Fetch, near: Callable[[], bool] = _yes) -> None:
        super().__init__(fetch, near)
        self.count = count

    def get(self) -> Awaitable[FileTable]:
        """The list, the largest files first.

        Raises:
            FormatError: the carton breaks the format.
            IntegrityError: what describes it is not what its MANIFEST promises.
            StorageError: it cannot be read any more.
        """
        return background.run(self._fetch())

    def get_blocking(self) -> FileTable:
        """The list, waiting in this thread. Raises as `get` does."""
        table: FileTable = background.run_blocking(self._fetch())
        return table

    def __repr__(self) -> str:
        return f"<LazyFiles {self.count:,}>"
