"""What the process may take."""

from __future__ import annotations

import resource
import sys


def limit_memory(size: int) -> None:
    """Have allocations fail with `MemoryError` beyond `size` bytes, so that a greedy model fails before it is killed.

    RLIMIT_DATA counts what is private and writable (getrlimit(2), Linux 4.7): not the address space, of which
    frameworks reserve far more than they use.
    """
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (size, resource.getrlimit(resource.RLIMIT_DATA)[1]))
