"""Make a carton out of a model, its description and its tests; and one carton out of another."""

from __future__ import annotations

from carton_runtime.packing.bundling import bundle
from carton_runtime.packing.options import PackOptions
from carton_runtime.packing.packer import pack
from carton_runtime.packing.shrinking import shrink

__all__ = ["PackOptions", "bundle", "pack", "shrink"]
