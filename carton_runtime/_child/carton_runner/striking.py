"""What an interrupted call sees."""

from __future__ import annotations


class CancelledCallError(KeyboardInterrupt):
    """Raised inside the model when its caller gave up; not an `Exception`, which models catch."""


def strike(thread: int | None) -> None:
    """Raise it in a thread, between two bytecodes."""
    import ctypes  # not needed before somebody has to be interrupted

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread or 0), ctypes.py_object(CancelledCallError))
