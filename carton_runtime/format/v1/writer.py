"""Writes ``carton.toml``."""

from __future__ import annotations

from collections.abc import Mapping

import tomli_w

from carton_runtime.errors import FormatError
from carton_runtime.format.document import (
    Document,
    Example,
    MiscRef,
    RunnerInfo,
    SelfTest,
    Shape,
    TensorRef,
    TensorSpec,
)
from carton_runtime.format.reading import Table
from carton_runtime.format.v1.keys import ANY, FILE, MISC_PREFIX, SPEC_VERSION, TENSOR_PREFIX
from carton_runtime.format.v1.reader import document_of


def serialise(document: Document) -> bytes:
    """Write ``carton.toml``; equal documents give equal bytes, and `parse` reads them back.

    Raises:
        FormatError: the document holds something that `parse` would refuse, or lacks its ``runner_compat_version``.
    """
    # What is written must be readable: the reader's own checks run first, and make the version requirement canonical
    canonical = document_of(Table(_table(document), FILE))
    try:
        return tomli_w.dumps(_table(canonical)).encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError(f"a text in it is not valid Unicode: {error.reason}", where=FILE) from None


def _table(document: Document) -> dict[str, object]:
    arrays: dict[str, list[dict[str, object]]] = {
        "input": [_spec(spec) for spec in document.inputs],
        "output": [_spec(spec) for spec in document.outputs],
        "self_test": [_self_test(test) for test in document.self_tests],
        "example": [_example(example) for example in document.examples],
    }
    return {
        "spec_version": SPEC_VERSION,
        **_given(
            model_name=document.model_name,
            short_description=document.short_description,
            model_description=document.model_description,
            license=document.license,
            repository=document.repository,
            homepage=document.homepage,
            required_platforms=list(document.required_platforms) or None,
        ),
        "runner": _runner(document.runner),
        **{key: tables for key, tables in arrays.items() if tables},
    }


def _given(**keys: object) -> dict[str, object]:
    return {key: value for key, value in keys.items() if value is not None}


def _runner(runner: RunnerInfo) -> dict[str, object]:
    return _given(
        runner_name=runner.runner_name,
        required_framework_version=runner.required_framework_version,
        runner_compat_version=runner.runner_compat_version,
        opts=dict(runner.opts) or None,
    )


def _spec(spec: TensorSpec) -> dict[str, object]:
    return _given(
        name=spec.name,
        dtype=spec.dtype,
        shape=_shape(spec.shape),
        description=spec.description,
        internal_name=spec.internal_name,
    )


def _shape(shape: Shape) -> str | list[int | str]:
    if shape is None:
        return ANY
    return shape if isinstance(shape, str) else [ANY if size is None else size for size in shape]


def _self_test(test: SelfTest[TensorRef]) -> dict[str, object]:
    expected = None if test.expected_out is None else _refs(test.expected_out)
    return _given(name=test.name, description=test.description, inputs=_refs(test.inputs), expected_out=expected)


def _example(example: Example[TensorRef | MiscRef]) -> dict[str, object]:
    return _given(
        name=example.name,
        description=example.description,
        inputs=_refs(example.inputs),
        sample_out=_refs(example.sample_out),
    )


def _refs(refs: Mapping[str, TensorRef] | Mapping[str, TensorRef | MiscRef]) -> dict[str, str]:
    return {name: _ref(ref) for name, ref in refs.items()}


def _ref(ref: TensorRef | MiscRef) -> str:
    return f"{TENSOR_PREFIX}{ref.name}" if isinstance(ref, TensorRef) else f"{MISC_PREFIX}{ref.path}"
