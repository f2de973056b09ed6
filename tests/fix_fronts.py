"""Panels without a browser: a front end that keeps what it is sent, and asks."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import comm
import pytest
from comm.base_comm import BaseComm

from carton_jupyter.panel import CartonPanel, widget

_PATIENCE = 30.0


class RefusedError(Exception):
    """A request was answered with an error."""

    def __init__(self, error: dict[str, str]) -> None:
        self.error = error
        super().__init__(f"{error['title']}: {error['message']}")


class Line(BaseComm):
    """A connection that keeps what is sent."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        self.news = threading.Condition()
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        self.threads: list[str] = []
        self.is_open = True
        super().__init__(*args, **keywords)

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        with self.news:
            assert self.is_open, f"{msg_type} after the end: {data}"
            self.is_open = msg_type != "comm_close"
            self.sent.append((data or {}, [bytes(buffer) for buffer in buffers or ()]))
            self.threads.append(threading.current_thread().name)
            self.news.notify_all()


class Front:
    """The front end of one panel."""

    def __init__(self, panel: CartonPanel) -> None:
        self.panel = panel
        self.line: Line = panel.comm
        self._numbers = itertools.count(1)

    def post(self, do: Any, *buffers: bytes, **fields: Any) -> int:
        """Ask, without waiting for the answer; gives the request's number."""
        number = next(self._numbers)
        self.tell({"id": number, "do": do, **fields}, *buffers)
        return number

    def tell(self, content: Any, *buffers: bytes) -> None:
        """Send any message at all."""
        message = {"method": "custom", "content": content}
        self.line.handle_msg({"content": {"data": message}, "buffers": [memoryview(data) for data in buffers]})

    def answer(self, number: int) -> tuple[dict[str, Any], list[bytes]]:
        """The answer to a request; raises `RefusedError` for an error."""
        self.wait(lambda: bool(self.answers(number)))
        ((content, buffers),) = self.answers(number)
        if "error" in content:
            raise RefusedError(content["error"])
        return content["ok"], buffers

    def ask(self, do: str, *buffers: bytes, **fields: Any) -> dict[str, Any]:
        """Ask and wait for the answer."""
        return self.answer(self.post(do, *buffers, **fields))[0]

    def answers(self, number: int) -> list[tuple[dict[str, Any], list[bytes]]]:
        """What came for a request, but for acknowledgements."""
        return [
            (content, buffers)
            for content, buffers in self.messages
            if content.get("id") == number and "ack" not in content
        ]

    def acknowledgements(self, number: int) -> int:
        """How often a request was acknowledged."""
        return sum(content == {"id": number, "ack": True} for content, _ in self.messages)

    @property
    def messages(self) -> list[tuple[dict[str, Any], list[bytes]]]:
        """The custom messages so far."""
        return [(data["content"], buffers) for data, buffers in list(self.line.sent) if data.get("method") == "custom"]

    def states(self, region: str) -> list[Any]:
        """What a region was shown as, oldest first."""
        states = (data.get("state", {}) for data, _ in list(self.line.sent))
        return [state[region] for state in states if region in state]

    def state(self, region: str) -> Any:
        """What a region is shown as."""
        shown = self.states(region)
        return shown[-1] if shown else getattr(self.panel, region)

    def wait(self, ready: Callable[[], bool], patience: float = _PATIENCE) -> None:
        """Wait until something is so, after a message."""
        with self.line.news:
            assert self.line.news.wait_for(ready, patience), "it did not come"

    def wait_for(self, region: str, ready: Callable[[Any], bool], patience: float = _PATIENCE) -> Any:
        """Wait until a region is shown so."""
        self.wait(lambda: ready(self.state(region)), patience)
        return self.state(region)


class Show:
    """Shows panels, and closes them."""

    def __init__(self) -> None:
        self._made: list[CartonPanel] = []

    def __call__(self, shown: Any, **options: Any) -> Front:
        """The front end of a new panel."""
        self._made.append(CartonPanel(shown, **options))
        return Front(self._made[-1])

    def forget(self) -> None:
        """Close all panels, and hold none of them any more."""
        while self._made:
            self._made.pop().close()


@pytest.fixture
def namespace(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The variables of a notebook."""
    variables: dict[str, Any] = {}
    monkeypatch.setattr(widget, "_namespace", lambda: variables)
    return variables


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, namespace: dict[str, Any]) -> Iterator[Show]:
    """Shows panels, and closes them."""
    monkeypatch.setattr(comm, "create_comm", Line)
    made = Show()
    yield made
    made.forget()
