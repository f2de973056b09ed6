"""What is said beside the calls reaches a kernel while its model computes."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from child.conftest import Child
from child.tools import socketpair

from carton_runtime._child.carton_wire.control import Signal, SignalReader, send_signal
from carton_runtime._child.carton_wire.errors import WireError
from carton_runtime._child.carton_wire.messages import Kind

Make = Callable[[str], Path]
LOOPS = """
    def infer(self, t):
        if "good" in t:
            return t
        print("computing", flush=True)
        while True:
            pass
"""
WAITS = """
    async def infer(self, t):
        if "good" in t:
            return t
        print("computing", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            print("let go", flush=True)
"""


def records(sock: socket.socket) -> list[tuple[Signal, int]]:
    found = SignalReader(sock).receive()
    assert found is not None
    return found


def computing(child: Child) -> int:
    """A call whose model computes."""
    call = child.start_call()
    child.until_it_prints(b"computing")
    return call


@pytest.mark.parametrize("infer", [LOOPS, WAITS], ids=["looping", "waiting"])
def test_a_ping_is_answered_while_the_model_computes(child: Child, model: Make, infer: str) -> None:
    child.loaded(model(infer))
    computing(child)
    send_signal(child.control, Signal.PING, 7)
    assert records(child.control) == [(Signal.PONG, 7)]


def test_an_interrupt_ends_a_loop_of_the_model_and_the_kernel_goes_on(child: Child, model: Make) -> None:
    child.loaded(model(LOOPS))
    call = computing(child)
    send_signal(child.control, Signal.INTERRUPT, call)
    failed = child.expect(Kind.FAILED)
    assert (failed.call, failed.fields["message"]) == (call, "the call was cancelled")
    assert child.call(good=np.int64(1)).kind is Kind.RESULT


def test_an_interrupt_of_all_calls_spares_those_after_the_last_one_named(child: Child, model: Make) -> None:
    child.loaded(model(LOOPS))
    call = computing(child)
    send_signal(child.control, Signal.INTERRUPT_TO, call - 1)
    send_signal(child.control, Signal.PING)
    assert records(child.control) == [(Signal.PONG, 0)]
    send_signal(child.control, Signal.ASK, 99)
    assert records(child.control) == [(Signal.WAITS, 99)], "the call is at work still"
    send_signal(child.control, Signal.INTERRUPT_TO, call + 1)
    failed = child.expect(Kind.FAILED)
    assert (failed.call, failed.fields["message"]) == (call, "the call was cancelled")
    assert child.call(good=np.int64(1)).kind is Kind.RESULT


def test_a_cancellation_ends_what_a_coroutine_waits_for(child: Child, model: Make) -> None:
    child.loaded(model(WAITS))
    call = computing(child)
    send_signal(child.control, Signal.CANCEL, call)
    assert child.expect(Kind.FAILED).fields["message"] == "the call was cancelled"
    assert child.call(good=np.int64(1)).kind is Kind.RESULT
    child.send(Kind.CLOSE)
    assert child.text == "computing\nlet go\n"


def test_an_interrupt_of_a_call_that_does_not_run_is_no_matter(child: Child, model: Make) -> None:
    child.loaded(model(LOOPS))
    send_signal(child.control, Signal.INTERRUPT, 99)
    send_signal(child.control, Signal.PING)
    assert records(child.control) == [(Signal.PONG, 0)]
    assert child.call(good=np.int64(1)).kind is Kind.RESULT


def test_a_call_waits_while_another_is_at_work_and_not_otherwise(child: Child, model: Make) -> None:
    child.loaded(model(LOOPS))
    send_signal(child.control, Signal.ASK, 99)  # nothing is at work
    send_signal(child.control, Signal.PING)
    assert records(child.control) == [(Signal.PONG, 0)]
    call = computing(child)
    send_signal(child.control, Signal.ASK, call)  # it is at work itself
    send_signal(child.control, Signal.ASK, 99)
    assert records(child.control) == [(Signal.WAITS, 99)]


def test_what_is_no_signal_ends_the_kernel(child: Child) -> None:
    child.greeted()
    child.control.send(b"\xff" * 16)
    assert child.exit_code() == -9


# The records


def test_records_arrive_however_they_are_cut() -> None:
    with socketpair() as (sender, receiver):
        with socketpair() as (writer, source):
            for call in range(3):
                send_signal(writer, Signal.CANCEL, call)
            data = source.recv(1000)
        reader, found = SignalReader(receiver), []
        for byte in data:
            sender.send(bytes([byte]))
            found += reader.receive() or []
    assert found == [(Signal.CANCEL, call) for call in range(3)]


def test_the_end_is_told() -> None:
    with socketpair() as (sender, receiver):
        sender.close()
        assert SignalReader(receiver).receive() is None


def test_an_unknown_signal_is_refused() -> None:
    with socketpair() as (sender, receiver):
        sender.send(bytes(16))
        with pytest.raises(WireError, match="what is no signal"):
            SignalReader(receiver).receive()


def test_a_signal_is_sent_at_once_or_not_at_all() -> None:
    with socketpair() as (sender, receiver):
        with pytest.raises(BlockingIOError):
            send_for_ever(sender)
        assert records(receiver)[0] == (Signal.PING, 0)


def send_for_ever(sock: socket.socket) -> None:
    while True:
        send_signal(sock, Signal.PING)
