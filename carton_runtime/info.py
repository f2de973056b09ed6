"""What a carton says about itself, with its stored tensors and files within reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Protocol

from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.contents.listing import FileTable
from carton_runtime.format.document import Document, Example, MiscRef, RunnerInfo, SelfTest, TensorRef, TensorSpec
from carton_runtime.lazy import LazyFiles, LazyTensor, MiscFile


@dataclass(frozen=True, kw_only=True)
class CartonInfo:
    """A carton's metadata.

    Attributes:
        runner: what runs the model.
        model_name: the model's name.
        short_description: a line.
        model_description: markdown.
        license: an SPDX expression, or any text.
        repository: where the code that packs it lives.
        homepage: where the model lives.
        required_platforms: target triples; empty means all.
        inputs: the specs of the inputs, in order.
        outputs: the specs of the outputs, in order.
        self_tests: inputs to run it on, with what should come out.
        examples: inputs and outputs to look at.
        misc_files: the carton's other files, by path below ``misc/``.
        model_hash: the sha256 of the MANIFEST; `None` for what was never packed, and for a carton far away with so many
            files that its MANIFEST was left there: then ``(await info.files.get()).model_hash`` fetches it.
        files: its files with their sizes; `None` for what was never packed.
        location: where it was found: a path, or a URL as it was given; `None` for what was never packed.
    """

    runner: RunnerInfo
    model_name: str | None = None
    short_description: str | None = None
    model_description: str | None = None
    license: str | None = None
    repository: str | None = None
    homepage: str | None = None
    required_platforms: tuple[str, ...] = ()
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    self_tests: tuple[SelfTest[LazyTensor], ...] = ()
    examples: tuple[Example[LazyTensor | MiscFile], ...] = ()
    misc_files: Mapping[str, MiscFile] = field(default_factory=dict)
    model_hash: str | None = None
    files: LazyFiles | None = None
    location: str | None = field(default=None, repr=False, compare=False)  # a URL may hold a password

    @property
    def title(self) -> str:
        """What to call the model."""
        return self.model_name or "unnamed model"


class Described(Protocol):
    """A carton of which the description was read."""

    @property
    def document(self) -> Document:
        """What ``carton.toml`` says."""

    def form_of(self, name: str) -> tuple[str, tuple[int | None, ...] | None]:
        """The dtype and sizes of a stored tensor; an empty text and `None` while they are not known."""

    def is_tensor_at_hand(self, name: str) -> bool:
        """Whether a stored tensor can be read without asking anybody far away."""

    @property
    def misc_files(self) -> tuple[str, ...]:
        """The paths below ``misc/``, without that prefix."""

    @property
    def model_hash(self) -> str | None:
        """The sha256 of the MANIFEST, if that was read."""

    @property
    def count(self) -> int:
        """How many files there are."""

    @property
    def is_listed(self) -> bool:
        """Whether the files are known."""

    def is_at_hand(self, path: str) -> bool:
        """Whether a file can be read without asking anybody far away."""

    def size(self, path: str) -> int | None:
        """Bytes in a file, if known."""

    async def read(self, path: str) -> bytes:
        """All bytes of a file, checked."""

    async def read_tensor(self, name: str) -> Tensor:
        """A stored tensor."""

    async def table(self) -> FileTable:
        """The files."""


def info_of(files: Described, location: str) -> CartonInfo:
    """The metadata of a carton that was found at `location`."""
    misc_files = {path: _misc_file(files, path) for path in files.misc_files}
    return make_info(
        files.document,
        tensor=lambda ref: _tensor(files, ref.name),
        misc=lambda ref: misc_files.get(ref.path) or _misc_file(files, ref.path),
        misc_files=misc_files,
        model_hash=files.model_hash,
        files=LazyFiles(files.count, files.table, lambda: files.is_listed),
        location=location,
    )


def make_info(
    document: Document,
    *,
    tensor: Callable[[TensorRef], LazyTensor],
    misc: Callable[[MiscRef], MiscFile],
    misc_files: Mapping[str, MiscFile],
    model_hash: str | None = None,
    files: LazyFiles | None = None,
    location: str | None = None,
) -> CartonInfo:
    """A document with its references resolved."""
    plain = {item.name: getattr(document, item.name) for item in fields(document)}
    plain["self_tests"] = tuple(
        SelfTest(
            {name: tensor(ref) for name, ref in test.inputs.items()},
            test.name,
            test.description,
            None if test.expected_out is None else {name: tensor(ref) for name, ref in test.expected_out.items()},
        )
        for test in document.self_tests
    )
    plain["examples"] = tuple(
        Example(
            {name: _either(ref, tensor, misc) for name, ref in example.inputs.items()},
            {name: _either(ref, tensor, misc) for name, ref in example.sample_out.items()},
            example.name,
            example.description,
        )
        for example in document.examples
    )
    return CartonInfo(**plain, misc_files=misc_files, model_hash=model_hash, files=files, location=location)


def _either(
    ref: TensorRef | MiscRef, tensor: Callable[[TensorRef], LazyTensor], misc: Callable[[MiscRef], MiscFile]
) -> LazyTensor | MiscFile:
    return tensor(ref) if isinstance(ref, TensorRef) else misc(ref)


def _tensor(files: Described, name: str) -> LazyTensor:
    return LazyTensor(
        name,
        lambda: files.form_of(name),
        lambda: files.read_tensor(name),
        lambda: files.is_tensor_at_hand(name),
    )


def _misc_file(files: Described, path: str) -> MiscFile:
    inside = f"misc/{path}"
    return MiscFile(path, lambda: files.read(inside), lambda: files.is_at_hand(inside), lambda: files.size(inside))
