"""Honest cartons of every kind, to be damaged."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from hostile.drafts import CARTON_TOML, FILES, Draft, links_of

import carton_runtime as carton
from carton_runtime import NestedTensor
from carton_runtime.format.tensor_files import encode

RAGGED = NestedTensor([np.arange(size, dtype=np.int16) for size in (1, 3, 2)])
NESTED = {"numbers": np.arange(6.0).reshape(2, 3), "words": np.array([["é", ""], ["x", "y\n"]]), "ragged": RAGGED}
DESCRIBING = ("carton.toml", "tensor_data/index.toml", "tensor_data/tensor_1.toml", "LINKS", "MANIFEST")
"""What is read as text."""

_LINKED = Draft(links={"model/link.bin": "weights.bin", "model/code/up": "../weights.bin"})
_MORE_TEXT = b'required_platforms = ["x86_64-unknown-linux-gnu"]\nlicense = "Apache-2.0"\n'
_TENSORS = {path: bytes(content) for path, content in encode(NESTED).items()}
_SELF_TEST = b'\n[[self_test]]\ninputs = {x = "@tensor_data/ragged"}\nexpected_out = {x = "@tensor_data/numbers"}\n'

DRAFTS: Mapping[str, Draft] = {
    "zstd": Draft(),
    "deflated": Draft(method=8),
    "stored": Draft(method=0),
    "linked within": _LINKED,
    "linked elsewhere": Draft(left_out=["misc/picture.png"]).with_files(
        {"LINKS": links_of(FILES["misc/picture.png"], "https://x.example/picture.png", "http://y.example/p")}
    ),
    "nested": Draft().with_files({**_TENSORS, "carton.toml": _MORE_TEXT + CARTON_TOML + _SELF_TEST}),
    "zip64": Draft(method=0, zip={"zip64": True}),
}


def streamed() -> Draft:
    """A carton that was written without going back, so that every entry has a data descriptor."""
    changes = {}
    for entry in replace(DRAFTS["deflated"]).entries():
        numbers = (zlib.crc32(entry.content), len(entry.data or b""), len(entry.content))
        descriptor = b"PK\7\x08" + struct.pack("<3L", *numbers)
        changes[entry.name.decode()] = {"flags": 8, "local_numbers": (0, 0, 0), "descriptor": descriptor}
    return Draft(method=8, changes=changes)


def packed(folder: Path) -> bytes:
    """A carton as `pack` writes it, symlinks, tensors and files included."""
    model = folder / "model"
    (model / "deep").mkdir(parents=True)
    (model / "weights.bin").write_bytes(bytes(range(256)) * 300)
    (model / "deep" / "link").symlink_to("../weights.bin")
    spec = carton.TensorSpec("x", "float64", [None, None])
    path = carton.sync.pack(
        model,
        runner_name="noop",
        required_framework_version="=1",
        output_path=folder / "packed.carton",
        inputs=[spec],
        outputs=[spec],
        self_tests=[carton.SelfTest({"x": NESTED["numbers"]})],
        examples=[carton.Example({"x": b"picture"}, {"x": NESTED["numbers"]})],
        misc_files={"notes/a.md": b"# Notes"},
    )
    return path.read_bytes()


def corpus(folder: Path) -> list[bytes]:
    """All of them, as bytes."""
    return [*(draft.zipped() for draft in DRAFTS.values()), streamed().zipped(), packed(folder)]
