"""Damage to a carton: anywhere in its bytes, in the numbers of its headers, and in the texts that describe it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from hostile.corpus import DESCRIBING, DRAFTS
from hostile.drafts import Draft

Damage = Callable[[Random, bytes], bytes]

FIELDS: dict[bytes, dict[int, str]] = {
    b"PK\1\2": dict(zip((4, 8, 10, 16, 20, 24, 28, 30, 32, 34, 38, 42), "HHHLLLHHHHLL", strict=True)),
    b"PK\3\4": dict(zip((4, 6, 8, 14, 18, 22, 26, 28), "HHHLLLHH", strict=True)),
    b"PK\5\6": dict(zip((4, 6, 8, 10, 12, 16, 20), "HHHHLLH", strict=True)),
    b"PK\6\6": dict(zip((4, 16, 20, 24, 32, 40, 48), "QLLQQQQ", strict=True)),
    b"PK\6\7": dict(zip((4, 8, 16), "LQL", strict=True)),
    b"PK\7\x08": dict(zip((4, 8, 12), "LLL", strict=True)),
}
"""The numbers of each kind of header: offset → how it is packed."""

TOKENS = [
    *b"[ ] { } = . , -1 1e999 nan inf true [[a]] [a.b] 9223372036854775807 0x7fffffff 1979-05-27".split(),
    *b"9223372036854775808 ../ / @misc/../x @tensor_data/ # '' dtype shape inner name string".split(),
    *b"\\ud800 \\u0000 nested object float32 https:// file:".split(),
    *(b'"', b"'", b'"""', b"\n", b"\r\n", b"\xff", b"\0", b"9" * 5000, b"[" * 500, b"{a=" * 100, b"a." * 99),
]


def flip(rng: Random, data: bytes) -> bytes:
    """Change some bytes, most of them near the end, where the directory is."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        changed[_place(rng, data)] ^= 1 << rng.randrange(8) if rng.random() < 0.5 else rng.randrange(1, 256)
    return bytes(changed)


def overwrite(rng: Random, data: bytes) -> bytes:
    """Put something over what is there."""
    at = _place(rng, data)
    new = rng.choice([*FIELDS, b"\0" * 8, b"\xff" * 8, b"\xff" * 4, rng.randbytes(rng.randrange(1, 40))])
    return data[:at] + new + data[at + len(new) :]


def cut(rng: Random, data: bytes) -> bytes:
    """Take away the end, the beginning, or something between."""
    start, stop = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return rng.choice((data[:start], data[stop:], data[:start] + data[stop:]))


def insert(rng: Random, data: bytes) -> bytes:
    """Put something between what is there: random bytes, or a part of itself."""
    at, start = _place(rng, data), rng.randrange(len(data))
    new = rng.choice((rng.randbytes(rng.randrange(1, 200)), data[start : start + rng.randrange(1, 2000)]))
    return data[:at] + new + data[at:]


def exchange(rng: Random, data: bytes) -> bytes:
    """Exchange two parts of one length."""
    length = rng.randrange(1, 200)
    a, b = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    one, other = data[a : a + length], data[b : b + length]
    return data[:a] + other + data[a + len(one) : b] + one + data[b + len(other) :] if a + length <= b else data[::-1]


def renumber(rng: Random, data: bytes) -> bytes:
    """Change numbers of the archive's own headers, and nothing else."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at, layout = _field(rng, data)
        size = struct.calcsize(f"<{layout}")
        old = int.from_bytes(data[at : at + size], "little")
        top = (1 << 8 * size) - 1
        new = rng.choice(
            (0, 1, 0xFF, top, top - 1, top >> 1, old + 1, old - 1, old << 8, len(data), rng.randrange(top))
        )
        changed[at : at + size] = (new & top).to_bytes(size, "little")[: len(data) - at]
    return bytes(changed)


def retell(rng: Random, _: bytes) -> bytes:
    """Change a text that describes a carton, and make the MANIFEST agree, so that the text is read."""
    draft = rng.choice(list(DRAFTS.values()))
    path = rng.choice([path for path in DESCRIBING if path in draft.files or path == "MANIFEST"])
    if path == "MANIFEST":
        return replace(draft, manifest=_retold(rng, draft.manifest_bytes())).zipped()
    return draft.with_files({path: _retold(rng, draft.files[path])}).zipped()


def tamper(rng: Random, _: bytes) -> bytes:
    """Change a file, and only the MANIFEST tells."""
    draft = rng.choice(list(DRAFTS.values()))
    path = rng.choice([path for path in draft.files if path != "LINKS"])
    changed = draft.with_files({path: _retold(rng, draft.files[path])})
    return replace(changed, manifest=draft.manifest_bytes()).zipped()


def relink(rng: Random, _: bytes) -> bytes:
    """Have symlinks lead anywhere."""
    names = ["model/a", "model/b", "model/code/c", "model/weights.bin", "carton.toml", "misc/picture.png"]
    targets = [
        "a",
        "b",
        "../a",
        "code/c",
        "weights.bin",
        "..",
        "../..",
        "/etc/passwd",
        ".",
        "code",
        "../MANIFEST",
        "x" * 300,
    ]
    links = {rng.choice(names): rng.choice(targets) for _ in range(rng.randrange(1, 4))}
    files = {path: content for path, content in Draft().files.items() if path not in links}
    return Draft(files, links=links).zipped()


DAMAGES: dict[Damage, int] = {
    flip: 4,
    overwrite: 2,
    cut: 1,
    insert: 2,
    exchange: 1,
    renumber: 6,
    retell: 6,
    tamper: 2,
    relink: 1,
}
"""Kinds of damage, and how often each is done."""


def damaged(rng: Random, cartons: Sequence[bytes]) -> bytes:
    """One of some cartons, damaged in one or several ways; now and then spliced with another."""
    data = rng.choice(cartons)
    if rng.random() < 0.05:
        other = rng.choice(cartons)
        data = data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]
    for damage in rng.choices(list(DAMAGES), list(DAMAGES.values()), k=rng.choice((1, 1, 1, 2, 3))):
        data = damage(rng, data) or b"P"
    return data


def _place(rng: Random, data: bytes) -> int:
    return int((1 - rng.random() ** 2) * len(data)) if rng.random() < 0.7 else rng.randrange(len(data))


def _field(rng: Random, data: bytes) -> tuple[int, str]:
    found = [at for signature in FIELDS for at in _all(data, signature)]
    if not found:
        return rng.randrange(len(data)), "L"
    start = rng.choice(found)
    offset, layout = rng.choice(list(FIELDS[data[start : start + 4]].items()))
    return min(start + offset, len(data) - 1), layout


def _all(data: bytes, wanted: bytes) -> list[int]:
    found, at = [], data.find(wanted)
    while at >= 0:
        found.append(at)
        at = data.find(wanted, at + 1)
    return found


def _retold(rng: Random, text: bytes) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, removed = rng.randrange(len(text) + 1), rng.randrange(7)
        lines = text.splitlines(keepends=True)
        if lines and rng.random() < 0.2:
            rng.shuffle(lines)
            text = b"".join(lines)
        added = rng.choice(TOKENS) if rng.random() < 0.8 else rng.randbytes(rng.randrange(5))
        text = text[:at] + added + text[at + removed :]
    return text
