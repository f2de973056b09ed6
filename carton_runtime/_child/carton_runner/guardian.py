"""A process beside the kernel that ends all of its group when the host, or the kernel, is gone.

The system kills the kernel together with its host, even while native code computes, and leaves what the model had
started. This process, in the kernel's own process group, sees both ends and kills what is left. It is forked before
anything large is imported, and is nobody's child: a model that waits for its children does not find it.
"""

from __future__ import annotations

import os
import select
import signal


def start_guardian(control: int) -> int:
    """Start it.

    Args:
        control: the descriptor of the control socket, whose other end the host has.

    Returns:
        A descriptor to keep open for as long as the kernel lives.
    """
    theirs, ours = os.pipe()
    first = os.fork()
    if first:
        os.close(theirs)
        os.waitpid(first, 0)
        return ours
    try:
        if os.fork() == 0:
            _guard({control, theirs})
    finally:
        os._exit(0)


def _guard(watched: set[int]) -> None:
    try:
        _keep_only(watched)
        poll = select.poll()
        for descriptor in watched:
            poll.register(descriptor, 0)  # for its end, and not for what it says
        poll.poll()
    finally:
        os.killpg(0, signal.SIGKILL)


def _keep_only(watched: set[int]) -> None:
    """Hold on to nothing else that the kernel has, whose end somebody may be waiting for."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    ends = [2, *sorted(watched), os.sysconf("SC_OPEN_MAX")]
    for low, high in zip(ends, ends[1:]):
        os.closerange(low + 1, high)
