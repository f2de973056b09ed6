"""What the words of a spec say."""

from __future__ import annotations

import pytest

from carton_jupyter.previews.hints import are_logits, hints_of, labels_of, numbered_labels, rate_of
from carton_runtime import TensorSpec


def spec(description: str, name: str = "y") -> TensorSpec:
    return TensorSpec(name, "float32", None, description)


def test_a_name_ends_with_its_noun_and_a_description_begins_with_it() -> None:
    assert hints_of(spec("", "image_mask")) == ["mask", "image"]
    assert hints_of(spec("a mask of the image")) == ["mask", "image"]
    assert hints_of(spec("one for each image", "maskScores")) == ["scores", "mask", "image"]
    assert hints_of(spec("", "RGBImage2")) == ["image"]
    assert hints_of(spec("", "image_embeds")) == ["heatmap", "image"]
    assert hints_of(spec("imagery of maskless audiences")) == []
    assert hints_of(None) == []


@pytest.mark.parametrize(
    ("said", "rate"),
    [
        ("mono, 16 kHz", 16_000),
        ("44.1kHz stereo", 44_100),
        ("at 22050 Hz", 22_050),
        ("44,100 Hz", 44_100),
        ("44,1 kHz", 44_100),
        ("a 5 Hz hum", None),
        ("speech", None),
        ("999999999 kHz", None),
    ],
)
def test_a_description_names_the_rate(said: str, rate: int | None) -> None:
    assert rate_of(spec(said)) == rate


@pytest.mark.parametrize(
    ("said", "labels"),
    [
        ("one of: cat, dog, bird", ["cat", "dog", "bird"]),
        ("scores for [cat, dog, bird]", ["cat", "dog", "bird"]),
        ("scores (cat, dog, and bird).", ["cat", "dog", "bird"]),
        ("0 = cat, 1 = dog, 2 = polar bear", ["cat", "dog", "polar bear"]),
        ("0: cat, 1: dog, 2: bird", ["cat", "dog", "bird"]),
        ("0 = cat, 1 = dog", None),
        ("cat or dog", None),
        ("", None),
    ],
)
def test_a_description_names_the_classes(said: str, labels: list[str] | None) -> None:
    assert labels_of(spec(said), 3) == labels


def test_lists_of_something_else_are_no_classes() -> None:
    assert labels_of(spec("a map (height, width, 3)"), 3) is None
    assert labels_of(spec("[1, 2, 3]"), 3) is None
    assert labels_of(spec("(a)"), 1) is None


def test_labels_may_be_numbered_with_gaps() -> None:
    assert numbered_labels(spec("Labels: 0 = sky, 7: sea; 255 = no data. More.")) == {
        0: "sky",
        7: "sea",
        255: "no data",
    }
    assert numbered_labels(spec("a label map (height, width)")) == {}


def test_a_description_with_very_many_separators_is_read_in_time() -> None:
    for text in ("(" * 100_000, ", " * 100_000, "0 = " * 100_000, "0 =" + " " * 100_000, "1" * 100_000, "a" * 100_000):
        assert labels_of(spec(text), 3) is None
        assert rate_of(spec(text)) is None
        hints_of(spec(text))


def test_logits_are_called_so() -> None:
    assert are_logits(spec("", "class_logits"))
    assert are_logits(spec("logits, not yet normalised"))
    assert not are_logits(spec("logistic regression"))
