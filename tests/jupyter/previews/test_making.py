"""Whatever a tensor is, it can be shown in every way that is offered, and nothing that is shown is large."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import carton_runtime as carton
from carton_jupyter.previews import formats_of, kinds_of, preview, save, summary, thumbnail, to_typed
from carton_jupyter.previews.choosing import _offered
from carton_runtime import TensorSpec

DTYPES = (
    "float16",
    "float32",
    "float64",
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)
WORDS = ("image", "mask", "scores", "logits", "audio", "boxes", "attention", "curve", "anything", "json")
SHAPES = st.one_of(
    arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5),
    st.sampled_from(
        [(20, 30), (17, 18, 3), (3, 40, 20), (2, 16, 16, 1), (2, 3, 16, 16), (500,), (1, 1000), (2, 70), (70, 2)]
    ),
)


@st.composite
def numbers(draw: Callable[..., Any]) -> np.ndarray[Any, Any]:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    dtype = dtype.newbyteorder(draw(st.sampled_from("<>")))
    array = draw(arrays.arrays(dtype, draw(SHAPES), fill=arrays.from_dtype(dtype)))
    array = array[..., :: draw(st.sampled_from([1, -1, 2]))] if array.ndim else array
    array = array.T if draw(st.booleans()) else array
    array.flags.writeable = False
    return array


def texts() -> st.SearchStrategy[np.ndarray[Any, Any]]:
    written = st.one_of(
        st.text(st.characters(codec=None), max_size=20),
        st.sampled_from(["", "{}", '[1, "\\ud800"]', "[NaN, 1e999]", "{" * 30]),
    )
    shapes = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    return st.tuples(shapes, st.lists(written, min_size=64, max_size=64)).map(
        lambda drawn: np.array(drawn[1][: int(np.prod(drawn[0]))], dtype="U20").reshape(drawn[0])
    )


SPECS = st.one_of(
    st.none(),
    st.builds(lambda name, words: TensorSpec(name, "float32", None, " ".join(words)), st.sampled_from(WORDS),
              st.lists(st.sampled_from([*WORDS, "16 kHz", "NCHW", "0 = a, 1 = b", "of: a, b, c"]), max_size=3)),
)  # fmt: skip


def check(value: Any, spec: TensorSpec | None) -> None:
    kinds = kinds_of(value, spec)
    assert len(set(kinds)) == len(kinds) > 0
    views = [preview(value, spec, kind, key="k") for kind in kinds]
    assert [made.view["kind"] for made in views] == kinds
    for made in [*views, thumbnail(value, spec, "k")]:
        assert len(json.dumps(made.view, allow_nan=False, ensure_ascii=False).encode()) < 200_000
        assert made.view["more"] == made.view["more"].strip()
        named = {made.view["blob"]} if "blob" in made.view else set()
        assert set(made.blobs) == named
        assert all(len(blob.data) < 5_000_000 for blob in made.blobs.values())
    assert len(summary(value).encode()) < 200
    for format_ in formats_of(value, spec):
        assert save(value, spec, format_).data


@settings(max_examples=300, deadline=None)
@given(numbers(), SPECS)
def test_numbers_show_in_every_way_offered(value: np.ndarray[Any, Any], spec: TensorSpec | None) -> None:
    check(value, spec)
    json.dumps(to_typed(value), allow_nan=False)


@settings(max_examples=150, deadline=None)
@given(texts(), SPECS)
def test_texts_show_in_every_way_offered(value: np.ndarray[Any, Any], spec: TensorSpec | None) -> None:
    check(value, spec)
    json.dumps(to_typed(value), ensure_ascii=False).encode()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=70), st.sampled_from([*DTYPES, "U3"]))
def test_nested_tensors_show_in_every_way_offered(sizes: list[int], dtype: str) -> None:
    check(carton.NestedTensor([np.zeros((size, 2), dtype) for size in sizes]), None)


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(3, complex),
        np.array([None, {}, "x"], dtype=object),
        np.array(["2026-11-28"], dtype="M8[D]"),
        np.zeros((2, 3), dtype=[("x", "f4"), ("name", "U9")]),
        np.zeros((2, 2), dtype="V3"),
        np.array([b"\xff", b"a"]),
        np.zeros((4, 4), np.longdouble),
        np.zeros((0, 10**9), np.float32),
        np.broadcast_to(np.float64(1), (10**6, 10**6)),
        np.broadcast_to(np.array("x" * 1000), (10**6, 10**3)),
    ],
    ids=lambda value: f"{value.dtype}{value.shape}",
)
def test_what_no_carton_holds_can_still_be_looked_at(value: np.ndarray[Any, Any]) -> None:
    kinds = kinds_of(value)
    for kind in kinds:
        made = preview(value, None, kind, key="k")
        json.dumps(made.view, allow_nan=False)
    summary(value)


def test_an_object_that_cannot_be_written_is_named() -> None:
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError("no")

    view = preview(np.array([Mute()]), None, "text", key="k").view
    assert view["kind"] == "text"
    assert view["texts"] == ["<Mute that cannot be written: RuntimeError>"]


def test_a_kind_that_is_not_offered_is_refused() -> None:
    with pytest.raises(carton.InvalidTensorError, match=r"shape \[3\] cannot be shown as 'image'"):
        preview(np.zeros(3), None, "image", key="k")


def test_blobs_of_other_kinds_have_other_keys() -> None:
    picture = np.zeros((20, 20), np.uint8)
    keys = [key for kind in ("image", "mask", "heatmap") for key in preview(picture, None, kind, key="7:x").blobs]
    keys += thumbnail(picture, None, "7:x").blobs
    assert len(set(keys)) == 4
    assert all(key.startswith("7:x:") for key in keys)


def test_a_value_is_not_changed() -> None:
    rng = np.random.default_rng(0)
    for value in (rng.random((20, 20, 3)), rng.integers(0, 9, (20, 20)), rng.random(100)):
        before = value.copy()
        check(value, None)
        assert np.array_equal(value, before)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.arange(5), "min 0 · max 4 · mean 2"),
        (np.array([0.1, np.nan, np.inf, -np.inf, np.nan]), "min 0.1 · max 0.1 · mean 0.1 · 2 NaN · 1 inf · 1 -inf"),
        (np.array([np.nan, np.nan]), "2 NaN"),
        (np.array([0, 2**64 - 1], np.uint64), "min 0 · max 18446744073709551615 · mean 9.223e+18"),
        (np.array([1.7e308, -1.7e308, 1.7e308]), "min -1.7e+308 · max 1.7e+308 · mean 5.667e+307"),
        (np.array(3.5), ""),
        (np.zeros((0, 3)), "empty"),
        (np.array(["a", "four"]), "2 texts · up to 4 characters"),
        (np.array("a"), "1 character"),
        (carton.NestedTensor([[1, 2], [3]]), "min 1 · max 3 · mean 2"),
    ],
    ids=str,
)
def test_a_summary_says_what_is_in_it(value: Any, said: str) -> None:
    assert summary(value) == said


def test_every_kind_is_offered_for_something() -> None:
    offered = {
        kind
        for value in (np.zeros((20, 20), np.uint8), np.zeros(99), np.zeros(1), np.array("{}"))
        for kind in _offered(value, None)
    }
    assert offered == {
        "value", "image", "mask", "audio", "text", "scores", "table", "line", "heatmap", "histogram", "statistics",
        "json",
    }  # fmt: skip
