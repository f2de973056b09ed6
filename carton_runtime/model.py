"""A loaded model: what `load` gives, to run and to ask about."""

from __future__ import annotations

import asyncio
import warnings
import weakref
from collections.abc import AsyncGenerator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from carton_runtime import background
from carton_runtime._child.carton_wire.messages import Kind, Message
from carton_runtime._child.carton_wire.tensors import Form, form_of
from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.checking import Specs, SpecWarning, to_tensors
from carton_runtime.errors import CallTimeoutError, InvalidTensorError, ModelError
from carton_runtime.info import CartonInfo
from carton_runtime.runner_kernels.call import Call
from carton_runtime.runner_kernels.deadlines import check_timeout
from carton_runtime.runner_kernels.kernel import Kernel
from carton_runtime.runner_kernels.supervisor import Supervisor
from carton_runtime.selftest import SelfTestReport, run_self_tests

WINDOW = 16
"""Items of a stream that may be on their way before the caller has asked for them."""

Tensors = dict[str, Tensor]


class SealHandle:
    """Inputs that were handed to the model before they are needed; serves one `Carton.infer_with_handle`.

    They are released when they are used, by `release`, when nobody holds the handle any more, and after ten minutes.

    Attributes:
        number: what the model's process knows them by.
        kernel: the process that has them.
        form: theirs.
        call: the call that sealed them.
    """

    def __init__(self, number: int, kernel: Kernel, form: Form, call: int = 0) -> None:
        self.number = number
        self.kernel = kernel
        self.form = form
        self.call = call
        kernel.sealed.hand_over(call, self)

    def release(self) -> None:
        """Let the model's process forget the inputs."""
        self.kernel.sealed.forget(self.call)

    def __repr__(self) -> str:
        return f"<SealHandle {self.number}>"


class Carton:
    """A model that runs in a process of its own.

    It belongs to no event loop: its methods may be awaited from any, and `carton_runtime.sync` has blocking twins.
    Close it with `aclose`, or use it as ``async with``; a model that nobody holds any more is closed too. When its
    process dies, the calls that wait fail with `KernelDiedError`, and the next call starts a new one.

    Attributes:
        strict: whether what does not keep to the specs is an error, and not a warning.
    """

    def __init__(self, info: CartonInfo, supervisor: Supervisor, *, strict: bool = False) -> None:
        self.info = info
        self.strict = strict
        self._supervisor = supervisor
        self._finalizer = weakref.finalize(self, _abandon, supervisor)
        # When the interpreter ends, the process ends with it anyway.
        self._finalizer.atexit = False

    @property
    def info(self) -> CartonInfo:
        """What its carton says; calls are checked against its specs."""
        return self._info

    @info.setter
    def info(self, info: CartonInfo) -> None:
        self._info = info
        self._specs = Specs(info.inputs, info.outputs)

    @property
    def kernel(self) -> Kernel:
        """The process that runs it: another one after a restart."""
        return self._supervisor.kernel

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, and takes no calls any more."""
        return self._supervisor.is_closed

    async def infer(self, *inputs: Any, timeout: float | None = None, **named: Any) -> Tensors:  # noqa: ASYNC109
        """Run the model.

        Args:
            inputs: one dict of tensors by name; or tensors in the order of the model's inputs.
            timeout: seconds that it may take; as many again to come back, if its process has died, or to take the call
                at all, if very many wait. (An input of that name goes into a dict.)
            named: tensors by name, instead of a dict.

        Returns:
            The outputs by name; the last result of a model that streams.

        Raises:
            InvalidTensorError: an input is no tensor, or does not fit its spec.
            ModelError: the model raised.
            KernelDiedError: its process ended.
            CallTimeoutError: it took longer than `timeout`.
            LoadTimeoutError: its process was started again, and took longer to load than `load` was told to allow.
            SettingsError: `timeout` is no number of seconds from 0 up.
        """
        tensors, form = self.prepare(inputs, named)
        kernel = self.admitted_now() or await self._admitted(timeout)
        with Call(kernel, tensors, form, {"handle": None, "credit": 0}, timeout) as call:
            return self.checked(await call.receive(), form)

    async def streaming_infer(
        self,
        *inputs: Any,
        timeout: float | None = None,  # noqa: ASYNC109  the blocking twin has it too
        **named: Any,
    ) -> AsyncGenerator[Tensors, None]:
        """Run the model and give each of its results as it comes; one result, for a model that does not stream.

        Arguments and errors are those of `infer`; `timeout` is for each item. Leaving the loop early tells the model to
        stop.
        """
        tensors, form = self.prepare(inputs, named)
        kernel = self.admitted_now() or await self._admitted(timeout)
        with Call(kernel, tensors, form, {"handle": None, "credit": WINDOW}, timeout) as call:
            while (message := await call.receive()).kind is not Kind.DONE:
                yield self.checked(message, form)
                call.ask_for_more(1)

    async def seal(self, *inputs: Any, **named: Any) -> SealHandle:
        """Hand inputs to the model before they are needed. Arguments and errors are those of `infer`."""
        tensors, form = self.prepare(inputs, named)
        kernel = self.admitted_now() or await self._admitted(None)
        with Call(kernel, tensors, form, {}, kind=Kind.SEAL) as call:
            return SealHandle((await call.receive()).fields["handle"], kernel, form, call.number)

    async def infer_with_handle(self, handle: SealHandle, *, timeout: float | None = None) -> Tensors:  # noqa: ASYNC109
        """Run the model on sealed inputs. Results and errors are those of `infer`."""
        self.check_handle(handle)
        kernel = self.with_inputs(handle, self.admitted_now() or await self._admitted(timeout))
        with Call(kernel, {}, (), {"handle": handle.number, "credit": 0}, timeout) as call:
            kernel.sealed.take(handle.call)
            return self.checked(await call.receive(), handle.form)

    def alloc_tensor(self, shape: Sequence[int], dtype: Any) -> np.ndarray[Any, Any]:
        """A new array for inputs of this model, in memory that it shares: a large one costs no copy to send.

        What the model writes into its input it writes into this very array. Strings cannot be allocated.
        """
        return self.kernel.memory.allocate(shape, dtype)

    def interrupt(self) -> None:
        """Interrupt the calls that run now: they fail with `CallCancelledError`, and the model stays loaded."""
        self.kernel.interrupt()

    async def restart(self) -> None:
        """End the model's process and start a new one. Calls that run end with `ModelClosedError`."""
        await background.run(self._supervisor.restart())

    async def run_self_tests(self) -> SelfTestReport:
        """Run the carton's self tests and compare what comes out with what should."""
        return await run_self_tests(self.info.self_tests, self.infer)

    async def aclose(self) -> None:
        """End the model's process. Calls that still run end with `ModelClosedError`; closing again does nothing."""
        if self._finalizer.detach() is not None and self._supervisor.is_ours:
            await background.run(self._supervisor.aclose())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        runner = f"{self.info.runner.runner_name} {self.kernel.python}"
        return f"<Carton {self.info.title!r} {self.kernel.state.value} {runner}>"

    # What the blocking twin shares

    def admitted_now(self) -> Kernel | None:
        """The kernel, if it is alive and takes a further call at once."""
        kernel = self._supervisor.kernel
        return kernel if kernel.is_alive and kernel.gate.is_open else None

    async def _admitted(self, timeout: float | None) -> Kernel:  # noqa: ASYNC109  the caller's own
        check_timeout(timeout)
        try:
            async with asyncio.timeout(timeout) as limit:
                kernel = self.kernel if self.kernel.is_alive else await background.run(self._supervisor.revived())
                await kernel.gate.enter()
        except TimeoutError as error:
            if not limit.expired():
                raise  # that it took too long to load; or a signal handler's
            raise self._not_ready(timeout) from error
        return kernel

    def admitted_blocking(self, timeout: float | None = None) -> Kernel:
        """The kernel, started again if it is dead, once it takes a further call; raises as `infer` does."""
        check_timeout(timeout)
        kernel = self.kernel if self.kernel.is_alive else background.run_blocking(self._revived(timeout))
        if not kernel.gate.enter_blocking(timeout):
            raise self._not_ready(timeout)
        return kernel

    async def _revived(self, timeout: float | None) -> Kernel:  # noqa: ASYNC109  the caller's own
        try:
            async with asyncio.timeout(timeout) as limit:
                return await self._supervisor.revived()
        except TimeoutError as error:
            if not limit.expired():
                raise  # it took too long to load
            raise self._not_ready(timeout) from error

    def _not_ready(self, timeout: float | None) -> CallTimeoutError:
        return CallTimeoutError(f"model {self.kernel.name!r} did not take the call within {timeout:g} s")

    def check_handle(self, handle: SealHandle) -> None:
        """Refuse what is no handle of this model's present process.

        Raises:
            InvalidTensorError: it is none.
        """
        if not isinstance(handle, SealHandle) or handle.kernel is not self.kernel or not handle.kernel.is_alive:
            raise InvalidTensorError(f"{handle!r} is no handle that `seal` of this model gave, or its process is gone")

    def with_inputs(self, handle: SealHandle, kernel: Kernel) -> Kernel:
        """The kernel, if it has the inputs of `handle`: it may have been replaced while the call waited.

        Raises:
            InvalidTensorError: it has not.
        """
        if handle.kernel is not kernel:
            raise InvalidTensorError(f"the process that had the inputs of {handle!r} is gone")
        return kernel

    def prepare(self, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Tensors, Form]:
        """A call's arguments as tensors that fit the specs, and their form; raises as `infer` does."""
        specs = self._specs
        tensors, form = to_tensors(self._by_name(inputs, named), specs.input_dtypes)
        if not specs.fit(form):
            self._complain(specs.input_name_problems(form))
            for problem in specs.input_problems(form):
                raise InvalidTensorError(problem)
        return tensors, form

    def checked(self, message: Message, inputs: Form) -> Tensors:
        """The outputs that a reply to a call on such inputs carries."""
        outputs = message.form or form_of(message.tensors)
        if not self._specs.fit(inputs, outputs):
            problems = self._specs.output_problems(inputs, outputs)
            if problems and self.strict:
                raise ModelError(f"the model does not keep to its specs: {'; '.join(problems)}")
            self._complain(problems)
        return message.tensors

    def _by_name(self, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(inputs) == 1 and (type(inputs[0]) is dict or isinstance(inputs[0], Mapping)):
            return _merged(inputs[0], named) if named else inputs[0]
        names = [spec.name for spec in self.info.inputs]
        if len(inputs) > len(names):
            there = f"its specs have {len(names)}" if names else "it has no specs, so give a dict of tensors by name"
            raise InvalidTensorError(f"{len(inputs)} inputs were given by position to {self.info.title!r}; {there}")
        return _merged(dict(zip(names, inputs, strict=False)), named)

    def _complain(self, problems: Any) -> None:
        for problem in problems:
            if self.strict:
                raise InvalidTensorError(problem)
            # Attributed to the caller of the public method that was called.
            warnings.warn(problem, SpecWarning, stacklevel=4)


def _merged(given: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    if twice := given.keys() & named.keys():
        raise InvalidTensorError(f"input {min(twice)!r} was given twice, and once by its name")
    return {**given, **named}


def _abandon(supervisor: Supervisor) -> None:
    """Close the kernel of a model that nobody holds any more; from whatever thread collects the garbage."""
    if not supervisor.is_ours:
        return  # it belongs to the process that this one was forked from
    loop = background.background_loop()
    loop.call_soon_threadsafe(lambda: asyncio.ensure_future(supervisor.aclose(farewell=0), loop=loop))
