"""What a front end may ask for: a closed set of requests, each checked before anything is done.

A request is ``{"id": ..., "do": NAME, ...}`` with exactly the fields of its class below, named like it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_type_hints

import carton_runtime as carton
from carton_jupyter.previews.wording import clean

MOST_TEXT = 1 << 20
"""Characters of a text."""

MOST_VALUES = 100_000
"""Numbers and texts that are typed at once; more come as a file."""

LARGEST_CHUNK = 4 << 20
"""Bytes of one part of an upload: the connection drops messages of 10 MiB."""

Json = Any


class RequestError(carton.CartonError, ValueError):
    """A request that makes no sense, or not now; the message says why."""


class Request:
    """Base of all of them."""


@dataclass(frozen=True)
class Hello(Request):
    """A view was drawn."""

    version: int


@dataclass(frozen=True)
class Load(Request):
    """Load the model."""


@dataclass(frozen=True)
class Set(Request):
    """Something was typed into a field; `None` empties it."""

    field: str
    value: Json


@dataclass(frozen=True)
class Clear(Request):
    """Empty a field."""

    field: str


@dataclass(frozen=True)
class Upload(Request):
    """A part of a file."""

    field: str
    upload: str
    name: str
    mime: str
    size: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Variables(Request):
    """Which variables of the notebook could go into a field."""

    field: str


@dataclass(frozen=True)
class Use(Request):
    """Put a variable into a field."""

    field: str
    variable: str


@dataclass(frozen=True)
class Example(Request):
    """Put an example into the fields."""

    index: int


@dataclass(frozen=True)
class Run(Request):
    """Run the model; `values` were typed and not sent yet."""

    values: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Stop(Request):
    """Stop what goes on."""


@dataclass(frozen=True)
class Show(Request):
    """Show an output as something else."""

    output: str
    which: str
    kind: str


@dataclass(frozen=True)
class Save(Request):
    """An output as a file."""

    output: str
    which: str
    format: str


@dataclass(frozen=True)
class Blob(Request):
    """The bytes that a state names."""

    blob: str


@dataclass(frozen=True)
class Test(Request):
    """Run the self tests."""


@dataclass(frozen=True)
class Restart(Request):
    """Start the model's process anew."""


@dataclass(frozen=True)
class Unload(Request):
    """End the model's process."""


@dataclass(frozen=True)
class Logs(Request):
    """What the model printed."""


@dataclass(frozen=True)
class Replay(Request):
    """Do a run again."""

    run: int


@dataclass(frozen=True)
class Code(Request):
    """A run, or with `None` the inputs as they are, as Python."""

    run: int | None


_KINDS: dict[str, type[Request]] = {kind.__name__.lower(): kind for kind in Request.__subclasses__()}
_ENVELOPE = {"id", "do"}


def parse(content: Mapping[str, Any], buffers: Sequence[Any] = ()) -> Request:
    """A message as a request.

    Raises:
        RequestError: there is no such request, or its fields are not what they should be.
    """
    name = content.get("do")
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise RequestError(f"there is no request {_shown(name)}; there are {', '.join(_KINDS)}")
    given = {key: value for key, value in content.items() if key not in _ENVELOPE}
    if kind is Upload:
        given["data"] = _chunk(buffers)
    return kind(**_checked(str(name), kind, given))


def _checked(name: str, kind: type[Request], given: Mapping[str, Any]) -> dict[str, Any]:
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]  # every subclass is one
    required = {item.name for item in fields if item.default_factory is dataclasses.MISSING}
    if missing := required - given.keys():
        raise RequestError(f"request {name!r} lacks {', '.join(sorted(missing))}")
    if more := given.keys() - {item.name for item in fields}:
        raise RequestError(f"request {name!r} has no {', '.join(sorted(map(str, more)))}")
    hints = get_type_hints(kind)
    for key, value in given.items():
        _check(f"{key} of request {name!r}", value, hints[key])
    return {key: _sendable(value) for key, value in given.items()}


def _check(what: str, value: Any, hint: Any) -> None:
    if hint is not Any and not isinstance(value, hint.__origin__ if hasattr(hint, "__origin__") else hint):
        raise RequestError(f"{what} cannot be {_shown(value)}")
    if isinstance(value, bool) and hint is not Any:
        raise RequestError(f"{what} is a number, not {value}")
    if isinstance(value, int) and value < 0 and hint is not Any:
        raise RequestError(f"{what} is negative")
    if isinstance(value, (str, list, dict)) and _count(value) > MOST_VALUES:
        raise RequestError(f"{what} is too much to type; upload a file, or use a variable")


def _sendable(value: Any) -> Any:
    """The value with texts that can be sent back: half of a surrogate pair would break every message that shows it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_sendable(item) for item in value]
    return {_sendable(key): _sendable(item) for key, item in value.items()} if isinstance(value, dict) else value


def _count(value: Json) -> int:
    """How many values there are, and for texts also how long they are, in units of their own limit."""
    count, rest = 0, [value]
    while rest and count <= MOST_VALUES:
        item = rest.pop()
        count += 1 + (len(item) * MOST_VALUES // MOST_TEXT if isinstance(item, str) else 0)
        rest.extend(item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
    return count


def _chunk(buffers: Sequence[Any]) -> bytes:
    if len(buffers) != 1:
        raise RequestError(f"an upload comes with one buffer, not with {len(buffers)}")
    if (size := memoryview(buffers[0]).nbytes) > LARGEST_CHUNK:
        raise RequestError(f"a part of an upload has at most {LARGEST_CHUNK:,} bytes, not {size:,}")
    return bytes(buffers[0])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
