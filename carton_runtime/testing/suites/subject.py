"""What a runner's author tells the suite about her runner, and the models that come of it."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Self
from uuid import uuid4

import numpy as np
import pytest

import carton_runtime.sync as carton
from carton_runtime._child.carton_wire.values import DTYPES
from carton_runtime.catalog.discover import discover
from carton_runtime.format.document import Option
from carton_runtime.testing.leaks import LeakDetector
from carton_runtime.testing.suites.behaviours import Behaviour

_MARK = "CARTON_SUITE_MARK"


class Subject:
    """The runner that is tested. Authors set the attributes, and write `write_model`, in a subclass of `RunnerSuite`.

    Attributes:
        runner: the folder with ``runner.toml``.
        runner_name: which of the runners in that file; may be left out when there is one name only.
        required_framework_version: the Cargo version requirement that the models are loaded with.
        lacks: what the framework cannot do, each with the reason; what needs it is skipped, and says that reason.
        dtypes: those that ``x`` may have, as ``carton.toml`` spells them; the others are skipped in the same way.
        one_model: whether `write_model` writes the same model for every behaviour but `Behaviour.UNFIT`. The checks
            then share a process, which is quicker. The names of the inputs tell the behaviours apart.
        option: the name of a runner option, a string, that `Behaviour.OPTIONS` tells.
        patience: seconds that any one call may take before it counts as hanging.
    """

    runner: ClassVar[Path]
    runner_name: ClassVar[str] = ""
    required_framework_version: ClassVar[str] = "*"
    lacks: ClassVar[Mapping[Behaviour, str]] = {}
    dtypes: ClassVar[Collection[str]] = DTYPES
    one_model: ClassVar[bool] = False
    option: ClassVar[str] = "option"
    patience: ClassVar[float] = 60.0

    def write_model(self, behaviour: Behaviour, folder: Path) -> Mapping[str, Option]:
        """Write a model that behaves like this.

        Args:
            behaviour: what it has to do; never one of `lacks`.
            folder: an empty folder, to be what is packed.

        Returns:
            The runner options to load it with.
        """
        raise NotImplementedError(f"{type(self).__name__} has to say how a model is written")

    @pytest.fixture(scope="class")
    @classmethod
    def models(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
        """The models that the checks of one class share, in folders of their own."""
        root = tmp_path_factory.mktemp("suite")
        with pytest.MonkeyPatch.context() as patch, Models(cls(), root) as models:
            patch.setenv("CARTON_RUNNER_DIR", str(cls.runner))
            patch.setenv("CARTON_CACHE_DIR", str(root / "cache"))
            patch.setenv("TMPDIR", str(models.temporary))
            patch.setattr(tempfile, "tempdir", str(models.temporary))
            patch.setenv(_MARK, models.mark)
            yield models

    def tensor(self, size: int) -> np.ndarray[Any, Any]:
        """So many elements in one row that differ from their neighbours, of a dtype that the runner takes."""
        dtype = "float32" if "float32" in self.dtypes else min(self.dtypes)
        return (np.arange(size) % 100).astype("U" if dtype == "string" else dtype)

    def infer(self, model: carton.Carton, **inputs: Any) -> dict[str, Any]:
        """The outputs of one call, which may not hang."""
        return model.infer(inputs, timeout=self.patience)


class Models:
    """Loads models of the runner that is tested, and closes those that are shared.

    Attributes:
        temporary: the folder that stands for the system's folder of temporary files.
        mark: what stands in the environment of every process that is started.
    """

    def __init__(self, subject: Subject, root: Path) -> None:
        self.temporary = root / "temporary"
        self.temporary.mkdir()
        self.mark = f"{_MARK}={uuid4()}"
        self._subject = subject
        self._root = root
        self._stack = ExitStack()
        self._written: dict[Behaviour, dict[str, Any]] = {}
        self._shared: dict[Behaviour, carton.Carton] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def runner_name(self) -> str:
        """What the models ask for."""
        if self._subject.runner_name:
            return self._subject.runner_name
        names = {entry.name for entry in discover([self._subject.runner]).entries}
        if len(names) != 1:
            pytest.fail(f"{self._subject.runner} has the runners {sorted(names)}; set runner_name to one of them")
        return names.pop()

    def shared(self, behaviour: Behaviour) -> carton.Carton:
        """A model that is loaded once for all checks that leave it as it was."""
        model = self._as_written(behaviour)
        if model not in self._shared:
            self._shared[model] = self._stack.enter_context(self.fresh(model))
        return self._shared[model]

    def fresh(self, behaviour: Behaviour, **options: Any) -> carton.Carton:
        """A model of its own, with more keywords for `load_unpacked`; whoever asks closes it."""
        return carton.load_unpacked(**{**self.written(behaviour), **options})

    def packed(self, behaviour: Behaviour) -> Path:
        """The path of a carton."""
        return carton.pack(**self.written(behaviour), output_path=self._root / f"{behaviour}.carton")

    def written(self, behaviour: Behaviour) -> dict[str, Any]:
        """The keywords to load or pack a model with; skips the check when the runner lacks this."""
        model = self._as_written(behaviour)
        if model not in self._written:
            folder = self._root / "models" / model
            folder.mkdir(parents=True)
            self._written[model] = {
                "path": folder,
                "runner_name": self.runner_name,
                "required_framework_version": self._subject.required_framework_version,
                "runner_opts": dict(self._subject.write_model(model, folder)),
            }
        return self._written[model]

    def _as_written(self, behaviour: Behaviour) -> Behaviour:
        """The behaviour that a model is written for which behaves so, too."""
        lacks = self._subject.lacks
        if behaviour in lacks and behaviour is not Behaviour.ECHO:
            pytest.skip(f"the runner lacks the behaviour {behaviour.value!r}: {lacks[behaviour]}")
        return Behaviour.ECHO if self._subject.one_model and behaviour is not Behaviour.UNFIT else behaviour

    def leaks(self) -> LeakDetector:
        """Finds what is left behind from here on, by any process that is started from here."""
        return LeakDetector(self.temporary, self.mark)
