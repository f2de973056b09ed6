"""The README's table of settings is the settings: it cannot say anything else."""

from __future__ import annotations

from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from carton_runtime import Settings
from carton_runtime.contents.limiting import limits_of
from carton_runtime.format.limits import DEFAULTS, Limits

README = Path(__file__).resolve().parents[2] / "README.md"
HEAD = ["| variable | in `~/.carton/config.toml` | default | what it is |", "| --- | --- | --- | --- |"]
UNITS = {1 << 40: "TiB", 1 << 30: "GiB", 1 << 20: "MiB", 10**9: "GB"}


def shown(default: Any) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, int):
        return next((f"{default // unit} {name}" for unit, name in UNITS.items() if not default % unit), f"{default:,}")
    return f"`{default}`" if default else "none"


def row(item: Field[Any]) -> str:
    doc = item.metadata["doc"].removesuffix(".")
    return f"| `{item.metadata['variable']}` | `{item.name}` | {shown(item.default)} | {doc[0].lower()}{doc[1:]} |"


def expected() -> list[str]:
    return [*HEAD, *map(row, fields(Settings))]


def table_in(text: str) -> list[str]:
    section = text.partition("## Settings\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")]


def test_the_readme_lists_every_setting_as_it_is() -> None:
    assert table_in(README.read_text(encoding="utf-8")) == expected(), "\n".join(["it should be:", *expected()])


def test_a_table_with_another_default_is_noticed() -> None:
    table = "## Settings\n" + "\n".join(expected()).replace("| on |", "| off |") + "\n## Next\n"
    assert table_in(table) != expected()
    assert table_in(table.replace("| off | whether uv", "| on | whether uv")) == expected()


def test_every_limit_is_a_setting_with_the_same_default() -> None:
    assert limits_of(Settings()) == DEFAULTS
    names = {item.name.removeprefix("limit_") for item in fields(Settings) if item.name.startswith("limit_")}
    assert names == {item.name for item in fields(Limits)}


def test_a_limit_that_is_set_reaches_the_format() -> None:
    settings = Settings.load({"CARTON_LIMIT_ENTRIES": "7", "CARTON_LIMIT_READ_SIZE": "2 MiB"})
    assert (limits_of(settings).entries, limits_of(settings).read_size) == (7, 2 << 20)


if __name__ == "__main__":
    print("\n".join(expected()))  # noqa: T201  to paste into the README
