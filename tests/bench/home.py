"""A place of the bench's own: private directories, one packed carton, and what its first load went through."""

from __future__ import annotations

import os
import tempfile
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Self

from carton_runtime import Carton, Event, Phase, load, sync

_MODEL = Path(__file__).parent / "model"


class Home(AbstractContextManager["Home"]):
    """Holds the private directories; the environment variables of this process point there while it is open.

    Args:
        folder: an open home's folder, to share it with another process; a new one unless given.
        scale: how much to measure; 1 is the whole measure.
    """

    def __init__(self, folder: Path | None = None, scale: float = 1.0) -> None:
        self.scale = scale
        self.first_build: list[Event] = []
        self._owned = tempfile.TemporaryDirectory(prefix="carton-bench-") if folder is None else None
        self.folder = Path(self._owned.name) if self._owned else Path(folder or "")
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        config = self.folder / "config.toml"
        config.touch()
        for variable, path in {
            "CARTON_CONFIG_PATH": config,
            "CARTON_RUNNER_DIR": self.folder / "runners",
            "CARTON_RUNNER_DATA_DIR": self.folder / "data",
            "CARTON_CACHE_DIR": self.folder / "cache",
        }.items():
            self._before[variable] = os.environ.get(variable)
            os.environ[variable] = str(path)
        return self

    def __exit__(self, *_: object) -> None:
        for variable, value in self._before.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value
        if self._owned:
            self._owned.cleanup()

    def times(self, number: int) -> int:
        """`number` of repetitions at this home's scale, at least one."""
        return max(1, round(number * self.scale))

    @cached_property
    def carton(self) -> Path:
        """The packed model, loaded once so that its environment is built."""
        path = self.folder / "bench.carton"
        if path.exists():
            return path
        packed = sync.pack(
            _MODEL,
            output_path=path,
            runner_name="python",
            required_framework_version=">=3.8",
            runner_opts={"entrypoint_package": "bench", "entrypoint_fn": "load"},
            model_name="bench",
        )
        sync.load(packed, on_event=self._note).close()
        return packed

    @property
    def python(self) -> Path:
        """The interpreter of the model's environment."""
        _ = self.carton
        (found,) = (self.folder / "data" / "python" / "environments").glob("*/bin/python")
        return found

    def load(self, behaviour: str = "echo", **options: int) -> sync.Carton:
        """The model, to be called without ``await``."""
        return sync.load(self.carton, override_runner_opts=_options(behaviour, options))

    async def aload(self, behaviour: str = "echo", **options: int) -> Carton:
        """The model, to be awaited."""
        return await load(self.carton, override_runner_opts=_options(behaviour, options))

    def _note(self, event: Event) -> None:
        if event.phase is Phase.FINISHED:
            self.first_build.append(event)


def _options(behaviour: str, options: dict[str, int]) -> dict[str, str | int]:
    return {"model.behaviour": behaviour, **{f"model.{name}": value for name, value in options.items()}}
