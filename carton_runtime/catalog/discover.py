"""Finding runners: ``runner.toml`` files below the runner directory and among our own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from carton_runtime.errors import FormatError, VersionReqError
from carton_runtime.format.reading import Table, parse_toml
from carton_runtime.format.versionreq import normalise_version
from carton_runtime.settings import Settings

INTERFACE_VERSION = 2
"""The interface that we speak with runners; 1 is the original's binary protocol."""

_FILE = "runner.toml"


@dataclass(frozen=True)
class RunnerEntry:
    """One ``[[runner]]`` of a ``runner.toml``.

    Attributes:
        name: what cartons ask for, such as ``python``.
        framework_version: the exact version it serves; `None` when that is the version of the chosen interpreter.
        compat_version: the version of the model directory's layout that it reads.
        interface_version: the interface that it speaks.
        release_date: when it was released; the newest that fits wins.
        path: the folder that holds its ``main.py``.
        platform: the target triple it is for; `None` for any.
        source: the ``runner.toml`` that says so.
        framework: ``python`` when each interpreter on this machine is a version of the framework; else `None`.
        installation_id: what the file was installed as, if anything.
    """

    name: str
    framework_version: str | None
    compat_version: int
    interface_version: int
    release_date: datetime
    path: Path
    platform: str | None
    source: Path
    framework: str | None = None
    installation_id: str | None = None


@dataclass(frozen=True)
class SkippedRunner:
    """A runner that is there and cannot be used.

    Attributes:
        source: its ``runner.toml``.
        name: its name; empty when the file could not be read that far.
        reason: why not, for people.
    """

    source: Path
    name: str
    reason: str


@dataclass(frozen=True)
class Discovery:
    """What a search found.

    Attributes:
        entries: runners that speak our interface, in the order of the search.
        skipped: the others.
    """

    entries: tuple[RunnerEntry, ...]
    skipped: tuple[SkippedRunner, ...]


def search_paths(settings: Settings) -> tuple[Path, ...]:
    """Where runners are searched: the runner directory, then the folder of those that came with us."""
    return (settings.runner_dir, *(folder for folder in _bundled() if folder.is_dir()))


def discover(paths: Sequence[Path]) -> Discovery:
    """Read every ``runner.toml`` at or below `paths`; a path that is not there holds none.

    The search goes no deeper than a ``runner.toml``, and leaves out folders whose name starts with ``.tmp``, which are
    unfinished installations.
    """
    entries: list[RunnerEntry] = []
    skipped: list[SkippedRunner] = []
    for file in dict.fromkeys(file for path in paths for file in _files(path)):
        try:
            found = _read(file)
        except (OSError, FormatError) as error:
            skipped.append(SkippedRunner(file, "", str(error)))
            continue
        entries += [entry for entry in found if entry.interface_version == INTERFACE_VERSION]
        skipped += [_skip(entry) for entry in found if entry.interface_version != INTERFACE_VERSION]
    return Discovery(tuple(entries), tuple(skipped))


def _bundled() -> tuple[Path, Path]:
    package = Path(__file__).parents[1]
    return package / "_runners", package.parent / "runners"  # inside a wheel, and beside the package in a checkout


def _files(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    file, real = folder / _FILE, folder.resolve()
    if file.is_file():
        yield file.resolve()
    elif real not in above:  # a link back up would have no end
        for path in _folders(folder):
            yield from _files(path, (*above, real))


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".tmp"))
    except OSError:  # not there, not a folder, or not ours to read
        return []


def _read(file: Path) -> list[RunnerEntry]:
    table = parse_toml(file.read_bytes(), str(file))
    if (number := table.integer("version")) != 1:
        raise table.error("version", f"must be 1, not {number}; a newer release may read it")
    installation_id = table.optional_text("installation_id")
    return [_entry(runner, file, installation_id) for runner in table.tables("runner")]


def _entry(runner: Table, file: Path, installation_id: str | None) -> RunnerEntry:
    framework = runner.optional_text("framework")
    if framework not in (None, "python"):
        raise runner.error("framework", f"must be 'python', not {framework!r}; a newer release may know it")
    return RunnerEntry(
        name=runner.text("runner_name"),
        framework_version=None if framework else version(runner),
        compat_version=runner.integer("runner_compat_version"),
        interface_version=runner.integer("runner_interface_version"),
        release_date=release_date(runner),
        path=file.parent / Path(runner.text("runner_path")).expanduser(),
        platform=runner.optional_text("platform"),
        source=file,
        framework=framework,
        installation_id=installation_id,
    )


def version(runner: Table) -> str:
    """The version of the framework that a runner serves. Raises `FormatError`."""
    try:
        return normalise_version(runner.text("framework_version"))
    except VersionReqError as error:
        raise runner.error("framework_version", str(error)) from error


def release_date(runner: Table) -> datetime:
    """When a runner was released. Raises `FormatError`."""
    value = runner.value("runner_release_date")
    try:
        date = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise runner.error("runner_release_date", f"must be a date and time (RFC 3339), not {value!r}") from None
    if date.tzinfo is None:
        raise runner.error("runner_release_date", f"must say its offset from UTC; {value!s} does not")
    return date


def _skip(entry: RunnerEntry) -> SkippedRunner:
    if entry.interface_version < INTERFACE_VERSION:
        reason = f"it speaks interface {entry.interface_version}, the binary protocol of the original Carton"
    else:
        reason = f"it speaks interface {entry.interface_version}, which is newer than this release of ours"
    return SkippedRunner(entry.source, entry.name, reason)
