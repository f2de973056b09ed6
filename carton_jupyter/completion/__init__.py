"""Completion on the lines of our magics: options, paths, devices, variables, models, and what models take.

A matcher of IPython's second API: unlike the older hook it is asked for an empty word, for one that begins with a dash,
and after ``m =``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from IPython.core.completer import Completer, CompletionContext, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from carton_jupyter.completion.calls import is_expression, names
from carton_jupyter.completion.candidates import candidates
from carton_jupyter.magics.commands import PARSERS

__all__ = ["install", "match"]

_LINE = re.compile(r"\s*(?:[\w.,\s\[\]'\"]+=\s*)?%{1,2}(?P<magic>carton_\w+)\s+(?P<rest>.*)")
_LAST_WORD = re.compile(r"""(?:"[^"]*|'[^']*|[^\s"'])*$""")


def install(ip: InteractiveShell) -> Callable[[], None]:
    """Add our matcher to a shell's completer; the result takes it out again."""

    @context_matcher(identifier="carton_jupyter")  # type: ignore[untyped-decorator]  # IPython leaves it without types
    def carton_matcher(context: CompletionContext) -> SimpleMatcherResult:
        return match(context.text_until_cursor, ip.Completer)

    ip.Completer.custom_matchers.append(carton_matcher)

    def uninstall() -> None:
        ip.Completer.custom_matchers.remove(carton_matcher)

    return uninstall


def match(line: str, completer: Completer) -> SimpleMatcherResult:
    """What may come next on a line, up to the cursor, of one of our magics; nothing anywhere else."""
    found = _LINE.fullmatch(line)
    parser = PARSERS.get(found["magic"]) if found else None
    if found is None or parser is None:
        return SimpleMatcherResult(completions=[])
    if found["magic"] == "carton_run" and is_expression(found["rest"]):
        word, offered = names(found["rest"], completer)
    else:
        word = _last_word(found["rest"])
        before = found["rest"].removesuffix(word)
        offered = list(candidates(parser, before, word, completer.namespace))
    return SimpleMatcherResult(completions=offered, matched_fragment=word, suppress=True)


def _last_word(text: str) -> str:
    found = _LAST_WORD.search(text)
    return found[0] if found else ""
