"""What the disk refuses, in words that help."""

from __future__ import annotations

import errno
from pathlib import Path

from carton_runtime.errors import StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)


class CacheNotWritableError(StorageError):
    """The cache may be read and not written; what is not there can still be put elsewhere."""


def cannot_write(root: Path, error: OSError, what: str = "") -> StorageError:
    """The error to raise when the cache at `root` could not take `what`; one that says enough already stays."""
    if isinstance(error, StorageError):
        return error
    if error.errno in _FULL:
        return no_space(root, f"{what or 'this'} does not fit ({error.strerror})")
    if error.errno in _FORBIDDEN:
        return CacheNotWritableError(f"the cache at {root} cannot be written: {error}")
    return StorageError(f"the cache at {root} cannot {f'take {what}' if what else 'be written'}: {error}")


def no_space(root: Path, what: str) -> StorageError:
    """The error of a disk that is full."""
    return StorageError(
        errno.ENOSPC,
        f"the disk of the cache at {root} is full: {what}; free some space, empty the cache with "
        "carton_runtime.cache.prune(), or have it elsewhere with CARTON_CACHE_DIR",
    )
