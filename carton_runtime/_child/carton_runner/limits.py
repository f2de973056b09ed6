"""What the process may take."""

from __future__ import annotations

import resource
import sys


def limit_memory(size: int) -> None:
    """Have allocations fail with `MemoryError` beyond `size` bytes, so that a greedy model fails before it is killed.

    RLIMIT_DATA counts what is private and writable (getrlimit(2), Linux 4.7): not the address space, of which
    frameworks reserve far more than they use. What the model starts inherits the limit, each process for itself; the
    host watches what all of them have together, and what is counted nowhere here, such as shared memory.
    """
    if sys.platform == "linux":
        most = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (size if most == resource.RLIM_INFINITY else min(size, most), most))
