"""From a caller's options to ``carton.toml``, the stored tensors and the misc files."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from carton_runtime._child.carton_wire.values import Tensor, as_tensor
from carton_runtime.errors import FormatError, InvalidTensorError, StorageError
from carton_runtime.format import v1
from carton_runtime.format.document import Document, Example, MiscRef, RunnerInfo, SelfTest, TensorRef
from carton_runtime.format.paths import safe_path
from carton_runtime.format.versionreq import VersionReq
from carton_runtime.packing.kinds import check_kinds, plain_options
from carton_runtime.packing.options import PackOptions

_EXAMPLE_FILE = "_example_misc_file_"
"""Reserved: the names of files that examples give by their bytes, as in the original."""


@dataclass
class Description:
    """All of a carton but the model.

    Attributes:
        document: what ``carton.toml`` will say.
        tensors: the stored tensors, by name.
        misc_files: the files below ``misc/``.
    """

    document: Document
    tensors: dict[str, Tensor] = field(default_factory=dict)
    misc_files: dict[str, bytes] = field(default_factory=dict)


def describe(options: PackOptions) -> Description:
    """Check the options and store the values of self tests and examples under names.

    Raises:
        FormatError: an option breaks the format.
        InvalidTensorError: a value of a self test or an example is no tensor.
        StorageError: a misc file cannot be read.
    """
    check_kinds(options)
    collected = _Collector(misc_files=dict(_misc_files(options.get("misc_files") or {})))
    document = Document(
        runner=_runner(options),
        model_name=options.get("model_name"),
        short_description=options.get("short_description"),
        model_description=options.get("model_description"),
        license=options.get("license"),
        repository=options.get("repository"),
        homepage=options.get("homepage"),
        required_platforms=tuple(options.get("required_platforms") or ()),
        inputs=tuple(options.get("inputs") or ()),
        outputs=tuple(options.get("outputs") or ()),
        self_tests=tuple(collected.self_test(test) for test in options.get("self_tests") or ()),
        examples=tuple(collected.example(example) for example in options.get("examples") or ()),
    )
    v1.check_packable(document)
    return Description(document, collected.tensors, collected.misc_files)


def _runner(options: PackOptions) -> RunnerInfo:
    requirement = VersionReq(options["required_framework_version"])
    opts = plain_options(options.get("runner_opts") or {}, "runner_opts")
    return RunnerInfo(options["runner_name"], str(requirement), options.get("runner_compat_version"), opts)


def _misc_files(given: Mapping[str, bytes | Path]) -> Any:
    for name, content in given.items():
        safe_path(name, where="misc_files")
        if folder := next((parent for parent in map(str, PurePosixPath(name).parents) if parent in given), None):
            raise FormatError(f"{name!r} lies below {folder!r}, which is a file", where="misc_files")
        if name.startswith(_EXAMPLE_FILE):
            raise FormatError(f"the name {name!r} is reserved for the files of examples", where="misc_files")
        yield name, _content(content)


def _content(content: bytes | Path) -> bytes:
    if not isinstance(content, Path):
        return bytes(content)
    try:
        return content.read_bytes()
    except OSError as error:
        raise StorageError(f"the misc file {content} cannot be read: {error.strerror}") from error


@dataclass
class _Collector:
    misc_files: dict[str, bytes]
    tensors: dict[str, Tensor] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def self_test(self, test: SelfTest[Any]) -> SelfTest[TensorRef]:
        what = f"self test {test.name!r}" if test.name else "a self test"
        expected = test.expected_out
        return SelfTest(
            self._tensor_refs(test.inputs, what),
            test.name,
            test.description,
            None if expected is None else self._tensor_refs(expected, what),
        )

    def example(self, example: Example[Any]) -> Example[TensorRef | MiscRef]:
        what = f"example {example.name!r}" if example.name else "an example"
        inputs, outputs = (
            {name: self._either(value, f"{what}: {name!r}") for name, value in side.items()}
            for side in (example.inputs, example.sample_out)
        )
        return Example(inputs, outputs, example.name, example.description)

    def _tensor_refs(self, values: Mapping[str, Any], what: str) -> dict[str, TensorRef]:
        return {name: self._tensor(value, f"{what}: {name!r}") for name, value in values.items()}

    def _either(self, value: Any, what: str) -> TensorRef | MiscRef:
        if isinstance(value, (bytes, bytearray, memoryview, Path)):
            name = f"{_EXAMPLE_FILE}{next(self.numbers)}"
            self.misc_files[name] = _content(value if isinstance(value, Path) else bytes(value))
            return MiscRef(name)
        return self._tensor(value, what)

    def _tensor(self, value: Any, what: str) -> TensorRef:
        try:
            tensor = as_tensor(value)
        except (TypeError, ValueError) as error:
            raise InvalidTensorError(f"{what}: {error}") from error
        name = f"_tensor_{len(self.tensors)}"
        self.tensors[name] = tensor
        return TensorRef(name)
