"""Streams: whole ones, and those that are left early."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Any

import pytest

import carton_runtime.sync as carton
from carton_runtime.testing.suites.behaviours import Behaviour
from carton_runtime.testing.suites.subject import Models, Subject

_ENDLESS = 10**9


class StreamChecks(Subject):
    """Checks of ``streaming_infer``."""

    @pytest.mark.parametrize("items", [0, 1, 100])
    def test_a_stream_gives_each_item_in_order(self, models: Models, items: int) -> None:
        assert list(self._stream(models.shared(Behaviour.STREAMS), items)) == list(range(items))

    def test_infer_gives_the_last_item_of_a_stream(self, models: Models) -> None:
        assert int(self.infer(models.shared(Behaviour.STREAMS), items=7)["item"]) == 6

    @pytest.mark.parametrize("taken", [1, 40])
    def test_a_stream_that_is_left_early_stops_and_leaves_the_model_usable(self, models: Models, taken: int) -> None:
        model = models.shared(Behaviour.STREAMS)
        pid = model.kernel.pid
        with closing(self._stream(model, _ENDLESS)) as stream:
            assert [next(stream) for _ in range(taken)] == list(range(taken))
        assert list(self._stream(model, 3)) == [0, 1, 2]
        assert model.kernel.pid == pid, "the stream could not be left, so its process was ended"

    def test_two_streams_do_not_mix(self, models: Models) -> None:
        model = models.shared(Behaviour.STREAMS)
        pairs = list(zip(self._stream(model, 50), self._stream(model, 50), strict=True))
        assert pairs == [(number, number) for number in range(50)]

    def _stream(self, model: carton.Carton, items: int) -> Generator[int, None, None]:
        with closing(model.streaming_infer({"items": items}, timeout=self.patience)) as stream:
            for result in stream:
                found: Any = result["item"]
                yield int(found)
