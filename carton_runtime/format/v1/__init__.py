"""``carton.toml``, version 1: the only package that spells its keys.

`parse` is lenient: unknown keys are ignored, and the rules that bind packing only are in `check_packable`.
`check_references` checks references to stored tensors against what is stored.
"""

from __future__ import annotations

from carton_runtime.format.v1.reader import parse
from carton_runtime.format.v1.rules import check_packable, check_references
from carton_runtime.format.v1.writer import serialise

__all__ = ["check_packable", "check_references", "parse", "serialise"]
