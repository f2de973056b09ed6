"""What the magics do when their line does not say otherwise: ``%config CartonMagics.timeout = 5``."""

from __future__ import annotations

import os
import warnings
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics
from traitlets import Bool, Bunch, Enum, Float, Int, TraitError, TraitType, Unicode, Union, default, validate
from traitlets.config import Config

from carton_runtime.devices import resolve_device
from carton_runtime.errors import CartonError
from carton_runtime.sizes import parse_size


class MagicDefaults(Magics):
    """The traits of the magics; a line's own option goes before each."""

    progress = Enum(
        ["auto", "off"],
        help="Whether steps that take longer than a moment show a bar. CARTON_PROGRESS=off turns it off.",
    ).tag(config=True)

    panel = Bool(
        default_value=True,
        help="Whether models, and what cartons say of themselves, are shown as panels; as cards if not. "
        "A terminal always shows the card.",
    ).tag(config=True)

    device: TraitType[Any, Any] = Union(
        [Int(), Unicode()],
        default_value=None,
        allow_none=True,
        help="The device that loaded models see: 'cpu', an index or a GPU's UUID. The first GPU if there is one, else "
        "the CPU, unless given. --device of %carton_load and %carton_test goes before it.",
    ).tag(config=True)

    memory_limit: TraitType[Any, Any] = Union(
        [Int(), Unicode()],
        default_value=None,
        allow_none=True,
        help="What the process of a loaded model may take, such as '2GB'; as much as there is unless given. "
        "--memory-limit of %carton_load and %carton_test goes before it.",
    ).tag(config=True)

    timeout = Float(
        None,
        allow_none=True,
        help="The seconds that a call of %carton_run may take; without end unless given. --timeout goes before it.",
    ).tag(config=True)

    @default("progress")
    def _default_progress(self) -> str:
        return "off" if os.environ.get("CARTON_PROGRESS", "").lower() == "off" else "auto"

    @validate("device")
    def _valid_device(self, proposal: Bunch) -> Any:
        return _accepted("device", proposal.value, resolve_device)

    @validate("memory_limit")
    def _valid_memory_limit(self, proposal: Bunch) -> Any:
        return _accepted("memory_limit", proposal.value, parse_size)

    @validate("timeout")
    def _valid_timeout(self, proposal: Bunch) -> Any:
        if proposal.value is not None and not proposal.value > 0:  # which NaN is not either
            raise TraitError(f"CartonMagics.timeout takes seconds, such as 2.5, and not {proposal.value!r}")
        return proposal.value

    def fill(self, arguments: Namespace) -> Namespace:
        """Give a line the defaults of what it could have said and did not."""
        for name in ("device", "memory_limit", "timeout"):
            if getattr(arguments, name, "") is None:
                setattr(arguments, name, getattr(self, name))
        return arguments


def _accepted(name: str, value: Any, read: Callable[[Any], object]) -> Any:
    try:
        if value is not None:
            read(value)
    except CartonError as error:
        raise TraitError(f"CartonMagics.{name}: {error}") from error
    return value


def drop_refused(ip: InteractiveShell, kind: type[MagicDefaults]) -> None:
    """Take out of a shell's configuration what the magics refuse, with a warning.

    `%config` keeps a wrong value although it tells the error, and the extension could not be loaded again.
    """
    section = ip.config.get(kind.__name__, {})
    for name, value in list(section.items()):
        try:
            kind(config=Config({kind.__name__: {name: value}}))
        except TraitError as error:
            del section[name]
            warnings.warn(f"{error}; the default is used", stacklevel=2)
