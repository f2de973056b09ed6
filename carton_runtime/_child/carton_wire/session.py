"""Which message may follow which: one table for both roles.

Two rules. All transitions are in `_TRANSITIONS`; and this file does not know which role it plays: a session is told the
kind of each message that passes, in either direction. Whether a reply has a caller that still waits is the caller's
matter.
"""

from __future__ import annotations

from enum import Enum
from typing import Mapping

from .errors import WireError
from .messages import Kind


class State(Enum):
    """How far the conversation is."""

    CONNECTED = "connected"
    GREETED = "greeted"
    LOADING = "loading"
    READY = "ready"
    ENDED = "ended"


_READY = State.READY

_IN_CALLS = frozenset({
    Kind.CALL, Kind.SEAL, Kind.MORE, Kind.CANCEL, Kind.TRIM, Kind.RELEASE,
    Kind.RESULT, Kind.ITEM, Kind.DONE, Kind.FAILED, Kind.SEALED, Kind.TRIMMED,
})  # fmt: skip

_TRANSITIONS: Mapping[tuple[State, Kind], State] = {
    (State.CONNECTED, Kind.HELLO): State.GREETED,
    (State.GREETED, Kind.LOAD): State.LOADING,
    (State.LOADING, Kind.READY): State.READY,
    (State.LOADING, Kind.FAILED): State.GREETED,
    **{(State.READY, kind): State.READY for kind in _IN_CALLS},
    **{(state, Kind.CLOSE): State.ENDED for state in (State.GREETED, State.LOADING, State.READY)},
    # What the kernel had sent when it had not yet seen that the host ended the session.
    **{(State.ENDED, kind): State.ENDED for kind in (*_IN_CALLS, Kind.READY)},
}


class Session:
    """One side's view of the conversation."""

    def __init__(self) -> None:
        self._state = State.CONNECTED

    @property
    def state(self) -> State:
        """How far the conversation is."""
        return self._state

    def passes(self, kind: Kind) -> None:
        """Take note of a message, sent or received.

        Raises:
            WireError: it may not come now; the state is as before.
        """
        if self._state is _READY and kind in _IN_CALLS:
            return  # nearly always, and quicker than the table, which says the same
        state = _TRANSITIONS.get((self._state, kind))
        if state is None:
            raise WireError(f"{kind.name} may not come while the session is {self._state.value}")
        self._state = state

    def __repr__(self) -> str:
        return f"<Session {self._state.value}>"
