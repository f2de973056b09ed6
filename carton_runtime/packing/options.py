"""What a model is packed with: the options that `pack` and `load_unpacked` share."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar, get_type_hints

from carton_runtime.format.document import Example, Option, SelfTest, TensorSpec

Function = TypeVar("Function", bound=Callable[..., Any])


class MoreOptions(TypedDict, total=False):
    """The options that may be left out.

    Attributes:
        runner_opts: options for the runner. The ``python`` runner needs ``entrypoint_package`` and ``entrypoint_fn``,
            and passes those that start with ``model.`` to the entrypoint.
        runner_compat_version: the layout of the model's directory; the runner's own unless given.
        model_name: the model's name.
        short_description: a line of at most 100 characters.
        model_description: markdown; may show ``@misc/`` files.
        license: an SPDX expression, or any text.
        repository: where the packing code lives.
        homepage: where the model lives.
        required_platforms: target triples; none means all.
        inputs: specs of the inputs, in order; with outputs or not at all.
        outputs: specs of the outputs, in order.
        self_tests: inputs to run the model on, with what should come out.
        examples: inputs and outputs to show; values are tensors, or the bytes of a picture or sound.
        misc_files: files for the description, by name: their bytes, or a path to read them from.
        linked_files: sha256 in hex → URLs of files that the model has and the carton need not hold, the best URL first;
            whoever loads it fetches them there. Hashes of which the model has no file are left out, with a warning.
    """

    runner_opts: Mapping[str, Option] | None
    runner_compat_version: int | None
    model_name: str | None
    short_description: str | None
    model_description: str | None
    license: str | None
    repository: str | None
    homepage: str | None
    required_platforms: Sequence[str] | None
    inputs: Sequence[TensorSpec] | None
    outputs: Sequence[TensorSpec] | None
    self_tests: Sequence[SelfTest[Any]] | None
    examples: Sequence[Example[Any]] | None
    misc_files: Mapping[str, bytes | Path] | None
    linked_files: Mapping[str, Sequence[str]] | None


class PackOptions(MoreOptions):
    """All options.

    Attributes:
        runner_name: what runs the model, such as ``python``.
        required_framework_version: which versions of the framework it needs, as a Cargo version requirement: ``=3.10``
            is any 3.10.x.
    """

    runner_name: str
    required_framework_version: str


_HINTS = get_type_hints(MoreOptions)


def check_names(given: Mapping[str, Any]) -> None:
    """Refuse names that are no options, as Python does for arguments.

    Raises:
        TypeError: a name is unknown; the message says which, and what was probably meant.
    """
    for name in given:
        if name not in _HINTS:
            close = difflib.get_close_matches(name, _HINTS, 1)
            raise TypeError(f"there is no option {name!r}" + (f"; did you mean {close[0]!r}?" if close else ""))


def spell_out(function: Function) -> Function:
    """Show `MoreOptions` in the signature of a function that takes them as ``**options``: for help and completion."""
    signature = inspect.signature(function)
    own = [item for item in signature.parameters.values() if item.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [_parameter(name, hint) for name, hint in _HINTS.items()]
    function.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]  # inspect reads it
    return function


def _parameter(name: str, hint: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint)
