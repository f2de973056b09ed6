"""The API without ``await``, for scripts: each function waits in the calling thread, and Ctrl-C interrupts it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Sequence
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import numpy as np

from carton_runtime import background, loading, packing
from carton_runtime._child.carton_wire.messages import Kind
from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.lazy import LazyTensor, MiscFile
from carton_runtime.model import WINDOW, SealHandle
from carton_runtime.model import Carton as AsyncCarton
from carton_runtime.runner_kernels.call import Call
from carton_runtime.runner_kernels.kernel import Kernel
from carton_runtime.selftest import SelfTestReport

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["Carton", "bundle", "get", "get_model_info", "load", "load_unpacked", "pack", "read", "shrink"]


def _blocking(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    @wraps(function)
    def twin(*args: P.args, **kwargs: P.kwargs) -> T:
        return background.run_blocking(function(*args, **kwargs))

    return twin


class Carton:
    """The blocking twin of `carton_runtime.Carton`; see there.

    Attributes:
        asynchronous: the same model, to be awaited.
    """

    def __init__(self, model: AsyncCarton) -> None:
        self.asynchronous = model
        self.info = model.info

    @property
    def kernel(self) -> Kernel:
        """The process that runs it: another one after a restart."""
        return self.asynchronous.kernel

    @property
    def is_closed(self) -> bool:
        """Whether it was closed; see `carton_runtime.Carton.is_closed`."""
        return self.asynchronous.is_closed

    def infer(self, *inputs: Any, timeout: float | None = None, **named: Any) -> dict[str, Tensor]:
        """Run the model; see `carton_runtime.Carton.infer`."""
        model = self.asynchronous
        tensors, form = model.prepare(inputs, named)
        kernel = model.admitted_now() or model.admitted_blocking(timeout)
        with Call(kernel, tensors, form, {"handle": None, "credit": 0}, timeout) as call:
            return model.checked(call.receive_blocking(), form)

    def streaming_infer(
        self, *inputs: Any, timeout: float | None = None, **named: Any
    ) -> Generator[dict[str, Tensor], None, None]:
        """Run the model and give each result as it comes; see `carton_runtime.Carton.streaming_infer`."""
        model = self.asynchronous
        tensors, form = model.prepare(inputs, named)
        kernel = model.admitted_now() or model.admitted_blocking(timeout)
        with Call(kernel, tensors, form, {"handle": None, "credit": WINDOW}, timeout) as call:
            while (message := call.receive_blocking()).kind is not Kind.DONE:
                yield model.checked(message, form)
                call.ask_for_more(1)

    def seal(self, *inputs: Any, **named: Any) -> SealHandle:
        """Hand inputs to the model before they are needed; see `carton_runtime.Carton.seal`."""
        model = self.asynchronous
        tensors, form = model.prepare(inputs, named)
        kernel = model.admitted_now() or model.admitted_blocking()
        with Call(kernel, tensors, form, {}, kind=Kind.SEAL) as call:
            return SealHandle(call.receive_blocking().fields["handle"], kernel, form, call.number)

    def infer_with_handle(self, handle: SealHandle, *, timeout: float | None = None) -> dict[str, Tensor]:
        """Run the model on sealed inputs; see `carton_runtime.Carton.infer_with_handle`."""
        model = self.asynchronous
        model.check_handle(handle)
        kernel = model.with_inputs(handle, model.admitted_now() or model.admitted_blocking(timeout))
        with Call(kernel, {}, (), {"handle": handle.number, "credit": 0}, timeout) as call:
            kernel.sealed.take(handle.call)
            return model.checked(call.receive_blocking(), handle.form)

    def alloc_tensor(self, shape: Sequence[int], dtype: Any) -> np.ndarray[Any, Any]:
        """A new array for inputs, in shared memory; see `carton_runtime.Carton.alloc_tensor`."""
        return self.asynchronous.alloc_tensor(shape, dtype)

    def interrupt(self) -> None:
        """Interrupt the calls that run now, from another thread; see `carton_runtime.Carton.interrupt`."""
        self.asynchronous.interrupt()

    def restart(self) -> None:
        """End the model's process and start a new one; see `carton_runtime.Carton.restart`."""
        background.run_blocking(self.asynchronous.restart())

    def run_self_tests(self) -> SelfTestReport:
        """Run the carton's self tests; see `carton_runtime.Carton.run_self_tests`."""
        return background.run_blocking(self.asynchronous.run_self_tests())

    def close(self) -> None:
        """End the model's process; see `carton_runtime.Carton.aclose`."""
        background.run_blocking(self.asynchronous.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self.asynchronous)


def _blocking_model(function: Callable[P, Coroutine[Any, Any, AsyncCarton]]) -> Callable[P, Carton]:
    @wraps(function)
    def twin(*args: P.args, **kwargs: P.kwargs) -> Carton:
        model = Carton(background.run_blocking(function(*args, **kwargs)))
        try:
            loading.warn_of(model.asynchronous, stacklevel=3)
        except Warning:  # the caller makes errors of them, and will never hold the model
            model.close()
            raise
        return model

    return twin


load = _blocking_model(loading.load)
load_unpacked = _blocking_model(loading.load_unpacked)
pack = _blocking(packing.pack)
shrink = _blocking(packing.shrink)
bundle = _blocking(packing.bundle)
get_model_info = _blocking(loading.get_model_info)


def get(tensor: LazyTensor) -> Tensor:
    """The value of a stored tensor; see `carton_runtime.LazyTensor.get`."""
    return tensor.get_blocking()


def read(file: MiscFile, size_bytes: int | None = None) -> bytes:
    """The bytes of a misc file; see `carton_runtime.MiscFile.read`."""
    return file.read_blocking(size_bytes)
