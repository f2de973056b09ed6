"""The description of a carton far away, without the rest of what a carton is opened with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.contents.carton import CartonFiles
from carton_runtime.contents.listing import FileTable
from carton_runtime.format import v1
from carton_runtime.format.document import Document
from carton_runtime.format.limits import Limits
from carton_runtime.format.tensor_files import TensorIndex


@dataclass(frozen=True)
class Seen:
    """What was seen of a carton, besides its description.

    Attributes:
        paths: files that it has; there may be others.
        count: about how many it has.
        model_hash: the sha256 of its MANIFEST; `None` where that was not read.
    """

    paths: Collection[str]
    count: int
    model_hash: str | None = None


class Glance:
    """The description of a carton.

    Whatever else is asked for opens the whole carton first, which checks everything; it must still be the same then.

    Attributes:
        document: what ``carton.toml`` says.
        tensors: the index of the stored tensors; `None` where that was left out.
        misc_files: the paths below ``misc/`` that were seen, without that prefix.
        count: about how many files there are.
        model_hash: the sha256 of the MANIFEST; `None` where that was not read.
    """

    def __init__(
        self,
        described: tuple[Document, TensorIndex | None],
        seen: Seen,
        open_whole: Callable[[], Awaitable[CartonFiles]],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self.document, self.tensors = described
        self.misc_files = tuple(path.removeprefix("misc/") for path in sorted(seen.paths) if path.startswith("misc/"))
        self.count = seen.count
        self.model_hash = seen.model_hash
        self._open_whole = open_whole
        self._close = close
        self._opening = asyncio.Lock()
        self._whole: CartonFiles | None = None

    async def whole(self) -> CartonFiles:
        """The carton, opened and checked. Raises as `CartonFiles.open` does."""
        async with self._opening:
            if self._whole is None:
                self._whole = await self._open_whole()
            return self._whole

    async def read(self, path: str) -> bytes:
        """All bytes of a file, checked. Raises as `CartonFiles.open` and `CartonFiles.read` do."""
        return await (await self.whole()).read(path)

    async def read_tensor(self, name: str) -> Tensor:
        """A stored tensor. Raises as `read` does, and `FormatError` when its files make no tensor."""
        return await (await self.whole()).read_tensor(name)

    async def table(self) -> FileTable:
        """The carton's files. Raises as `CartonFiles.open` does."""
        return await (await self.whole()).table()

    @property
    def is_listed(self) -> bool:
        """Whether the files are known."""
        return self._whole is not None

    def form_of(self, name: str) -> tuple[str, tuple[int | None, ...] | None]:
        """The dtype and sizes of a stored tensor; an empty text and `None` while they are not known."""
        tensors = self._whole.tensors if self._whole else self.tensors
        return tensors.form_of(name) if tensors else ("", None)

    def is_tensor_at_hand(self, name: str) -> bool:
        """Whether a stored tensor can be read without asking anybody far away."""
        return self._whole is not None and self._whole.is_tensor_at_hand(name)

    def is_at_hand(self, path: str) -> bool:
        """Whether a file can be read without asking anybody far away."""
        return self._whole is not None and self._whole.is_at_hand(path)

    def size(self, path: str) -> int | None:
        """Bytes in a file, once the whole carton was opened."""
        return None if self._whole is None else self._whole.size(path)

    async def aclose(self) -> None:
        """Let go of what is held open."""
        await self._close()


def described(toml: bytes, index: bytes | None, limits: Limits) -> tuple[Document, TensorIndex | None]:
    """What ``carton.toml`` and, if it was read, the index of the stored tensors say. Raises `FormatError`."""
    document = v1.parse(toml, limits)
    if index is None:
        return document, None
    tensors = TensorIndex.parse(index, limits)
    v1.check_references(document, tensors.names)
    return document, tensors
