"""What a panel does: a controller that lives on the runtime's background loop and knows no widget.

Requests come in by `do`; what is shown is read by `state` whenever `Publisher` says that it is time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import carton_runtime as carton
from carton_jupyter.panel import requests as ask
from carton_jupyter.panel.code import code
from carton_jupyter.panel.desk import Desk
from carton_jupyter.panel.examples import Examples, file_of
from carton_jupyter.panel.fields import Fields, Origin
from carton_jupyter.panel.history import History
from carton_jupyter.panel.life import Life
from carton_jupyter.panel.outputs import Outputs
from carton_jupyter.panel.runs import Runs
from carton_jupyter.panel.subject import Subject
from carton_jupyter.panel.uploads import Uploads
from carton_jupyter.panel.variables import name_of, variable, variables
from carton_jupyter.previews import decode
from carton_jupyter.previews.wording import cut
from carton_runtime.background import background_loop

VERSION = 1
"""Of what both sides say to each other."""

_LONGEST = 5_000  # characters of a line of the log

T = TypeVar("T")

Answer = tuple[dict[str, Any], list[bytes]]


class Session:
    """One panel. Made on any thread, and from then on at home on the background loop.

    Args:
        subject: what it is about.
        desk: what its parts share.
    """

    def __init__(self, subject: Subject, desk: Desk) -> None:
        self.subject = subject
        self.history = History()
        self._desk = desk
        self._uploads = Uploads()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False
        self._chosen: object = None  # the example that was asked for last
        self.runs = Runs(desk, self.history)
        self._set_up(subject.info)
        self._examples.make(pictures=False)
        self._life = Life(subject, desk, self._renew)

    @property
    def states(self) -> dict[str, Callable[[], Any]]:
        """What gives the state of each region."""
        return {
            **self._life.states,
            "inputs": self._fields.state,
            "run": self.runs.state,
            "outputs": self._outputs.state,
            "examples": self._examples.state,
            "history": self.history.state,
        }

    def _set_up(self, info: carton.CartonInfo) -> None:
        self._outputs = Outputs(info.outputs, self._desk)
        self._fields = Fields(info.inputs, self._desk, self._forget_expected)
        self._examples = Examples(info, self._desk)

    def _forget_expected(self) -> None:
        self._outputs.forget_expected()

    async def _renew(self) -> None:
        """A model was loaded, which may say other things than its carton did before."""
        self._set_up(self.subject.info)
        self._desk.touch("inputs", "outputs")
        await self._examples.draw()

    async def start(self) -> None:
        """Do what can be done after the panel is on the screen."""
        if self.subject.model is not None:
            await self._guarded(self._examples.draw())

    def close(self) -> None:
        """Stop everything, and let go of the model; from any thread. What runs gave stays."""
        background_loop().call_soon_threadsafe(self._close)

    async def infer(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put values into fields, run the model, and give what came; raises what went wrong."""
        return await self._guarded(self._inferring(values))

    async def _inferring(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        for name, value in values.items():
            known = name_of(self._desk.namespace(), value)
            label = f"variable {known}" if known else "from a cell"
            await self._fields.put(name, value, Origin("variable", known), label)
        await self._run({})
        record = self.history.records[-1]
        if record.error is not None:
            raise record.error
        if record.outcome == "stopped" or record.outputs is None:
            raise carton.CallCancelledError("the run was stopped in the panel; the model stays loaded")
        return record.outputs

    async def do(self, request: ask.Request) -> Answer:
        """Do what is asked for, and give the answer. Raises what went wrong."""
        return await self._guarded(self._doing(request))

    async def _doing(self, request: ask.Request) -> Answer:
        match request:
            case ask.Save(output, which, form):
                blob = await self._outputs.saved(output, which, form)
                return {"name": f"{output}.{form}", "mime": blob.mime, "size": len(blob.data)}, [blob.data]
            case ask.Blob(key):
                found = self._desk.blobs.find(key)
                if found is None:
                    raise ask.RequestError(f"{key!r} is not shown any more")
                return {"mime": found.mime}, [found.data]
            case _:
                return await self._telling(request) or {}, []

    async def _telling(self, request: ask.Request) -> dict[str, Any] | None:
        """Requests that are answered without bytes."""
        match request:
            case ask.Hello(version):
                if version != VERSION:
                    raise ask.RequestError("the page and the notebook's kernel have different panels; reload the page")
                self._life.attend()
                return {"version": VERSION}
            case ask.Upload():
                return {"received": await self._upload(request)}
            case ask.Variables(name):
                return {"variables": await asyncio.to_thread(self._variables, name)}
            case ask.Logs():
                kernel = self.subject.kernel
                return {"lines": [cut(line.text, _LONGEST) for line in kernel.log] if kernel is not None else []}
            case ask.Code(number):
                entries = self._fields.entries if number is None else self.history.find(number).entries
                return {"code": code(self.subject, entries, self._desk.namespace())}
            case _:
                await self._acting(request)
                return None

    async def _acting(self, request: ask.Request) -> None:
        """Requests that have nothing to tell."""
        match request:
            case ask.Set(name, value):
                self._fields.type(name, value)
            case ask.Clear(name):
                self._fields.clear(name)
            case ask.Use(name, chosen):
                found = variable(self._desk.namespace(), chosen)
                await self._fields.put(name, found, Origin("variable", chosen), f"variable {chosen}")
            case ask.Example(index):
                await self._example(index)
            case ask.Show(output, which, kind):
                await self._outputs.choose(output, which, kind)
            case _:
                await self._working(request)

    async def _working(self, request: ask.Request) -> None:
        """Requests that begin or end work of the model."""
        match request:
            case ask.Run(values):
                await self._run(values)
            case ask.Replay(number):
                self.runs.check_free()
                self._fields.replay(self.history.find(number).entries, f"run {number}")
                await self._run({})
            case ask.Stop():
                self.runs.stop()
                self._life.stop()
            case _:
                if isinstance(request, (ask.Restart, ask.Unload)):
                    self.runs.stop()  # which is better than to fail for it
                await self._life.do(request)

    async def _upload(self, part: ask.Upload) -> int:
        spec = self._fields.spec(part.field)
        received, data = self._uploads.take(part)
        if data is not None:
            tensor = await asyncio.to_thread(decode, part.name, data, spec)
            await self._fields.put(part.field, tensor, Origin("file", part.name), part.name)
        return received

    def _variables(self, name: str) -> list[dict[str, Any]]:
        spec = self._fields.spec(name)
        others = {key: entry.value for key, entry in self._fields.entries.items() if key != name}
        specs = [spec, *(other for key, other in self._fields.specs.items() if key != name)]
        return variables(self._desk.namespace(), specs, others, name)

    async def _example(self, index: int) -> None:
        example, name = self._examples.find(index), self._examples.name(index)
        for key in example.inputs:
            self._fields.spec(key)
        self._chosen = chosen = object()
        inputs, outputs = await self._examples.inputs(index), await self._examples.outputs(index)
        if self._chosen is not chosen:
            return  # another was chosen while this one was read, from far away perhaps
        for key, tensor in inputs.items():
            origin = Origin("example", file_of(example.inputs[key]), index)
            await self._fields.put(key, tensor, origin, f"example {name}")
        await self._outputs.expect(name, outputs)

    async def _run(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self._fields.type(name, value)
        model = self.subject.required()
        await self.runs.run(model, self._fields.inputs(), self._fields.entries, self._outputs)

    async def _guarded(self, work: Coroutine[Any, Any, T]) -> T:
        """Work that ends when the panel is closed."""
        if self._is_closed:
            work.close()
            raise asyncio.CancelledError
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        try:
            return await task
        finally:
            task.cancel()
            self._tasks.discard(task)

    def _close(self) -> None:
        self._is_closed = True
        self._life.close()
        for task in self._tasks:
            task.cancel()
        self._uploads.close()
        self.subject.drop()
