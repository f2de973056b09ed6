"""What is shown of a model, as plain data: strings, lists and dicts, nothing of the runtime's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict
from urllib.parse import unquote

import carton_runtime as carton
from carton_jupyter.presenter.files_view import FilesView, card_files_view
from carton_jupyter.presenter.pictures import LARGEST, is_picture, is_small, picture, thumbnail, value_text
from carton_jupyter.previews import Value as Previewed
from carton_jupyter.previews import wording
from carton_runtime.selftest import SelfTestResult

Value = carton.LazyTensor | carton.MiscFile


class TensorView(TypedDict):
    """One input or output."""

    name: str
    dtype: str
    shape: str
    description: str


class ValueView(TypedDict):
    """One value of an example: a picture as a data URI where it is one, and always a text."""

    name: str
    text: str
    picture: str


class ExampleView(TypedDict):
    """One example."""

    name: str
    description: str
    inputs: list[ValueView]
    outputs: list[ValueView]


class NamedView(TypedDict):
    """Something with a name and a line about it."""

    name: str
    description: str


class CardView(TypedDict):
    """A carton, and the model that runs from it when `state` is not empty."""

    title: str
    summary: str
    badges: list[str]
    state: str
    running: str
    runner: str
    links: list[NamedView]
    platforms: list[str]
    inputs: list[TensorView]
    outputs: list[TensorView]
    examples: list[ExampleView]
    self_tests: list[NamedView]
    description: str
    pictures: dict[str, str]
    files: FilesView | None
    far: str


class ComparisonView(TypedDict):
    """One output of one self test."""

    test: str
    output: str
    passed: bool
    error: str
    tolerance: str
    time: str
    message: str


class ReportView(TypedDict):
    """The self tests of a model."""

    passed: int
    total: int
    rows: list[ComparisonView]


class KernelView(TypedDict):
    """The process of one model."""

    name: str
    state: str
    pid: str
    python: str
    device: str
    memory: str
    calls: str
    latency: str
    waiting: str
    error: str


def info_view(info: carton.CartonInfo) -> CardView:
    """What a carton says about itself."""
    runner = info.runner
    links = {"homepage": info.homepage, "repository": info.repository}
    return {
        "title": info.title,
        "summary": info.short_description or "",
        "badges": [badge for badge in (info.license, info.model_hash and info.model_hash[:8]) if badge],
        "state": "",
        "running": "",
        "runner": f"{runner.runner_name} {runner.required_framework_version}",
        "links": [{"name": name, "description": url} for name, url in links.items() if url],
        "platforms": list(info.required_platforms),
        "inputs": [spec_view(spec) for spec in info.inputs],
        "outputs": [spec_view(spec) for spec in info.outputs],
        "examples": [_example(example, number) for number, example in enumerate(info.examples, 1)],
        "self_tests": [
            {"name": test.name or f"self test {number}", "description": test.description or ""}
            for number, test in enumerate(info.self_tests, 1)
        ],
        "description": info.model_description or "",
        "pictures": _pictures(info),
        "files": card_files_view(info.files),
        "far": _far(info),
    }


def model_view(model: carton.Carton | carton.sync.Carton) -> CardView:
    """What a carton says, and how the model that runs from it is."""
    kernel = model.kernel
    running = f"Python {kernel.python} · numpy {kernel.numpy}" if kernel.python else ""
    return {**info_view(model.info), "state": kernel.state.value, "running": running}


def far_values(info: carton.CartonInfo) -> list[Value]:
    """What a card would show if it had been fetched: small tensors, and pictures that are not large."""
    values = [value for example in info.examples for value in (*example.inputs.values(), *example.sample_out.values())]
    values += [info.misc_files[path] for path in _named_pictures(info)]
    return [value for value in values if not value.is_at_hand and _is_shown(value)]


def spec_view(spec: carton.TensorSpec) -> TensorView:
    """What an input or output looks like."""
    return {
        "name": spec.name,
        "dtype": spec.dtype,
        "shape": shape_text(spec.shape),
        "description": spec.description or "",
    }


def report_view(report: carton.SelfTestReport) -> ReportView:
    """How the self tests went."""
    passed = sum(result.passed for result in report)
    rows: list[ComparisonView] = []
    for result in report:
        if not result.outputs:
            message = str(result.error) if result.error else "" if result.passed else "did not run"
            rows.append(_row(result, message=message))
        for output in result.outputs:
            errors = (f"{output.absolute_error:.2g}", str(output.tolerance))
            rows.append(_row(result, output.name, *errors, passed=output.passed, message=output.message))
    return {"passed": passed, "total": len(report), "rows": rows}


def kernels_view(kernels: Sequence[carton.Kernel]) -> list[KernelView]:
    """The processes of models."""
    return [_kernel(kernel) for kernel in kernels]


def _kernel(kernel: carton.Kernel) -> KernelView:
    statistics, memory = kernel.statistics, kernel.resident_memory
    latency = statistics.latency
    return {
        "name": kernel.name,
        "state": kernel.state.value,
        "pid": str(kernel.pid),
        "python": kernel.python,
        "device": kernel.device,
        "memory": f"{memory / 1e6:,.0f} MB" if memory else "",
        "calls": str(statistics.calls),
        "latency": f"{duration_text(latency.p50)} · {duration_text(latency.p99)}" if latency else "",
        "waiting": str(kernel.queued),
        "error": statistics.last_error.split("\n")[0],
    }


def _row(
    result: SelfTestResult,
    output: str = "",
    error: str = "",
    tolerance: str = "",
    *,
    message: str,
    passed: bool | None = None,
) -> ComparisonView:
    return {
        "test": result.name,
        "output": output,
        "passed": result.passed if passed is None else passed,
        "error": error,
        "tolerance": tolerance,
        "time": duration_text(result.seconds),
        "message": message,
    }


def form_text(value: Previewed) -> str:
    """The dtype and shape of a tensor."""
    return f"{dtype_text(value)} {shape_text(value.shape)}"


def dtype_text(value: Previewed) -> str:
    """The dtype of a tensor, as specs spell it."""
    return "string" if value.dtype.kind == "U" else str(value.dtype.name)


def duration_text(seconds: float) -> str:
    """How long something took: ``0.31 ms``, ``1.8 s``, ``2 min 5 s``."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms" if seconds < 0.9995 else "1 s"
    if seconds < 60:
        return f"{seconds:.3g} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def shape_text(shape: str | Sequence[int | str | None] | None) -> str:
    """A shape, of a spec or of a tensor: ``[2, n, *]``."""
    if shape is None:
        return "any shape"
    if isinstance(shape, str):
        return f"shape {shape}"
    return wording.shape_text(shape) if shape else "scalar"


def _example(example: carton.Example[Value], number: int) -> ExampleView:
    return {
        "name": example.name or f"example {number}",
        "description": example.description or "",
        "inputs": _values(example.inputs),
        "outputs": _values(example.sample_out),
    }


def _values(values: Mapping[str, Value]) -> list[ValueView]:
    return [_value(name, value) for name, value in values.items()]


def _value(name: str, value: Value) -> ValueView:
    return {"name": name, "text": line_text(value), "picture": _thumbnail(value)}


def line_text(value: Value) -> str:
    """A line about a value of an example; reads it, if it is small and at hand."""
    try:
        return value_text(value)
    except carton.CartonError as error:  # a card says what it can
        return f"cannot be read: {error}"


def _thumbnail(value: Value) -> str:
    try:
        return thumbnail(value.read_blocking()) if isinstance(value, carton.MiscFile) and value.is_at_hand else ""
    except carton.CartonError:  # its text may say why
        return ""


def _pictures(info: carton.CartonInfo) -> dict[str, str]:
    """The misc files that the description shows, as data URIs."""
    here = [path for path in _named_pictures(info) if info.misc_files[path].is_at_hand]
    try:
        return {path: picture(info.misc_files[path].read_blocking()) for path in here}
    except carton.CartonError:  # the description then shows their names; using the carton will say what is wrong
        return {}


def _named_pictures(info: carton.CartonInfo) -> list[str]:
    said = unquote(info.model_description or "")
    return [path for path in info.misc_files if is_picture(path) and f"@misc/{unquote(path)}" in said]


def _is_shown(value: Value) -> bool:
    return is_small(value) if isinstance(value, carton.LazyTensor) else (value.size or 0) <= LARGEST


def _far(info: carton.CartonInfo) -> str:
    count = len(far_values(info))
    if not count:
        return ""
    what = f"{count} values of examples and pictures are" if count > 1 else "One value or picture is"
    return f"{what} not fetched yet; %carton_info --all fetches them"
