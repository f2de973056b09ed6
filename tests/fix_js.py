"""The front end's sources, with the packages that build and test them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_MISSING = "npm is not installed; `apt-get install npm` or `brew install node` gets it"


class FrontEnd:
    """A copy of ``js/`` with its packages, so that building leaves nothing in the checkout.

    Attributes:
        folder: the copy.
        bundle: the folder it builds into, as it is in the checkout.
    """

    def __init__(self, npm: str, root: Path) -> None:
        self.folder = root / "js"
        self.bundle = root / "carton_jupyter" / "panel" / "static"
        self._npm = npm
        shutil.copytree(_ROOT / self.bundle.relative_to(root), self.bundle)
        shutil.copytree(_ROOT / "js", self.folder, ignore=shutil.ignore_patterns("node_modules"))
        self.npm("ci", "--prefer-offline", "--no-audit", "--no-fund")

    def npm(self, *arguments: str) -> None:
        """Run npm there; fails with what it says."""
        done = subprocess.run(
            [self._npm, *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.fail(f"npm {' '.join(arguments)} is not content:\n{done.stdout}", pytrace=False)


@pytest.fixture(scope="session")
def front_end(tmp_path_factory: pytest.TempPathFactory) -> FrontEnd:
    """The front end, ready to be built and tested."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.fail(_MISSING) if os.environ.get("CI") else pytest.skip(_MISSING)
    return FrontEnd(npm, tmp_path_factory.mktemp("front-end"))
