"""The states of a panel that are about tensors to look at: outputs, and the gallery of examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import carton_runtime as carton
from carton_jupyter.presenter.panel_view import ExampleItem, Output, Which
from carton_jupyter.presenter.view import dtype_text, line_text, shape_text
from carton_jupyter.previews import (
    Blob,
    Kind,
    Made,
    Value,
    file_thumbnail,
    formats_of,
    kinds_of,
    preview,
    summary,
    thumbnail,
)


def labels_beside(tensors: Mapping[str, Value], value: Value) -> list[str] | None:
    """The texts of another output that are as many as the scores of this one."""
    if isinstance(value, carton.NestedTensor) or value.ndim == 0:
        return None
    for other in tensors.values():
        if not isinstance(other, carton.NestedTensor) and other.dtype.kind == "U" and other.shape == value.shape[-1:]:
            return [str(text) for text in other]
    return None


def output_state(
    name: str,
    value: Value,
    spec: carton.TensorSpec | None,
    which: Which,
    wanted: Kind | None,
    key: str,
    labels: Sequence[str] | None = None,
) -> tuple[Output, Mapping[str, Blob]]:
    """One output, and the blobs that it names. Takes a moment: not for the background loop.

    Args:
        name: its name.
        value: the tensor.
        spec: what it should be.
        which: whether the model gave it.
        wanted: what to show it as, if it can be.
        key: what blobs are named by.
        labels: the names of classes, if it has scores of such.
    """
    kinds = kinds_of(value, spec)
    kind = wanted if wanted in kinds else kinds[0]
    made = preview(value, spec, kind, key=key, labels=labels)
    state: Output = {
        "name": name,
        "dtype": dtype_text(value),
        "shape": shape_text(value.shape),
        "description": (spec.description if spec is not None else None) or "",
        "summary": summary(value),
        "kind": kind,
        "kinds": kinds,
        "preview": made.view,
        "saves": formats_of(value, spec),
        "which": which,
    }
    return state, made.blobs


def example_item(
    example: carton.Example[carton.LazyTensor | carton.MiscFile],
    number: int,
    specs: Mapping[str, carton.TensorSpec],
    key: str | None,
) -> tuple[ExampleItem, Mapping[str, Blob]]:
    """One example, and the blobs of its picture; reads what is at hand, and so is not for the background loop.

    What the picture shows is not told in words again, if there is anything else to tell.

    Args:
        example: the example.
        number: which one it is, from 1.
        specs: of the inputs, by name.
        key: what its blobs are named by; `None` for no picture.
    """
    pictured, made = _picture(example, specs, key) if key is not None else ("", None)
    told = [name for name in example.inputs if name != pictured] or list(example.inputs)
    state: ExampleItem = {
        "name": example.name or f"example {number}",
        "description": example.description or "",
        "inputs": [{"name": name, "text": line_text(example.inputs[name])} for name in told],
        "preview": made.view if made is not None else None,
        "has_outputs": bool(example.sample_out),
    }
    return state, made.blobs if made is not None else {}


def _picture(
    example: carton.Example[carton.LazyTensor | carton.MiscFile], specs: Mapping[str, carton.TensorSpec], key: str
) -> tuple[str, Made | None]:
    """The first picture among an example's inputs and outputs, and the name of what it shows."""
    for name, value in (*example.inputs.items(), *example.sample_out.items()):
        made = _thumbnail(value, specs.get(name), key) if value.is_at_hand else None
        if made is not None and made.view["kind"] in ("image", "mask", "heatmap"):
            return name, made
    return "", None


def _thumbnail(value: carton.LazyTensor | carton.MiscFile, spec: carton.TensorSpec | None, key: str) -> Made | None:
    try:
        if isinstance(value, carton.MiscFile):
            return file_thumbnail(value.read_blocking(), key)
        return thumbnail(value.get_blocking(), spec, key) if _has_rows(value) else None
    except carton.CartonError:  # a gallery shows what it can; using the example says what is wrong
        return None


def _has_rows(tensor: carton.LazyTensor) -> bool:
    """Whether it could be a picture at all, as a tensor is read whole to be looked at."""
    return tensor.shape is not None and len(tensor.shape) >= 2
