"""Texts, JSON, and the parts of nested tensors."""

from __future__ import annotations

import numpy as np
import pytest

import carton_runtime as carton
from carton_jupyter.previews.kinds import FULL
from carton_jupyter.previews.texts import json_text, nested, parsed, text


def test_texts_are_shown_as_they_are() -> None:
    assert text(np.array([["a", "b\n<b>"]]), FULL)["texts"] == ["a", "b\n<b>"]


def test_the_first_texts_are_shown() -> None:
    view = text(np.full(1000, "x"), FULL)
    assert (len(view["texts"]), view["more"]) == (20, "the first 20 of 1,000 texts")


def test_long_texts_are_cut_also_all_together() -> None:
    view = text(np.array(["x" * 100_000] * 20), FULL)
    assert view["texts"][0] == "x" * 10_000 + " … (100,000 characters in all)"
    assert sum(map(len, view["texts"])) < 60_000


def test_halves_of_pairs_are_made_harmless() -> None:
    assert text(np.array(["\ud800", "\U0001f600"]), FULL)["texts"] == ["\ufffd", "\U0001f600"]


def test_json_is_indented() -> None:
    assert json_text(np.array(' {"ä": [1]}'), FULL)["text"] == '{\n  "ä": [\n    1\n  ]\n}'


@pytest.mark.parametrize("written", ["", "1", "{", "[" * 100_000, "[" + "1" * 5_000 + "]", "text"])
def test_what_is_no_json_is_text(written: str) -> None:
    assert parsed(np.array(written)) is None


def test_long_json_is_cut() -> None:
    view = json_text(np.array("[" + "1," * 50_000 + "1]"), FULL)
    assert len(view["text"]) == 50_000
    assert view["more"] == "the first 50,000 of 250,007 characters"


def test_the_parts_of_a_nested_tensor_are_listed() -> None:
    view = nested(carton.NestedTensor([[1.0, np.nan], np.arange(100.0)]), FULL)
    assert view["rows"] == [
        {"shape": "[2]", "text": "[1, NaN]"},
        {"shape": "[100]", "text": "min 0 · max 99 · mean 49.5"},
    ]
    texts = nested(carton.NestedTensor([["a"], ["b", "c" * 200]]), FULL)["rows"]
    assert texts[0] == {"shape": "[1]", "text": '["a"]'}
    assert len(texts[1]["text"]) < 120


def test_the_first_parts_are_listed() -> None:
    assert nested(carton.NestedTensor([np.zeros(1000)] * 100), FULL)["more"] == "the first 50 of 100 parts"
