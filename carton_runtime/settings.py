"""Where things live and what is allowed: one frozen object, and the only reader of ``os.environ``.

Each setting is looked up in an environment variable, then in the configuration file (``~/.carton/config.toml``, or the
file that ``CARTON_CONFIG_PATH`` names), then in the default below. A leading ``~`` expands everywhere.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from carton_runtime.errors import SettingsError
from carton_runtime.sizes import parse_size

_HOME = Path("~/.carton")


def _setting(default: Any, variable: str, doc: str) -> Any:
    return field(default=default, metadata={"variable": variable, "doc": doc})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting. `Settings()` holds the defaults; `Settings.load()` is what the user configured."""

    runner_dir: Path = _setting(
        _HOME / "runners", "CARTON_RUNNER_DIR", "Where installed runners (`runner.toml` files) are searched."
    )
    runner_data_dir: Path = _setting(
        _HOME / "runner_data", "CARTON_RUNNER_DATA_DIR", "Where runners keep data, such as built environments."
    )
    cache_dir: Path = _setting(_HOME / "cache", "CARTON_CACHE_DIR", "Where files taken out of cartons are kept.")
    cache_size: int = _setting(
        50 * 10**9,
        "CARTON_CACHE_SIZE",
        "How large the cache may grow, such as `50 GB`; what was not used for longest goes first.",
    )
    interpreters: tuple[str, ...] = _setting(
        (), "CARTON_INTERPRETERS", "Paths of Python interpreters to use besides those that are found."
    )
    find_links: tuple[str, ...] = _setting(
        (), "CARTON_FIND_LINKS", "Directories (or pages) of wheels that requirements may come from."
    )
    index_url: str | None = _setting(None, "CARTON_INDEX_URL", "The package index to use in place of PyPI.")
    extra_index_urls: tuple[str, ...] = _setting(
        (), "CARTON_EXTRA_INDEX_URLS", "Package indexes to look in before the default one."
    )
    python_downloads: bool = _setting(
        True,
        "CARTON_PYTHON_DOWNLOADS",
        "Whether uv may download a Python that a carton asks for and this machine lacks.",
    )
    offline: bool = _setting(False, "CARTON_OFFLINE", "Never touch the network: use only what is cached or local.")
    limit_entries: int = _setting(1_000_000, "CARTON_LIMIT_ENTRIES", "The most files in a carton.")
    limit_directory_size: int = _setting(
        1 << 28, "CARTON_LIMIT_DIRECTORY_SIZE", "The largest directory of a zip, which lists its files."
    )
    limit_path_length: int = _setting(
        1 << 12, "CARTON_LIMIT_PATH_LENGTH", "The longest name of a file in a carton, and target of a symlink."
    )
    limit_expanded_size: int = _setting(
        1 << 44, "CARTON_LIMIT_EXPANDED_SIZE", "The most that all files of a carton may expand to."
    )
    limit_compression_ratio: int = _setting(
        100_000, "CARTON_LIMIT_COMPRESSION_RATIO", "How many times its compressed size a file may expand to."
    )
    limit_total_ratio: int = _setting(
        1_000,
        "CARTON_LIMIT_TOTAL_RATIO",
        "How many times the size of its zip a carton of more than 1 GiB may expand to.",
    )
    limit_symlink_chain: int = _setting(
        40, "CARTON_LIMIT_SYMLINK_CHAIN", "How many symlinks may lead one to the other."
    )
    limit_manifest_size: int = _setting(1 << 26, "CARTON_LIMIT_MANIFEST_SIZE", "The largest `MANIFEST`.")
    limit_links_size: int = _setting(1 << 24, "CARTON_LIMIT_LINKS_SIZE", "The largest `LINKS`.")
    limit_toml_size: int = _setting(
        1 << 23, "CARTON_LIMIT_TOML_SIZE", "The largest `carton.toml`, and index of stored tensors."
    )
    limit_toml_depth: int = _setting(
        32, "CARTON_LIMIT_TOML_DEPTH", "How deep the tables and lists of a TOML file may be nested."
    )
    limit_string_file_size: int = _setting(
        1 << 26, "CARTON_LIMIT_STRING_FILE_SIZE", "The largest file of a stored tensor of strings."
    )
    limit_read_size: int = _setting(
        1 << 32, "CARTON_LIMIT_READ_SIZE", "The largest stored tensor, picture or other file taken into memory."
    )

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings of this process.

        Args:
            environ: the environment variables; `os.environ` unless given.

        Raises:
            SettingsError: the configuration file is missing although named, is not TOML, or a value has the wrong type.
        """
        environ = os.environ if environ is None else environ
        path, table = _configuration_file(environ)
        values = {}
        for item in fields(cls):
            variable = item.metadata["variable"]
            is_given = variable in environ and (environ[variable] or not isinstance(item.default, Path))
            if is_given:  # an empty path would be the folder that happens to be the current one
                values[item.name] = _from_text(item.name, environ[variable], item.default, variable)
            elif item.name in table:
                values[item.name] = _from_toml(item.name, table[item.name], item.default, path)
        return cls(**values)

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Path):
                object.__setattr__(self, item.name, _expanded(value))
            elif isinstance(value, tuple):
                object.__setattr__(self, item.name, tuple(map(os.path.expanduser, value)))


def inherited_environment() -> dict[str, str]:
    """The variables that a process started by us inherits: a copy of this process's own."""
    return dict(os.environ)


def _configuration_file(environ: Mapping[str, str]) -> tuple[Path, dict[str, Any]]:
    named = environ.get("CARTON_CONFIG_PATH")
    path = _expanded(Path(named or _HOME / "config.toml"))
    try:
        return path, tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            raise SettingsError(f"CARTON_CONFIG_PATH names {path}, which does not exist") from None
        return path, {}
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"the configuration file {path} cannot be read: {error}") from error


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:  # of a user whom nobody knows
        raise SettingsError(f"the setting {path} cannot be read: {error}") from error


def _from_text(name: str, text: str, default: Any, variable: str) -> Any:
    if isinstance(default, bool):
        return _boolean(text, variable)
    if isinstance(default, tuple):
        return tuple(part for part in text.split(_separator(name, text)) if part)
    if isinstance(default, int):
        return _size(text, variable)
    return Path(text) if isinstance(default, Path) else text


def _separator(name: str, text: str) -> str:
    """What stands between the parts of a list: URLs have colons in them."""
    return " " if name == "extra_index_urls" or "://" in text else os.pathsep


def _size(value: int | str, where: str) -> int:
    try:
        return parse_size(value)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from None


def _boolean(text: str, variable: str) -> bool:
    known = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
        "": False,
    }
    try:
        return known[text.strip().lower()]
    except KeyError:
        raise SettingsError(f"{variable}={text!r} is neither true nor false; use 1 or 0") from None


def _from_toml(name: str, value: Any, default: Any, path: Path) -> Any:
    where = f"{path}: {name}"
    if isinstance(default, bool):
        return _typed(value, bool, where, "true or false")
    if isinstance(default, tuple):
        items = _typed(value, list, where, "a list of strings")
        return tuple(_typed(item, str, where, "a list of strings") for item in items)
    if isinstance(default, int):
        return _size(value, where)
    text = _typed(value, str, where, "a string")
    return Path(text) if isinstance(default, Path) else text


def _typed(value: Any, kind: type, where: str, expected: str) -> Any:
    if not isinstance(value, kind):
        raise SettingsError(f"{where} must be {expected}, not {value!r}")
    return value
