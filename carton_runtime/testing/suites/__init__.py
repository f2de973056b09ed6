"""What every runner has to do, as a class of checks that a runner's author subclasses in a test file of her own.

::

    from carton_runtime.testing.suites import Behaviour, RunnerSuite

    class TestMyRunner(RunnerSuite):
        runner = Path(__file__).parents[1] / "my_runner"  # the folder with runner.toml
        lacks = {Behaviour.NESTED: "the framework knows no ragged tensors"}

        def write_model(self, behaviour, folder):
            (folder / "model.json").write_text(json.dumps({"does": behaviour}))
            return {}  # the runner options

pytest runs the rest. `Behaviour` says what the models have to do. What a runner `lacks` is skipped, and the report says
why. Each check has a process of its own, or shares one with checks that leave it as it was; in the end everything is
closed. Packages of models are built in the runner data directory of the settings, so that they are built once; all else
that is written goes into pytest's temporary folders.
"""

from __future__ import annotations

import pytest

_ROOMS = ("calls", "catalog", "life", "loading", "samples", "sealing", "streams", "tensors")

# Before they are imported: their asserts then say what was compared.
pytest.register_assert_rewrite(*(f"{__name__}.{room}" for room in _ROOMS))

from carton_runtime.testing.suites.behaviours import Behaviour  # noqa: E402
from carton_runtime.testing.suites.calls import CallChecks  # noqa: E402
from carton_runtime.testing.suites.catalog import CatalogChecks  # noqa: E402
from carton_runtime.testing.suites.life import LifeChecks  # noqa: E402
from carton_runtime.testing.suites.loading import LoadingChecks  # noqa: E402
from carton_runtime.testing.suites.sealing import SealChecks  # noqa: E402
from carton_runtime.testing.suites.streams import StreamChecks  # noqa: E402
from carton_runtime.testing.suites.subject import Models, Subject  # noqa: E402
from carton_runtime.testing.suites.tensors import TensorChecks  # noqa: E402

__all__ = ["Behaviour", "Models", "RunnerSuite", "Subject"]


class RunnerSuite(CatalogChecks, LoadingChecks, TensorChecks, CallChecks, StreamChecks, SealChecks, LifeChecks):
    """All checks of a runner; see `Subject` for what a subclass sets."""
