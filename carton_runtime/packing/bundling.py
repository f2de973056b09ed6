"""`bundle`: a carton with everything inside, which loads without a network."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from carton_runtime import background
from carton_runtime.contents.carton import CartonFiles
from carton_runtime.contents.filling import AT_ONCE
from carton_runtime.contents.mirrors import Mirrors
from carton_runtime.contents.opening import open_carton
from carton_runtime.environments.embedding import Wheel, embed
from carton_runtime.environments.lock import lock_requirements
from carton_runtime.environments.plan import python_minors
from carton_runtime.environments.recipe import Recipe
from carton_runtime.environments.targets import Target
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.events import OnEvent, Step, step
from carton_runtime.format.manifest import Links
from carton_runtime.format.versionreq import VersionReq
from carton_runtime.packing.output import Output
from carton_runtime.packing.rewriting import Changes, Writing, rewrite, symlinks_of
from carton_runtime.packing.steps import LOCK_DIR
from carton_runtime.settings import Settings
from carton_runtime.storage.cache import ContentStore
from carton_runtime.storage.locate import local_path
from carton_runtime.storage.together import together

_LOGGER = logging.getLogger(__name__)

_FOLDER = f"model/{LOCK_DIR}"
_PYLOCK, _CARTON_LOCK = f"{_FOLDER}/pylock.toml", f"{_FOLDER}/carton.lock"
_REQUIREMENTS = "model/requirements.txt"


async def bundle(
    path: str | os.PathLike[str],
    *,
    output_path: str | os.PathLike[str] | None = None,
    on_event: OnEvent | None = None,
) -> Path:
    """Make a carton that holds everything: the files that another links to, and the packages that it needs.

    It loads without a network wherever there is the Python for it, on machines of this kind: the wheels are those that
    its lock says to install on this platform. Others still get theirs from the web. What the lock says has changed
    then, so that its hash is another one; that of a model which needs no packages stays.

    Args:
        path: the carton: its path or URL. It stays as it is.
        output_path: the carton to write, replacing what is there; a new temporary file unless given.
        on_event: told of the steps ``model.fetch``, ``model.pack`` and, if it has to be locked anew,
            ``environment.lock``.

    Returns:
        The path of the new carton.

    Raises:
        FormatError: it is no carton, or a broken one.
        IntegrityError: a file is not what the MANIFEST promises, or a wheel not what the lock does.
        StorageError: the carton, a file or a wheel cannot be read or fetched, or the new carton not written.
        EnvironmentBuildError: its packages cannot be had as wheels.
    """
    output = None if output_path is None else local_path(output_path).absolute()
    return await background.run(_bundle(path, Output(output), on_event))


async def _bundle(path: str | os.PathLike[str], output: Output, on_event: OnEvent | None) -> Path:
    settings = Settings.load()
    files = await open_carton(path, settings)
    try:
        targets = await symlinks_of(files)
        packages = await _packages_of(files, settings, on_event)
        with step("model.fetch", "fetching what the carton lacks", on_event=on_event) as running:
            held = {**packages.held, **await _fetched(files, packages, settings, running)}
        promised = {path: files.manifest.entries[path] for path in _lacking(files, packages)}
        promised |= {path: wheel.sha256 for path, wheel in packages.wheels.items()}
        changes = Changes(held=held, promised=promised)
        return await output.written(
            lambda archive: rewrite(
                files, targets, changes, Writing(archive, output.stop, "packing everything", on_event)
            )
        )
    finally:
        await files.aclose()


@dataclass(frozen=True)
class _Packages:
    """What a model's environment is to be made of.

    Attributes:
        held: path in the carton → content of files that are here.
        wheels: path in the carton → a wheel that is elsewhere.
    """

    held: Mapping[str, bytes | Path] = field(default_factory=dict)
    wheels: Mapping[str, Wheel] = field(default_factory=dict)


async def _packages_of(files: CartonFiles, settings: Settings, on_event: OnEvent | None) -> _Packages:
    runner = files.document.runner
    if runner.runner_name != "python":
        return _Packages()
    minors = python_minors(VersionReq(runner.required_framework_version))
    targets = [Target(minor, f"{minor}.0") for minor in minors]
    recipe = await _recipe_of(files)
    bundled: Mapping[str, Path] = {}
    try:
        embedded = embed(recipe, targets)
    except EnvironmentBuildError as error:
        _LOGGER.warning("%s is locked anew: %s", files.contents.name, error)
        recipe, bundled = await asyncio.to_thread(_locked_anew, recipe, minors, settings, on_event)
        embedded = embed(recipe, targets)
    locks = {_PYLOCK: embedded.recipe.pylock, _CARTON_LOCK: embedded.recipe.carton_lock}
    held = {path: lock for path, lock in locks.items() if lock is not None}
    return _Packages(
        held | {f"{_FOLDER}/{path}": file for path, file in bundled.items()},
        {f"{_FOLDER}/{wheel.path}": wheel for wheel in embedded.wheels},
    )


async def _recipe_of(files: CartonFiles) -> Recipe:
    paths = (_PYLOCK, _CARTON_LOCK, _REQUIREMENTS)
    found = [await files.read(path) if path in files.manifest.entries else None for path in paths]
    return Recipe(Path(), *found)


def _locked_anew(
    recipe: Recipe, minors: tuple[str, ...], settings: Settings, on_event: OnEvent | None
) -> tuple[Recipe, Mapping[str, Path]]:
    """New locks, and the wheels that they found on this machine."""
    requirements = (recipe.requirements or b"").decode(errors="replace")
    with tempfile.TemporaryDirectory(prefix="carton-lock-") as folder:  # what is beside the carton means nothing to it
        lock = lock_requirements(requirements, minors, settings, on_event, directory=Path(folder))
    return Recipe(Path(), lock.pylock, lock.carton_lock, recipe.requirements), lock.bundled


async def _fetched(files: CartonFiles, packages: _Packages, settings: Settings, running: Step) -> dict[str, Path]:
    """What the carton is to hold and does not: path in the carton → the file in the cache."""
    store, fetched = ContentStore(settings.cache_dir), dict[str, Path]()

    def tell(amount: int, *, is_new: bool) -> None:
        running.advance(amount) if is_new else running.skip(amount)

    async def linked(path: str) -> None:
        running.say(path)
        fetched[path] = await files.fetch(path, store, tell, running.expect)

    async def wheel_of(path: str, wheel: Wheel) -> None:
        running.say(path)
        mirrors = Mirrors(Links({wheel.sha256: (wheel.url,)}), files.contents.limits, settings)
        fetched[path] = await mirrors.fetch(wheel.sha256, store, what=path, told=tell, expect=running.expect)

    work = [linked(path) for path in _lacking(files, packages)]
    work += [wheel_of(path, wheel) for path, wheel in packages.wheels.items()]
    await together(work, asyncio.Semaphore(AT_ONCE))
    return fetched


def _lacking(files: CartonFiles, packages: _Packages) -> list[str]:
    """The files that the carton only links to and is to hold as they are."""
    return sorted(files.manifest.entries.keys() - set(files.contents.paths) - packages.held.keys())
