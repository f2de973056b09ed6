"""A loaded model: what `load` gives, to run and to ask about."""

from __future__ import annotations

import asyncio
import warnings
import weakref
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from carton_runtime import background
from carton_runtime._child.carton_wire.messages import Kind, Message
from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.checking import SpecCheck, SpecWarning, name_problems, to_tensors
from carton_runtime.errors import InvalidTensorError, ModelError
from carton_runtime.info import CartonInfo
from carton_runtime.kernels.call import Call
from carton_runtime.kernels.kernel import Kernel
from carton_runtime.selftest import SelfTestReport, run_self_tests

WINDOW = 16
"""Items of a stream that may be on their way before the caller has asked for them."""

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class SealHandle:
    """Inputs that were handed to the model before they are needed; serves one `Carton.infer_with_handle`.

    Attributes:
        number: what the model's process knows them by.
        kernel: the process that has them.
        check: what the symbols of the specs stand for in them.
    """

    number: int
    kernel: Kernel
    check: SpecCheck = field(repr=False, compare=False)


class Carton:
    """A model that runs in a process of its own.

    It belongs to no event loop: its methods may be awaited from any, and `carton_runtime.sync` has blocking twins.
    Close it with `aclose`, or use it as ``async with``; a model that nobody holds any more is closed too.

    Attributes:
        info: what its carton says.
        kernel: the process that runs it.
        strict: whether what does not keep to the specs is an error, and not a warning.
    """

    def __init__(self, info: CartonInfo, kernel: Kernel, *, strict: bool = False) -> None:
        self.info = info
        self.kernel = kernel
        self.strict = strict
        self._finalizer = weakref.finalize(self, _abandon, kernel)
        # When the interpreter ends, the process ends with it anyway.
        self._finalizer.atexit = False

    async def infer(self, *inputs: Any, **named: Any) -> Tensors:
        """Run the model.

        Args:
            inputs: one dict of tensors by name; or tensors in the order of the model's inputs.
            named: tensors by name, instead of a dict.

        Returns:
            The outputs by name; the last result of a model that streams.

        Raises:
            InvalidTensorError: an input is no tensor, or does not fit its spec.
            ModelError: the model raised.
            KernelDiedError: its process ended.
        """
        tensors, check = self.prepare(inputs, named)
        with Call(self.kernel.channel, Kind.CALL, tensors, handle=None, credit=0) as call:
            return self.checked(await call.receive(), check)

    async def streaming_infer(self, *inputs: Any, **named: Any) -> AsyncGenerator[Tensors, None]:
        """Run the model and give each of its results as it comes; one result, for a model that does not stream.

        Arguments and errors are those of `infer`. Leaving the loop early tells the model to stop.
        """
        tensors, check = self.prepare(inputs, named)
        with Call(self.kernel.channel, Kind.CALL, tensors, handle=None, credit=WINDOW) as call:
            while (message := await call.receive()).kind is not Kind.DONE:
                yield self.checked(message, check)
                call.ask_for_more(1)

    async def seal(self, *inputs: Any, **named: Any) -> SealHandle:
        """Hand inputs to the model before they are needed. Arguments and errors are those of `infer`."""
        tensors, check = self.prepare(inputs, named)
        with Call(self.kernel.channel, Kind.SEAL, tensors) as call:
            return SealHandle((await call.receive()).fields["handle"], self.kernel, check)

    async def infer_with_handle(self, handle: SealHandle) -> Tensors:
        """Run the model on sealed inputs. Results and errors are those of `infer`."""
        if not isinstance(handle, SealHandle) or handle.kernel is not self.kernel:
            raise InvalidTensorError(f"{handle!r} is no handle that `seal` of this model gave")
        with Call(self.kernel.channel, Kind.CALL, handle=handle.number, credit=0) as call:
            return self.checked(await call.receive(), handle.check)

    async def run_self_tests(self) -> SelfTestReport:
        """Run the carton's self tests and compare what comes out with what should."""
        return await run_self_tests(self.info.self_tests, self.infer)

    async def aclose(self) -> None:
        """End the model's process. Calls that still run end with `ModelClosedError`; closing again does nothing."""
        if self._finalizer.detach() is not None:
            await background.run(self.kernel.aclose())

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

    def prepare(self, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Tensors, SpecCheck]:
        """A call's arguments as tensors that fit the specs, and the check to go on with; raises as `infer` does."""
        tensors = to_tensors(self._by_name(inputs, named), self.info.inputs)
        self._complain(name_problems("input", self.info.inputs, tensors))
        check = SpecCheck()
        for problem in check.problems("input", self.info.inputs, tensors):
            raise InvalidTensorError(problem)
        return tensors, check

    def checked(self, message: Message, check: SpecCheck) -> Tensors:
        """The outputs that a reply carries."""
        problems = [
            *name_problems("output", self.info.outputs, message.tensors),
            *check.problems("output", self.info.outputs, message.tensors),
        ]
        if problems and self.strict:
            raise ModelError(f"the model does not keep to its specs: {'; '.join(problems)}")
        self._complain(problems)
        return message.tensors

    def _by_name(self, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        if len(inputs) == 1 and isinstance(inputs[0], Mapping):
            return _merged(inputs[0], named)
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


def _abandon(kernel: Kernel) -> None:
    """Close the kernel of a model that nobody holds any more; from whatever thread collects the garbage."""
    loop = background.background_loop()
    loop.call_soon_threadsafe(lambda: asyncio.ensure_future(kernel.aclose(farewell=0), loop=loop))
