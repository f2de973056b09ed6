"""One carton, opened: what it says about itself, and its files, checked before anything uses them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.contents.base import Contents
from carton_runtime.contents.listing import FileEntry, FileTable, by_size
from carton_runtime.contents.mirrors import Expect, Mirrors
from carton_runtime.errors import FormatError
from carton_runtime.format import v1
from carton_runtime.format.document import Document
from carton_runtime.format.manifest import LINKS, MANIFEST, Links, Manifest
from carton_runtime.format.tensor_files import TensorIndex
from carton_runtime.settings import Settings
from carton_runtime.storage.cache import ContentStore, Told, check_digest

CARTON_TOML = "carton.toml"
INDEX = "tensor_data/index.toml"
_OURS = ("model/", "misc/", "tensor_data/")
_LARGEST = {MANIFEST: "manifest_size", LINKS: "links_size", CARTON_TOML: "toml_size", INDEX: "toml_size"}
DESCRIBING = tuple(_LARGEST)
_KEPT = 1 << 20  # bytes of one file; pictures of a card are not larger
_KEPT_IN_ALL = 1 << 24
_NOTHING: Mapping[str, bytes] = {}


@dataclass(frozen=True)
class CartonFiles:
    """The files of a carton, with their promised hashes.

    Attributes:
        contents: where the files are.
        manifest: their hashes.
        document: what ``carton.toml`` says.
        tensors: the index of the stored tensors.
        mirrors: where files that are not here can be fetched.
        kept: what was read of those that are far away.
    """

    contents: Contents
    manifest: Manifest
    document: Document
    tensors: TensorIndex
    mirrors: Mirrors
    kept: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    async def open(cls, contents: Contents, settings: Settings) -> CartonFiles:
        """Read what describes the carton, and nothing else of it.

        Args:
            contents: where its files are.
            settings: say where files go that it only links to.

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
        mirrors = Mirrors(links, contents.limits, settings)
        document = v1.parse(await _read_checked(contents, manifest, mirrors, CARTON_TOML, ahead), contents.limits)
        has_index = INDEX in manifest.entries
        index = await _read_checked(contents, manifest, mirrors, INDEX, ahead) if has_index else b""
        tensors = TensorIndex.parse(index, contents.limits) if has_index else TensorIndex({})
        v1.check_references(document, tensors.names)
        return cls(contents, manifest, document, tensors, mirrors)

    async def read(self, path: str) -> bytes:
        """All bytes of a file, checked. Small ones that come from far away are kept.

        Raises:
            FormatError: the carton has no such file.
            IntegrityError: the bytes are not what the MANIFEST promises.
            StorageError: they cannot be read, or fetched from where the carton links to.
        """
        if path in self.kept:
            return self.kept[path]
        is_far = not self.is_at_hand(path)
        data = await _read_checked(self.contents, self.manifest, self.mirrors, path)
        if is_far and len(data) <= _KEPT and sum(map(len, self.kept.values())) + len(data) <= _KEPT_IN_ALL:
            self.kept[path] = data
        return data

    def is_at_hand(self, path: str) -> bool:
        """Whether a file can be read without asking anybody far away."""
        return path in self.kept or (path in self.contents.paths and not self.contents.far_part(path).length)

    def form_of(self, name: str) -> tuple[str, tuple[int | None, ...] | None]:
        """The dtype and sizes of a stored tensor. Raises `FormatError` when there is no such."""
        return self.tensors.form_of(name)

    def is_tensor_at_hand(self, name: str) -> bool:
        """Whether a stored tensor can be read without asking anybody far away."""
        return all(map(self.is_at_hand, self.tensors.files_of(name)))

    async def read_tensor(self, name: str) -> Tensor:
        """A stored tensor. Raises as `read` does, and `FormatError` when its files make no tensor."""
        files = {path: await self.read(path) for path in self.tensors.files_of(name)}
        return await asyncio.to_thread(self.tensors.decode, name, files)

    async def fetch(self, path: str, store: ContentStore, told: Told, expect: Expect) -> Path:
        """The path of a file, checked, in a store; it comes from the carton, or else from where that links to.

        Args:
            path: a file's, not a symlink's.
            store: where it goes, if it is not there.
            told: who is told of each piece.
            expect: told how many bytes come, where `size` cannot say so before.

        Raises:
            IntegrityError: the bytes are not what the MANIFEST promises.
            FormatError: the archive is damaged there.
            StorageError: it cannot be read or fetched, or the store not written.
        """
        sha256, what = self.manifest.entries[path], f"{path} of {self.contents.name}"
        if path not in self.contents.paths:
            return await self.mirrors.fetch(sha256, store, what=what, told=told, expect=expect)
        size = self.contents.size(path)
        return await store.ensure(sha256, lambda: self.contents.deliver(path), what=what, size=size, told=told)

    async def aclose(self) -> None:
        """Let go of what is held open; it opens itself again when it is read again."""
        await self.contents.aclose()

    def size(self, path: str) -> int | None:
        """Bytes in a file; `None` for one that is only linked to."""
        return self.contents.size(path) if path in self.contents.paths else None

    async def table(self) -> FileTable:
        """The carton's files, which the MANIFEST lists."""
        here = self.contents.paths
        entries = [
            FileEntry(path, self.size(path), sha256, path not in here) for path, sha256 in self.manifest.entries.items()
        ]
        return FileTable(tuple(sorted(entries, key=by_size)), self.model_hash)

    @property
    def is_listed(self) -> bool:
        """Whether the files are known."""
        return True

    @property
    def count(self) -> int:
        """How many files the MANIFEST lists."""
        return len(self.manifest.entries)

    @property
    def model_hash(self) -> str:
        """The sha256 of the MANIFEST."""
        return self.manifest.model_hash

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
    here = [path for path in DESCRIBING if path in contents.paths]
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
    """The file that a path leads to through symlinks, which the carton may only link to.

    Raises:
        FormatError: it leads to no file.
    """
    for _ in range(contents.limits.symlink_chain + 1):
        if path not in contents.paths:
            return path
        target = await contents.link_target(path)
        if target is None:
            return path
        path = target
    raise FormatError(f"{contents.name} has a symlink that leads to no file: {path!r}")


async def _read_checked(
    contents: Contents, manifest: Manifest, mirrors: Mirrors, path: str, ahead: Mapping[str, bytes] = _NOTHING
) -> bytes:
    promised, what = manifest.entries.get(path), f"{path} of {contents.name}"
    if promised is None:
        raise FormatError(f"{contents.name} has no file {path!r}")
    end, limit = await _followed(contents, path), _LARGEST.get(path, "read_size")
    if end in ahead:
        data = ahead[end]
    elif end in contents.paths:
        contents.check_size(end, limit)
        data = await contents.read(end)
    elif end in manifest.entries:
        # A link has the hash of what it finally points to; the check below says so if this one has not.
        data = await mirrors.read(manifest.entries[end], what=what, limit=limit)
    else:
        raise FormatError(f"{contents.name} has a symlink that leads to no file: {path!r}")
    found = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
    check_digest(found, promised, what)
    return data
