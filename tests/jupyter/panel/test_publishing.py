"""Updates are put together: few go out, the last always does, and none after the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from carton_jupyter.panel.blobs import Blobs
from carton_jupyter.panel.publishing import INTERVAL, Publisher
from carton_jupyter.previews import Blob
from carton_runtime.background import run_blocking


class Sent:
    """What a publisher sends."""

    def __init__(self) -> None:
        self.value = 0
        self.news = threading.Condition()
        self.times: list[float] = []
        self.regions: list[frozenset[str]] = []
        self.values: list[int] = []
        self.publisher = Publisher(self._take)

    def _take(self, regions: frozenset[str]) -> None:
        with self.news:
            self.times.append(time.monotonic())
            self.regions.append(regions)
            self.values.append(self.value)
            self.news.notify_all()

    def wait_for_value(self, value: int) -> None:
        with self.news:
            assert self.news.wait_for(lambda: value in self.values, 10)


@pytest.fixture
def sent() -> Iterator[Sent]:
    made = Sent()
    yield made
    made.publisher.close()


def test_a_thousand_changes_a_second_are_a_few_updates_and_the_last_is_among_them(sent: Sent) -> None:
    begin = time.monotonic()
    for number in range(1, 1001):
        sent.value = number
        sent.publisher.touch("run")
        time.sleep(0.001)  # the pace is what is tested
    sent.wait_for_value(1000)
    assert len(sent.times) <= (time.monotonic() - begin) / INTERVAL + 2
    pairs = zip(sent.times, sent.times[1:], strict=False)
    assert min(later - earlier for earlier, later in pairs) > INTERVAL * 0.9


def test_what_changes_after_a_quiet_time_is_sent_without_delay(sent: Sent) -> None:
    sent.value = 1
    sent.publisher.touch("run")
    sent.wait_for_value(1)


def test_only_what_has_changed_is_sent_and_all_of_it(sent: Sent) -> None:
    async def change() -> None:  # on the loop, so that nothing is sent in between
        sent.publisher.touch("run")
        sent.publisher.touch("outputs", "run")
        sent.publisher.flush()
        sent.publisher.flush()

    run_blocking(change())
    assert sent.regions == [{"run", "outputs"}]


def test_nothing_is_sent_after_the_end(sent: Sent) -> None:
    async def change() -> None:
        sent.publisher.touch("run")
        sent.publisher.close()
        sent.publisher.flush()

    run_blocking(change())
    assert sent.regions == []


# Blobs


def test_a_blob_lives_as_long_as_the_state_that_names_it() -> None:
    blobs = Blobs()
    blobs.replace("actual", {"1:a": Blob("image/png", b"a")})
    blobs.replace("expected", {"2:b": Blob("image/png", b"b")})
    blobs.replace("actual", {"3:c": Blob("image/png", b"c")})
    assert blobs.find("1:a") is None
    assert (blobs.find("2:b"), blobs.find("3:c")) == (Blob("image/png", b"b"), Blob("image/png", b"c"))


def test_each_blob_is_sent_once_and_one_that_is_gone_is_not() -> None:
    blobs = Blobs()
    blobs.replace("actual", {"1:a": Blob("image/png", b"a")})
    blobs.replace("actual", {"2:b": Blob("image/png", b"b")})
    assert list(blobs.take_new()) == ["2:b"]
    assert blobs.take_new() == {}


def test_no_key_is_used_twice() -> None:
    blobs = Blobs()
    assert len({blobs.new_key("image") for _ in range(100)}) == 100
