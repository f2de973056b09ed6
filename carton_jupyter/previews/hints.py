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
    "heatmap": "heatmap heatmaps heat attention attentions depth saliency spectrogram mel correlation confusion "
    "similarity similarities embedding embeddings embeds features hidden",
    "table": "box boxes bbox bboxes table keypoints coordinates points ids id indices index tokens classes labels",
    "line": "line lines curve curves series signal signals trace traces forecast loss timeseries",
    "json": "json",
}
_KINDS: dict[str, Kind] = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_RATE = re.compile(r"(?<![\d.,])(\d{1,6}(?:[.,]\d{1,3})?)\s?(k?)hz\b", re.IGNORECASE)
_CLASS = re.compile(r"(?:^|[\s(\[{])(\d{1,6})\s?[=:]\s?([^.)\]}]+)")
_LIST = re.compile(r"[:(\[{]([^:()\[\]{}.]*)")
_AND = re.compile(r"^(?:and|or)\s")
_LOGITS = {"logit", "logits"}
_MOST_CHARACTERS = 20_000
_QUOTES = " \"'"

RATES = range(1_000, 768_001)
"""Samples a second that sounds have."""

DEFAULT_RATE = 16_000
"""Samples a second where nobody says: what most models of speech want."""


def hints_of(spec: carton.TensorSpec | None) -> list[Kind]:
    """The kinds that a spec hints at, the surest first: names end with their noun, descriptions begin with it."""
    if spec is None:
        return []
    words = [*reversed(_words(spec.name)), *_words(_said(spec))]
    return list(dict.fromkeys(_KINDS[word] for word in words if word in _KINDS))


def are_logits(spec: carton.TensorSpec | None) -> bool:
    """Whether a spec says that scores are yet to go through a softmax."""
    return spec is not None and not _LOGITS.isdisjoint(_words(f"{spec.name} {_said(spec)}"))


def rate_of(spec: carton.TensorSpec | None) -> int | None:
    """Samples a second, as in "mono, 16 kHz"; `None` where the description does not say."""
    found = _RATE.search(_said(spec))
    if found is None:
        return None
    thousands = found[2] == "" and found[1][-4:-3] == ","  # 44,100 Hz, but 44,1 kHz
    number = float(found[1].replace(",", "" if thousands else "."))
    rate = round(number * 1000 if found[2] else number)
    return rate if rate in RATES else None


def labels_of(spec: carton.TensorSpec | None, count: int) -> list[str] | None:
    """The names of so many classes, as in "one of: cat, dog" or "0 = cat, 1 = dog"; `None` if none are listed."""
    numbered = numbered_labels(spec)
    if set(numbered) == set(range(count)):
        return [numbered[number] for number in range(count)]
    for listed in _LIST.findall(_said(spec)):
        names = [_AND.sub("", name.strip()).strip(_QUOTES) for name in listed.split(",")]
        if len(names) == count > 1 and all(names) and not any(name.isdigit() for name in names):
            return names
    return None


def numbered_labels(spec: carton.TensorSpec | None) -> dict[int, str]:
    """The names of labels by number, as in "0 = sky, 1 = sea, 255: unknown"."""
    found = (_CLASS.search(piece) for piece in re.split(r"[,;\n]", _said(spec)))
    return {int(match[1]): match[2].strip(_QUOTES) for match in found if match}


def _said(spec: carton.TensorSpec | None) -> str:
    """The description; of a very long one its beginning, since anybody can write one."""
    return (spec.description or "")[:_MOST_CHARACTERS] if spec is not None else ""


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]
