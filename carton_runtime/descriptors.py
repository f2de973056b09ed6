"""What to say when this process, or the whole system, has no file descriptors left."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from carton_runtime.errors import CartonError, OutOfDescriptorsError

_NONE_LEFT = (errno.EMFILE, errno.ENFILE)


@contextmanager
def in_need_of_descriptors(what: str) -> Iterator[None]:
    """Do something that opens files or sockets.

    Args:
        what: cannot be done without, such as ``start model 'digits'``.

    Raises:
        OutOfDescriptorsError: there are none left, whatever error that became meanwhile.
    """
    try:
        yield
    except (OSError, CartonError) as error:
        if _is_for_want_of_descriptors(error) and not isinstance(error, OutOfDescriptorsError):
            raise out_of_descriptors(what) from error
        raise


def out_of_descriptors(what: str) -> OutOfDescriptorsError:
    """The error, with what to do about it."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OutOfDescriptorsError(
        f"cannot {what}: this process has no file descriptors left ({allowed} are allowed). Close models, files and "
        f"sockets that are not needed any more, or raise the limit: `ulimit -n` in the shell that starts it, or "
        f"`resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, {most}))` in it"
    )


def _is_for_want_of_descriptors(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NONE_LEFT:
            return True
        error = error.__cause__ or error.__context__
    return False
