"""Which ranges are asked for, and how what came is put together."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from carton_runtime.storage.base import Span
from carton_runtime.storage.spans import cut, merged

DATA = bytes(range(256)) * 4
SPANS = st.lists(st.builds(Span, st.integers(0, 900), st.integers(0, 100)), max_size=20)


@given(SPANS, st.integers(0, 200))
def test_what_was_asked_for_can_be_cut_out_of_what_was_merged(spans: list[Span], gap: int) -> None:
    pieces = [(span.start, DATA[span.start : span.stop]) for span in merged(spans, gap)]
    assert [cut(span, pieces) for span in spans] == [DATA[span.start : span.stop] for span in spans]


@given(SPANS, st.integers(0, 200))
def test_what_was_merged_lies_further_apart_than_the_gap(spans: list[Span], gap: int) -> None:
    far = merged(spans, gap)
    assert all(after.start - before.stop > gap for before, after in pairwise(far))


def test_neighbours_become_one_and_empty_ones_nothing() -> None:
    assert merged([Span(10, 5), Span(0, 10), Span(40, 0), Span(20, 1)], 0) == [Span(0, 15), Span(20, 1)]
    assert merged([Span(10, 5), Span(20, 1)], 5) == [Span(10, 11)]
