"""What one beast of the zoo is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hostile.drafts import Draft
from hostile.sandbox import Sandbox

from carton_runtime import CartonError, FormatError

Reach = Literal["open", "load", "tensor", "misc"]
"""Where it must be refused: when it is opened by anything, when it is loaded, or when the user asks for a tensor or
for a file that was not needed until then."""


@dataclass(frozen=True)
class Beast:
    """A carton that means harm.

    Attributes:
        name: what it does.
        make: its bytes, or a draft of them; or puts a folder somewhere and gives its path.
        words: what the error must say.
        error: its type.
        reach: how far it gets.
        variables: settings under which it is tried.
    """

    name: str
    make: Callable[[Sandbox], Draft | bytes | Path]
    words: str
    error: type[CartonError] = FormatError
    reach: Reach = "open"
    variables: Mapping[str, str] = field(default_factory=dict)

    def location(self, sandbox: Sandbox) -> Path:
        """Where it lies, once it was put there."""
        made = self.make(sandbox)
        if isinstance(made, Path):
            return made
        path = sandbox.cartons / "beast.carton"
        path.write_bytes(made.zipped() if isinstance(made, Draft) else made)
        return path


def draft(**changes: object) -> Callable[[Sandbox], Draft]:
    """Makes an honest carton but for some attributes of its `Draft`."""
    return lambda _: Draft(**changes)  # type: ignore[arg-type]


def holding(files: Mapping[str, bytes | None]) -> Callable[[Sandbox], Draft]:
    """Makes an honest carton with files besides, in place of others, or taken away."""
    return lambda _: Draft().with_files(files)
