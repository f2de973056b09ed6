"""The kernels of this process: the second and last piece of its global state."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carton_runtime.runner_kernels.kernel import Kernel

_kernels: weakref.WeakSet[Kernel] = weakref.WeakSet()


def register(kernel: Kernel) -> None:
    """Remember a kernel for as long as its model is loaded."""
    _kernels.add(kernel)


def unregister(kernel: Kernel) -> None:
    """Forget a kernel that was closed, or replaced."""
    _kernels.discard(kernel)


def kernels() -> list[Kernel]:
    """The kernels of this process, oldest first: those that died are here until they are closed or replaced."""
    return sorted(_kernels, key=lambda kernel: kernel.started_at)


def _disown_after_fork() -> None:
    # A kernel has one host: two that read one pipe would take each other's replies.
    for kernel in list(_kernels):
        kernel.disown()
    _kernels.clear()


os.register_at_fork(after_in_child=_disown_after_fork)
