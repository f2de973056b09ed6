"""The kernels of this process: the second and last piece of its global state."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carton_runtime.runner_kernels.kernel import Kernel

_kernels: weakref.WeakSet[Kernel] = weakref.WeakSet()


def register(kernel: Kernel) -> None:
    """Remember a kernel for as long as it lives."""
    _kernels.add(kernel)


def unregister(kernel: Kernel) -> None:
    """Forget a kernel that has ended."""
    _kernels.discard(kernel)


def kernels() -> list[Kernel]:
    """The kernels of this process that have not ended, oldest first."""
    return sorted(_kernels, key=lambda kernel: kernel.started_at)
