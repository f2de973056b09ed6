"""`CartonPanel`: the widget. It carries messages and nothing else."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import anywidget
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display

import carton_runtime as carton
from carton_jupyter import cells
from carton_jupyter.panel.desk import Desk
from carton_jupyter.panel.history import Record
from carton_jupyter.panel.publishing import Publisher
from carton_jupyter.panel.requests import Request, RequestError, parse
from carton_jupyter.panel.session import Session
from carton_jupyter.panel.subject import Given, Model, Subject
from carton_jupyter.presenter import html, text
from carton_jupyter.presenter.failure_view import error_view
from carton_jupyter.presenter.view import CardView, info_view, model_view
from carton_runtime import background
from carton_runtime.background import submit

_LOGGER = logging.getLogger(__name__)
_WIDGET = "application/vnd.jupyter.widget-view+json"


@cache
def _static(name: str) -> str:
    """A file of the front end, as text: the widget of one that is a path would never be collected."""
    return resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")


def _region() -> Any:
    return traitlets.Dict(read_only=True).tag(sync=True)


class CartonPanel(anywidget.AnyWidget):
    """A panel to see a model, try it and stop it: ``CartonPanel(model)``.

    It lives until `close`, or until the cell that made it runs again, and keeps the model alive for so long. (The panel
    that the notebook shows of a model by itself does not: it lasts as long as the notebook has the model.) What runs
    gave can be read even then.

    Args:
        shown: a loaded model; or what `carton.get_model_info` gave, or the path or URL of a carton. Of those the panel
            shows the card and has a button to load the model.
        keeps: whether to keep the model alive.

    Raises:
        FormatError: `shown` is the path of no carton, or of a broken one. Others as `carton.get_model_info` does.
    """

    _esm = traitlets.Unicode(read_only=True).tag(sync=True)
    _css = traitlets.Unicode(read_only=True).tag(sync=True)

    card = _region()
    load = _region()
    inputs = _region()
    run = _region()
    outputs = _region()
    examples = _region()
    tests = _region()
    kernel = _region()
    history = traitlets.Any(read_only=True).tag(
        sync=True,
        to_json=lambda _value, panel: panel._session.history.state(),  # noqa: SLF001  its own
    )
    """The runs so far, oldest first, as `carton_jupyter.panel.history.Record`; the last 50 at most."""

    def __init__(self, shown: Given, *, keeps: bool = True) -> None:
        info, model = _opened(shown)
        self._publisher = Publisher(self._publish)
        # What goes out from our thread belongs to the message that came last: the front end's answer follows it to the
        # subshell that it came by, which is heard while a cell is busy.
        self._context = contextvars.copy_context()
        desk = Desk(self._publisher.touch, _namespace)
        subject = Subject(info, model, keeps=keeps, on_gone=lambda: desk.touch("load", "kernel"))
        self._session = Session(subject, desk)
        self._desk = desk
        self._is_seen = False
        for region in self._session.states:
            self._renew(region)
        super().__init__()
        self.on_msg(self._on_message)
        if self.comm is not None:
            self.comm.on_close(lambda _message: self.close())  # by the front end
        cells.keep(self)
        submit(self._session.start())

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return _static("panel.js")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return _static("panel.css")

    @property
    def model(self) -> Model | None:
        """The model, as it was given, or as the Load button has loaded it; `None` without one."""
        return self._session.subject.given

    @property
    def result(self) -> Mapping[str, Any] | None:
        """The outputs of the last run by name, as arrays; the last result of a stream. `None` before the first."""
        return self._session.runs.result

    async def infer(self, inputs: Mapping[str, Any] | None = None, /, **named: Any) -> Mapping[str, Any]:
        """Fill the inputs, run the model, and give its outputs: what `carton.Carton.infer` does, for all to see.

        What is not given stays as it is in its field. Of a stream, this gives the last result.

        Args:
            inputs: tensors by name, as arrays or what numpy makes arrays of.
            **named: the same.

        Raises:
            CallCancelledError: the run was stopped, in the panel or from elsewhere.
            InvalidTensorError: an input is missing, or does not fit.
            CartonError: there is no such input, no model, or a run already; and what `carton.Carton.infer` raises.
        """
        return await background.run(self._infer({**(inputs or {}), **named}))

    async def _infer(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return await self._session.infer(values)
        finally:
            self._publisher.flush()  # the cell's next line finds the run in `history`

    def close(self) -> None:
        """Take the panel off the screen, and stop what it does. Closing again does nothing."""
        if self.comm is None:
            return
        self._publisher.close()
        self._session.close()
        layout = self.layout
        super().close()
        layout.close()  # ipywidgets would keep it for ever

    def __repr__(self) -> str:
        return f"<CartonPanel {self._session.subject.info.title!r}>"

    def _ipython_display_(self) -> None:
        """Show the card, and then the panel, in whose sight the card is hidden (``card.css``).

        As one output, a notebook that is opened without its kernel would show only that the widget is missing.
        """
        bundle, _ = self._repr_mimebundle_()
        widget = {kind: bundle.pop(kind) for kind in (_WIDGET,) if kind in bundle}
        display(bundle, raw=True)  # type: ignore[no-untyped-call]  # IPython leaves it without types
        if widget:
            display({**widget, "text/plain": ""}, raw=True)  # type: ignore[no-untyped-call]  # as above

    def _repr_mimebundle_(self, **_options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget; for who has no script, the card and the last run; and a text that is the same each time."""
        view = self._card_view()
        bundle = {"text/plain": text.card(view), "text/html": html.panel(view, self._last_run())}
        return {**bundle, **reference(self)}, {}

    def _card_view(self) -> CardView:
        model = self.model
        return model_view(model) if model is not None else info_view(self._session.subject.info)

    def _last_run(self) -> html.LastRun | None:
        records: tuple[Record, ...] = self.history
        if not records:
            return None
        item, shown = self._session.history.state()["items"][0], self.outputs
        outputs = shown["items"] if shown["run"] == item["id"] else []  # else they are those of a run before
        return {"inputs": item["inputs"], "outcome": item["outcome"], "outputs": outputs}

    # Out

    def _renew(self, region: str) -> None:
        if region == "history":
            self.set_trait(region, self._session.history.records)
        else:
            self.set_trait(region, self._session.states[region]())

    def _publish(self, regions: frozenset[str]) -> None:
        self._context.run(self._send_regions, regions)

    def _send_regions(self, regions: frozenset[str]) -> None:
        blobs = self._desk.blobs.take_new()
        if self._is_seen:  # else whoever comes to see it asks for what it lacks
            for key, blob in blobs.items():
                self.send({"event": "blob", "blob": key, "mime": blob.mime}, [blob.data])
        for region in sorted(regions):
            self._renew(region)

    # In

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take no state from a front end, which asks for what it wants: ipywidgets writes even read-only traits."""
        _LOGGER.debug("a front end wrote %s, which was ignored", ", ".join(sync_data))

    def _on_message(self, _widget: object, content: Any, buffers: Any) -> None:
        """Take a request, on whatever thread it comes, and acknowledge it there and at once."""
        if not isinstance(content, dict) or not isinstance(content.get("id"), (int, str)):
            _LOGGER.debug("a message without id was dropped")
            return
        ident = content["id"]
        self._context, self._is_seen = contextvars.copy_context(), True
        self.send({"id": ident, "ack": True})
        try:
            request = parse(content, buffers or ())
        except RequestError as error:
            self.send({"id": ident, "error": error_view(error)})
            return
        submit(self._answer(ident, request))  # where nothing blocks, so that Stop waits for nobody

    async def _answer(self, ident: int | str, request: Request) -> None:
        try:
            answer, buffers = await self._session.do(request)
            message: dict[str, Any] = {"id": ident, "ok": answer}
        except asyncio.CancelledError:
            return  # the panel is closed
        except Exception as error:  # noqa: BLE001  it is told to whoever asked
            message, buffers = {"id": ident, "error": error_view(error)}, []
        self._publisher.flush()  # what the answer is about comes before it
        self.send(message, buffers)


def reference(panel: CartonPanel) -> dict[str, Any]:
    """What a front end knows a panel by, by its mimetype; nothing once it is closed."""
    if panel.comm is None:
        return {}
    return {_WIDGET: {"version_major": 2, "version_minor": 0, "model_id": panel.model_id}}


def _opened(shown: Given) -> tuple[carton.CartonInfo, Model | None]:
    if isinstance(shown, (carton.Carton, carton.sync.Carton)):
        return shown.info, shown
    if isinstance(shown, carton.CartonInfo):
        return shown, None
    if isinstance(shown, (str, os.PathLike)):
        return carton.sync.get_model_info(shown), None
    raise TypeError(f"a panel shows a model, a CartonInfo, a path or a URL, and no {type(shown).__name__}")


def _namespace() -> Mapping[str, Any]:
    shell = get_ipython()
    return shell.user_ns if shell is not None else {}
