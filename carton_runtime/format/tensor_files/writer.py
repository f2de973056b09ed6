"""Writes ``tensor_data/index.toml`` and the tensors that it lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tomli_w

from carton_runtime._child.carton_wire.nested import NestedTensor
from carton_runtime._child.carton_wire.values import Tensor, as_tensor, dtype_name
from carton_runtime.errors import FormatError
from carton_runtime.format.tensor_files.arrays import to_bytes, to_toml
from carton_runtime.format.tensor_files.index import FOLDER, INDEX, NESTED


def encode(tensors: Mapping[str, Tensor]) -> dict[str, bytes | memoryview]:
    """Every file of ``tensor_data/``, the index included: path in the carton → content.

    Numeric content is a view of the given array where it can be, so do not change that before the content is written.

    Raises:
        FormatError: a name is empty or not valid Unicode, or a value cannot be stored.
    """
    writer = _Writer(tensors)
    for name, tensor in tensors.items():
        writer.add(name, tensor)
    return {**writer.files, INDEX: writer.index()}


class _Writer:
    def __init__(self, names: Mapping[str, Tensor]) -> None:
        self.files: dict[str, bytes | memoryview] = {}
        self._taken = set(names)
        self._tables: list[dict[str, object]] = []

    def add(self, name: str, tensor: Tensor) -> None:
        value = _tensor(name, tensor)
        if isinstance(value, NestedTensor):
            self._add_nested(name, value)
        else:
            self._add_plain(name, value)

    def index(self) -> bytes:
        try:
            return tomli_w.dumps({"tensor": self._tables}).encode("utf-8")
        except UnicodeEncodeError as error:
            raise FormatError(f"a tensor's name is not valid Unicode: {error.reason}", where=INDEX) from None

    def _add_plain(self, name: str, array: np.ndarray[Any, Any]) -> None:
        dtype = dtype_name(array.dtype)
        file = f"tensor_{len(self.files)}.{'toml' if dtype == 'string' else 'bin'}"
        self.files[FOLDER + file] = to_toml(array, name) if dtype == "string" else to_bytes(array)
        # The original's reader fails without `inner`
        self._tables.append({"name": name, "dtype": dtype, "shape": list(array.shape), "file": file, "inner": []})

    def _add_nested(self, name: str, nested: NestedTensor) -> None:
        inner = [self._unused(f"{name}.{position}") for position in range(len(nested))]
        self._tables.append({"name": name, "dtype": NESTED, "inner": inner})
        for inner_name, array in zip(inner, nested, strict=True):
            self._add_plain(inner_name, array)

    def _unused(self, name: str) -> str:
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


def _tensor(name: str, value: Tensor) -> Tensor:
    if not name:
        raise FormatError("a stored tensor has an empty name", where=INDEX)
    try:
        return as_tensor(value)
    except TypeError as error:
        raise FormatError(f"the tensor {name!r} cannot be stored: {error}", where=INDEX) from error
