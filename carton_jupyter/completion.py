"""Completion on the lines of our magics: options, paths, devices and variables.

A matcher of IPython's second API: unlike the older hook it is asked for an empty word, for one that begins with a dash,
and after ``m =``.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

import carton_runtime as carton
from carton_jupyter.magics.arguments import MagicParser
from carton_jupyter.magics.commands import PARSERS

_LINE = re.compile(r"\s*(?:[\w.,\s\[\]'\"]+=\s*)?%{1,2}(?P<magic>carton_\w+)\s+(?P<rest>.*)")
_LAST_WORD = re.compile(r"""(?:"[^"]*|'[^']*|[^\s"'])*$""")

_KINDS: dict[str, type | tuple[type, ...]] = {
    "--inputs": (carton.TensorSpec, list, tuple),
    "--outputs": (carton.TensorSpec, list, tuple),
    "--self-tests": (carton.SelfTest, list, tuple),
    "--examples": (carton.Example, list, tuple),
    "--misc": dict,
    "--readme": str,
}
_ENDINGS = {
    "path": (".carton",),
    "--output": (".carton",),
    "--requirements": (".txt", ".in"),
    "--readme": (".md",),
    "dir": (),
}


def install(ip: InteractiveShell) -> Callable[[], None]:
    """Add our matcher to a shell's completer; the result takes it out again."""

    @context_matcher(identifier="carton_jupyter")  # type: ignore[untyped-decorator]  # IPython leaves it without types
    def carton_matcher(context: CompletionContext) -> SimpleMatcherResult:
        return match(context, ip.user_ns)

    ip.Completer.custom_matchers.append(carton_matcher)

    def uninstall() -> None:
        ip.Completer.custom_matchers.remove(carton_matcher)

    return uninstall


def match(context: CompletionContext, namespace: Mapping[str, Any]) -> SimpleMatcherResult:
    """What may come next on the line of one of our magics; nothing anywhere else."""
    found = _LINE.fullmatch(context.text_until_cursor)
    parser = PARSERS.get(found["magic"]) if found else None
    if found is None or parser is None:
        return SimpleMatcherResult(completions=[])
    word = _last_word(found["rest"])
    before = found["rest"][: len(found["rest"]) - len(word)].split()
    completions = list(_candidates(parser, before, word, namespace))
    return SimpleMatcherResult(completions=completions, matched_fragment=word, suppress=True)


def _last_word(text: str) -> str:
    found = _LAST_WORD.search(text)
    return found[0] if found else ""


def _candidates(
    parser: MagicParser, before: list[str], word: str, namespace: Mapping[str, Any]
) -> Iterable[SimpleCompletion]:
    if word.startswith("-"):
        return (SimpleCompletion(name, type="keyword") for name in parser.options if name.startswith(word))
    waiting = _waiting(parser, before)
    if waiting is None and parser.prog in ("%carton_restart", "%carton_unload"):
        return _variables(word, namespace, (carton.Carton, carton.sync.Carton))
    if waiting is None:
        return [*_paths(word, _ENDINGS["path" if parser.prog != "%carton_pack" else "dir"])]
    option = waiting.option_strings[-1]
    if option == "--device":
        return (SimpleCompletion(name, type="keyword") for name in ("cpu", "0") if name.startswith(word))
    variables = _variables(word, namespace, _KINDS[option]) if option in _KINDS else ()
    return [*variables, *(_paths(word, _ENDINGS[option]) if option in _ENDINGS else ())]


def _waiting(parser: MagicParser, before: list[str]) -> argparse.Action | None:
    """The option that the next word belongs to, if any."""
    for distance, word in enumerate(reversed(before)):
        action = parser.action_of(word)
        if action is not None:
            takes_more = action.nargs == "+" or (action.nargs is None and distance == 0)
            return action if takes_more else None
    return None


def _variables(word: str, namespace: Mapping[str, Any], kind: type | tuple[type, ...]) -> Iterable[SimpleCompletion]:
    names = (name for name, value in namespace.items() if isinstance(value, kind) and not name.startswith("_"))
    return (SimpleCompletion(name, type="instance") for name in sorted(names) if name.startswith(word))


def _paths(word: str, endings: tuple[str, ...]) -> Iterable[SimpleCompletion]:
    """Folders, and files with one of the endings; quoted where the shell's rules ask for it."""
    quote = word[:1] if word[:1] in ("'", '"') else ""
    typed = word.removeprefix(quote)
    head, slash, start = typed.rpartition("/")
    folder = Path(head + slash).expanduser()
    try:
        entries = sorted(folder.iterdir())
    except OSError:  # nothing to offer in a folder that is not there or not ours to read
        return
    for entry in entries:
        is_folder = entry.is_dir()
        hidden = entry.name.startswith(".") and not start.startswith(".")
        if entry.name.startswith(start) and not hidden and (is_folder or entry.name.endswith(endings or ("\0",))):
            yield _path(f"{head}{slash}{entry.name}", is_folder, quote)


def _path(text: str, is_folder: bool, quote: str) -> SimpleCompletion:
    quote = quote or ("'" if re.search(r"[\s#;'\"]", text) else "")
    # A folder's quote stays open: what is in it comes next.
    return SimpleCompletion(f"{quote}{text}/" if is_folder else f"{quote}{text}{quote}", type="path")
