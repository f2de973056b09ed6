"""The rules of ``carton.toml`` that bind packing only, and those that need the stored tensors."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from carton_runtime.errors import FormatError
from carton_runtime.format.document import Document, MiscRef, TensorRef, TensorSpec
from carton_runtime.format.locating import KeyPath
from carton_runtime.format.reading import dotted
from carton_runtime.format.v1.keys import FILE

MAX_SHORT_DESCRIPTION = 100  # characters, not bytes


def check_packable(document: Document) -> None:
    """Apply the rules that bind packing; reading is lenient about them.

    Raises:
        FormatError: the short description is too long, only one of inputs and outputs is given, there are self tests or
            examples without them, or two inputs (or two outputs) have one name.
    """
    _check_short_description(document.short_description or "")
    if bool(document.inputs) != bool(document.outputs):
        missing, given = ("output", "inputs") if document.inputs else ("input", "outputs")
        raise _error((missing,), f"is missing although {given} are given; give both or neither")
    for key, items in (("self_test", document.self_tests), ("example", document.examples)):
        if items and not document.inputs:
            raise _error((key,), "needs the model's inputs and outputs to be given as well")
    _check_unique("input", document.inputs)
    _check_unique("output", document.outputs)


def check_references(document: Document, tensor_names: Collection[str]) -> None:
    """Check that every stored tensor that a self test or an example names is there.

    Args:
        document: what was read.
        tensor_names: the tensors that may be named; `TensorIndex.names` has them.

    Raises:
        FormatError: a tensor is not there; the error names the key path of the reference.
    """
    for path, ref in _references(document):
        if isinstance(ref, TensorRef) and ref.name not in tensor_names:
            raise _error(path, f"names the tensor {ref.name!r}, which tensor_data/index.toml does not offer")


def _references(document: Document) -> Iterator[tuple[KeyPath, TensorRef | MiscRef]]:
    for position, test in enumerate(document.self_tests):
        yield from _under(("self_test", position, "inputs"), test.inputs)
        yield from _under(("self_test", position, "expected_out"), test.expected_out or {})
    for position, example in enumerate(document.examples):
        yield from _under(("example", position, "inputs"), example.inputs)
        yield from _under(("example", position, "sample_out"), example.sample_out)


def _under(
    path: KeyPath, refs: Mapping[str, TensorRef] | Mapping[str, TensorRef | MiscRef]
) -> Iterator[tuple[KeyPath, TensorRef | MiscRef]]:
    return (((*path, name), ref) for name, ref in refs.items())


def _check_short_description(text: str) -> None:
    if len(text) > MAX_SHORT_DESCRIPTION:
        raise _error(("short_description",), f"has {len(text)} characters; at most {MAX_SHORT_DESCRIPTION} are allowed")


def _check_unique(key: str, specs: Collection[TensorSpec]) -> None:
    seen: set[str] = set()
    for position, spec in enumerate(specs):
        if spec.name in seen:
            raise _error((key, position, "name"), f"{spec.name!r} is there twice")
        seen.add(spec.name)


def _error(path: KeyPath, message: str) -> FormatError:
    return FormatError(message, where=f"{FILE}: {dotted(path)}")
