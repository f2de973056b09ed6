"""Tensors there and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from carton_runtime import NestedTensor
from carton_runtime._child.carton_wire.values import DTYPES
from carton_runtime.testing.suites.behaviours import Behaviour
from carton_runtime.testing.suites.samples import SHAPES, assert_same, sample
from carton_runtime.testing.suites.subject import Models, Subject

Array = np.ndarray[Any, Any]
Change = Callable[[Array], Array]

_LARGE = 1 << 18
"""Numbers in a tensor that goes through shared memory."""

LAYOUTS: Mapping[str, Change] = {
    "transposed": lambda array: array.T,
    "every-second": lambda array: array[::2],
    "backwards": lambda array: array[::-1],
    "fortran": np.asfortranarray,
    "repeated": lambda array: np.broadcast_to(array, (3, *array.shape)),
    "other-byte-order": lambda array: array.astype(array.dtype.newbyteorder()),
}


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array


class TensorChecks(Subject):
    """Checks of what goes in and out."""

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_every_dtype_comes_back_in_every_shape(self, models: Models, dtype: str, shape: str) -> None:
        self._skip_unless(dtype)
        given = sample(dtype, SHAPES[shape])
        assert_same(self.infer(models.shared(Behaviour.ECHO), x=given)["x"], given)

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_an_array_comes_back_however_it_lies_in_memory(self, models: Models, layout: str) -> None:
        given = LAYOUTS[layout](self.tensor(24).reshape(2, 3, 4))
        assert_same(self.infer(models.shared(Behaviour.ECHO), x=_read_only(given))["x"], given)

    def test_a_large_tensor_comes_back(self, models: Models) -> None:
        model, given = models.shared(Behaviour.ECHO), self.tensor(_LARGE)
        for _ in range(3):
            assert_same(self.infer(model, x=given)["x"], given)

    def test_a_tensor_in_shared_memory_comes_back(self, models: Models) -> None:
        model, given = models.shared(Behaviour.ECHO), self.tensor(_LARGE)
        shared = model.alloc_tensor(given.shape, given.dtype)
        shared[:] = given
        assert_same(self.infer(model, x=shared)["x"], given)

    def test_many_strings_come_back(self, models: Models) -> None:
        self._skip_unless("string")
        given = np.array([f"text {number} ü" for number in range(10_000)])
        assert_same(self.infer(models.shared(Behaviour.ECHO), x=given)["x"], given)

    @pytest.mark.parametrize("size", [5, _LARGE], ids=["small", "large"])
    def test_a_result_stays_what_it_was_while_others_follow(self, models: Models, size: int) -> None:
        model, first, second = models.shared(Behaviour.ECHO), self.tensor(size), self.tensor(size)[::-1]
        kept = self.infer(model, x=first)["x"]
        assert_same(self.infer(model, x=second)["x"], second)
        assert_same(kept, first)

    @pytest.mark.parametrize("names", [(), ("x",), ("x", "y", "a name with ü")], ids=len)
    def test_tensors_keep_their_names(self, models: Models, names: tuple[str, ...]) -> None:
        given = {name: self.tensor(number + 1) for number, name in enumerate(names)}
        found = self.infer(models.shared(Behaviour.NAMES), **given)
        assert set(found) == set(given)
        for name, array in given.items():
            assert_same(found[name], array)

    def test_a_nested_tensor_comes_back(self, models: Models) -> None:
        given = NestedTensor([self.tensor(size) for size in (3, 0, 5)])
        found = self.infer(models.shared(Behaviour.NESTED), x=given)["x"]
        assert isinstance(found, NestedTensor), f"a nested tensor was expected, not {type(found).__name__}"
        assert (found.dtype, found.tolist()) == (given.dtype, given.tolist())

    def _skip_unless(self, dtype: str) -> None:
        if dtype not in self.dtypes:
            pytest.skip(f"the runner says that it takes no {dtype}")
