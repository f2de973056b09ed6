"""Compare the tensors of one call with a model's specs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carton_runtime._child.carton_wire.nested import NestedTensor
from carton_runtime._child.carton_wire.tensors import Form, form_of
from carton_runtime._child.carton_wire.values import NATIVE, Tensor, as_tensor, dtype_name
from carton_runtime.errors import InvalidTensorError
from carton_runtime.format.document import Dimension, TensorSpec

_MOST_FORMS = 256


class SpecWarning(UserWarning):
    """A call that works although it does not keep to the model's specs; ``strict=True`` makes it an error."""


def to_tensors(given: Mapping[str, Any], dtypes: Mapping[str, str]) -> tuple[dict[str, Tensor], Form]:
    """What a caller gives as tensors, and their form.

    Python numbers and lists take the dtype of their spec where nothing is lost.

    Args:
        given: values by name.
        dtypes: the dtypes of the specs, by name.

    Raises:
        InvalidTensorError: a value is no tensor; the message names it.
    """
    tensors: dict[str, Tensor] = {}
    form = []
    for name, value in given.items():
        # Written out, and not by `is_array`: every call goes through here.
        is_plain = type(value) is np.ndarray and value.dtype in NATIVE and value.flags.c_contiguous
        tensor = value if is_plain and type(name) is str else to_tensor(name, value, dtypes.get(name))
        tensors[name] = tensor
        form.append((name, type(tensor), tensor.dtype, tensor.shape))
    return tensors, tuple(form)


def to_tensor(name: str, value: Any, wanted: str | None) -> Tensor:
    """What a caller gives for one input, whose spec wants the dtype `wanted`, as a tensor. Raises as `to_tensors`."""
    if not isinstance(name, str):
        raise InvalidTensorError(f"inputs are named by strings, not by {name!r}")
    try:
        tensor = as_tensor(value)
    except (TypeError, ValueError) as error:
        raise InvalidTensorError(f"input {name!r}: {error}") from error
    if (
        wanted in (None, "string")
        or isinstance(value, (np.ndarray, np.generic, NestedTensor))
        or not _is_numeric(tensor)
    ):
        return tensor
    return _converted(np.asarray(tensor), str(wanted))


def _converted(array: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any]:
    """The array in another dtype; as it is where that would change values by more than rounding."""
    with np.errstate(all="ignore"):  # what does not fit is seen below
        converted = array.astype(dtype)
    is_rounding = converted.dtype.kind == array.dtype.kind == "f"
    if is_rounding:
        return converted if np.array_equal(np.isfinite(converted), np.isfinite(array)) else array
    return converted if np.array_equal(converted, array) else array


def _is_numeric(tensor: Tensor) -> bool:
    return tensor.dtype.kind in "iuf"


class Specs:
    """The specs of a model, and the forms of calls that were seen to fit them: most calls are like one before.

    Args:
        inputs: the specs of the inputs.
        outputs: the specs of the outputs.
    """

    def __init__(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.input_dtypes = {spec.name: spec.dtype for spec in inputs}
        self._fitting: set[tuple[Form, Form | None]] = set()

    def fit(self, inputs: Form, outputs: Form | None = None) -> bool:
        """Whether a call of that form is known to fit."""
        return (inputs, outputs) in self._fitting

    def input_problems(self, inputs: Form) -> list[str]:
        """What is wrong with a call's inputs, names apart."""
        return list(map(str, _Comparison().problems("input", self.inputs, inputs)))

    def input_name_problems(self, inputs: Form) -> list[str]:
        """What is wrong with the inputs' names."""
        found = list(_name_problems("input", self.inputs, inputs))
        if not found and not self.input_problems(inputs):
            self._remember(inputs)
        return found

    def output_problems(self, inputs: Form, outputs: Form) -> list[str]:
        """What is wrong with a call's outputs, their names and what symbols stand for in its inputs included."""
        comparison = _Comparison()
        for _ in comparison.problems("input", self.inputs, inputs):
            pass  # for what the symbols stand for; the problems were told before the call
        found = [
            *_name_problems("output", self.outputs, outputs),
            *map(str, comparison.problems("output", self.outputs, outputs)),
        ]
        if not found:
            self._remember(inputs, outputs)
        return found

    def _remember(self, inputs: Form, outputs: Form | None = None) -> None:
        """A call of that form fits in all respects."""
        if len(self._fitting) >= _MOST_FORMS:
            self._fitting.clear()
        self._fitting.add((inputs, outputs))


@dataclass(frozen=True)
class Problem:
    """Why a tensor does not fit its spec.

    Attributes:
        kind: ``"input"`` or ``"output"``.
        name: the tensor's name.
        axis: the axis that does not fit; `None` for the tensor as a whole.
        text: what is wrong there.
    """

    kind: str
    name: str
    axis: int | None
    text: str

    @property
    def where(self) -> str:
        """The tensor, and the axis if it is about one."""
        return f"{self.kind} {self.name!r}" + ("" if self.axis is None else f", axis {self.axis}")

    def __str__(self) -> str:
        return f"{self.where} {self.text}" if self.axis is None else f"{self.where}: {self.text}"


@dataclass(frozen=True)
class Binding:
    """What some of a call's inputs make of a model's specs.

    Attributes:
        problems: what does not fit, in the order of the specs.
        symbols: what each symbol stands for: a size, or the sizes of a whole shape.
    """

    problems: tuple[Problem, ...]
    symbols: Mapping[str, int | tuple[int | None, ...]]


def bind(specs: Sequence[TensorSpec], inputs: Mapping[str, Tensor]) -> Binding:
    """Compare inputs with their specs, as far as there are any yet: one that is missing is no problem."""
    comparison = _Comparison()
    problems = tuple(comparison.problems("input", specs, form_of(inputs)))
    return Binding(problems, comparison.symbols)


class _Comparison:
    def __init__(self) -> None:
        # A symbol for a dimension and one for a whole shape are different even when they are spelt alike.
        self._sizes: dict[str, tuple[int, str]] = {}
        self._shapes: dict[str, tuple[tuple[int | None, ...], str]] = {}

    @property
    def symbols(self) -> dict[str, int | tuple[int | None, ...]]:
        """What the symbols stand for, so far."""
        shapes = {symbol: known for symbol, (known, _) in self._shapes.items()}
        return {**shapes, **{symbol: known for symbol, (known, _) in self._sizes.items()}}

    def problems(self, kind: str, specs: Sequence[TensorSpec], form: Form) -> Iterator[Problem]:
        """What does not fit."""
        found = {name: (dtype, shape) for name, _, dtype, shape in form}
        for spec in specs:
            if spec.name in found:
                for axis, text in self._tensor_problems(kind, spec, *found[spec.name]):
                    yield Problem(kind, spec.name, axis, text)

    def _tensor_problems(
        self, kind: str, spec: TensorSpec, dtype: np.dtype[Any], shape: tuple[int | None, ...]
    ) -> Iterator[tuple[int | None, str]]:
        found = dtype_name(dtype)
        if found != spec.dtype:
            yield None, f"has dtype {found}, its spec says {spec.dtype}"
        if spec.shape is None:
            return
        if isinstance(spec.shape, str):
            for text in self._whole_shape(f"{kind} {spec.name!r}", spec.shape, shape):
                yield None, text
        elif len(spec.shape) != len(shape):
            yield None, f"has {len(shape)} axes (shape {_shown(shape)}), its spec says {len(spec.shape)}"
        else:
            for axis, (wanted, size) in enumerate(zip(spec.shape, shape, strict=True)):
                for text in self._axis(f"{kind} {spec.name!r}, axis {axis}", wanted, size):
                    yield axis, text

    def _whole_shape(self, what: str, symbol: str, shape: tuple[int | None, ...]) -> Iterator[str]:
        known, owner = self._shapes.setdefault(symbol, (shape, what))
        if known != shape:
            yield f"has shape {_shown(shape)}, but {symbol!r} is {_shown(known)} in {owner}"

    def _axis(self, what: str, wanted: Dimension, size: int | None) -> Iterator[str]:
        if wanted is None:
            return
        if size is None:
            yield f"is ragged, its spec says {wanted}"
        elif isinstance(wanted, int):
            if size != wanted:
                yield f"has size {size}, its spec says {wanted}"
        else:
            known, owner = self._sizes.setdefault(wanted, (size, what))
            if known != size:
                yield f"has size {size}, but {wanted!r} is {known} in {owner}"


def _name_problems(kind: str, specs: Sequence[TensorSpec], form: Form) -> Iterator[str]:
    """Names that a call lacks, or has and should not; none where the model has no specs."""
    if not specs:
        return
    known = [spec.name for spec in specs]
    names = [name for name, *_ in form]
    for name in known:
        if name not in names:
            yield f"{kind} {name!r} is missing; the model's specs have {_listed(known)}"
    for name in names:
        if name not in known:
            yield f"{kind} {name!r} is not in the model's specs, which have {_listed(known)}"


def _shown(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("ragged" if size is None else str(size) for size in shape) + "]"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def batch_axes(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> dict[str, dict[str, int]]:
    """The axis of each tensor along which calls may be put together: that of the symbol which all shapes have.

    Empty when no symbol stands exactly once in the shape of every input and every output.
    """
    shapes = [spec.shape for spec in (*inputs, *outputs)]
    if not inputs or not outputs or not all(isinstance(shape, tuple) for shape in shapes):
        return {}
    for symbol in dict.fromkeys(size for size in shapes[0] or () if isinstance(size, str)):
        if all(isinstance(shape, tuple) and shape.count(symbol) == 1 for shape in shapes):
            return {"inputs": _axes(inputs, symbol), "outputs": _axes(outputs, symbol)}
    return {}


def _axes(specs: Sequence[TensorSpec], symbol: str) -> dict[str, int]:
    return {spec.name: spec.shape.index(symbol) for spec in specs if isinstance(spec.shape, tuple)}
