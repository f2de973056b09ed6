"""What each runner does to a model before it is packed: its packing step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from carton_runtime.catalog.choose import choose, host_platform
from carton_runtime.catalog.discover import RunnerEntry, discover, search_paths
from carton_runtime.environments.lock import Lock, lock_requirements
from carton_runtime.environments.plan import python_minors
from carton_runtime.errors import FormatError, StorageError
from carton_runtime.events import OnEvent
from carton_runtime.format.document import Option, RunnerInfo
from carton_runtime.format.versionreq import VersionReq
from carton_runtime.settings import Settings

LOCK_DIR = ".carton"
_ENTRYPOINT = {"entrypoint_package": "main", "entrypoint_fn": "get_model"}
_INCLUDE = re.compile(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]*([^\s#]+)")


@dataclass(frozen=True)
class Prepared:
    """The result of a packing step.

    Attributes:
        runner: the runner, its compat version filled in.
        added: files to add to the model: path below ``model/`` → content, or the file that has it.
    """

    runner: RunnerInfo
    added: Mapping[str, bytes | Path]


def prepare(model: Path, runner: RunnerInfo, settings: Settings, on_event: OnEvent | None) -> Prepared:
    """Run the packing step of the runner that a model asks for.

    Raises:
        RunnerNotFoundError: there is no such runner.
        EnvironmentBuildError: the model's requirements cannot be locked.
        FormatError: the model is not laid out as the runner needs it.
    """
    entry = packing_runner(runner, settings)
    added = lock_files(lock_model(model, runner, settings, on_event)) if entry.framework == "python" else {}
    compat = entry.compat_version if runner.runner_compat_version is None else runner.runner_compat_version
    named = RunnerInfo(runner.runner_name, runner.required_framework_version, compat, runner.opts)
    return Prepared(named, added)


def packing_runner(runner: RunnerInfo, settings: Settings) -> RunnerEntry:
    """The runner that packs for `runner`, once it has what it needs. Raises as `prepare` does."""
    entry = choose(runner, discover(search_paths(settings)).entries, (), host_platform()).entry
    if runner.runner_name == "python":
        _check_entrypoint(runner.opts)
    return entry


def _check_entrypoint(opts: Mapping[str, Option]) -> None:
    for name, example in _ENTRYPOINT.items():
        given = opts.get(name)
        if not isinstance(given, str) or not given:
            found = f"has {given!r}" if name in opts else "lacks it"
            message = f"the python runner needs the option {name!r}, such as {example!r}, and runner_opts {found}"
            raise FormatError(message, where=f"runner_opts[{name!r}]")


def lock_model(model: Path, runner: RunnerInfo, settings: Settings, on_event: OnEvent | None) -> Lock:
    """Lock what the Python model in a folder requires. Raises as `prepare` does."""
    if not model.is_dir():
        raise FormatError(f"the python runner packs a folder of code, and {model} is none")
    minors = python_minors(VersionReq(runner.required_framework_version))
    return lock_requirements(requirements_of(model), minors, settings, on_event, directory=model)


def requirements_of(model: Path) -> str:
    """The text of ``requirements.txt``; empty where there is none.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        # Not read_text, which would change line ends: the lock holds the hash of these very bytes.
        return (model / "requirements.txt").read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{model / 'requirements.txt'} cannot be read: {error}") from error


def requirement_texts(model: Path) -> dict[str, str] | None:
    """All that the lock of a model follows from: ``requirements.txt`` and the files that it includes, by path.

    `None` where more counts than these texts: packages in folders of this machine, or a file that is fetched.
    """
    texts: dict[str, str] = {}
    waiting = [(model / "requirements.txt", requirements_of(model), model)]
    while waiting:
        file, text, folder = waiting.pop()
        texts[str(file.resolve())] = text
        for line in text.replace("\\\n", "").splitlines():
            included = _INCLUDE.match(line)
            if _is_local(line) or (included and "://" in included[1]):
                return None
            if included and str((other := folder / included[1]).resolve()) not in texts:
                try:
                    waiting.append((other, other.read_text(encoding="utf-8"), other.parent))
                except (OSError, UnicodeDecodeError):
                    return None  # locking says what is wrong with it
    return texts


def _is_local(line: str) -> bool:
    """Whether a line names a package on this machine, whose code may change while the line does not."""
    text = re.split(r"\s#|;", line.strip(), maxsplit=1)[0].strip()
    if not text or text.startswith(("#", "-")):
        return text.startswith(("-e", "--editable"))
    place = text.rpartition("@")[2].split("[", maxsplit=1)[0].strip()
    return place.startswith("file:") or ("://" not in place and ("/" in place or place.endswith((".whl", ".tar.gz"))))


def lock_files(lock: Lock) -> dict[str, bytes | Path]:
    """A lock as files of the model."""
    return {
        f"{LOCK_DIR}/pylock.toml": lock.pylock,
        f"{LOCK_DIR}/carton.lock": lock.carton_lock,
        **{f"{LOCK_DIR}/{path}": file for path, file in lock.bundled.items()},
    }
