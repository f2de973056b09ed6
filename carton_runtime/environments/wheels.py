"""Wheel files on this machine: those that a lock names by a local path, and those built from source."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote, urlsplit

from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageSdist, PackageWheel

from carton_runtime.environments.inspection import Interpreter
from carton_runtime.environments.targets import Source, Target
from carton_runtime.environments.uv import index_flags, run_uv
from carton_runtime.errors import EnvironmentBuildError, IntegrityError
from carton_runtime.events import Step
from carton_runtime.settings import Settings


def is_web(url: str | None) -> bool:
    """Whether a URL can be fetched from elsewhere, too."""
    return url is not None and urlsplit(url).scheme in {"http", "https"}


def is_wheel(source: PackageWheel | PackageArchive) -> bool:
    """Whether it is a wheel: an archive that a requirement names by URL may be source, too."""
    place = source.path or urlsplit(source.url or "").path
    return isinstance(source, PackageWheel) or place.endswith(".whl")


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
    running: Step

    def build(self, package: Package, source: Source, target: Target, python: Interpreter | None) -> Path:
        """A wheel of `package` for `target`, built by `python`.

        Raises:
            EnvironmentBuildError: the source cannot be fetched or does not build, or there is no interpreter for it.
            IntegrityError: the source is not what the lock promised.
        """
        name = f"{package.name} {package.version or ''}".strip()
        match source:
            case PackageSdist() | PackageArchive():
                kept = self._kept() / source.hashes["sha256"]
                return _fitting(kept, target) or self._build_archive(name, source, target, python)
            case PackageDirectory():
                return self._build(name, self.directory / source.path, target, python)
            case _:
                raise EnvironmentBuildError(
                    f"{name} comes from version control, which no lock can pin to a file; build a wheel of it, "
                    "and name the folder that holds it in CARTON_FIND_LINKS"
                )

    def _build_archive(
        self, name: str, source: PackageSdist | PackageArchive, target: Target, python: Interpreter | None
    ) -> Path:
        with tempfile.TemporaryDirectory(prefix="carton-source-") as folder:
            file = local_file(source, self.directory) or self._download(source.url or "", Path(folder))
            found, promised = file_sha256(file), source.hashes["sha256"]
            if found != promised:
                raise IntegrityError(f"the source of {name} ({source.url or file}) has sha256 {found}, not {promised}")
            return self._build(name, file, target, python, kept=self._kept() / promised)

    def _build(
        self, name: str, source: Path, target: Target, python: Interpreter | None, *, kept: Path | None = None
    ) -> Path:
        if python is None:
            raise EnvironmentBuildError(f"{name} comes as source only; building it needs a Python {target.minor}")
        self.running.say(f"Building {name} for Python {target.minor}")
        with tempfile.TemporaryDirectory(prefix="carton-wheel-") as folder:
            flags = ("--wheel", "--no-python-downloads", *index_flags(self.settings), "--python", str(python.path))
            remark = f"{name} comes as source only and cannot be built"
            run_uv("build", *flags, "--out-dir", folder, source, step=self.running, remark=remark)
            wheel = _fitting(Path(folder), target)
            if wheel is None:
                raise EnvironmentBuildError(f"building {name} gave no wheel for Python {target.minor}")
            return _keep(wheel, kept or self._kept() / file_sha256(wheel))

    def _kept(self) -> Path:
        return self.settings.cache_dir / "built_wheels"

    def _download(self, url: str, folder: Path) -> Path:
        if self.settings.offline or not is_web(url):
            raise EnvironmentBuildError(f"{url} must be built, but cannot be fetched: the settings say offline")
        file = folder / unquote(urlsplit(url).path).rsplit("/", 1)[-1]
        try:
            with urllib.request.urlopen(url, timeout=60) as answer, file.open("wb") as out:  # noqa: S310  (see is_web)
                shutil.copyfileobj(answer, out)
        except (URLError, OSError) as error:
            raise EnvironmentBuildError(f"{url} must be built, but cannot be fetched: {error}") from error
        return file


def _fitting(folder: Path, target: Target) -> Path | None:
    return next((wheel for wheel in sorted(folder.glob("*.whl")) if target.accepts(wheel.name)), None)


def _keep(wheel: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(wheel, folder / wheel.name))
