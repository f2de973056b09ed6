"""Make a carton out of a model, its description and its tests."""

from __future__ import annotations

from carton_runtime.packing.options import PackOptions
from carton_runtime.packing.packer import pack

__all__ = ["PackOptions", "pack"]
