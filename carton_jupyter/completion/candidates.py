"""What may stand at the end of a magic's line, by what stands before it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from IPython.core.completer import SimpleCompletion

import carton_runtime as carton
from carton_jupyter.completion.calls import examples, inputs
from carton_jupyter.completion.paths import paths
from carton_jupyter.magics.arguments import MagicParser
from carton_jupyter.magics.call_line import take_apart
from carton_jupyter.magics.models import models_in

_KINDS: dict[str, type | tuple[type, ...]] = {
    "--inputs": (carton.TensorSpec, list, tuple),
    "--outputs": (carton.TensorSpec, list, tuple),
    "--self-tests": (carton.SelfTest, list, tuple),
    "--examples": (carton.Example, list, tuple),
    "--misc": dict,
    "--linked-files": dict,
    "--readme": str,
}
_ENDINGS = {"--output": (".carton",), "--requirements": (".txt", ".in"), "--readme": (".md",)}
_CARTONS = (".carton",)
_OF_MODELS = ("%carton_run", "%carton_test", "%carton_info", "%carton_restart", "%carton_unload")
_OF_PATHS = {"%carton_load": _CARTONS, "%carton_info": _CARTONS, "%carton_test": _CARTONS, "%carton_pack": ()}


def candidates(parser: MagicParser, before: str, word: str, namespace: Mapping[str, Any]) -> Iterable[SimpleCompletion]:
    """What a word that begins so may be.

    Args:
        parser: the magic's.
        before: the line up to the word, without the magic's name.
        word: what is there of the word.
        namespace: the variables of the notebook.
    """
    if word.startswith("-"):
        return _options(parser, word)
    call = take_apart(before) if parser.prog == "%carton_run" else None
    waiting, arguments = _understood(parser, (before if call is None else call.words).split())
    if waiting is not None and (call is None or not call.in_input):
        return _values(waiting, arguments, word, namespace)
    if not arguments:
        return [*_models(parser, word, namespace), *_paths(parser, word)] or _unless(word, parser)
    if call is not None:
        return [*inputs(models_in(namespace).get(arguments[0]), call.inputs, word), *_unless(word, parser)]
    return _unless(word, parser)


def _understood(parser: MagicParser, words: list[str]) -> tuple[argparse.Action | None, list[str]]:
    """The option that the next word belongs to, if any, and the arguments that belong to none."""
    waiting, arguments = None, []
    for word in words:
        action = parser.action_of(word)
        if action is not None:
            waiting = None if action.nargs == 0 else action
        elif waiting is None:
            arguments.append(word)
        elif waiting.nargs != "+":
            waiting = None
    return waiting, arguments


def _values(
    option: argparse.Action, arguments: list[str], word: str, namespace: Mapping[str, Any]
) -> Iterable[SimpleCompletion]:
    name = option.option_strings[-1]
    if name == "--device":
        return (SimpleCompletion(device, type="keyword") for device in ("cpu", "0") if device.startswith(word))
    if name == "--example":
        return examples(models_in(namespace).get(arguments[0]) if arguments else None, word)
    variables = _variables(word, namespace, _KINDS[name]) if name in _KINDS else ()
    return [*variables, *(paths(word, _ENDINGS[name]) if name in _ENDINGS else ())]


def _options(parser: MagicParser, word: str) -> Iterable[SimpleCompletion]:
    return (SimpleCompletion(name, type="keyword") for name in parser.options if name.startswith(word))


def _unless(word: str, parser: MagicParser) -> Iterable[SimpleCompletion]:
    """The long options, where nothing is typed that could be something else."""
    return () if word else _options(parser, "--")


def _models(parser: MagicParser, word: str, namespace: Mapping[str, Any]) -> Iterable[SimpleCompletion]:
    names = models_in(namespace) if parser.prog in _OF_MODELS else ()
    return (SimpleCompletion(name, type="instance") for name in names if name.startswith(word))


def _paths(parser: MagicParser, word: str) -> Iterable[SimpleCompletion]:
    return paths(word, _OF_PATHS[parser.prog]) if parser.prog in _OF_PATHS else ()


def _variables(word: str, namespace: Mapping[str, Any], kind: type | tuple[type, ...]) -> Iterable[SimpleCompletion]:
    names = (name for name, value in namespace.items() if isinstance(value, kind) and not name.startswith("_"))
    return (SimpleCompletion(name, type="instance") for name in sorted(names) if name.startswith(word))
