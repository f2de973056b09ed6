"""Stored tensors: ``tensor_data/index.toml`` and the files that it lists, to and from numpy."""

from __future__ import annotations

from carton_runtime.format.tensor_files.index import StoredTensor, TensorIndex
from carton_runtime.format.tensor_files.writer import encode

__all__ = ["StoredTensor", "TensorIndex", "encode"]
