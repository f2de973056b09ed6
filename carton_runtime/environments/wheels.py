"""Wheel files on this machine: those that a lock names by a local path, and those built from source."""

from __future__ import annotations

import hashlib
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageSdist, PackageVcs, PackageWheel

from carton_runtime.environments.inspection import Interpreter
from carton_runtime.environments.targets import Source, Target
from carton_runtime.environments.uv import index_flags, run_uv
from carton_runtime.errors import EnvironmentBuildError, IntegrityError
from carton_runtime.events import Step
from carton_runtime.settings import Settings

_CHUNK = 1 << 20


def is_web(url: str | None) -> bool:
    """Whether a URL can be fetched from elsewhere, too."""
    return url is not None and urlsplit(url).scheme in {"http", "https"}


def local_file(source: PackageWheel | PackageArchive | PackageSdist, directory: Path) -> Path | None:
    """The file on this machine that a lock means, or `None` when it is on the web."""
    if source.path:
        return directory / source.path
    url = urlsplit(source.url or "")
    return Path(urllib.request.url2pathname(url.path)) if url.scheme == "file" else None


def file_sha256(path: Path) -> str:
    """The hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class WheelBuilder:
    """Builds wheels of packages that come as source only, and keeps them in the cache directory.

    Attributes:
        settings: where build requirements come from, and where wheels are kept.
        directory: where relative paths in the lock start.
        running: the step that is told of what uv says.
    """

    settings: Settings
    directory: Path
    running: Step | None = None

    def build(self, package: Package, source: Source, target: Target, interpreter: Interpreter | None) -> Path:
        """A wheel of `package` for `target`.

        Raises:
            EnvironmentBuildError: the source cannot be fetched or does not build, or no interpreter is there to build it.
            IntegrityError: the source is not what the lock promised.
        """
        match source:
            case PackageSdist() | PackageArchive():
                kept = self.settings.cache_dir / "built_wheels" / source.hashes["sha256"]
            case PackageDirectory():
                kept = Path(tempfile.mkdtemp(prefix="carton-wheel-"))  # a folder has no hash to keep the wheel by
            case _:
                raise EnvironmentBuildError(_cannot_build(package, source))
        return _acceptable(kept, target) or self._build_into(kept, package, source, target, interpreter)

    def _build_into(
        self, kept: Path, package: Package, source: Source, target: Target, interpreter: Interpreter | None
    ) -> Path:
        if interpreter is None:
            raise EnvironmentBuildError(
                f"{package.name} {package.version} comes as source only, and there is no Python {target.minor} here to build it"
            )
        if self.running is not None:
            self.running.say(f"Building {package.name} {package.version} for Python {target.minor}")
        with tempfile.TemporaryDirectory(prefix="carton-build-") as folder:
            self._run_build(self._fetched(source, Path(folder)), kept, package, interpreter)
        wheel = _acceptable(kept, target)
        if wheel is None:
            raise EnvironmentBuildError(f"building {package.name} gave no wheel that Python {target.minor} accepts")
        return wheel

    def _run_build(self, source: Path, kept: Path, package: Package, interpreter: Interpreter) -> None:
        run_uv(
            *("build", "--wheel", "--python", interpreter.path, "--no-python-downloads", "--out-dir", kept),
            *(*index_flags(self.settings), "--no-create-gitignore", source),
            step=self.running,
            remark=f"{package.name} {package.version or ''} cannot be built from source",
        )

    def _fetched(self, source: Source, folder: Path) -> Path:
        if isinstance(source, PackageDirectory):
            return self.directory / source.path
        if not isinstance(source, PackageSdist | PackageArchive):
            raise EnvironmentBuildError("only source archives and folders can be built")
        here = local_file(source, self.directory)
        file = here or self._download(source.url or "", folder)
        found = file_sha256(file)
        if found != source.hashes["sha256"]:
            raise IntegrityError(f"{source.url or file} has sha256 {found}, not {source.hashes['sha256']}")
        return file

    def _download(self, url: str, folder: Path) -> Path:
        if self.settings.offline or not is_web(url):
            raise EnvironmentBuildError(f"{url} must be fetched to build a wheel of it, and the settings say offline")
        file = folder / urlsplit(url).path.rsplit("/", 1)[-1]
        try:
            with urllib.request.urlopen(url, timeout=60) as answer, file.open("wb") as out:  # noqa: S310  (is_web)
                while chunk := answer.read(_CHUNK):
                    out.write(chunk)
        except (URLError, OSError) as error:
            raise EnvironmentBuildError(f"{url} cannot be fetched: {error}") from error
        return file


def _acceptable(folder: Path, target: Target) -> Path | None:
    return next((wheel for wheel in sorted(folder.glob("*.whl")) if target.accepts(wheel.name)), None)


def _cannot_build(package: Package, source: Source) -> str:
    kind = "version control" if isinstance(source, PackageVcs) else type(source).__name__
    return (
        f"{package.name} comes from {kind}, which a lock cannot pin to a file; "
        "build a wheel of it, and name its folder in CARTON_FIND_LINKS"
    )
