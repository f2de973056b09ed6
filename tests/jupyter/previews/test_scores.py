"""Scores as bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from carton_jupyter.previews import preview
from carton_jupyter.previews.scores import are_probabilities
from carton_runtime import TensorSpec


def scores(array: Any, name: str = "scores", said: str = "", **more: Any) -> Any:
    return preview(np.asarray(array), TensorSpec(name, "float32", None, said), "scores", key="k", **more).view


def test_the_best_come_first_with_the_names_of_the_description() -> None:
    view = scores([[0.02, 0.91, 0.07]], said="one of: church, castle, palace")
    assert view["bars"] == [
        {"label": "castle", "value": "0.91", "fraction": 0.91},
        {"label": "palace", "value": "0.07", "fraction": 0.07},
        {"label": "church", "value": "0.02", "fraction": 0.02},
    ]
    assert view["more"] == ""


def test_labels_of_another_output_win() -> None:
    assert scores([0.5, 0.4], said="of: a, b", labels=["x", "y"])["bars"][0]["label"] == "x"


def test_classes_without_names_have_numbers() -> None:
    view = scores(np.eye(1000)[7])
    assert [bar["label"] for bar in view["bars"]][:2] == ["7", "0"]
    assert view["more"] == "the best 5 of 1,000 scores"


def test_logits_show_their_softmax() -> None:
    view = scores([0.0, np.log(3)], "logits")
    assert view["bars"][0] == {"label": "1", "value": "1.1 · 75 %", "fraction": 0.75}
    assert view["more"] == "percentages are their softmax"


def test_scores_of_any_range_have_bars_within_it() -> None:
    assert [bar["fraction"] for bar in scores([-2.0, 0.0, 2.0])["bars"]] == [1, 0.5, 0]
    assert [bar["fraction"] for bar in scores([100, 50])["bars"]] == [1, 0.5]
    assert [bar["fraction"] for bar in scores([1e308, -1e308], "logits")["bars"]] == [1, 0]


def test_what_is_not_finite_is_text() -> None:
    view = scores([np.nan, np.inf, 0.5, -np.inf])
    assert [(bar["value"], bar["fraction"]) for bar in view["bars"]] == [("inf", 1), ("0.5", 0.5), ("-inf", 0)]
    assert view["more"] == "the best 3 of 4 scores · 1 NaN"


def test_of_a_batch_the_first_row_is_shown() -> None:
    view = scores([[0.1, 0.9], [0.8, 0.2]])
    assert view["bars"][0]["label"] == "1"
    assert view["more"] == "the first of 2 rows"


@pytest.mark.parametrize(
    ("array", "are"),
    [
        ([0.5, 0.5], True),
        ([[0.25, 0.75]], True),
        ([0.5, 0.6], False),
        ([-0.5, 1.5], False),
        ([np.nan, 1.0], False),
        ([0, 1], False),
        ([1.0], False),
    ],
)
def test_probabilities_add_up_to_one(array: Any, are: bool) -> None:
    assert are_probabilities(np.array(array)) is are
