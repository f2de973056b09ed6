"""Cell magics whose line goes on: a backslash at its end joins the next line, as it does for line magics."""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell

_NO_LOCALS = 1_000_000  # deeper than any stack: only the notebook's variables are expanded, and none of our functions'


def unfold(line: str, cell: str, shell: InteractiveShell) -> tuple[str, str]:
    """The whole line, and the rest of the cell.

    IPython hands over what follows the first line as part of the cell, and has expanded ``$variables`` in the first one
    only.
    """
    rest = cell.splitlines(keepends=True)
    while rest and line.rstrip().endswith("\\"):
        expanded = shell.var_expand(rest.pop(0), _NO_LOCALS)  # type: ignore[no-untyped-call]  # IPython leaves it so
        line = line.rstrip().removesuffix("\\") + expanded
    return line, "".join(rest)
