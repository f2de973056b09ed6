"""Serve one model over a connection: one message after the other, in the main thread of the process."""

from __future__ import annotations

import importlib.util
import itertools
import os
import platform
import sys
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, Mapping

import numpy as np
from carton_wire.connection import Connection
from carton_wire.messages import WIRE_VERSION, Kind, Message
from carton_wire.values import Tensor

from .api import LoadRequest, UnfitModelError
from .failures import describe_failure
from .results import Loop, checked, results

Results = Iterator[Dict[str, Tensor]]


class Server:
    """The state of a runner kernel: the model, its sealed inputs and its suspended streams."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._loop = Loop()
        self._runner_dir = ""
        self._model: Any = None
        self._sealed: dict[int, dict[str, Tensor]] = {}
        self._handles = itertools.count(1)
        self._streams: dict[int, Results] = {}

    def run(self) -> None:
        """Greet the host, then serve until it closes."""
        self._send(
            Kind.HELLO, 0, wire=WIRE_VERSION, pid=os.getpid(), python=platform.python_version(), numpy=np.__version__
        )
        answers: Mapping[Kind, Callable[[Message], None]] = {
            Kind.LOAD: self._load,
            Kind.CALL: self._call,
            Kind.SEAL: self._seal,
            Kind.MORE: lambda message: self._advance(message.call, message.fields["credit"]),
            Kind.CANCEL: lambda message: self._drop_stream(message.call),
        }
        while True:
            message = self._connection.receive()
            if message is None or message.kind is Kind.CLOSE:
                break
            self._answer(answers[message.kind], message)
        self._end()

    def _answer(self, answer: Callable[[Message], None], message: Message) -> None:
        try:
            answer(message)
        # The model may raise anything, and what it raises is data for its caller. `sys.exit` is no way to end a kernel:
        # interpreters that go down close their sockets first, and then nobody learns why.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            self._streams.pop(message.call, None)
            self._send(Kind.FAILED, message.call, **describe_failure(error, self._runner_dir))

    def _load(self, message: Message) -> None:
        main = message.fields["runner"]
        self._runner_dir = os.path.dirname(main)
        request = LoadRequest(message.fields["model"], message.fields["options"], self._loop.wait)
        self._model = _runner(main).load(request)
        self._send(Kind.READY, 0, warnings=request.warnings)

    def _call(self, message: Message) -> None:
        handle = message.fields["handle"]
        # Nothing of ours holds on to the inputs: their memory is free again as soon as the model lets go of it.
        value = self._model.infer(_taken(message)) if handle is None else self._infer_with_handle(handle)
        if type(value) is dict and not message.fields["credit"]:
            self._send(Kind.RESULT, message.call, checked(value))
            return
        found = results(value, self._loop)
        del value
        if message.fields["credit"]:
            self._streams[message.call] = found
            self._advance(message.call, message.fields["credit"])
        else:
            self._send(Kind.RESULT, message.call, _last(found))

    def _infer_with_handle(self, handle: int) -> Any:
        if hasattr(self._model, "seal"):
            return self._model.infer_with_handle(handle)
        if handle not in self._sealed:
            raise UnfitModelError(f"handle {handle} was never sealed here, or was used already; a handle serves once")
        return self._model.infer(self._sealed.pop(handle))

    def _seal(self, message: Message) -> None:
        if hasattr(self._model, "seal"):
            handle = self._model.seal(_taken(message))
            if hasattr(handle, "__await__"):
                handle = self._loop.wait(handle)
        else:
            handle = next(self._handles)
            self._sealed[handle] = _taken(message)
        if type(handle) is not int:
            raise UnfitModelError(f"the model's seal returned {handle!r}; it must return an int")
        self._send(Kind.SEALED, message.call, handle=handle)

    def _advance(self, call: int, credit: int) -> None:
        """Send up to `credit` further items of a stream; it stays suspended after them."""
        stream = self._streams.get(call)
        if stream is None:
            return  # ended already, while the host's wish was on its way
        for tensors in itertools.islice(stream, credit):
            self._send(Kind.ITEM, call, tensors)
            credit -= 1
        if credit:
            del self._streams[call]
            self._send(Kind.DONE, call)

    def _drop_stream(self, call: int) -> None:
        stream = self._streams.pop(call, None)
        if stream is not None:
            stream.close()  # type: ignore[attr-defined]  # all of them are generators of `results`

    def _send(self, kind: Kind, call: int, tensors: dict[str, Tensor] | None = None, **fields: Any) -> None:
        # What the model printed must not arrive after its result.
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (ValueError, AttributeError):  # a model may close or replace them; its result comes all the same
            pass
        self._connection.send(Message(kind, call, fields, tensors or {}))

    def _end(self) -> None:
        for call in list(self._streams):
            self._drop_stream(call)
        self._loop.close()


def _taken(message: Message) -> dict[str, Tensor]:
    tensors = dict(message.tensors)
    message.tensors.clear()
    return tensors


def _last(found: Results) -> dict[str, Tensor]:
    tensors: list[dict[str, Tensor]] = []
    for item in found:
        tensors[:] = [item]
    if not tensors:
        raise UnfitModelError("the model streamed no result at all")
    return tensors[0]


def _runner(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("carton_runner_main", path)
    if spec is None or spec.loader is None:
        raise UnfitModelError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
