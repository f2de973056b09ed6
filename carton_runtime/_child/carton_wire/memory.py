"""Shared memory for large tensors: regions that one side owns and both map, passed once and used again.

Each side has a `Memory`. A region is handed over once; from then on frames only name it. The owner copies a tensor
into a free region (or finds that it lies in one already) and *lends* it: the other side makes a view, and when the last
array on that view has died says so (``free``) in its next message. A region that nobody looks at goes back to its
owner's pool; one that was dropped from the pool is named once more (``drop``), so that the other side unmaps it.

Where there is no memfd, and where one side has very many regions already, tensors travel in the frame's body.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import weakref
from collections import deque
from typing import Any, Sequence

import numpy as np

from .errors import WireError
from .nested import NestedTensor
from .regions import Region, adopt_region, create_region, receive_region
from .tensors import BODY
from .values import Tensor

THRESHOLD = 1 << 16
"""Bytes from which a tensor goes through shared memory: below, a copy through the pipe is as quick."""

_MOST_IDLE = 1 << 30
_LONGEST_IDLE = 30.0
_MOST_OWN = 128
"""Regions of one side at a time. Each costs a descriptor on either side for as long as an array on it lives, and a
caller may keep what a thousand calls gave her; what is beyond travels in frames."""
_MOST_THEIRS = 2 * _MOST_OWN  # those that were replaced are dropped by the message that names the new ones


class Memory:
    """One side's view of the shared memory of a connection. Used by any number of threads.

    Args:
        sock: passes regions to the other side and takes theirs; `None` sends everything in frames.
        side: 0 for the host, 1 for the kernel: whose regions have even numbers and whose odd ones.
    """

    def __init__(self, sock: socket.socket | None, side: int) -> None:
        self._sock = sock if hasattr(os, "memfd_create") else None
        self._side = side
        self._last = side
        self._own: dict[int, Region] = {}
        self._theirs: dict[int, Region] = {}
        self._idle: dict[int, list[Region]] = {}
        self._to_free: list[int] = []
        self._to_drop: list[int] = []
        self._watched: dict[int, tuple[weakref.ref[Any], int]] = {}
        # Filled by the garbage collector in whatever thread it runs; everything else happens under the lock.
        self._dead: deque[weakref.ref[Any]] = deque()
        self._lock = threading.Lock()
        self._user = 0  # the thread that took the lock last

    @property
    def is_used_here(self) -> bool:
        """Whether this thread is in the middle of a method, and the garbage collector has called us: it cannot wait."""
        return self._lock.locked() and self._user == threading.get_ident()

    def allocate(self, shape: Sequence[int], dtype: Any) -> np.ndarray[Any, Any]:
        """A new array that costs no copy to send; in ordinary memory where it is small or there is no shared memory."""
        plain = np.dtype(dtype)
        nbytes = int(np.prod(shape, dtype=np.int64)) * plain.itemsize
        if self._sock is None or nbytes < THRESHOLD:
            return np.empty(shape, plain)
        with self._lock:
            self._user = threading.get_ident()
            region = self._free_region(nbytes)
            return np.empty(shape, plain) if region is None else np.ndarray(shape, plain, self._look(region, 0, nbytes))

    # Sending

    def lend(self, tensor: Tensor) -> tuple[int, int]:
        """Where the other side finds a tensor: a region and an offset; `BODY` when it has to travel with the frame."""
        if self._sock is None or tensor.nbytes < THRESHOLD:
            return BODY, 0
        with self._lock:
            self._user = threading.get_ident()
            place = self._place_of(tensor)
            if place is None:
                region = self._free_region(tensor.nbytes)
                if region is None:
                    return BODY, 0
                region.fill(tensor)
                place = region, 0
            if place[0].number in self._own:
                place[0].lent += 1
            return place[0].number, place[1]

    def news(self) -> tuple[Sequence[int], Sequence[int]]:
        """What the other side has to be told: its regions that are free again, and ours that are gone."""
        if not self.has_news:
            return (), ()
        with self._lock:
            self._user = threading.get_ident()
            self._bury()
            free, self._to_free = self._to_free, []
            drop, self._to_drop = self._to_drop, []
            return free, drop

    # Receiving

    def view(self, number: int, offset: int, nbytes: int) -> np.ndarray[Any, Any]:
        """The bytes of a region that the other side named; the region is in use while an array on them lives.

        Raises:
            WireError: there is no such region, or it is smaller.
        """
        with self._lock:
            self._user = threading.get_ident()
            region = self._own.get(number) or self._theirs.get(number) or self._adopt(number)
            if offset + nbytes > region.size:
                raise WireError(f"{nbytes} bytes at {offset} are not in region {number}, which has {region.size}")
            return self._look(region, offset, nbytes)

    def hear(self, free: Sequence[int], drop: Sequence[int]) -> None:
        """Take note of the other side's news.

        Raises:
            WireError: it frees what it never had.
        """
        if not (free or drop):
            return
        with self._lock:
            self._user = threading.get_ident()
            for number in free:
                region = self._own.get(number)
                if region is None or not region.lent:
                    raise WireError(f"region {number} is freed and was not lent")
                region.lent -= 1
                self._retire(region)
            for number in drop:
                self._theirs.pop(number, None)

    # The pool

    def trim(self, longest_idle: float = _LONGEST_IDLE) -> None:
        """Give back to the system what has been idle for that many seconds."""
        with self._lock:
            self._user = threading.get_ident()
            self._bury()
            before = time.monotonic() - longest_idle
            for regions in self._idle.values():
                for region in [region for region in regions if region.idle_since <= before]:
                    regions.remove(region)
                    self._drop(region)

    @property
    def has_news(self) -> bool:
        """Whether `news` has something to tell."""
        return bool(self._dead or self._to_free or self._to_drop)

    @property
    def holds_memory(self) -> bool:
        """Whether there are regions at all, or the other side holds on to some for want of a message."""
        return bool(self._own or self._theirs or self._to_drop)

    @property
    def regions(self) -> int:
        """How many regions are mapped here, of either side."""
        return len(self._own) + len(self._theirs)

    @property
    def pooled_bytes(self) -> int:
        """Bytes in regions of this side, idle or not."""
        with self._lock:
            self._user = threading.get_ident()
            return sum(region.size for region in self._own.values())

    def close(self, *, blocking: bool = True) -> bool:
        """Forget all regions; arrays that still look at one keep it alive.

        Whether that is done: without `blocking` it is not while another thread is in the middle of a method.
        """
        if not self._lock.acquire(blocking):
            return False
        try:
            self._user = threading.get_ident()
            for known in (self._own, self._theirs, self._idle, self._watched):
                known.clear()
            if self._sock is not None:
                self._sock.close()
                self._sock = None
        finally:
            self._lock.release()
        return True

    def _free_region(self, nbytes: int) -> Region | None:
        """A region that nobody uses; `None` when there can be no further one now."""
        self._bury()
        size = 1 << (nbytes - 1).bit_length()
        idle = self._idle.get(size)
        if idle:
            return idle.pop()
        if len(self._own) >= _MOST_OWN and not self._drop_oldest():
            return None
        with contextlib.suppress(OSError):  # no memory, no descriptors, or the other side is slow to take regions
            return self._create(size)
        return None

    def _create(self, size: int) -> Region:
        self._last += 2
        region = self._own[self._last] = create_region(self._last, size, self._sock)
        return region

    def _adopt(self, wanted: int) -> Region:
        """Take the regions that were handed over, until the wanted one: it was sent before it was named."""
        while wanted not in self._theirs:
            number, size, descriptor = receive_region(self._sock)
            try:
                if number % 2 == self._side or number in self._theirs or len(self._theirs) >= _MOST_THEIRS:
                    raise WireError(f"region {number} was handed over, which may not be")
                self._theirs[number] = adopt_region(number, size, descriptor)
            finally:
                os.close(descriptor)
        return self._theirs[wanted]

    def _place_of(self, tensor: Tensor) -> tuple[Region, int] | None:
        """The region that a tensor lies in already, if it does."""
        if isinstance(tensor, NestedTensor):
            return None
        address = tensor.ctypes.data
        for known in (self._own, self._theirs):
            for region in known.values():
                if region.address <= address and address + tensor.nbytes <= region.address + region.size:
                    return region, address - region.address
        return None

    def _look(self, region: Region, offset: int, nbytes: int) -> np.ndarray[Any, Any]:
        """A view that tells when the last array on it has died.

        An array and no memoryview: numpy's arrays hold on to what lies under a memoryview, and not to it.
        """
        view = np.ndarray((nbytes,), np.uint8, region.memory, offset)
        region.views += 1
        # What is called is no Python: an interrupt in there would be lost, and the region with it.
        watch = weakref.ref(view, self._dead.append)
        self._watched[id(watch)] = (watch, region.number)
        return view

    def _bury(self) -> None:
        while self._dead:
            watched = self._watched.pop(id(self._dead.popleft()), None)
            if watched is None:
                continue
            number = watched[1]
            region = self._own.get(number)
            if region is not None:
                region.views -= 1
                self._retire(region)
            elif number in self._theirs:
                self._theirs[number].views -= 1
                self._to_free.append(number)

    def _retire(self, region: Region) -> None:
        if not region.is_idle:
            return
        region.idle_since = time.monotonic()
        self._idle.setdefault(region.size, []).append(region)
        if sum(idle.size for regions in self._idle.values() for idle in regions) > _MOST_IDLE:
            self._drop_oldest()

    def _drop_oldest(self) -> bool:
        """Give back the region that has been idle for longest; whether there was one."""
        idle = [region for regions in self._idle.values() for region in regions]
        if not idle:
            return False
        oldest = min(idle, key=lambda region: region.idle_since)
        self._idle[oldest.size].remove(oldest)
        self._drop(oldest)
        return True

    def _drop(self, region: Region) -> None:
        del self._own[region.number]
        self._to_drop.append(region.number)
