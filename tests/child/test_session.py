"""Which message may follow which: every pair of a state and a kind."""

from __future__ import annotations

import itertools

import pytest

from carton_runtime._child.carton_wire.errors import WireError
from carton_runtime._child.carton_wire.messages import Kind
from carton_runtime._child.carton_wire.session import Session, State

IN_CALLS = {
    Kind.CALL, Kind.SEAL, Kind.MORE, Kind.CANCEL, Kind.TRIM, Kind.RELEASE,
    Kind.RESULT, Kind.ITEM, Kind.DONE, Kind.FAILED, Kind.SEALED, Kind.TRIMMED,
}  # fmt: skip
WAYS: dict[State, list[Kind]] = {
    State.CONNECTED: [],
    State.GREETED: [Kind.HELLO],
    State.LOADING: [Kind.HELLO, Kind.LOAD],
    State.READY: [Kind.HELLO, Kind.LOAD, Kind.READY],
    State.ENDED: [Kind.HELLO, Kind.LOAD, Kind.READY, Kind.CLOSE],
}
"""What has to pass to come to each state."""

ALLOWED: dict[State, dict[Kind, State]] = {
    State.CONNECTED: {Kind.HELLO: State.GREETED},
    State.GREETED: {Kind.LOAD: State.LOADING, Kind.CLOSE: State.ENDED},
    State.LOADING: {Kind.READY: State.READY, Kind.FAILED: State.GREETED, Kind.CLOSE: State.ENDED},
    State.READY: {**dict.fromkeys(IN_CALLS, State.READY), Kind.CLOSE: State.ENDED},
    State.ENDED: dict.fromkeys({*IN_CALLS, Kind.READY}, State.ENDED),
}
"""The protocol, written down a second time."""

PAIRS = list(itertools.product(State, Kind))
GOOD = [(state, kind) for state, kind in PAIRS if kind in ALLOWED[state]]
BAD = [pair for pair in PAIRS if pair not in GOOD]


def session_in(state: State) -> Session:
    session = Session()
    for kind in WAYS[state]:
        session.passes(kind)
    return session


@pytest.mark.parametrize("state", State, ids=lambda state: state.value)
def test_every_state_can_be_reached(state: State) -> None:
    assert session_in(state).state is state


@pytest.mark.parametrize(("state", "kind"), GOOD, ids=lambda item: item.name)
def test_this_message_may_come_and_leads_there(state: State, kind: Kind) -> None:
    session = session_in(state)
    session.passes(kind)
    assert session.state is ALLOWED[state][kind]


@pytest.mark.parametrize(("state", "kind"), BAD, ids=lambda item: item.name)
def test_this_message_may_not_come_and_changes_nothing(state: State, kind: Kind) -> None:
    session = session_in(state)
    with pytest.raises(WireError, match=f"{kind.name} may not come while the session is {state.value}"):
        session.passes(kind)
    assert session.state is state


def test_a_model_that_failed_to_load_may_be_tried_again() -> None:
    session = session_in(State.LOADING)
    for kind in (Kind.FAILED, Kind.LOAD, Kind.READY, Kind.CALL):
        session.passes(kind)
    assert session.state is State.READY


def test_a_session_shows_its_state() -> None:
    assert repr(session_in(State.LOADING)) == "<Session loading>"
