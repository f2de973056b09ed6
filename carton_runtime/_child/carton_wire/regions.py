"""A region of shared memory: a sealed memfd, made by one side and handed to the other through a socket of its own."""

from __future__ import annotations

import array
import contextlib
import errno
import fcntl
import mmap
import os
import socket
import struct

import numpy as np

from .errors import NoDescriptorsError, WireError
from .nested import NestedTensor
from .values import Tensor

_ADVERT = struct.Struct("<QQ")
# From linux/fcntl.h, since Python 3.8's fcntl has no names for them.
_ADD_SEALS, _GET_SEALS = 1033, 1034
_SEALS = 0x0001 | 0x0002 | 0x0004  # F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW


class Region:
    """Memory that both sides map.

    Attributes:
        number: what both know it by.
        size: in bytes.
        memory: the bytes.
        address: where they are mapped here.
        lent: how often it was named to the other side, which has not freed it since.
        views: how many arrays look at it on this side.
        idle_since: when it was last used, in seconds of `time.monotonic`.
    """

    def __init__(self, number: int, size: int, descriptor: int) -> None:
        self.number = number
        self.size = size
        self.memory = memoryview(mmap.mmap(descriptor, size))
        self.address = np.frombuffer(self.memory, np.uint8).ctypes.data
        self.lent = 0
        self.views = 0
        self.idle_since = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether neither side uses it."""
        return not self.lent and not self.views

    def fill(self, tensor: Tensor) -> None:
        """Copy a tensor here, the parts of a nested one after each other."""
        offset = 0
        for part in tensor if isinstance(tensor, NestedTensor) else (tensor,):
            if part.nbytes:
                np.copyto(np.ndarray(part.shape, part.dtype, self.memory, offset), part)
            offset += part.nbytes


def create_region(number: int, size: int, sock: socket.socket | None) -> Region:
    """Make a region and hand it over. Raises `OSError`: no memory, no descriptors, or the other side takes none."""
    descriptor = os.memfd_create("carton", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, size)
        fcntl.fcntl(descriptor, _ADD_SEALS, _SEALS)
        region = Region(number, size, descriptor)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))
        if sock is not None:
            sock.sendmsg([_ADVERT.pack(number, size)], [rights], socket.MSG_DONTWAIT)
    finally:
        os.close(descriptor)
    return region


def receive_region(sock: socket.socket | None) -> tuple[int, int, int]:
    """The number, the size and the descriptor of the next region that was handed over.

    Raises:
        WireError: there is none, or what was handed over is none.
        NoDescriptorsError: this process cannot take it.
    """
    if sock is None:
        raise WireError("a region of shared memory was named, and there is none here")
    try:
        data, ancillary, flags, _ = sock.recvmsg(_ADVERT.size, socket.CMSG_SPACE(4), socket.MSG_DONTWAIT)
    except OSError as error:
        raise WireError(f"a region was named that was never handed over: {error}") from error
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % 4])
    if len(data) != _ADVERT.size or len(descriptors) != 1:
        for descriptor in descriptors:
            os.close(descriptor)
        if flags & socket.MSG_CTRUNC and not descriptors:  # recvmsg(2): the system had to throw it away
            raise NoDescriptorsError("no file descriptors are left for a region of shared memory")
        raise WireError("a region was handed over that is none")
    number, size = _ADVERT.unpack(data)
    return number, size, descriptors[0]


def adopt_region(number: int, size: int, descriptor: int) -> Region:
    """Map a region of the other side's.

    Raises:
        WireError: it is not sealed, not of that size, or there is no room for it in the address space.
        NoDescriptorsError: this process cannot take it.
    """
    _check(descriptor, size)
    try:
        return Region(number, size, descriptor)
    except OSError as error:
        kind = NoDescriptorsError if error.errno in (errno.EMFILE, errno.ENFILE) else WireError
        raise kind(f"region {number} of {size} bytes cannot be mapped: {error}") from error


def _check(descriptor: int, size: int) -> None:
    """A region that could shrink would kill whoever reads it."""
    with contextlib.suppress(OSError):
        if fcntl.fcntl(descriptor, _GET_SEALS) & _SEALS == _SEALS and os.fstat(descriptor).st_size == size and size:
            return
    raise WireError("a region was handed over that is not sealed, or not of the size it claims")
