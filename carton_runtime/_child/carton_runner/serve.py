"""Serve one model over a connection.

The main thread reads messages, and runs the model unless that takes several calls at once. Every call gets exactly one
last reply (RESULT, DONE, FAILED or SEALED), also when it was cancelled: the host waits for it before it believes that
the model is free again.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import os
import platform
import sys
import threading
from typing import Any, Callable, Mapping

import numpy as np
from carton_wire.connection import Connection
from carton_wire.errors import WireError
from carton_wire.frames import new_tuple
from carton_wire.messages import CANCELLED, WIRE_VERSION, Kind, Message
from carton_wire.values import Tensor

from .api import LoadRequest, UnfitModelError
from .batching import Batcher, BatchPlan
from .executors import Inline, Threads
from .failures import ANY, describe_failure
from .limits import limit_memory
from .loops import Loop
from .results import checked, last, results
from .runners import concurrency_of, runner_at
from .streams import Stream
from .striking import CancelledCallError
from .turns import Turns


class Server:
    """The state of a runner kernel: the model, its sealed inputs and its suspended streams."""

    def __init__(self, connection: Connection, turns: Turns) -> None:
        self._connection = connection
        self._turns = turns
        self._sending = threading.Lock()
        self._loop = Loop(turns)
        self._executor: Inline | Threads = Inline()
        self._batcher: Batcher | None = None
        self._concurrency = 1
        self._runner_dir = ""
        self._model: Any = None
        self._sealed: dict[int, dict[str, Tensor]] = {}
        self._handles = itertools.count(1)
        self._streams: dict[int, Stream] = {}
        self._unanswered: set[int] = set()
        self._is_forked = False
        os.register_at_fork(after_in_child=self._disown)

    def run(self) -> None:
        """Greet the host, then serve until it closes."""
        self._send(
            Kind.HELLO, 0, wire=WIRE_VERSION, pid=os.getpid(), python=platform.python_version(), numpy=np.__version__
        )
        answers: Mapping[Kind, Callable[[Message], None]] = {
            Kind.LOAD: self._on_load,
            Kind.CALL: self._on_call,
            Kind.SEAL: self._on_seal,
            Kind.MORE: self._on_more,
            Kind.CANCEL: self._on_cancel,
            Kind.TRIM: self._on_trim,
            Kind.RELEASE: self._on_release,
        }
        while (message := self._next()) is not None and message.kind is not Kind.CLOSE:
            answers[message.kind](message)
        self._end()

    def _next(self) -> Message | None:
        """The next message; batches whose time has come go first."""
        batcher = self._batcher
        while batcher is not None and batcher.is_waiting:
            if self._connection.wait(batcher.patience()):
                break
            batcher.flush()
        return self._connection.receive()

    # Loading

    def _on_load(self, message: Message) -> None:
        main = message.fields["runner"]
        if message.fields["memory_limit"] is not None:
            limit_memory(message.fields["memory_limit"])
        self._runner_dir = os.path.dirname(main)
        request = LoadRequest(message.fields["model"], message.fields["options"], self._loop.wait)
        try:
            self._model = runner_at(main).load(request)
            self._arrange(BatchPlan.of(self._model, message.fields["batch"]), request)
        except ANY as error:
            self._send(Kind.FAILED, 0, **describe_failure(error, self._runner_dir))
            return
        self._send(Kind.READY, 0, warnings=request.warnings, concurrency=self._concurrency)

    def _arrange(self, plan: BatchPlan | None, request: LoadRequest) -> None:
        """Set up what the model declares: how many calls it takes at once, and whether it takes them in batches."""
        if plan is not None and plan.is_possible:
            batcher = self._batcher = Batcher(plan, self._run_batch)
            self._turns.gathers = lambda: batcher.is_waiting
        elif plan is not None:
            request.warn(
                "the model declares max_batch_size, but its specs share no batch symbol; it is called one by one"
            )
        self._concurrency = concurrency_of(self._model)
        if self._concurrency > 1:
            self._executor = Threads(self._concurrency)
            self._connection.stop_looking()
            self._loop.share()

    # Messages

    def _on_call(self, message: Message) -> None:
        self._unanswered.add(message.call)
        batcher = self._batcher
        if batcher is not None and batcher.takes(message):
            batcher.add(message)
        else:
            self._executor.run(self._answer, message, self._call)

    def _on_seal(self, message: Message) -> None:
        self._unanswered.add(message.call)
        self._executor.run(self._answer, message, self._seal)

    def _on_more(self, message: Message) -> None:
        stream = self._streams.get(message.call)
        # It may have ended while the host's wish was on its way.
        if stream is not None and stream.wants(message.fields["credit"]):
            self._executor.run(self._answer, message, lambda message: self._advance(message.call, stream))

    def _on_cancel(self, message: Message) -> None:
        if message.call not in self._unanswered:
            # The host waits for an answer, and cannot tell whether the call was ever sent: an interrupt came meanwhile.
            self._fail(message.call, CancelledCallError())
        stream = self._streams.get(message.call)
        if stream is not None and stream.leave():
            self._executor.run(self._answer, message, lambda message: self._leave(message.call, stream))

    def _on_trim(self, message: Message) -> None:
        self._connection.memory.trim()
        self._send(Kind.TRIMMED, message.call)

    def _on_release(self, message: Message) -> None:
        handle = message.fields["handle"]
        self._sealed.pop(handle, None)
        if hasattr(self._model, "release"):
            self._model.release(handle)

    # Calls

    def _answer(self, message: Message, work: Callable[[Message], None]) -> None:
        try:
            work(message)
        except ANY as error:
            if self._is_forked:
                raise
            self._abandon_stream(message.call)
            # A handle serves once, also a call that was cancelled before it began.
            self._sealed.pop(message.fields.get("handle", 0), None)
            self._fail(message.call, error)

    def _call(self, message: Message) -> None:
        if message.fields["credit"]:
            self._open_stream(message)
        else:
            self._finish(Kind.RESULT, message.call, self._turns.run(message.call, self._outputs, message))

    def _outputs(self, message: Message) -> dict[str, Tensor]:
        found = self._infer(message)
        return checked(found) if type(found) is dict else last(results(found, self._loop))

    def _open_stream(self, message: Message) -> None:
        call = message.call
        found = self._turns.run(call, self._infer, message)
        stream = self._streams[call] = Stream(results(found, self._loop))
        del found
        stream.wants(message.fields["credit"])
        self._advance(call, stream)

    def _infer(self, message: Message) -> Any:
        # Nothing of ours holds on to the inputs: their memory is free again as soon as the model lets go of it.
        handle = message.fields["handle"]
        if handle is None:
            return self._model.infer(_taken(message))
        if hasattr(self._model, "seal"):
            return self._model.infer_with_handle(handle)
        if handle not in self._sealed:
            raise UnfitModelError(f"handle {handle} was never sealed here, or was used already; a handle serves once")
        return self._model.infer(self._sealed.pop(handle))

    def _seal(self, message: Message) -> None:
        handle = self._turns.run(message.call, self._keep, message)
        if type(handle) is not int:
            raise UnfitModelError(f"the model's seal returned {handle!r}; it must return an int")
        self._finish(Kind.SEALED, message.call, handle=handle)

    def _keep(self, message: Message) -> Any:
        if hasattr(self._model, "seal"):
            handle = self._model.seal(_taken(message))
            return self._loop.wait(handle) if hasattr(handle, "__await__") else handle
        handle = next(self._handles)
        self._sealed[handle] = _taken(message)
        return handle

    def _advance(self, call: int, stream: Stream) -> None:
        """Send the items that are wanted; the stream stays suspended after them."""
        while stream.goes_on():
            tensors = self._turns.run(call, next, stream.results, None)
            if tensors is None:
                self._streams.pop(call, None)
                self._finish(Kind.DONE, call)
                return
            self._send(Kind.ITEM, call, tensors)
        if stream.is_closing:
            self._leave(call, stream)

    def _leave(self, call: int, stream: Stream) -> None:
        self._streams.pop(call, None)
        self._turns.leave(call, stream.close)
        self._finish(Kind.DONE, call)

    def _abandon_stream(self, call: int) -> None:
        """Have a stream that failed clean up while it can be interrupted, and not when its memory is freed."""
        stream = self._streams.pop(call, None)
        if stream is None:
            return
        try:
            self._turns.leave(call, stream.close)
        except ANY:
            return  # the call has failed already, for the reason that came first

    def _run_batch(self, batch: Any) -> None:
        self._executor.run(batch.run, self)

    # Batches use these

    def is_wanted(self, call: int) -> bool:
        """Whether somebody waits for `call`; if not, it is answered."""
        if self._is_forked:  # by the model, in a batch that failed here
            raise SystemExit
        if self._turns.is_unwanted(call):
            self._fail(call, CancelledCallError())
            return False
        return True

    def infer_batch(self, calls: tuple[int, ...], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Run the model on the rows of several calls."""
        return self._turns.run_batch(calls, self._batch_outputs, tensors)

    def _batch_outputs(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return last(results(self._model.infer(tensors), self._loop))

    def finish_batched(self, call: int, outputs: dict[str, Tensor]) -> None:
        """Answer one call of a batch."""
        try:
            self._finish(Kind.RESULT, call, outputs)
        except WireError as error:  # they cannot be sent; nothing has been
            self._fail(call, error)

    def fail_batched(self, call: int, error: BaseException) -> None:
        """Answer one call of a batch that failed."""
        self._fail(call, error)

    # Replies

    def _finish(self, kind: Kind, call: int, tensors: dict[str, Tensor] | None = None, **fields: Any) -> None:
        self._turns.forget(call)
        self._post(new_tuple(Message, (kind, call, fields, tensors or {}, None)))
        self._unanswered.discard(call)

    def _fail(self, call: int, error: BaseException) -> None:
        if isinstance(error, (CancelledCallError, asyncio.CancelledError, concurrent.futures.CancelledError)):
            self._finish(Kind.FAILED, call, type=CANCELLED, message="the call was cancelled", traceback="")
            return
        self._finish(Kind.FAILED, call, **describe_failure(error, self._runner_dir))

    def _send(self, kind: Kind, call: int, tensors: dict[str, Tensor] | None = None, **fields: Any) -> None:
        self._post(new_tuple(Message, (kind, call, fields, tensors or {}, None)))

    def _post(self, message: Message) -> None:
        if self._is_forked:
            raise SystemExit
        # What the model printed must not arrive after its result.
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (ValueError, AttributeError):  # a model may close or replace them; its result comes all the same
            pass
        with self._sending:
            self._connection.send(message)

    def _disown(self) -> None:
        """In a process that the model has forked: its answers are not the model's, and it ends where they begin."""
        self._is_forked = True

    def _end(self) -> None:
        self._executor.close()
        for stream in self._streams.values():
            stream.close()
        self._loop.close()


def _taken(message: Message) -> dict[str, Tensor]:
    tensors = dict(message.tensors)
    message.tensors.clear()
    return tensors
