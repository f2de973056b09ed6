"""One carton, opened: what it says about itself, and its files, checked before anything uses them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.contents.base import Contents
from carton_runtime.errors import FormatError
from carton_runtime.format import v1
from carton_runtime.format.document import Document
from carton_runtime.format.manifest import LINKS, MANIFEST, Links, Manifest
from carton_runtime.format.tensor_files import TensorIndex
from carton_runtime.storage.cache import check_digest

CARTON_TOML = "carton.toml"
INDEX = "tensor_data/index.toml"
_MOST_LINKS = 40  # as Linux follows
_OURS = ("model/", "misc/", "tensor_data/")
_DESCRIBING = (MANIFEST, LINKS, CARTON_TOML, INDEX)
_NOTHING: Mapping[str, bytes] = {}


@dataclass(frozen=True)
class CartonFiles:
    """The files of a carton, with their promised hashes.

    Attributes:
        contents: where the files are.
        manifest: their hashes.
        document: what ``carton.toml`` says.
        tensors: the index of the stored tensors.
        links: where files that are not here can be fetched.
    """

    contents: Contents
    manifest: Manifest
    document: Document
    tensors: TensorIndex
    links: Links

    @classmethod
    async def open(cls, contents: Contents) -> CartonFiles:
        """Read what describes the carton, and nothing else of it.

        Raises:
            FormatError: a part is missing or breaks the format.
            IntegrityError: a part is not what the MANIFEST promises.
            StorageError: the carton cannot be read.
        """
        ahead = await _read_ahead(contents)
        manifest = Manifest.parse(_required(contents, ahead, MANIFEST))
        links = Links.parse(ahead[LINKS]) if LINKS in ahead else Links({})
        _check_manifest(manifest, contents, links)
        document = v1.parse(await _read_checked(contents, manifest, CARTON_TOML, ahead))
        has_index = INDEX in manifest.entries
        index = await _read_checked(contents, manifest, INDEX, ahead) if has_index else b""
        tensors = TensorIndex.parse(index) if has_index else TensorIndex({})
        v1.check_references(document, tensors.names)
        return cls(contents, manifest, document, tensors, links)

    async def read(self, path: str) -> bytes:
        """All bytes of a file, checked.

        Raises:
            FormatError: the carton has no such file.
            IntegrityError: the bytes are not what the MANIFEST promises.
        """
        return await _read_checked(self.contents, self.manifest, path)

    async def read_tensor(self, name: str) -> Tensor:
        """A stored tensor. Raises as `read` does, and `FormatError` when its files make no tensor."""
        files = {path: await self.read(path) for path in self.tensors.files_of(name)}
        return await asyncio.to_thread(self.tensors.decode, name, files)

    def stream(self, path: str) -> AsyncIterator[bytes]:
        """The bytes of a file in pieces, *unchecked*: compare their hash with the MANIFEST's before using them."""
        return self.contents.stream(path)

    @property
    def model_files(self) -> Mapping[str, str]:
        """The files below ``model/``: path → sha256."""
        return {path: sha256 for path, sha256 in self.manifest.entries.items() if path.startswith("model/")}

    @property
    def misc_files(self) -> tuple[str, ...]:
        """The paths below ``misc/``, without that prefix."""
        return tuple(path.removeprefix("misc/") for path in sorted(self.manifest.entries) if path.startswith("misc/"))


def _check_manifest(manifest: Manifest, contents: Contents, links: Links) -> None:
    here = set(contents.paths)
    for path, sha256 in manifest.entries.items():
        if path not in here and sha256 not in links.urls:
            raise FormatError(f"{contents.name} lists {path!r}, which it neither holds nor links to", where=MANIFEST)
    for path in sorted(here - manifest.entries.keys()):
        if path == CARTON_TOML or path.startswith(_OURS):
            raise FormatError(f"{contents.name} holds {path!r}, which its MANIFEST does not list", where=MANIFEST)


async def _read_ahead(contents: Contents) -> dict[str, bytes]:
    """What describes the carton, asked for together; links among it are left to be followed."""
    here = [path for path in _DESCRIBING if path in contents.paths]
    plain = [path for path in here if path in (MANIFEST, LINKS) or await contents.link_target(path) is None]
    return await contents.read_many(plain)


def _required(contents: Contents, ahead: Mapping[str, bytes], path: str) -> bytes:
    if path not in ahead:
        raise FormatError(f"{contents.name} is no carton: it has no {path}")
    return ahead[path]


async def _followed(contents: Contents, path: str) -> str:
    """The file that a path leads to through symlinks: a link has the hash of what it finally points to.

    Raises:
        FormatError: it leads to no file.
    """
    for _ in range(_MOST_LINKS):
        if path not in contents.paths:
            break
        target = await contents.link_target(path)
        if target is None:
            return path
        path = target
    raise FormatError(f"{contents.name} has a symlink that leads to no file: {path!r}")


async def _read_checked(
    contents: Contents, manifest: Manifest, path: str, ahead: Mapping[str, bytes] = _NOTHING
) -> bytes:
    promised = manifest.entries.get(path)
    if promised is None or path not in contents.paths:
        raise FormatError(f"{contents.name} has no file {path!r}")
    end = await _followed(contents, path)
    data = ahead[end] if end in ahead else await contents.read(end)
    found = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
    check_digest(found, promised, f"{path} of {contents.name}")
    return data
