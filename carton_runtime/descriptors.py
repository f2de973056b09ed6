"""What to say when this process, or the whole system, has no file descriptors left."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from carton_runtime.errors import CartonError, OutOfDescriptorsError

_NONE_LEFT = (errno.EMFILE, errno.ENFILE)


@contextmanager
def in_need_of_descriptors(what: str, at_least: int = 0) -> Iterator[None]:
    """Do something that opens files or sockets.

    Args:
        what: cannot be done without, such as ``start model 'digits'``.
        at_least: how many it takes for sure; without them it does not begin, since what looks for files would take
            those that it cannot open for missing.

    Raises:
        OutOfDescriptorsError: there are none left, whatever error that became meanwhile.
    """
    try:
        _try(at_least)
        yield
    except (OSError, CartonError) as error:
        if _is_for_want_of_descriptors(error) and not isinstance(error, OutOfDescriptorsError):
            raise out_of_descriptors(what) from error
        raise


def _try(count: int) -> None:
    """Raises `OSError` when not so many can be opened."""
    opened: list[int] = []
    try:
        opened.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(count))
    finally:
        for descriptor in opened:
            os.close(descriptor)


def out_of_descriptors(what: str) -> OutOfDescriptorsError:
    """The error, with what to do about it."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OutOfDescriptorsError(
        f"cannot {what}: this process has no file descriptors left ({allowed} are allowed). Close models, files and "
        f"sockets that are not needed any more, or raise the limit: `ulimit -n` in the shell that starts it, or "
        f"`resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, {most}))` in it"
    )


def _is_for_want_of_descriptors(error: BaseException | None) -> bool:
    seen: set[int] = set()  # errors may lead back to each other: one that was kept, raised while its effect is handled
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno in _NONE_LEFT:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
