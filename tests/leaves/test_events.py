"""Events: each step starts, goes on, and ends once."""

from __future__ import annotations

import logging

import pytest

from carton_runtime import Event, Phase
from carton_runtime.events import step


@pytest.fixture
def seen() -> list[Event]:
    return []


def phases(seen: list[Event]) -> list[tuple[str, Phase]]:
    return [(event.step, event.phase) for event in seen]


def test_a_step_starts_goes_on_and_finishes(seen: list[Event]) -> None:
    with step("model.pack", on_event=seen.append) as running:
        running.advance(1)
        running.say("still")
    expected = [Phase.STARTED, Phase.PROGRESS, Phase.PROGRESS, Phase.FINISHED]
    assert phases(seen) == [("model.pack", phase) for phase in expected]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_step_that_raises_fails_once_and_passes_the_error_on(seen: list[Event], error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, step("model.pack", on_event=seen.append):
        raise error
    assert caught.value is error
    assert phases(seen) == [("model.pack", Phase.STARTED), ("model.pack", Phase.FAILED)]


def test_steps_inside_steps_end_in_order(seen: list[Event]) -> None:
    with step("outer", on_event=seen.append), step("inner", on_event=seen.append):
        pass
    assert phases(seen) == [
        ("outer", Phase.STARTED), ("inner", Phase.STARTED), ("inner", Phase.FINISHED), ("outer", Phase.FINISHED),
    ]  # fmt: skip


def test_amounts_add_up_and_stay_until_the_end(seen: list[Event]) -> None:
    with step("copy", total=10, unit="files", on_event=seen.append) as running:
        running.advance(3)
        running.advance(7)
    assert [event.done for event in seen] == [0, 3, 10, 10]
    assert {(event.total, event.unit) for event in seen} == {(10, "files")}


@pytest.mark.parametrize(("total", "totals"), [(None, [None, None, 5, 3]), (10, [10, 10, 15, 13])])
def test_what_turns_out_to_be_there_too_adds_to_the_total(
    seen: list[Event], total: int | None, totals: list[int | None]
) -> None:
    with step("copy", total=total, on_event=seen.append) as running:
        running.expect(0)
        running.advance(1)
        running.expect(5)
        running.advance(2)
        running.expect(-2)
    assert [event.total for event in seen] == totals


def test_a_message_stays_until_the_next_one(seen: list[Event]) -> None:
    with step("copy", "first", on_event=seen.append) as running:
        running.advance(1)
        running.advance(1, "second")
        running.say()
    assert [event.message for event in seen] == ["first", "first", "second", "second", "second"]


def test_an_empty_message_is_a_message(seen: list[Event]) -> None:
    with step("copy", "first", on_event=seen.append) as running:
        running.say("")
    assert seen[-1].message == ""


def test_time_only_grows_from_zero(seen: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 100.0, 102.5, 107.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with step("copy", on_event=seen.append) as running:
        running.say()
    assert [event.elapsed for event in seen] == [0.0, 2.5, 7.0]


def test_nobody_needs_to_listen() -> None:
    with step("copy") as running:
        running.advance(1)


def test_each_event_goes_to_the_logger_of_its_step(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "carton_runtime"), step("model.pack", "packing"):
        pass
    assert [record.name for record in caplog.records] == ["carton_runtime.model.pack"] * 2
    assert [record.getMessage().split()[0] for record in caplog.records] == ["started", "finished"]
    assert all(record.getMessage().endswith("packing") for record in caplog.records)


def test_a_callback_that_raises_ends_the_step_with_its_error() -> None:
    def refuse(event: Event) -> None:
        if event.phase is Phase.PROGRESS:
            raise LookupError("the callback's own")

    with pytest.raises(LookupError, match="the callback's own"), step("copy", on_event=refuse) as running:
        running.say()


def test_a_callback_that_raises_at_once_keeps_the_body_from_running() -> None:
    def refuse(event: Event) -> None:
        raise LookupError(event.phase)

    ran = []
    with pytest.raises(LookupError), step("copy", on_event=refuse):
        ran.append(True)
    assert ran == []


def test_a_callback_that_raises_while_it_is_told_of_a_failure_keeps_the_failure_as_context() -> None:
    def refuse(event: Event) -> None:
        if event.phase is Phase.FAILED:
            raise LookupError

    with pytest.raises(LookupError) as caught, step("copy", on_event=refuse):
        raise ValueError("the first")
    assert isinstance(caught.value.__context__, ValueError)


def test_phases_are_their_names() -> None:
    assert [str(phase) for phase in Phase] == ["started", "progress", "finished", "failed"]


def test_the_pace_counts_what_was_new_and_the_rest_follows_from_it() -> None:
    event = Event("name", Phase.PROGRESS, done=60, total=100, elapsed=5.0, skipped=50)
    assert (event.rate, event.remaining) == (2.0, 20.0)


@pytest.mark.parametrize(
    "event",
    [
        Event("name", Phase.PROGRESS, done=50, total=100, elapsed=5.0, skipped=50),
        Event("name", Phase.STARTED, total=100),
        Event("name", Phase.PROGRESS, done=50, elapsed=5.0),
    ],
)
def test_what_is_left_is_not_guessed(event: Event) -> None:
    assert event.remaining is None


def test_what_was_there_before_is_told_apart() -> None:
    seen: list[Event] = []
    with step("name", total=100, on_event=seen.append) as running:
        running.skip(30, "before")
        running.advance(20, "now")
    assert [(event.done, event.skipped, event.message) for event in seen[1:3]] == [(30, 30, "before"), (50, 30, "now")]
