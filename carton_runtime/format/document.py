"""What a carton says about itself, as frozen values; `carton_runtime.format.v1` spells them as ``carton.toml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from carton_runtime._child.carton_wire.values import DTYPES, dtype_name
from carton_runtime.errors import FormatError

Dimension = int | str | None
"""A size, a symbol that stands for one size throughout a call, or `None` for any size."""

Shape = Sequence[Dimension] | str | None
"""Dimensions, a symbol that stands for one whole shape throughout a call, or `None` for any shape."""

Option = int | float | str | bool
"""A value that a runner's option can have."""

Value = TypeVar("Value")

_TOO_LARGE = 2**63


@dataclass(frozen=True)
class TensorSpec:
    """What a model's input or output looks like.

    Attributes:
        name: the tensor's name.
        dtype: one of `DTYPES`.
        shape: `None` or ``"*"`` (any shape), a symbol for the whole shape, or a list of sizes, symbols and `None`;
            ``[]`` is a scalar.
        description: a line for people.
        internal_name: the name inside the framework, kept for runners that need it.
    """

    name: str
    dtype: str
    shape: Shape
    description: str | None = None
    internal_name: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", _dtype(self.name, self.dtype))
        # "*" is how carton.toml spells None; one value for each meaning lets specs be compared
        if self.shape == "*":
            object.__setattr__(self, "shape", None)
        elif self.shape is not None and not isinstance(self.shape, str):
            object.__setattr__(self, "shape", _dimensions(self.name, self.shape))


@dataclass(frozen=True)
class SelfTest(Generic[Value]):
    """Inputs to run a model on, and what should come out.

    `Value` is an array (or a `NestedTensor`) when packing, a `TensorRef` in a `Document`, and a lazy tensor in a loaded
    model.
    """

    inputs: Mapping[str, Value]
    name: str | None = None
    description: str | None = None
    expected_out: Mapping[str, Value] | None = None


@dataclass(frozen=True)
class Example(Generic[Value]):
    """Inputs and outputs to show to people; a value may be a file: bytes when packing, a `MiscRef` in a `Document`."""

    inputs: Mapping[str, Value]
    sample_out: Mapping[str, Value]
    name: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class TensorRef:
    """``@tensor_data/NAME``."""

    name: str


@dataclass(frozen=True)
class MiscRef:
    """``@misc/PATH``."""

    path: str


@dataclass(frozen=True)
class RunnerInfo:
    """Which runner a model needs.

    Attributes:
        runner_name: such as ``python``.
        required_framework_version: a Cargo version requirement, in its canonical form.
        runner_compat_version: the version of the model directory's layout, for that runner; `None` takes the runner's
            own.
        opts: the runner's options.
    """

    runner_name: str
    required_framework_version: str
    runner_compat_version: int | None = None
    opts: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """All of ``carton.toml``."""

    runner: RunnerInfo
    model_name: str | None = None
    short_description: str | None = None
    model_description: str | None = None
    license: str | None = None
    repository: str | None = None
    homepage: str | None = None
    required_platforms: tuple[str, ...] = ()
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    self_tests: tuple[SelfTest[TensorRef], ...] = ()
    examples: tuple[Example[TensorRef | MiscRef], ...] = ()


def _dtype(name: str, given: Any) -> str:
    """The carton's name of a dtype; numpy's own spellings are taken too."""
    if isinstance(given, str) and given in DTYPES:
        return given
    try:
        found = "" if given is None else dtype_name(np.dtype(given))
    except (TypeError, ValueError, SyntaxError):
        found = ""
    if found not in DTYPES:
        raise FormatError(f"tensor {name!r} has dtype {given!r}; it must be one of {', '.join(DTYPES)}")
    return found


def _dimensions(name: str, given: Any) -> tuple[Dimension, ...]:
    if not isinstance(given, Sequence) or isinstance(given, bytes | bytearray | memoryview):
        raise FormatError(f"tensor {name!r} has shape {given!r}; it must be a list of sizes, a symbol, or None")
    return tuple(_dimension(name, axis, size) for axis, size in enumerate(given))


def _dimension(name: str, axis: int, given: Any) -> Dimension:
    if given is None or isinstance(given, str):
        return None if given == "*" else given
    size = int(given) if isinstance(given, np.integer) else given
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < _TOO_LARGE:
        expected = "a whole number from 0 to 2**63 - 1, a symbol, or None"
        raise FormatError(f"tensor {name!r} has {given!r} for axis {axis}; a size must be {expected}")
    return size
