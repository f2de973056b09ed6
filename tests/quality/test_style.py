"""The sources keep to the house's rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from quality.conftest import Tool

FOLDERS = ("carton_runtime", "carton_jupyter", "runners", "tests")
CHILD = "carton_runtime/_child"
STRICT = ("--strict", "--config-file=", "--explicit-package-bases")


def test_ruff_finds_nothing(tool: Tool) -> None:
    tool("check", "--no-cache", *FOLDERS, module="ruff")


def test_ruff_would_format_nothing(tool: Tool) -> None:
    tool("format", "--check", "--no-cache", *FOLDERS, module="ruff")


def test_the_host_is_typed(tool: Tool) -> None:
    tool(module="mypy")


@pytest.mark.parametrize(
    "sources",
    [(f"{CHILD}/__main__.py", f"{CHILD}/carton_runner"), ("runners/python/main.py",), ("runners/noop/main.py",)],
    ids=["child", "python", "noop"],
)
def test_what_runs_in_the_child_is_typed(tool: Tool, sources: tuple[str, ...]) -> None:
    tool(*STRICT, *sources, module="mypy", MYPYPATH=CHILD)


def test_rooms_import_only_what_lies_below_them(tool: Tool) -> None:
    tool("-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))")


# What each tool is there to find


def finds(tool: Tool, *arguments: str, **keywords: str) -> str:
    with pytest.raises(pytest.fail.Exception) as caught:
        tool(*arguments, **keywords)
    return str(caught.value)


def test_ruff_would_find_something(tool: Tool, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import os\nx = {  }\n", encoding="utf-8")
    config = ("--config", "pyproject.toml")
    assert "`os` imported but unused" in finds(tool, "check", "--no-cache", *config, str(bad), module="ruff")
    assert "would be reformatted" in finds(tool, "format", "--check", "--no-cache", *config, str(bad), module="ruff")


def test_mypy_would_find_something(tool: Tool, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def f(x): return x\n", encoding="utf-8")
    assert "missing a type annotation" in finds(tool, *STRICT, str(bad), module="mypy")


def test_a_contract_that_is_broken_would_be_found(tool: Tool, tmp_path: Path) -> None:
    config = tmp_path / "contracts.toml"
    config.write_text(
        """
        [tool.importlinter]
        root_package = "carton_runtime"
        [[tool.importlinter.contracts]]
        name = "upside down"
        type = "layers"
        layers = ["carton_runtime.errors", "carton_runtime.settings"]
        """,
        encoding="utf-8",
    )
    code = f"""
        import sys
        from importlinter.cli import lint_imports
        sys.exit(lint_imports(config_filename={str(config)!r}, no_cache=True))
    """
    assert "upside down BROKEN" in finds(tool, "-c", "\n".join(line.strip() for line in code.splitlines()))
