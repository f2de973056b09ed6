"""What went wrong, in the words of a panel: a title, what happened, what to do, and the rest folded."""

from __future__ import annotations

import traceback

import carton_runtime as carton
from carton_jupyter.presenter.panel_view import ErrorView

_WORDS: tuple[tuple[type[carton.CartonError], str, str], ...] = (
    (carton.KernelDiedError, "The model's process ended", "The next run starts a new one."),
    (carton.ModelError, "The model failed", "The model stays loaded."),
    (carton.InvalidTensorError, "An input does not fit", ""),
    (carton.InvalidDeviceError, "There is no such device", ""),
    (carton.SettingsError, "A setting cannot be used", ""),
    (carton.OutOfDescriptorsError, "This process has too many files open", "Unload models that you do not need."),
    (carton.ModelClosedError, "The model is unloaded", "Load it again."),
    (carton.ReentrantCallError, "The model was called in the middle of a call", "Call it after that."),
    (carton.CallCancelledError, "The run was interrupted", "The model stays loaded."),
    (carton.CallTimeoutError, "The run took too long", ""),
    (carton.LoadTimeoutError, "The model took too long to load", ""),
    (carton.InterpreterNotFoundError, "The Python that the model needs is missing", ""),
    (carton.RunnerNotFoundError, "Nothing here can run this model", ""),
    (carton.FormatError, "The carton is broken", ""),
    (carton.IntegrityError, "The carton's bytes are not what they should be", "Nothing of them was used."),
    (carton.StorageError, "The carton cannot be read", "Check where it is, and try again."),
    (carton.EnvironmentBuildError, "The model's environment cannot be built", ""),
    (carton.ProtocolError, "The model's process broke the rules of the wire", "Restart the kernel."),
)
"""The more special ones first."""


def error_view(error: BaseException) -> ErrorView:
    """An error as a panel shows it."""
    if not isinstance(error, carton.CartonError):
        return _unexpected(error)
    title, hint = next((words for kind, *words in _WORDS if isinstance(error, kind)), ("It did not work", ""))
    text, details = _parts(error)
    if isinstance(error, carton.ModelError) and error.remote_type:
        title = f"The model raised {error.remote_type}"
        text = text.removeprefix(f"the model raised {error.remote_type}: ")
    message, _, more = text.partition("\n")
    return {"title": title, "message": message, "hint": hint, "details": details or more.strip("\n")}


def _parts(error: carton.CartonError) -> tuple[str, str]:
    """What an error says, and the lines from elsewhere that its text ends with."""
    details = ""
    if isinstance(error, carton.ModelError):
        details = error.remote_traceback
    elif isinstance(error, carton.KernelDiedError):
        details = "\n".join(error.log)
    elif isinstance(error, carton.EnvironmentBuildError):
        details = error.stderr
    text = str(error).removesuffix(details).rstrip()
    return text.removesuffix("\nIts last output:"), details.strip("\n")


def _unexpected(error: BaseException) -> ErrorView:
    """One that is no error of ours: a bug, here or in what we use."""
    details = "".join(traceback.format_exception(error)).strip()
    hint = "This should not happen; please report it."
    return {"title": type(error).__name__, "message": str(error), "hint": hint, "details": details}
