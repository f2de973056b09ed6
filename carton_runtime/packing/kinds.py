"""What options are made of: a value of the wrong kind is refused by its option's name before anything uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carton_runtime.errors import FormatError
from carton_runtime.format.document import Example, Option, SelfTest, TensorSpec
from carton_runtime.format.reading import INT64
from carton_runtime.packing.options import PackOptions

_TEXTS = ("model_name", "short_description", "model_description", "license", "repository", "homepage")
_LISTS = {
    "required_platforms": str,
    "inputs": TensorSpec,
    "outputs": TensorSpec,
    "self_tests": SelfTest,
    "examples": Example,
}
_CALLED: Mapping[type, str] = {str: "a string", bool: "True or False", Mapping: "a dict", Example: "an Example"}
_FILE = (bytes, bytearray, memoryview, Path)


def check_kinds(options: PackOptions) -> None:
    """Look at the kind of each option, and of what it holds.

    Raises:
        FormatError: one is of the wrong kind; the error names it.
    """
    given: Mapping[str, Any] = options
    check_kind(given["runner_name"], str, "runner_name")
    check_version(given["required_framework_version"], "required_framework_version")
    for name in _TEXTS:
        _check_optional(given.get(name), str, name)
    for name, kind in _LISTS.items():
        _check_list(given.get(name), kind, name)
    for position, test in enumerate(given.get("self_tests") or ()):
        _check_names(test.inputs, f"self_tests[{position}].inputs")
        _check_names({} if test.expected_out is None else test.expected_out, f"self_tests[{position}].expected_out")
    for position, example in enumerate(given.get("examples") or ()):
        _check_names(example.inputs, f"examples[{position}].inputs")
        _check_names(example.sample_out, f"examples[{position}].sample_out")
    _check_misc_files(given.get("misc_files"))
    compat = given.get("runner_compat_version")
    if isinstance(compat, bool) or not isinstance(compat, int | None):
        raise _wrong(compat, "a whole number", "runner_compat_version")


def check_version(given: Any, where: str) -> None:
    """Refuse what is no text, such as a version that was given as a number. Raises as `check_kind` does."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        raise FormatError(f'must be a string, not {given}; write it in quotes, such as "=3.10"', where=where)
    check_kind(given, str, where)


def check_kind(given: Any, kind: type, where: str) -> None:
    """Refuse what is of another kind.

    Raises:
        FormatError: it is; the error says what it should be.
    """
    if not isinstance(given, kind):
        raise _wrong(given, _CALLED.get(kind, f"a {kind.__name__}"), where)


def plain_options(given: Any, where: str) -> dict[str, Option]:
    """A runner's options as values that a carton and the wire can hold; numpy's numbers become Python's.

    Raises:
        FormatError: a name is no string, or a value is neither a number, a string nor a boolean.
    """
    _check_names(given, where)
    return {name: _plain(value, f"{where}[{name!r}]") for name, value in given.items()}


def _plain(value: Any, where: str) -> Option:
    plain = value.item() if isinstance(value, np.generic) else value
    if not isinstance(plain, bool | int | float | str):
        raise _wrong(value, "a number, a string or a boolean", where)
    if type(plain) is int and plain not in INT64:
        raise FormatError(f"must be a whole number of 64 bits, not {plain}", where=where)
    return plain


def _check_misc_files(given: Any) -> None:
    _check_names(given or {}, "misc_files")
    for name, content in (given or {}).items():
        if not isinstance(content, _FILE):
            raise _wrong(content, "the file's bytes, or a pathlib.Path to read them from", f"misc_files[{name!r}]")


def _check_names(given: Any, where: str) -> None:
    check_kind(given, Mapping, where)
    for name in given:
        if not isinstance(name, str):
            raise FormatError(f"names must be strings, and {name!r} is none", where=where)


def _check_list(given: Any, kind: type, where: str) -> None:
    if given is None:
        return
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise _wrong(given, f"a list of {kind.__name__}", where)
    for position, item in enumerate(given):
        check_kind(item, kind, f"{where}[{position}]")


def _check_optional(given: Any, kind: type, where: str) -> None:
    if given is not None:
        check_kind(given, kind, where)


def _wrong(given: Any, expected: str, where: str) -> FormatError:
    found = "None" if given is None else f"{repr(given)[:80]}, of type {type(given).__name__}"
    return FormatError(f"must be {expected}, not {found}", where=where)
