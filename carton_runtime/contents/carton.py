"""One carton, opened: what it says about itself, and its files, checked before anything uses them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.contents.base import Contents
from carton_runtime.errors import FormatError
from carton_runtime.format import v1
from carton_runtime.format.document import Document
from carton_runtime.format.manifest import LINKS, MANIFEST, Links, Manifest
from carton_runtime.format.tensor_files import TensorIndex
from carton_runtime.storage.cache import check_digest
from carton_runtime.storage.delivery import Delivery

CARTON_TOML = "carton.toml"
INDEX = "tensor_data/index.toml"
_OURS = ("model/", "misc/", "tensor_data/")
_LARGEST = {MANIFEST: "manifest_size", LINKS: "links_size", CARTON_TOML: "toml_size", INDEX: "toml_size"}
_DESCRIBING = tuple(_LARGEST)
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
        manifest = Manifest.parse(_required(contents, ahead, MANIFEST), contents.limits)
        links = Links({})
        if LINKS in contents.paths:
            links = Links.parse(_required(contents, ahead, LINKS), contents.limits, files=contents.is_local)
        _check_manifest(manifest, contents, links)
        document = v1.parse(await _read_checked(contents, manifest, CARTON_TOML, ahead), contents.limits)
        has_index = INDEX in manifest.entries
        index = await _read_checked(contents, manifest, INDEX, ahead) if has_index else b""
        tensors = TensorIndex.parse(index, contents.limits) if has_index else TensorIndex({})
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

    async def deliver(self, path: str) -> Delivery:
        """What brings a file, *unchecked*: compare the hash of what comes with the MANIFEST's before using it.

        Raises:
            FormatError: the file is only linked to.
        """
        if path not in self.contents.paths:
            name = self.contents.name
            raise FormatError(f"{path} of {name} is only linked to; this release reads what is in the carton")
        return await self.contents.deliver(path)

    def size(self, path: str) -> int | None:
        """Bytes in a file; `None` for one that is only linked to."""
        return self.contents.size(path) if path in self.contents.paths else None

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
    plain = [path for path in here if await contents.link_target(path) is None]
    for path in plain:
        contents.check_size(path, _LARGEST.get(path, "read_size"))
    return await contents.read_many(plain)


def _required(contents: Contents, ahead: Mapping[str, bytes], path: str) -> bytes:
    if path not in ahead:
        what = f"its {path} is a symlink" if path in contents.paths else f"it has no {path}"
        raise FormatError(f"{contents.name} is no carton: {what}")
    return ahead[path]


async def _followed(contents: Contents, path: str) -> str:
    """The file that a path leads to through symlinks: a link has the hash of what it finally points to.

    Raises:
        FormatError: it leads to no file.
    """
    for _ in range(contents.limits.symlink_chain + 1):
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
    contents.check_size(end, _LARGEST.get(path, "read_size"))
    data = ahead[end] if end in ahead else await contents.read(end)
    found = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
    check_digest(found, promised, f"{path} of {contents.name}")
    return data
