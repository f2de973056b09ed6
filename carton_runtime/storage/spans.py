"""Which ranges to ask for, and how to put together what came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from carton_runtime.storage.base import Span


def merged(spans: Iterable[Span], gap: int) -> list[Span]:
    """The spans to ask for to get all of these: those that overlap, or lie at most `gap` bytes apart, become one."""
    result: list[Span] = []
    for span in sorted(span for span in spans if span.length):
        if result and span.start <= result[-1].stop + gap:
            start = result[-1].start
            result[-1] = Span(start, max(result[-1].stop, span.stop) - start)
        else:
            result.append(span)
    return result


def cut(wanted: Span, pieces: Sequence[tuple[int, bytes]]) -> bytes:
    """The bytes of `wanted`, out of pieces that are in order, do not overlap and cover it, each with its offset."""
    found = []
    for start, data in pieces:
        first, last = max(wanted.start - start, 0), min(wanted.stop - start, len(data))
        if first < last:
            found.append(data[first:last])
    return found[0] if len(found) == 1 else b"".join(found)
