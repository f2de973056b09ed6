from __future__ import annotations

import asyncio
import logging
import subprocess
import sys

from IPython.core.interactiveshell import InteractiveShell

from carton_runtime import CartonError
from carton_runtime.background import background_loop, run_blocking

EXTENSION = "carton_jupyter"
MAGICS = {
    "carton_load",
    "carton_run",
    "carton_test",
    "carton_pack",
    "carton_info",
    "carton_cache",
    "carton_kernels",
    "carton_restart",
    "carton_unload",
}
PRINTED = logging.getLogger("carton_runtime.model")


def state(shell: InteractiveShell) -> dict[str, object]:
    """Everything that an extension can put into a shell."""
    formatters = shell.display_formatter.formatters
    return {
        "line magics": set(shell.magics_manager.magics["line"]),
        "cell magics": set(shell.magics_manager.magics["cell"]),
        "registry": set(shell.magics_manager.registry),
        "configurables": len(shell.configurables),
        "matchers": list(shell.Completer.custom_matchers),
        "html": set(formatters["text/html"].type_printers),
        "text": set(formatters["text/plain"].type_printers),
        "markdown": set(formatters["text/markdown"].type_printers),
        "traceback hook": hasattr(CartonError, "_render_traceback_"),
        "exception handler": shell.CustomTB,
        "cell hooks": [list(hooks) for hooks in shell.events.callbacks.values()],
        "loop runner": shell.loop_runner,
        "tasks of ours": {str(task.get_coro()) for task in asyncio.all_tasks(background_loop())},
        "models' prints": ({*map(type, PRINTED.handlers)}, PRINTED.level, PRINTED.propagate),
    }


def counted(state: dict[str, object]) -> dict[str, object]:
    """The state with the number of things in place of those that are new with each load."""
    hooks, matchers = state["cell hooks"], state["matchers"]
    assert isinstance(hooks, list)
    assert isinstance(matchers, list)
    return {**state, "cell hooks": [len(kind) for kind in hooks], "matchers": len(matchers)}


def test_loading_it_adds_the_magics(shell: InteractiveShell) -> None:
    assert set(shell.magics_manager.magics["line"]) >= MAGICS
    assert "carton_pack" in shell.magics_manager.magics["cell"]


def test_unloading_it_leaves_the_shell_as_it_was(bare_shell: InteractiveShell) -> None:
    before = state(bare_shell)
    bare_shell.extension_manager.load_extension(EXTENSION)
    assert state(bare_shell) != before
    bare_shell.extension_manager.unload_extension(EXTENSION)
    assert state(bare_shell) == before


def test_reloading_it_installs_it_once(shell: InteractiveShell) -> None:
    shell.find_line_magic("reload_ext")  # IPython registers that magic when it is first asked for
    before = state(shell)
    shell.run_line_magic("reload_ext", EXTENSION)
    after = state(shell)
    assert counted(after) == counted(before)


def test_installing_it_twice_is_the_same_as_once(shell: InteractiveShell) -> None:
    import carton_jupyter

    before = state(shell)
    carton_jupyter.load_ipython_extension(shell)
    assert state(shell) == before


def test_unloading_what_is_not_loaded_does_nothing(bare_shell: InteractiveShell) -> None:
    import carton_jupyter

    before = state(bare_shell)
    carton_jupyter.unload_ipython_extension(bare_shell)
    assert state(bare_shell) == before


def test_a_table_that_is_shown_leaves_nothing_either(bare_shell: InteractiveShell) -> None:
    before = state(bare_shell)
    bare_shell.extension_manager.load_extension(EXTENSION)
    bare_shell.run_cell("%carton_kernels").raise_error()
    run_blocking(asyncio.sleep(0))  # what was submitted has begun
    assert state(bare_shell)["tasks of ours"] != before["tasks of ours"]
    bare_shell.extension_manager.unload_extension(EXTENSION)
    run_blocking(asyncio.sleep(0))  # what was cancelled is over
    assert state(bare_shell) == before


def test_its_settings_are_traits(shell: InteractiveShell) -> None:
    shell.run_line_magic("config", "CartonMagics.progress = 'off'")
    assert shell.magics_manager.registry["CartonMagics"].progress == "off"


def test_importing_the_package_alone_imports_neither_ipython_nor_numpy() -> None:
    check = "import sys, carton_jupyter; print([name for name in ('IPython', 'numpy') if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
