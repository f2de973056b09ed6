"""The line of ``%carton_run``, taken apart: words as a shell has them, and inputs as Python has them.

::

    m x=np.ones((2, 3)) label="two words" --timeout 5

An input begins with ``NAME=``, several inputs in a dict begin with ``**``, and an option begins with two dashes, each
after a space or a comma; it goes on until the next one begins. What stands in brackets or quotes begins nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<string> \"{3}(?:\\.|[^\\])*?\"{3} | '{3}(?:\\.|[^\\])*?'{3} | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' )
    | (?P<open> [(\[{] )
    | (?P<close> [)\]}] )
    | (?P<comment> (?<!\S)\#.* )
    | (?P<start> (?<![^\s,]) (?: --(?=[A-Za-z]) | \*\*(?=[^\s*]) | (?P<name>[^\W\d][\w.:/-]*)\s*=(?!=) ) )
    | .
    """,
    re.VERBOSE | re.DOTALL,
)


class Input(NamedTuple):
    """What stands for one input, or for several.

    Attributes:
        name: the input's name; `None` for ``**``, whose expression is a dict of inputs.
        expression: Python, as it was written.
    """

    name: str | None
    expression: str

    def __str__(self) -> str:
        return f"**{self.expression}" if self.name is None else f"{self.name}={self.expression}"


class CallLine(NamedTuple):
    """The two parts of a line.

    Attributes:
        words: all that is for the magic's parser.
        inputs: the inputs, in order.
        in_input: whether the line ends with an input, and not with words.
        is_open: whether it ends within brackets or quotes.
    """

    words: str
    inputs: list[Input]
    in_input: bool
    is_open: bool


def take_apart(line: str) -> CallLine:
    """Take a line apart; a comment, and a semicolon at the end, are no part of it."""
    text = line.strip().removesuffix(";")
    starts, end, is_open = _starts(text)
    edges = [*(found.start() for found in starts), end]
    words, inputs = [text[: edges[0]]], []
    for found, until in zip(starts, edges[1:], strict=True):
        if _is_input(found):
            inputs.append(Input(found["name"], _expression(text[found.end() : until])))
        else:
            words.append(text[found.start() : until])
    return CallLine(" ".join(words), inputs, bool(starts) and _is_input(starts[-1]), is_open)


def _is_input(found: re.Match[str]) -> bool:
    return found["name"] is not None or found["start"] == "**"


def _starts(text: str) -> tuple[list[re.Match[str]], int, bool]:
    """Where inputs and options begin, where the line ends, and whether something is open there."""
    depth, quoted = 0, False
    starts: list[re.Match[str]] = []
    for found in _TOKEN.finditer(text):
        if found["open"]:
            depth += 1
        elif found["close"]:
            depth -= 1
        elif found["comment"]:
            return starts, found.start(), depth > 0
        elif found["start"] and depth == 0:
            starts.append(found)
        quoted = quoted or found[0] in "'\""  # one that is not closed
    return starts, len(text), quoted or depth > 0


def _expression(text: str) -> str:
    # In a call of Python, commas stand between the inputs.
    return text.strip().removesuffix(",").rstrip()
