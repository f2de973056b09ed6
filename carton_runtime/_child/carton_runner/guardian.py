"""The kernel's parent, which ends all that the model has started when the kernel, or its host, is gone.

The process that the host starts forks before anything large is imported. The child goes on as the kernel, in a session
of its own. The parent stays small, runs nothing of the model's, and waits for either end. On Linux it is a *subreaper*
(prctl(2)): a process whose own parent is gone becomes its child, in whatever session it is, so that none gets out of
its sight. Elsewhere it ends the kernel's process group. At last it ends the way the kernel did, which is how the host
learns of it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from types import FrameType
from typing import NoReturn

_SET_PDEATHSIG, _SET_DUMPABLE, _SET_CHILD_SUBREAPER = 1, 4, 36  # linux/prctl.h
_LONGEST_END = 3  # seconds that processes which were killed may take to be gone
_ENOUGH = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})  # for whoever sends them means the kernel


def go_on_guarded(control: int) -> None:
    """Go on in a process of one's own, whose parent is a guardian.

    Args:
        control: the descriptor of the control socket, whose other end the host has.
    """
    guardian, host = os.getpid(), os.getppid()
    _hear_signals()
    _prctl(_SET_CHILD_SUBREAPER, 1)
    kernel = os.fork()
    if kernel:
        _guard(kernel, host, control)
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guardian:  # it ended before we asked to be told
        os._exit(1)
    os.setsid()  # no sooner: until then we end with the guardian's group


def _hear_signals() -> None:
    """Take back what the host has blocked or ignored for itself, which goes on to whatever it starts (signal(7))."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _guard(kernel: int, host: int, control: int) -> NoReturn:
    try:
        woken = _woken_by_signals()
        # Something that the host has forked may hold its end of control open. And this signal reaches us while we are
        # stopped.
        _prctl(_SET_PDEATHSIG, signal.SIGCONT)
        _keep_only(control, *woken)
        status = _until_either_ends(kernel, host, control, woken[0])
        _leave_as(_end_all(kernel, status))
    finally:
        os._exit(1)


def _woken_by_signals() -> tuple[int, int]:
    """A pipe that each signal of interest is written into."""
    told, tell = os.pipe()
    for end in (told, tell):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGCONT, *_ENOUGH):
        signal.signal(number, _do_nothing)
    return told, tell


def _until_either_ends(kernel: int, host: int, control: int, told: int) -> int | None:
    """Wait for the end of the kernel, or of its host; how the kernel ended, if it did."""
    poll = select.poll()
    poll.register(control, 0)  # for its end, and not for what it says
    poll.register(told, select.POLLIN)
    status = _reap(kernel)
    while status is None:
        ready = [descriptor for descriptor, _ in poll.poll()]
        if control in ready or os.getppid() != host or _ENOUGH.intersection(os.read(told, 4096)):
            return None
        status = _reap(kernel)
    return status


def _reap(kernel: int) -> int | None:
    """Take note of children that have ended, adopted ones among them; how the kernel ended, if it did."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid in (0, kernel):
                return status if pid else None
    return None


def _end_all(kernel: int, status: int | None) -> int:
    """Kill all that is left and wait until it is gone; how the kernel ended."""
    with contextlib.suppress(OSError):  # no such group any more
        os.killpg(kernel, signal.SIGKILL)
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(_LONGEST_END)
    with contextlib.suppress(ChildProcessError, _OneDoesNotDieError):
        while True:
            for pid in _children():  # with each that dies, those that it started come
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            pid, how = os.waitpid(-1, 0)
            status = how if pid == kernel else status
    return signal.SIGKILL if status is None else status


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(text) for text in file.read().split()]
    except OSError:  # not Linux
        return []


def _leave_as(status: int) -> None:
    """End as a process with that wait status has ended."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        _prctl(_SET_DUMPABLE, 0)  # one core is enough
        with contextlib.suppress(OSError):  # this one cannot be caught anyway
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def _keep_only(*kept: int) -> None:
    """Hold on to nothing else that the kernel has, whose end somebody may be waiting for."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    for descriptor in [int(name) for name in os.listdir("/dev/fd")]:
        if descriptor > 2 and descriptor not in kept:
            with contextlib.suppress(OSError):  # that of the listing is closed already
                os.close(descriptor)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """It was written into the pipe."""


class _OneDoesNotDieError(Exception):
    """And no `OSError`, which means something else between two looks."""


def _give_up(_number: int, _frame: FrameType | None) -> None:
    raise _OneDoesNotDieError


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes  # as numpy does anyway

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
