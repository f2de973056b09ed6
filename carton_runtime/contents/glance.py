"""What a carton far away says about itself, where its index is too large to be fetched just for that."""

from __future__ import annotations

import asyncio

from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.contents.carton import CARTON_TOML, DESCRIBING, INDEX, CartonFiles
from carton_runtime.contents.limiting import limits_of
from carton_runtime.contents.listing import FileTable
from carton_runtime.contents.zipped import Glimpsed, ZippedContents
from carton_runtime.errors import FormatError
from carton_runtime.format import v1
from carton_runtime.format.document import Document
from carton_runtime.format.tensor_files import TensorIndex
from carton_runtime.settings import Settings
from carton_runtime.storage.base import Source
from carton_runtime.storage.remote import GAP, TAIL
from carton_runtime.storage.spans import merged

_AFFORDABLE = 60_000  # bytes besides the tail; together less than 200 KB
_HEAD = 1 << 15  # of the zip's directory: about three hundred files
_REQUESTS = 2
_MODEL = "model/"


class Glance:
    """The description of a carton, read without its MANIFEST and most of its zip's directory.

    Its bytes were compared with the zip's checksums only. Whatever else is asked for opens the whole carton first,
    which checks everything; it must still be the same then.

    Attributes:
        document: what ``carton.toml`` says.
        tensors: the index of the stored tensors.
        misc_files: the paths below ``misc/`` that were seen, without that prefix.
        count: how many files there are.
        model_hash: `None`: nobody has seen it yet.
    """

    model_hash: None = None

    def __init__(
        self, source: Source, settings: Settings, document: Document, tensors: TensorIndex, seen: Glimpsed
    ) -> None:
        self.document = document
        self.tensors = tensors
        paths = sorted(seen.contents.paths)
        self.misc_files = tuple(path.removeprefix("misc/") for path in paths if path.startswith("misc/"))
        self.count = seen.count
        self._source = source
        self._settings = settings
        self._opening = asyncio.Lock()
        self._whole: CartonFiles | None = None

    async def whole(self) -> CartonFiles:
        """The carton, opened and checked. Raises as `CartonFiles.open` does."""
        async with self._opening:
            if self._whole is None:
                contents = await ZippedContents.open(self._source, limits_of(self._settings))
                self._whole = await CartonFiles.open(contents, self._settings)
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

    def is_at_hand(self, path: str) -> bool:
        """Whether a file can be read without asking anybody far away."""
        return self._whole is not None and self._whole.is_at_hand(path)

    def size(self, path: str) -> int | None:
        """Bytes in a file, once the whole carton was opened."""
        return None if self._whole is None else self._whole.size(path)

    async def aclose(self) -> None:
        """Let go of what is held open."""
        await self._source.aclose()


async def glance_at(source: Source, settings: Settings) -> Glance | None:
    """Read what describes a carton, if that is much less than reading its whole index; `None` if it is not.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        limits = limits_of(settings)
        seen = await ZippedContents.glimpse(source, CARTON_TOML, tail=TAIL, head=_HEAD, without=_MODEL, limits=limits)
        if seen.is_whole and _is_affordable(seen.contents):
            return None
        return await _described(seen, source, settings)
    except FormatError:  # reading all of it says more about what is wrong, or that nothing is
        return None


def _is_affordable(contents: ZippedContents) -> bool:
    """Whether the rest of what describes a carton comes in few and small requests."""
    spans = [contents.far_part(path) for path in DESCRIBING if path in contents.paths]
    asked = merged(spans, GAP)
    return len(asked) <= _REQUESTS and sum(span.length for span in asked) <= _AFFORDABLE


async def _described(seen: Glimpsed, source: Source, settings: Settings) -> Glance | None:
    contents, limits = seen.contents, seen.contents.limits
    paths = [path for path in (CARTON_TOML, INDEX) if path in contents.paths]
    if CARTON_TOML not in paths or any([await contents.link_target(path) for path in paths]):
        return None
    for path in paths:
        contents.check_size(path, "toml_size")
    data = await contents.read_many(paths)
    document = v1.parse(data[CARTON_TOML], limits)
    tensors = TensorIndex.parse(data[INDEX], limits) if INDEX in data else TensorIndex({})
    v1.check_references(document, tensors.names)  # which an index that was not seen fails, unless nothing needs it
    return Glance(source, settings, document, tensors, seen)
