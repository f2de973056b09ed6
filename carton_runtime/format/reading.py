"""Typed getters over parsed TOML that know where they are: every complaint names its file, key path and line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import TypeVar

from carton_runtime.errors import FormatError
from carton_runtime.format.limits import DEFAULTS, Limits
from carton_runtime.format.locating import KeyPath, has_longer_key, line_of

INT64 = range(-(2**63), 2**63)

Kind = TypeVar("Kind")


class Table:
    """A TOML table and where it stands; made by `parse_toml`.

    A getter raises `FormatError` when the value has another type, or is missing where the getter does not allow for it.

    Args:
        values: the parsed table.
        file: the file's name, for errors.
        path: the keys and list positions that lead to this table.
        source: the file's text, from which errors get their line; empty when there is none.
    """

    def __init__(self, values: Mapping[str, object], file: str, path: KeyPath = (), source: str = "") -> None:
        self._values = values
        self._file = file
        self._path = path
        self._source = source

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def error(self, key: str | KeyPath, message: str, kind: type[FormatError] = FormatError) -> FormatError:
        """The error to raise for what stands under `key`; a tuple names something deeper, such as ``("shape", 0)``."""
        path = self._path + (key if isinstance(key, tuple) else (key,))
        return kind(message, where=f"{self._file}: {dotted(path)}", line=line_of(self._source, path))

    def value(self, key: str) -> object:
        """What stands under `key`, of any type."""
        if key not in self._values:
            raise self.error(key, "is missing")
        return self._values[key]

    def text(self, key: str) -> str:
        """A string."""
        return self._typed(key, str, "a string")

    def optional_text(self, key: str) -> str | None:
        """A string, or `None` when the key is absent."""
        return self.text(key) if key in self else None

    def integer(self, key: str) -> int:
        """A whole number that fits into 64 bits with a sign, as TOML demands."""
        value = self._typed(key, int, "a whole number")
        if isinstance(value, bool) or value not in INT64:
            raise self.error(key, "must be a whole number of 64 bits")
        return value

    def optional_integer(self, key: str) -> int | None:
        """A whole number, or `None` when the key is absent."""
        return self.integer(key) if key in self else None

    def table(self, key: str) -> Table:
        """A table."""
        return self._at((key,), self._typed(key, dict, "a table"))

    def optional_table(self, key: str) -> Table | None:
        """A table, or `None` when the key is absent."""
        return self.table(key) if key in self else None

    def tables(self, key: str) -> list[Table]:
        """An array of tables; empty when the key is absent."""
        items = self.items(key)
        for position, item in enumerate(items):
            if not isinstance(item, dict):
                raise self.error((key, position), f"must be a table, not {kind_of(item)}")
        return [self._at((key, position), item) for position, item in enumerate(items) if isinstance(item, dict)]

    def text_list(self, key: str) -> tuple[str, ...]:
        """A list of strings; empty when the key is absent."""
        items = self.items(key)
        for position, item in enumerate(items):
            if not isinstance(item, str):
                raise self.error((key, position), f"must be a string, not {kind_of(item)}")
        return tuple(item for item in items if isinstance(item, str))

    def items(self, key: str) -> list[object]:
        """A list of anything; empty when the key is absent."""
        return self._typed(key, list, "a list") if key in self else []

    def _at(self, path: KeyPath, values: Mapping[str, object]) -> Table:
        return Table(values, self._file, self._path + path, self._source)

    def _typed(self, key: str, kind: type[Kind], expected: str) -> Kind:
        value = self.value(key)
        if not isinstance(value, kind):
            raise self.error(key, f"must be {expected}, not {kind_of(value)}")
        return value


def parse_toml(data: bytes, file: str, limits: Limits = DEFAULTS, *, size: str = "toml_size") -> Table:
    """Parse a TOML file.

    Args:
        data: its content.
        file: its name, for errors.
        limits: how large and deep it may be.
        size: which of the limits is that of its size.

    Raises:
        FormatError: the file is larger or deeper than allowed, not UTF-8, or not TOML.
    """
    if len(data) > getattr(limits, size):
        raise limits.excess(size, f"is {len(data):,} bytes long", where=file)
    source = _decode(data, file)
    too_deep = limits.excess("toml_depth", "is nested too deeply", where=file)
    if has_longer_key(source, limits.toml_depth):
        raise too_deep
    try:
        values = tomllib.loads(source)
    except RecursionError:
        raise too_deep from None
    except ValueError as error:
        raise FormatError(f"is not TOML: {error}", where=file, line=_line_in(str(error), source)) from error
    if _deeper_than(limits.toml_depth, values):
        raise too_deep
    return Table(values, file, (), source)


def dotted(path: KeyPath) -> str:
    """A key path as text: ``("input", 0, "dtype")`` is ``input[0].dtype``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in path)
    return text.removeprefix(".")


def kind_of(value: object) -> str:
    """What a TOML value is, in words."""
    names = {
        bool: "a boolean",
        int: "a whole number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), f"a {type(value).__name__}")


def _key(part: str) -> str:
    return part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(f"is not UTF-8: {error.reason}", where=file, line=line) from None


def _line_in(message: str, source: str) -> int | None:
    match = re.search(r"at line (\d+)", message)
    if match:
        return int(match[1])
    return source.count("\n") + 1 if "end of document" in message else None


def _deeper_than(limit: int, value: object) -> bool:
    level = [value]
    for _ in range(limit + 1):
        level = [item for value in level for item in _children(value)]
        if not level:
            return False
    return True


def _children(value: object) -> list[object]:
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in values if isinstance(item, dict | list)]
