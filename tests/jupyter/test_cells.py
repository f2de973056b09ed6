"""What a cell shows is closed when that cell runs again, and nothing else is."""

from __future__ import annotations

import gc
import weakref

from IPython.core.interactiveshell import InteractiveShell

from carton_jupyter import cells


class Shown:
    """Something that can be closed."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


def show(shell: InteractiveShell, cell: str | None) -> Shown:
    """Something that a cell shows."""
    shell.user_ns.update(cells=cells, Shown=Shown)
    shell.run_cell("shown = Shown()\ncells.keep(shown)", cell_id=cell).raise_error()
    shown: Shown = shell.user_ns.pop("shown")
    return shown


def test_a_cell_that_runs_again_closes_what_it_showed(shell: InteractiveShell) -> None:
    first, other = show(shell, "a"), show(shell, "b")
    again = show(shell, "a")
    assert (first.is_closed, other.is_closed, again.is_closed) == (True, False, False)


def test_all_that_a_cell_showed_is_closed(shell: InteractiveShell) -> None:
    shell.user_ns.update(cells=cells, Shown=Shown)
    shell.run_cell("many = [Shown() for _ in range(3)]\nfor one in many: cells.keep(one)", cell_id="a").raise_error()
    shell.run_cell("", cell_id="a")
    shell.run_cell("1", cell_id="a").raise_error()
    assert all(one.is_closed for one in shell.user_ns["many"])


def test_cells_without_ids_close_nothing(shell: InteractiveShell) -> None:
    first = show(shell, None)
    show(shell, None)
    assert not first.is_closed


def test_nothing_is_kept_alive_for_being_shown(shell: InteractiveShell) -> None:
    known = weakref.ref(show(shell, "a"))
    gc.collect()
    assert known() is None


def test_without_the_extension_cells_are_seen_to_all_the_same(bare_shell: InteractiveShell) -> None:
    first = show(bare_shell, "a")  # and this cell ran already when somebody began to see to cells
    second = show(bare_shell, "b")
    show(bare_shell, "b")
    assert (first.is_closed, second.is_closed) == (False, True)
    cells.install(bare_shell)()
    assert len(bare_shell.events.callbacks["pre_run_cell"]) == 0


def test_unloading_the_extension_closes_everything(bare_shell: InteractiveShell) -> None:
    bare_shell.extension_manager.load_extension("carton_jupyter")
    shown = show(bare_shell, "a")
    bare_shell.extension_manager.unload_extension("carton_jupyter")
    assert shown.is_closed
