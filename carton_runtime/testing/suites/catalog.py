"""The runner is found, and is the one that its models get."""

from __future__ import annotations

from carton_runtime import Settings
from carton_runtime.catalog.choose import choose, host_platform
from carton_runtime.catalog.discover import discover, search_paths
from carton_runtime.environments.interpreters import find_interpreters
from carton_runtime.format.document import RunnerInfo
from carton_runtime.testing.suites.subject import Models, Subject


class CatalogChecks(Subject):
    """Checks of ``runner.toml``."""

    def test_its_runner_toml_can_be_read(self) -> None:
        found = discover([self.runner])
        assert not found.skipped, "\n".join(f"{skipped.source}: {skipped.reason}" for skipped in found.skipped)
        assert found.entries, f"{self.runner} has no runner.toml, or one without a [[runner]]"

    def test_its_code_is_where_its_runner_toml_says(self) -> None:
        missing = [entry.path for entry in discover([self.runner]).entries if not (entry.path / "main.py").is_file()]
        assert not missing, f"there is no main.py in {missing}"

    def test_its_models_get_this_runner_and_no_other(self, models: Models) -> None:
        settings = Settings.load()
        asked = RunnerInfo(models.runner_name, self.required_framework_version)
        there = discover(search_paths(settings)).entries
        choice = choose(asked, there, find_interpreters(settings), host_platform())
        assert choice.entry.source.is_relative_to(self.runner.resolve()), choice.reason
