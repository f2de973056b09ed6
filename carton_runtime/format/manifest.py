"""``MANIFEST``, which gives each file's sha256, and ``LINKS``, which says where files left out can be fetched."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import tomli_w

from carton_runtime.errors import FormatError
from carton_runtime.format.limits import DEFAULTS, Limits
from carton_runtime.format.paths import check_distinct, safe_path
from carton_runtime.format.reading import Table, parse_toml
from carton_runtime.format.urls import objection

MANIFEST = "MANIFEST"
LINKS = "LINKS"

_LINKS_VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HOLDER = "a carton"


@dataclass(frozen=True)
class Manifest:
    """The files of a carton and their hashes.

    Attributes:
        entries: path → sha256 in hex, for every file except ``MANIFEST`` and ``LINKS``; a symlink has the hash of the
            file that it finally points to.

    Raises:
        FormatError: a path or a hash that the format does not allow, or two paths that are one file on some systems.
    """

    entries: Mapping[str, str]
    _read: bytes | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for path, sha256 in self.entries.items():
            _check_entry(path, sha256, None)
        check_distinct(self.entries, where=MANIFEST)

    @classmethod
    def parse(cls, data: bytes, limits: Limits = DEFAULTS) -> Manifest:
        """Read a ``MANIFEST``; whether it is sorted does not matter.

        Raises:
            FormatError: it is too large, lists too much, is not UTF-8, or a line is not ``path=sha256`` with a path
                that is safe and new.
        """
        _check_amount(data, limits)
        entries: dict[str, str] = {}
        for number, line in enumerate(_lines(data), 1):
            if line:
                path, sha256 = _split(line, number)
                if len(path.encode()) > limits.path_length:
                    raise limits.excess("path_length", f"the path {path[:80]!r}… is long", where=MANIFEST, line=number)
                if path in entries:
                    raise FormatError(f"{path!r} is there twice", where=MANIFEST, line=number)
                entries[path] = sha256
        return cls(entries, data)

    def serialise(self) -> bytes:
        """Write a ``MANIFEST``: sorted, one line for each file."""
        # Python orders text by code point, which is the byte order of its UTF-8
        return "".join(f"{path}={sha256}\n" for path, sha256 in sorted(self.entries.items())).encode("utf-8")

    @property
    def data(self) -> bytes:
        """The bytes of the ``MANIFEST``: the very ones that were read, when it was read."""
        return self.serialise() if self._read is None else self._read

    @property
    def model_hash(self) -> str:
        """The sha256 of `data`."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Links:
    """Where files can be fetched.

    Attributes:
        urls: sha256 in hex → URLs, all with the same content, the best first.

    Raises:
        FormatError: a hash that is none, or a URL that is not http, https or file.
    """

    urls: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        table = Table({"urls": {key: list(urls) for key, urls in self.urls.items()}}, LINKS)
        object.__setattr__(self, "urls", _urls(table.table("urls")))

    @classmethod
    def parse(cls, data: bytes, limits: Limits = DEFAULTS, *, files: bool = True) -> Links:
        """Read a ``LINKS``.

        Args:
            data: its content.
            limits: how large it may be.
            files: whether it may have file URLs: what came from elsewhere must not have files of this machine read.

        Raises:
            FormatError: it is too large, not TOML, of another version, or one of its hashes or URLs is none, or not
                allowed.
        """
        root = parse_toml(data, LINKS, limits, size="links_size")
        version = root.integer("version")
        if version != _LINKS_VERSION:
            raise root.error("version", f"is {version}; this release reads version {_LINKS_VERSION} only")
        table = root.table("urls")
        links = cls(_urls(table))
        if not files:
            _check_no_files(table, links)
        return links

    def serialise(self) -> bytes:
        """Write a ``LINKS``, sorted by hash."""
        urls = {sha256: list(mirrors) for sha256, mirrors in sorted(self.urls.items())}
        return tomli_w.dumps({"version": _LINKS_VERSION, "urls": urls}).encode("utf-8")


def _check_amount(data: bytes, limits: Limits) -> None:
    if len(data) > limits.manifest_size:
        raise limits.excess("manifest_size", f"is {len(data):,} bytes long", where=MANIFEST)
    lines = data.count(b"\n")
    if lines > limits.entries:
        raise limits.excess("entries", f"lists {lines:,} files", where=MANIFEST)


def _lines(data: bytes) -> list[str]:
    try:
        return data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(f"is not UTF-8: {error.reason}", where=MANIFEST, line=line) from None


def _split(line: str, number: int) -> tuple[str, str]:
    path, equals, sha256 = line.rpartition("=")  # a path may contain "=", a hash may not
    if not equals:
        raise FormatError(f"{line[:200]!r} is not 'path=sha256'", where=MANIFEST, line=number)
    _check_entry(path, sha256, number)
    return path, sha256


def _check_entry(path: str, sha256: str, number: int | None) -> None:
    try:
        safe_path(path)
    except FormatError as error:
        raise FormatError(str(error), where=MANIFEST, line=number) from None
    if path in (MANIFEST, LINKS):
        raise FormatError(f"lists {path}, which has no hash there", where=MANIFEST, line=number)
    if not _SHA256.fullmatch(sha256):
        raise FormatError(f"the hash of {path!r} is not 64 hex digits: {sha256[:80]!r}", where=MANIFEST, line=number)


def _urls(table: Table) -> dict[str, tuple[str, ...]]:
    for sha256 in table:
        if not _SHA256.fullmatch(sha256):
            raise table.error(sha256, "is not a sha256 of 64 hex digits")
    return {sha256: _mirrors(table, sha256) for sha256 in table}


def _mirrors(table: Table, sha256: str) -> tuple[str, ...]:
    urls = table.text_list(sha256)
    for position, url in enumerate(urls):
        if reason := objection(url, files=True, holder=_HOLDER):
            raise table.error((sha256, position), reason)
    return urls


def _check_no_files(table: Table, links: Links) -> None:
    for sha256, urls in links.urls.items():
        for position, url in enumerate(urls):
            if reason := objection(url, files=False, holder=_HOLDER):
                raise table.error((sha256, position), reason)
