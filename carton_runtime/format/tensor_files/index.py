"""Reads ``tensor_data/index.toml`` and the tensors that it lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from carton_runtime._child.carton_wire.nested import NestedTensor
from carton_runtime._child.carton_wire.values import DTYPES, Tensor
from carton_runtime.errors import FormatError
from carton_runtime.format.limits import DEFAULTS, Limits
from carton_runtime.format.paths import safe_path
from carton_runtime.format.reading import INT64, Table, parse_toml
from carton_runtime.format.tensor_files.arrays import numeric_from_bytes, strings_from_toml

FOLDER = "tensor_data/"
INDEX = f"{FOLDER}index.toml"
NESTED = "nested"

_MAX_RANK = 32  # of the oldest numpy that we run on


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of the index.

    Attributes:
        name: what follows ``@tensor_data/`` in a reference.
        dtype: one of `DTYPES`, or ``nested``.
        shape: its sizes; empty for a nested tensor.
        file: its file, relative to ``tensor_data/``; `None` for a nested tensor.
        inner: the tensors that a nested one is made of; empty for others.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] = ()
    file: str | None = None
    inner: tuple[str, ...] = ()


@dataclass(frozen=True)
class TensorIndex:
    """The stored tensors of a carton.

    Attributes:
        tensors: every stored tensor by name, inner ones included.
    """

    tensors: Mapping[str, StoredTensor]
    _limits: Limits = field(default=DEFAULTS, compare=False, repr=False)

    @classmethod
    def parse(cls, data: bytes, limits: Limits = DEFAULTS) -> TensorIndex:
        """Read ``tensor_data/index.toml``.

        Raises:
            FormatError: it is not TOML, a tensor lacks something or is there twice, or a nested one is made of tensors
                that are missing, nested themselves, or part of another.
        """
        tensors: dict[str, StoredTensor] = {}
        tables = parse_toml(data, INDEX, limits).tables("tensor")
        for table in tables:
            tensor = _stored_tensor(table)
            if tensor.name in tensors:
                raise table.error("name", f"{tensor.name!r} is there twice")
            tensors[tensor.name] = tensor
        _check_nesting(tables, tensors)
        return cls(tensors, limits)

    @property
    def names(self) -> tuple[str, ...]:
        """The tensors that a reference may name: all but those inside nested ones."""
        inner = {name for tensor in self.tensors.values() for name in tensor.inner}
        return tuple(name for name in self.tensors if name not in inner)

    def form_of(self, name: str) -> tuple[str, tuple[int | None, ...] | None]:
        """The dtype and sizes of one tensor, as its value has them.

        A nested tensor has the dtype of its parts. A size is `None` where they differ; so is the whole where they do
        not fit together.

        Raises:
            FormatError: there is no such tensor.
        """
        tensor = self._tensor(name)
        parts = [self._tensor(inner) for inner in tensor.inner]
        if not parts:
            return tensor.dtype, tensor.shape
        if len({len(part.shape) for part in parts}) > 1:
            return parts[0].dtype, None
        columns = zip(*(part.shape for part in parts), strict=True)
        return parts[0].dtype, (len(parts), *(sizes[0] if len(set(sizes)) == 1 else None for sizes in columns))

    def files_of(self, name: str) -> tuple[str, ...]:
        """The paths in the carton of the files that `decode` needs for one tensor.

        Raises:
            FormatError: there is no such tensor.
        """
        tensor = self._tensor(name)
        parts = [self._tensor(inner) for inner in tensor.inner] or [tensor]
        return tuple(dict.fromkeys(FOLDER + part.file for part in parts if part.file is not None))

    def decode(self, name: str, files: Mapping[str, bytes]) -> Tensor:
        """Make one tensor from its files.

        Args:
            name: the tensor.
            files: path in the carton → content, for each of `files_of`.

        Raises:
            FormatError: there is no such tensor, a file is missing, or it does not hold what the index says.
        """
        tensor = self._tensor(name)
        if tensor.dtype != NESTED:
            return _decode_plain(tensor, files, self._limits)
        try:
            return NestedTensor([_decode_plain(self._tensor(inner), files, self._limits) for inner in tensor.inner])
        except (ValueError, TypeError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(f"the nested tensor {name!r} does not fit together: {error}", where=INDEX) from error

    def _tensor(self, name: str) -> StoredTensor:
        if name not in self.tensors:
            raise FormatError(f"lists no tensor {name!r}", where=INDEX)
        return self.tensors[name]


def _stored_tensor(table: Table) -> StoredTensor:
    name, dtype = table.text("name"), table.text("dtype")
    if not name:
        raise table.error("name", "is empty")
    if dtype == NESTED:
        return StoredTensor(name, dtype, inner=table.text_list("inner"))
    if dtype not in DTYPES:
        raise table.error("dtype", f"is {dtype!r}; it must be one of {', '.join(DTYPES)}, {NESTED}")
    return StoredTensor(name, dtype, _shape(table), _file(table))


def _shape(table: Table) -> tuple[int, ...]:
    table.value("shape")
    sizes = table.items("shape")
    if len(sizes) > _MAX_RANK:
        raise table.error("shape", f"has {len(sizes)} dimensions; at most {_MAX_RANK} are possible")
    return tuple(_size(table, axis, size) for axis, size in enumerate(sizes))


def _size(table: Table, axis: int, size: object) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or size < 0 or size not in INT64:
        raise table.error(("shape", axis), "must be a whole number that is not negative")
    return size


def _file(table: Table) -> str:
    try:
        return safe_path(table.text("file"))
    except FormatError as error:
        raise error if error.where else table.error("file", str(error)) from None


def _check_nesting(tables: list[Table], tensors: Mapping[str, StoredTensor]) -> None:
    owned: set[str] = set()
    for table, tensor in zip(tables, tensors.values(), strict=True):
        if tensor.dtype == NESTED and not tensor.inner:
            raise table.error("inner", "is empty; a nested tensor needs at least one inner tensor")
        for position, name in enumerate(tensor.inner):
            fault = _inner_fault(name, tensors, owned)
            if fault:
                raise table.error(("inner", position), f"{name!r} {fault}")
            owned.add(name)


def _inner_fault(name: str, tensors: Mapping[str, StoredTensor], owned: set[str]) -> str:
    if name not in tensors:
        return "is not in the index"
    if tensors[name].dtype == NESTED:
        return "is nested itself; nested tensors do not nest"
    return "is part of a nested tensor already" if name in owned else ""


def _decode_plain(tensor: StoredTensor, files: Mapping[str, bytes], limits: Limits) -> Tensor:
    path = f"{FOLDER}{tensor.file}"
    if path not in files:
        raise FormatError(f"is missing; the tensor {tensor.name!r} needs it", where=path)
    if tensor.dtype == "string":
        return strings_from_toml(files[path], tensor.shape, path, limits)
    return numeric_from_bytes(files[path], tensor.dtype, tensor.shape, path)
