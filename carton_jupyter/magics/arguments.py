"""A parser for the line of a magic: as a shell command's, with one-line errors.

IPython's own ``magic_arguments`` keeps quotes inside values, takes comments for arguments and has no ``--help``.
"""

from __future__ import annotations

import argparse
import difflib
import shlex
from collections.abc import Sequence
from typing import Any, NoReturn

from IPython.core.error import UsageError


class _HelpShownError(Exception):
    """The line asked for help, which is printed."""


class _ShowHelp(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        parser.print_help()
        raise _HelpShownError


class MagicParser(argparse.ArgumentParser):
    """An argument parser that raises `UsageError`, never exits, and guesses what a misspelt option was meant to be.

    Attributes:
        surplus_hint: what to tell of an argument too many.
    """

    surplus_hint = "quote what has spaces"

    def __init__(self, magic: str, description: str) -> None:
        super().__init__(
            prog=magic,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            add_help=False,
            allow_abbrev=False,
            exit_on_error=False,
        )
        self.add_argument("-h", "--help", action=_ShowHelp, nargs=0, help="print this, and do nothing else")

    @property
    def options(self) -> list[str]:
        """The options, such as ``--device``."""
        return [option for action in self._actions for option in action.option_strings]

    def action_of(self, option: str) -> argparse.Action | None:
        """What the parser does at an option; `None` for what is none."""
        return self._option_string_actions.get(option)

    def parse_line(self, line: str) -> argparse.Namespace | None:
        """Parse what follows the magic's name; `None` when it asked for help.

        Raises:
            UsageError: the line does not parse.
        """
        words = self._split(line)
        try:
            found, rest = self.parse_known_args(words)
        except _HelpShownError:
            return None
        except (argparse.ArgumentError, UsageError) as error:
            misspelt = [word for word in words if word.startswith("--") and word.partition("=")[0] not in self.options]
            if misspelt:  # which is why something seems to be missing
                self.error(self._unknown(misspelt))
            if isinstance(error, UsageError):
                raise
            self.error(str(error))
        if rest:
            self.error(self._unknown(rest))
        return found

    def error(self, message: str) -> NoReturn:
        """Raise the error that a magic shows as one line."""
        raise UsageError(f"{self.prog}: {message} ({self.prog} --help says more)")

    def _split(self, line: str) -> list[str]:
        # A last semicolon silences the cell's output and is no argument; quoted ones are.
        stripped = line.strip().removesuffix(";")
        try:
            return shlex.split(stripped, comments=True)
        except ValueError as error:
            self.error(f"{str(error).lower()} in {stripped!r}")

    def _unknown(self, rest: Sequence[str]) -> str:
        options = [item.partition("=")[0] for item in rest if item.startswith("-")]
        if not options:
            return f"{rest[0]!r} is one argument too many; {self.surplus_hint}"
        close = difflib.get_close_matches(options[0], self.options, 1, cutoff=0.5)
        return f"there is no option {options[0]}" + (f"; did you mean {close[0]}?" if close else "")


def seconds(text: str) -> float:
    """The value of an option that takes seconds."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"takes seconds, such as 2.5, and not {text!r}")
    return value
