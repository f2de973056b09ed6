"""Every exception that this package raises on purpose.

One tree, so that a caller can catch as widely or as narrowly as she needs::

    CartonError
    │  what the caller asked for cannot be done
    ├── InvalidTensorError        a value that does not fit a tensor spec, or that no tensor can hold
    ├── InvalidDeviceError        a device that is neither the CPU, nor an index, nor a GPU's UUID
    ├── SettingsError             a setting that cannot be read or makes no sense
    ├── ModelClosedError          a call on a model after ``aclose``
    ├── ReentrantCallError        a call from a signal handler or finalizer in the middle of another one
    ├── CallCancelledError        a call that was interrupted
    ├── CallTimeoutError          a call that took longer than its ``timeout``
    ├── LoadTimeoutError          a model that was not ready within its ``ready_timeout``
    ├── OutOfDescriptorsError     nothing can be opened, since this process has too much open
    ├── RunnerNotFoundError       nothing here can run this carton
    │   └── InterpreterNotFoundError   the runner is here, the Python it needs is not
    │  what was given to us is broken
    ├── FormatError               a carton (or a part of one) that breaks the format
    │   └── VersionReqError       a version requirement that Cargo would not parse
    ├── IntegrityError            bytes that are not what their hash promised
    ├── StorageError              bytes that could not be read or written
    │  something that we started failed
    ├── EnvironmentBuildError     an environment that could not be locked or built
    ├── ModelError                the model's own code raised
    ├── KernelDiedError           the process that runs the model is gone
    └── ProtocolError             the process that runs the model broke the wire's rules

Messages say what happened, where, and what to do. The attributes carry the same facts for programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class CartonError(Exception):
    """Root of the tree; never raised itself."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles whole: subclasses take keywords, which Python's own way would forget."""
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[CartonError], args: tuple[Any, ...], attributes: dict[str, Any]) -> CartonError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class InvalidTensorError(CartonError, ValueError):
    """A value does not fit its tensor spec, or is of a dtype that no carton tensor can have."""


class InvalidDeviceError(CartonError, ValueError):
    """What was given as a device names none."""


class SettingsError(CartonError, ValueError):
    """A setting, from the environment or from the configuration file, is unusable."""


class ModelClosedError(CartonError, RuntimeError):
    """The model was closed; load it again."""


class ReentrantCallError(CartonError, RuntimeError):
    """A signal handler or a finalizer called the model while the same thread was in the middle of a call to it."""


class CallCancelledError(CartonError):
    """The call was interrupted, from another thread or by Stop; the model stays loaded."""


class CallTimeoutError(CartonError, TimeoutError):
    """The call took longer than the caller allowed; the model is told to stop, and stays loaded if it does."""


class LoadTimeoutError(CartonError, TimeoutError):
    """The model took longer to load than `load` was told to allow; its process has been ended."""


class OutOfDescriptorsError(CartonError, OSError):
    """This process, or the system, has no file descriptors left; a process that closes some can go on."""


class RunnerNotFoundError(CartonError, LookupError):
    """No runner fits what a carton asks for."""


class InterpreterNotFoundError(RunnerNotFoundError):
    """No Python interpreter on this machine is inside the range that a carton asks for."""


class FormatError(CartonError, ValueError):
    """A carton, or a value meant to go into one, breaks the format.

    Attributes:
        where: the file and key path that is wrong, such as ``carton.toml: input[0].dtype``; empty when the message says
            it all.
        line: the 1-based line in that file, where it is known.
    """

    def __init__(self, message: str, *, where: str = "", line: int | None = None) -> None:
        self.where = where
        self.line = line
        place = f"{where} (line {line})" if where and line else where
        super().__init__(f"{place}: {message}" if place else message)


class VersionReqError(FormatError):
    """Text that is not a Cargo version requirement, or not a semantic version."""


class IntegrityError(CartonError):
    """Bytes do not have the sha256 that the MANIFEST (or LINKS) promised; nothing was used of them."""


class StorageError(CartonError, OSError):
    """Bytes could not be read from, or written to, where they live."""


class EnvironmentBuildError(CartonError):
    """An environment could not be locked or built.

    Attributes:
        command: the command that failed, program first; empty when none was run.
        stderr: the tail of what it said.
    """

    def __init__(self, message: str, *, command: Sequence[str] = (), stderr: str = "") -> None:
        self.command = tuple(command)
        self.stderr = stderr
        super().__init__(f"{message}\n{stderr}" if stderr else message)


class ModelError(CartonError):
    """The model's own code raised, or returned what no model may return.

    Attributes:
        remote_type: the name of the exception's class in the model's process.
        remote_traceback: its traceback there, as text; empty when the model did not raise.
    """

    def __init__(self, message: str, *, remote_type: str = "", remote_traceback: str = "") -> None:
        self.remote_type = remote_type
        self.remote_traceback = remote_traceback
        super().__init__(f"{message}\n\n{remote_traceback}" if remote_traceback else message)


class KernelDiedError(CartonError):
    """The process that runs the model ended while it was needed.

    The call may have run in part, or not at all: it is not made a second time, since nobody knows what the model had
    done by then. The next call finds a new process.

    Attributes:
        pid: the process id it had.
        exit_code: its exit code, or ``-N`` when signal N ended it; ``None`` when that is not known.
        log: its last lines of output.
        cause: why, as far as can be told.
        peak_memory: the most bytes of memory that it had in use; `None` when that is not known.
    """

    def __init__(
        self,
        message: str,
        *,
        pid: int,
        exit_code: int | None,
        log: Sequence[str] = (),
        cause: str = "",
        peak_memory: int | None = None,
    ) -> None:
        self.cause = cause
        self.peak_memory = peak_memory
        self.pid = pid
        self.exit_code = exit_code
        self.log = tuple(log)
        tail = "\n".join(self.log)
        super().__init__(f"{message}\nIts last output:\n{tail}" if tail else message)


class ProtocolError(CartonError):
    """The other side of a runner kernel's socket sent what the protocol does not allow."""
