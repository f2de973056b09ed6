"""The `python` runner: models that are Python code with an entrypoint function."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import sysconfig
from typing import Any, Callable

from carton_runner.api import LoadRequest, Option, UnfitModelError

_PACKAGE = "_carton_model_module"
_PREFIX = "model."
_KNOWN = ("entrypoint_package", "entrypoint_fn")


def load(request: LoadRequest) -> Any:
    """Import the entrypoint, call it with the ``model.`` options, and wrap what it returns.

    Raises:
        UnfitModelError: the entrypoint is missing, does not take the options, or returns no model.
        Exception: whatever the model's code raises.
    """
    _place(request.model_dir)
    for name in request.options:
        if not name.startswith(_PREFIX) and name not in _KNOWN:
            request.warn(f"the python runner knows no option {name!r}; options for the model start with 'model.'")
    entrypoint = _entrypoint(request)
    model = entrypoint(**_arguments(entrypoint, request.options))
    if inspect.isawaitable(model):
        model = request.wait(model)
    return _adapt(model, entrypoint)


def _place(model_dir: str) -> None:
    """Let the model be imported, here and in processes that it starts, and let it find its files by relative paths."""
    parent = os.path.dirname(model_dir)
    sys.path.insert(0, parent)
    sys.path.append(model_dir)
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    os.environ["PYTHONPATH"] = os.pathsep.join([parent, *sorted(packages), model_dir])
    os.chdir(model_dir)


def _entrypoint(request: LoadRequest) -> Callable[..., Any]:
    package, function = (_text_option(request, name) for name in _KNOWN)
    name = f"{_PACKAGE}.{package}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        # The entrypoint itself or a package above it, and not what it imports.
        if error.name is None or not (name + ".").startswith(error.name + "."):
            raise
        there = f"it has {_modules(request.model_dir)}"
        raise UnfitModelError(
            f"the model has no module {package!r} (runner option entrypoint_package); {there}"
        ) from None
    found = getattr(module, function, None)
    if not callable(found):
        functions = _listed(key for key, value in vars(module).items() if inspect.isfunction(value))
        raise UnfitModelError(
            f"module {package!r} has no function {function!r} (runner option entrypoint_fn); it has {functions}"
        )
    return found  # type: ignore[no-any-return]


def _text_option(request: LoadRequest, name: str) -> str:
    value = request.options.get(name)
    if not isinstance(value, str) or not value:
        raise UnfitModelError(f"the python runner needs the option {name!r}, a string; the carton has {value!r}")
    return value


def _arguments(entrypoint: Callable[..., Any], options: dict[str, Option]) -> dict[str, Option]:
    given = {name[len(_PREFIX) :]: value for name, value in options.items() if name.startswith(_PREFIX)}
    try:
        signature = inspect.signature(entrypoint)
    except ValueError:
        return given  # a builtin without a signature: the call itself will tell
    try:
        signature.bind(**given)
    except TypeError as error:
        options_given = _listed(_PREFIX + name for name in given)
        raise UnfitModelError(
            f"{entrypoint.__name__}{signature} cannot be called with the options {options_given}: {error}"
        ) from None
    return {name: _typed(value, signature.parameters.get(name)) for name, value in given.items()}


def _typed(value: Option, parameter: Any) -> Option:
    """Cartons packed from Python by the original hold booleans as 0 and 1."""
    wants_bool = parameter is not None and parameter.annotation in (bool, "bool")
    return bool(value) if wants_bool and type(value) is int and value in (0, 1) else value


def _adapt(model: Any, entrypoint: Callable[..., Any]) -> Any:
    infers = _has(model, "infer_with_tensors")
    seals = _has(model, "seal") and _has(model, "infer_with_handle")
    if not infers and not seals:
        raise UnfitModelError(
            "{}() returned {}, which has neither infer_with_tensors nor both of seal and infer_with_handle".format(
                entrypoint.__name__, "None" if model is None else f"an object of type {type(model).__name__}"
            )
        )
    return _Sealing(model) if seals else _Plain(model)


def _has(model: Any, method: str) -> bool:
    return callable(getattr(model, method, None))


class _Declared:
    """What a model says about how it wants to be called."""

    def __init__(self, model: Any) -> None:
        for name in ("max_concurrency", "max_batch_size", "max_batch_delay"):
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))


class _Plain(_Declared):
    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.infer = model.infer_with_tensors


class _Sealing(_Declared):
    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.seal = model.seal
        self.infer_with_handle = model.infer_with_handle
        self.infer = getattr(model, "infer_with_tensors", self._infer)

    def _infer(self, tensors: dict[str, Any]) -> Any:
        handle = self.seal(tensors)
        return _then(handle, self.infer_with_handle) if inspect.isawaitable(handle) else self.infer_with_handle(handle)


async def _then(handle: Any, infer: Callable[[int], Any]) -> Any:
    result = infer(await handle)
    return await result if inspect.isawaitable(result) else result


def _modules(model_dir: str) -> str:
    names: list[str] = []
    for name in sorted(os.listdir(model_dir)):
        if name.endswith(".py"):
            names.append(name[:-3])
        elif os.path.isdir(os.path.join(model_dir, name)) and name.isidentifier() and name != "__pycache__":
            names.append(name)
    return _listed(names)


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"
