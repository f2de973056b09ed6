"""Read what a carton far away says about itself, where opening it would cost much more than that."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping

from carton_runtime.contents.carton import CARTON_TOML, DESCRIBING, INDEX, CartonFiles
from carton_runtime.contents.far_directory import FarDirectoryContents, manifest_source
from carton_runtime.contents.glance import Glance, Seen, described
from carton_runtime.contents.limiting import limits_of
from carton_runtime.contents.zipped import Glimpsed, ZippedContents
from carton_runtime.errors import FormatError
from carton_runtime.format.limits import Limits
from carton_runtime.format.manifest import MANIFEST, Manifest
from carton_runtime.settings import Settings
from carton_runtime.storage.base import Folder, NotThereError, Source
from carton_runtime.storage.cache import check_digest
from carton_runtime.storage.remote import GAP, TAIL
from carton_runtime.storage.spans import merged

_AFFORDABLE = 60_000  # bytes besides the tail; together less than 200 KB
_HEAD = 1 << 15  # of the zip's directory: about three hundred files
_REQUESTS = 3
_MODEL = "model/"


async def glance_at(place: Source | Folder, settings: Settings) -> Glance | None:
    """Read what describes a carton, if that is much less than opening it; `None` if it is not.

    What comes of a zip is compared with the zip's checksums only. What comes of a folder is compared with its MANIFEST
    where that is short.

    Raises:
        FormatError: it is a folder, and no carton.
        IntegrityError: it is a folder, and what describes it is not what its MANIFEST promises.
        StorageError: it cannot be read.
    """
    if isinstance(place, Source):
        return await _glance_at_zip(place, settings)
    return await _glance_at_folder(place, settings)


async def _glance_at_zip(source: Source, settings: Settings) -> Glance | None:
    try:
        limits = limits_of(settings)
        seen = await ZippedContents.glimpse(source, CARTON_TOML, tail=TAIL, head=_HEAD, without=_MODEL, limits=limits)
        if seen.is_whole and _is_affordable(seen, DESCRIBING):
            return None
        return await _described_in_zip(seen, source, settings)
    except FormatError:  # reading all of it says more about what is wrong, or that nothing is
        return None


def _is_affordable(seen: Glimpsed, paths: Iterable[str]) -> bool:
    """Whether files come in few and small requests."""
    spans = [seen.contents.far_part(path) for path in paths if path in seen.contents.paths]
    asked = merged(spans, GAP)
    return seen.asked + len(asked) <= _REQUESTS and sum(span.length for span in asked) <= _AFFORDABLE


async def _described_in_zip(glimpsed: Glimpsed, source: Source, settings: Settings) -> Glance | None:
    contents = glimpsed.contents
    paths = [path for path in (CARTON_TOML, INDEX) if path in contents.paths]
    if not _is_affordable(glimpsed, paths):  # tensors can wait
        paths = paths[:1]
    if CARTON_TOML not in paths or any([await contents.link_target(path) for path in paths]):
        return None
    for path in paths:
        contents.check_size(path, "toml_size")
    data = await contents.read_many(paths)

    async def open_whole() -> CartonFiles:
        return await CartonFiles.open(await ZippedContents.open(source, contents.limits), settings)

    seen = Seen(contents.paths, glimpsed.count)
    return Glance(described(data[CARTON_TOML], data.get(INDEX), contents.limits), seen, open_whole, source.aclose)


async def _glance_at_folder(folder: Folder, settings: Settings) -> Glance | None:
    """Nothing is listed, for a page of a listing may have more bytes than a card may cost."""
    limits = limits_of(settings)
    opened = await _opened(folder)
    sizes = {path: await source.size() for path, source in opened.items()}
    if CARTON_TOML not in opened:  # the carton may link to it
        return None
    for path in opened.keys() - {MANIFEST}:
        if sizes[path] > limits.toml_size:
            raise limits.excess("toml_size", f"of {folder.name} has {sizes[path]:,} bytes", where=path)
    data = {path: await source.read(0, sizes[path]) for path, source in opened.items() if path != MANIFEST}
    seen = await _seen(opened[MANIFEST], sizes[MANIFEST], data, folder, limits)

    async def open_whole() -> CartonFiles:
        return await CartonFiles.open(await FarDirectoryContents.open(folder, opened, limits), settings)

    return Glance(described(data[CARTON_TOML], data.get(INDEX), limits), seen, open_whole, folder.aclose)


async def _opened(folder: Folder) -> dict[str, Source]:
    """The files that describe a carton and are there, each of them looked at."""
    sources = {path: folder.file(path) for path in (CARTON_TOML, INDEX)}

    async def is_there(source: Source) -> bool:
        try:
            await source.size()
        except NotThereError:
            return False
        return True

    manifest, there = await asyncio.gather(
        manifest_source(folder), asyncio.gather(*(is_there(source) for source in sources.values()))
    )
    return {MANIFEST: manifest} | {path: sources[path] for path, found in zip(sources, there, strict=True) if found}


async def _seen(manifest: Source, size: int, data: Mapping[str, bytes], folder: Folder, limits: Limits) -> Seen:
    tail = await manifest.read(max(size - TAIL, 0), min(size, TAIL))
    if size > len(tail):  # it has tens of lines for each kilobyte, and all are about equally long
        return Seen((), round(tail.count(b"\n") * size / len(tail) / 100) * 100)
    read = Manifest.parse(tail, limits)
    for path, content in data.items():
        if path not in read.entries:
            raise FormatError(f"{folder.name} holds {path!r}, which its MANIFEST does not list", where=MANIFEST)
        check_digest(hashlib.sha256(content).hexdigest(), read.entries[path], f"{path} of {folder.name}")
    return Seen(read.entries.keys(), len(read.entries), read.model_hash)
