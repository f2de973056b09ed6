"""What the name and the description of a spec say about the tensor's meaning."""

from __future__ import annotations

import re

import carton_runtime as carton
from carton_jupyter.previews.kinds import Kind

_WORDS: dict[Kind, str] = {
    "mask": "mask masks segmentation segmentations segments seg labelmap",
    "image": "image images img imgs picture pictures pic photo photos photograph frame frames rgb rgba bgr gray grey "
    "grayscale greyscale pixel pixels thumbnail",
    "audio": "audio waveform waveforms wave waves wav sound sounds speech voice pcm music",
    "scores": "score scores prob probs probability probabilities logit logits confidence confidences softmax "
    "likelihood likelihoods",
    "heatmap": "heatmap heatmaps heat attention attentions depth saliency spectrogram mel correlation confusion matrix "
    "similarity similarities",
    "table": "box boxes bbox bboxes table keypoints coordinates points ids id indices index tokens classes labels",
    "line": "line lines curve curves series signal signals trace traces forecast loss timeseries",
    "json": "json",
}
_KINDS: dict[str, Kind] = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_RATE = re.compile(r"(\d+(?:[.,]\d+)?)\s*(k?)hz\b", re.IGNORECASE)
_CLASS = re.compile(r"(\d+)\s*[=:]\s*([^,;=:\n]+?)\s*(?=,|;|\n|$|[.)\]}](?:\s|$))")
_LIST = re.compile(r"[:(\[{]\s*([^:()\[\]{}]*?,[^:()\[\]{}]*?)\s*(?:[)\]}.]|$)")
_LOGITS = {"logit", "logits"}
_RATES = range(1_000, 768_001)

DEFAULT_RATE = 16_000
"""Samples a second where nobody says: what most models of speech want."""


def hints_of(spec: carton.TensorSpec | None) -> list[Kind]:
    """The kinds that a spec hints at, the surest first: names end with their noun, descriptions begin with it."""
    if spec is None:
        return []
    words = [*reversed(_words(spec.name)), *_words(spec.description or "")]
    return list(dict.fromkeys(_KINDS[word] for word in words if word in _KINDS))


def are_logits(spec: carton.TensorSpec | None) -> bool:
    """Whether a spec says that scores are yet to go through a softmax."""
    return spec is not None and not _LOGITS.isdisjoint(_words(f"{spec.name} {spec.description or ''}"))


def rate_of(spec: carton.TensorSpec | None) -> int | None:
    """Samples a second, as in "mono, 16 kHz"; `None` where the description does not say."""
    found = _RATE.search(spec.description or "") if spec is not None else None
    if found is None:
        return None
    rate = round(
        float(found[1].replace(",", "" if len(found[1]) > 4 and not found[2] else ".")) * (1000 if found[2] else 1)
    )
    return rate if rate in _RATES else None


def labels_of(spec: carton.TensorSpec | None, count: int) -> list[str] | None:
    """The names of so many classes, as in "one of: cat, dog" or "0 = cat, 1 = dog"; `None` if none are listed."""
    text = spec.description or "" if spec is not None else ""
    numbered = {int(number): name.strip("\"' ") for number, name in _CLASS.findall(text)}
    if set(numbered) == set(range(count)):
        return [numbered[number] for number in range(count)]
    for found in _LIST.finditer(text):
        names = [re.sub(r"^(?:and|or)\s+", "", name.strip()).strip("\"'") for name in found[1].split(",")]
        if len(names) == count:
            return names
    return None


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]
