"""Cartons as bytes: an honest one, and ways to have one part of it lie."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from raw_zips import RawEntry, RawZip

from carton_runtime.format.tensor_files import encode

CARTON_TOML = b"""spec_version = 1
model_name = "honest"

[runner]
runner_name = "noop"
required_framework_version = "=1"
runner_compat_version = 1

[[input]]
name = "x"
dtype = "float32"
shape = ["n"]

[[output]]
name = "x"
dtype = "float32"
shape = ["n"]

[[self_test]]
inputs = {x = "@tensor_data/numbers"}

[[example]]
inputs = {x = "@misc/picture.png"}
sample_out = {x = "@tensor_data/words"}
"""
TENSORS = {"numbers": np.arange(4, dtype=np.float32), "words": np.array(["a", "bc"])}
FILES: Mapping[str, bytes] = {
    "model/weights.bin": bytes(range(256)) * 64,
    "model/code/main.py": b"print('never run')\n" * 20,
    "misc/picture.png": b"\x89PNG no more than a name",
    **{path: bytes(content) for path, content in encode(TENSORS).items()},
    "carton.toml": CARTON_TOML,
}
"""An honest carton without its MANIFEST, whose model gives back what it gets."""

SYMLINK = {"method": 0, "made_by": 3, "attributes": (stat.S_IFLNK | 0o777) << 16}
"""What makes an entry a symlink to its content."""


@dataclass(frozen=True)
class Draft:
    """A carton to be written.

    Attributes:
        files: path → content, without MANIFEST.
        links: path of a symlink → its target.
        changes: path → what to change of its zip entry; see `RawEntry`.
        added: entries that stand in the zip besides.
        left_out: paths that the MANIFEST lists and the zip lacks.
        promises: path → the hash that the MANIFEST gives in place of the true one.
        manifest: the MANIFEST in place of an honest one.
        method: how entries are compressed.
        zip: what to change of the zip; see `RawZip`.
    """

    files: Mapping[str, bytes] = field(default_factory=lambda: dict(FILES))
    links: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    added: Sequence[RawEntry] = ()
    left_out: Sequence[str] = ()
    promises: Mapping[str, str] = field(default_factory=dict)
    manifest: bytes | None = None
    method: int = 93
    zip: Mapping[str, Any] = field(default_factory=dict)

    def with_files(self, files: Mapping[str, bytes | None]) -> Draft:
        """With these files besides, or in place of others; `None` takes one away."""
        merged = {**self.files, **files}
        return replace(self, files={path: content for path, content in merged.items() if content is not None})

    def entries(self) -> list[RawEntry]:
        """The entries of the zip."""
        found = [self._entry(path, content) for path, content in self.files.items() if path not in self.left_out]
        found += [self._entry(path, target.encode(), **SYMLINK) for path, target in self.links.items()]
        return [*found, self._entry("MANIFEST", self.manifest_bytes(), method=0), *self.added]

    def manifest_bytes(self) -> bytes:
        """The MANIFEST: as it was given, or an honest one but for `promises`."""
        if self.manifest is not None:
            return self.manifest
        hashes = {path: sha256(content) for path, content in self.files.items() if path != "LINKS"}
        hashes |= {path: hashes.get(_joined(path, target), "0" * 64) for path, target in self.links.items()}
        lines = sorted((path.encode(), value) for path, value in (hashes | dict(self.promises)).items())
        return b"".join(path + b"=" + value.encode() + b"\n" for path, value in lines)

    def zipped(self) -> bytes:
        """The zip."""
        return RawZip(self.entries(), **self.zip).build()

    def _entry(self, path: str, content: bytes, **fields: Any) -> RawEntry:
        plain = {"name": path, "content": content, "method": self.method}
        return RawEntry(**(plain | fields | dict(self.changes.get(path, {}))))


def sha256(content: bytes) -> str:
    """The hash of a content, in hex."""
    return hashlib.sha256(content).hexdigest()


def links_of(content: bytes, *urls: str) -> bytes:
    """A LINKS that says where a file with that content lies."""
    listed = ", ".join(f'"{url}"' for url in urls)
    return f'version = 1\n[urls]\n"{sha256(content)}" = [{listed}]\n'.encode()


def _joined(path: str, target: str) -> str:
    from posixpath import dirname, join, normpath

    return normpath(join(dirname(path), target))
