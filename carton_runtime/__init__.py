"""Carton: pack a model with what it needs, load it anywhere, and run it in a process of its own.

::

    import carton_runtime as carton

    model = await carton.load("model.carton")
    outputs = await model.infer({"x": array})

`carton_runtime.sync` has the same without ``await``; `carton_runtime.cache` tells what models take on the disk.
Importing this package is quick; the rest comes with its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from carton_runtime._version import __version__

if TYPE_CHECKING:
    from carton_runtime import cache, hf, sync
    from carton_runtime._child.carton_wire.nested import NestedTensor
    from carton_runtime.checking import SpecWarning
    from carton_runtime.contents.listing import FileEntry, FileTable
    from carton_runtime.errors import (
        CallCancelledError,
        CallTimeoutError,
        CartonError,
        EnvironmentBuildError,
        FormatError,
        IntegrityError,
        InterpreterNotFoundError,
        InvalidDeviceError,
        InvalidTensorError,
        KernelDiedError,
        LoadTimeoutError,
        ModelClosedError,
        ModelError,
        OutOfDescriptorsError,
        ProtocolError,
        ReentrantCallError,
        RunnerNotFoundError,
        SettingsError,
        StorageError,
        VersionReqError,
    )
    from carton_runtime.events import Event, Phase
    from carton_runtime.format.document import Example, RunnerInfo, SelfTest, TensorSpec
    from carton_runtime.info import CartonInfo
    from carton_runtime.lazy import LazyFiles, LazyTensor, MiscFile
    from carton_runtime.loading import get_model_info, load, load_unpacked
    from carton_runtime.model import Carton, SealHandle
    from carton_runtime.packing import bundle, pack, shrink
    from carton_runtime.runner_kernels.kernel import Kernel
    from carton_runtime.runner_kernels.registry import kernels
    from carton_runtime.runner_kernels.supervisor import RestartPolicy
    from carton_runtime.selftest import SelfTestReport
    from carton_runtime.settings import Settings

_MODULES = ("cache", "hf", "sync")

_HOMES = {
    "NestedTensor": "_child.carton_wire.nested",
    "SpecWarning": "checking",
    "FileEntry": "contents.listing",
    "FileTable": "contents.listing",
    "CallCancelledError": "errors",
    "CallTimeoutError": "errors",
    "CartonError": "errors",
    "EnvironmentBuildError": "errors",
    "FormatError": "errors",
    "IntegrityError": "errors",
    "InterpreterNotFoundError": "errors",
    "InvalidDeviceError": "errors",
    "InvalidTensorError": "errors",
    "KernelDiedError": "errors",
    "LoadTimeoutError": "errors",
    "ModelClosedError": "errors",
    "ModelError": "errors",
    "OutOfDescriptorsError": "errors",
    "ProtocolError": "errors",
    "ReentrantCallError": "errors",
    "RunnerNotFoundError": "errors",
    "SettingsError": "errors",
    "StorageError": "errors",
    "VersionReqError": "errors",
    "Event": "events",
    "Phase": "events",
    "Example": "format.document",
    "RunnerInfo": "format.document",
    "SelfTest": "format.document",
    "TensorSpec": "format.document",
    "CartonInfo": "info",
    "LazyFiles": "lazy",
    "LazyTensor": "lazy",
    "MiscFile": "lazy",
    "get_model_info": "loading",
    "load": "loading",
    "load_unpacked": "loading",
    "Carton": "model",
    "SealHandle": "model",
    "bundle": "packing",
    "pack": "packing",
    "shrink": "packing",
    "Kernel": "runner_kernels.kernel",
    "kernels": "runner_kernels.registry",
    "RestartPolicy": "runner_kernels.supervisor",
    "SelfTestReport": "selftest",
    "Settings": "settings",
}

__all__ = [
    "CallCancelledError",
    "CallTimeoutError",
    "Carton",
    "CartonError",
    "CartonInfo",
    "EnvironmentBuildError",
    "Event",
    "Example",
    "FileEntry",
    "FileTable",
    "FormatError",
    "IntegrityError",
    "InterpreterNotFoundError",
    "InvalidDeviceError",
    "InvalidTensorError",
    "Kernel",
    "KernelDiedError",
    "LazyFiles",
    "LazyTensor",
    "LoadTimeoutError",
    "MiscFile",
    "ModelClosedError",
    "ModelError",
    "NestedTensor",
    "OutOfDescriptorsError",
    "Phase",
    "ProtocolError",
    "ReentrantCallError",
    "RestartPolicy",
    "RunnerInfo",
    "RunnerNotFoundError",
    "SealHandle",
    "SelfTest",
    "SelfTestReport",
    "Settings",
    "SettingsError",
    "SpecWarning",
    "StorageError",
    "TensorSpec",
    "VersionReqError",
    "__version__",
    "bundle",
    "cache",
    "get_model_info",
    "hf",
    "kernels",
    "load",
    "load_unpacked",
    "pack",
    "shrink",
    "sync",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for (PEP 562)."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
