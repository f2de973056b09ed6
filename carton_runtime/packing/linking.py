"""Which files a carton leaves out, because they can be fetched from elsewhere."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carton_runtime.errors import FormatError, StorageError
from carton_runtime.events import OnEvent, step
from carton_runtime.format.manifest import Links
from carton_runtime.packing.entries import PackingStoppedError, chunks_of, content_size
from carton_runtime.packing.kinds import check_kind

_LOGGER = logging.getLogger(__name__)
_USER = re.compile(r"\w[\w+.-]*://[^/?#]*@")


@dataclass(frozen=True)
class LinkedFiles:
    """What is left out.

    Attributes:
        files: the path in the carton of each file → its sha256.
        links: where they can be fetched.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    links: Links = field(default_factory=lambda: Links({}))


def checked_links(given: Any, where: str) -> Links:
    """What a caller gave as places of files.

    Args:
        given: sha256 in hex → URLs with that content, the best first: older readers try no other.
        where: what it was given as, for messages.

    Raises:
        FormatError: it is something else.
    """
    check_kind(given, Mapping, where)
    for sha256, urls in given.items():
        check_kind(sha256, str, where)
        if isinstance(urls, str) or not isinstance(urls, Sequence):
            raise FormatError(f"must be a list of URLs, not {urls!r:.80}", where=f"{where}[{sha256[:80]!r}]")
        if not urls:
            raise FormatError("is empty; name at least one URL", where=f"{where}[{sha256[:80]!r}]")
        if any(isinstance(url, str) and _USER.match(url) for url in urls):
            raise FormatError("has a user or password, which whoever gets the carton could read", where=where)
    return Links(given)


def chosen_links(links: Links, hashes: Collection[str], where: str) -> Links:
    """The links to files that there are; others are left out with a warning, as a repository has more than a model.

    Raises:
        FormatError: there is none of them, so that something else was meant.
    """
    chosen = {sha256: urls for sha256, urls in links.urls.items() if sha256 in hashes}
    unknown = sorted(links.urls.keys() - chosen.keys())
    if unknown and not chosen:
        raise FormatError(f"no file has one of these hashes: {_listed(unknown)}", where=where)
    if unknown:
        _LOGGER.warning("%s: no file has these hashes, which are left out: %s", where, _listed(unknown))
    return Links(chosen)


def find_linked(
    files: Mapping[str, bytes | Path], links: Links, stop: threading.Event, on_event: OnEvent | None
) -> LinkedFiles:
    """Which of some files are to be left out, by their hashes.

    Args:
        files: path in the carton → content, or the file that has it.
        links: where files can be fetched; of those that are not there, too.
        stop: set when the caller gave up.
        on_event: told of the step ``model.hash``.

    Raises:
        FormatError: none is to be left out.
        StorageError: a file cannot be read.
    """
    if not links.urls:
        return LinkedFiles()
    total = sum(map(content_size, files.values()))
    with step("model.hash", "looking for files that are linked to", total=total, on_event=on_event) as running:
        hashes = {}
        for path, content in files.items():
            hashes[path] = _sha256(content, stop)
            running.advance(content_size(content), path)
    chosen = chosen_links(links, hashes.values(), "linked_files")
    return LinkedFiles({path: sha256 for path, sha256 in hashes.items() if sha256 in chosen.urls}, chosen)


def _sha256(content: bytes | Path, stop: threading.Event) -> str:
    if not isinstance(content, Path):
        return hashlib.sha256(content).hexdigest()
    digest = hashlib.sha256()
    try:
        with content.open("rb") as file:
            for chunk in chunks_of(file):
                if stop.is_set():
                    raise PackingStoppedError
                digest.update(chunk)
    except OSError as error:
        raise StorageError(f"{content} cannot be packed: {error.strerror}") from error
    return digest.hexdigest()


def _listed(hashes: Sequence[str]) -> str:
    shown = ", ".join(sha256[:12] for sha256 in hashes[:5])
    return shown if len(hashes) <= 5 else f"{shown} and {len(hashes) - 5} more"
