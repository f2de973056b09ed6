"""Reads ``carton.toml``."""

from __future__ import annotations

from carton_runtime._child.carton_wire.values import DTYPES
from carton_runtime.errors import FormatError, VersionReqError
from carton_runtime.format.document import (
    Dimension,
    Document,
    Example,
    MiscRef,
    Option,
    RunnerInfo,
    SelfTest,
    Shape,
    TensorRef,
    TensorSpec,
)
from carton_runtime.format.limits import DEFAULTS, Limits
from carton_runtime.format.paths import safe_path
from carton_runtime.format.reading import INT64, Table, kind_of, parse_toml
from carton_runtime.format.targets import is_known_target
from carton_runtime.format.v1.keys import ANY, FILE, MISC_PREFIX, SPEC_VERSION, TENSOR_PREFIX
from carton_runtime.format.versionreq import VersionReq


def parse(data: bytes, limits: Limits = DEFAULTS) -> Document:
    """Read ``carton.toml``. Unknown keys are ignored, and the rules that bind packing only are not applied.

    Raises:
        FormatError: the file is too large, not TOML, of another version, lacks something, or holds a value of the wrong
            kind.
    """
    return document_of(parse_toml(data, FILE, limits))


def document_of(root: Table) -> Document:
    """Read ``carton.toml`` once it is parsed; raises as `parse` does."""
    version = root.integer("spec_version")
    if version != SPEC_VERSION:
        raise root.error("spec_version", f"is {version}; this release reads version {SPEC_VERSION} only")
    return Document(
        runner=_runner(root.table("runner")),
        model_name=root.optional_text("model_name"),
        short_description=root.optional_text("short_description"),
        model_description=root.optional_text("model_description"),
        license=root.optional_text("license"),
        repository=root.optional_text("repository"),
        homepage=root.optional_text("homepage"),
        required_platforms=_platforms(root),
        inputs=tuple(map(_spec, root.tables("input"))),
        outputs=tuple(map(_spec, root.tables("output"))),
        self_tests=tuple(map(_self_test, root.tables("self_test"))),
        examples=tuple(map(_example, root.tables("example"))),
    )


def _runner(table: Table) -> RunnerInfo:
    options = table.optional_table("opts")
    return RunnerInfo(
        runner_name=table.text("runner_name"),
        required_framework_version=_requirement(table, "required_framework_version"),
        runner_compat_version=table.integer("runner_compat_version"),
        opts={} if options is None else {key: _option(options, key) for key in options},
    )


def _requirement(table: Table, key: str) -> str:
    try:
        return str(VersionReq(table.text(key)))
    except VersionReqError as error:
        raise table.error(key, str(error), VersionReqError) from None


def _option(table: Table, key: str) -> Option:
    value = table.value(key)
    # bool first: in Python it is a kind of int
    if isinstance(value, int) and not isinstance(value, bool):
        return table.integer(key)
    if not isinstance(value, bool | float | str):
        raise table.error(key, f"must be a number, a string or a boolean, not {kind_of(value)}")
    return value


def _platforms(root: Table) -> tuple[str, ...]:
    key = "required_platforms"
    triples = root.text_list(key)
    for position, triple in enumerate(triples):
        if not is_known_target(triple):
            raise root.error((key, position), f"{triple!r} does not begin with a known architecture, such as x86_64")
    return triples


def _spec(table: Table) -> TensorSpec:
    dtype = table.text("dtype")
    if dtype not in DTYPES:
        raise table.error("dtype", f"is {dtype!r}; it must be one of {', '.join(DTYPES)}")
    return TensorSpec(
        name=table.text("name"),
        dtype=dtype,
        shape=_shape(table),
        description=table.optional_text("description"),
        internal_name=table.optional_text("internal_name"),
    )


def _shape(table: Table) -> Shape:
    value = table.value("shape")
    if isinstance(value, str):
        return None if value == ANY else value
    if not isinstance(value, list):
        raise table.error("shape", f"must be a string or a list, not {kind_of(value)}")
    return tuple(_dimension(table, axis, size) for axis, size in enumerate(value))


def _dimension(table: Table, axis: int, size: object) -> Dimension:
    if isinstance(size, str):
        return None if size == ANY else size
    if isinstance(size, bool) or not isinstance(size, int) or size < 0 or size not in INT64:
        raise table.error(("shape", axis), f"must be a whole number that is not negative, a symbol, or '{ANY}'")
    return size


def _self_test(table: Table) -> SelfTest[TensorRef]:
    expected = table.optional_table("expected_out")
    return SelfTest(
        inputs=_tensor_refs(table.optional_table("inputs")),
        name=table.optional_text("name"),
        description=table.optional_text("description"),
        expected_out=None if expected is None else _tensor_refs(expected),
    )


def _example(table: Table) -> Example[TensorRef | MiscRef]:
    return Example(
        inputs=_refs(table.optional_table("inputs")),
        sample_out=_refs(table.optional_table("sample_out")),
        name=table.optional_text("name"),
        description=table.optional_text("description"),
    )


def _tensor_refs(table: Table | None) -> dict[str, TensorRef]:
    return {} if table is None else {name: _tensor_ref(table, name) for name in table}


def _refs(table: Table | None) -> dict[str, TensorRef | MiscRef]:
    return {} if table is None else {name: _ref(table, name) for name in table}


def _tensor_ref(table: Table, name: str) -> TensorRef:
    text = table.text(name)
    if not text.startswith(TENSOR_PREFIX) or text == TENSOR_PREFIX:
        raise table.error(name, f"is {text[:200]!r}; it must be '{TENSOR_PREFIX}' and a tensor's name")
    return TensorRef(text.removeprefix(TENSOR_PREFIX))


def _ref(table: Table, name: str) -> TensorRef | MiscRef:
    text = table.text(name)
    if not text.startswith(MISC_PREFIX):
        return _tensor_ref(table, name)
    try:
        return MiscRef(safe_path(text.removeprefix(MISC_PREFIX)))
    except FormatError as error:
        raise table.error(name, str(error)) from None
