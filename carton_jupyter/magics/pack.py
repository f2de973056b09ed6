"""``%carton_pack`` and ``%%carton_pack``: from a folder, or a cell, to a carton."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError

import carton_runtime as carton
from carton_jupyter.magics.arguments import MagicParser
from carton_jupyter.magics.options import HELP, for_runner, parse_options
from carton_jupyter.magics.staging import REQUIREMENTS, entrypoint_file, requirements, staged
from carton_jupyter.magics.variables import items, merged
from carton_runtime.events import OnEvent

_DESCRIPTION = """Pack a model into a carton.

%carton_pack DIR packs a folder of code. %%carton_pack makes a module of its cell, beside the files of DIR if there is
one; the folder itself stays as it is. A backslash at the end of a line continues it on the next.

VARIABLE is the name of a variable of the notebook."""

PARSER = MagicParser("%carton_pack", _DESCRIPTION)
PARSER.add_argument("dir", metavar="DIR", nargs="?", help="the model's folder; comes before the options")
PARSER.add_argument("-o", "--output", metavar="PATH", help="the carton to write; a temporary file unless given")
PARSER.add_argument("--to", metavar="NAME", help="also assign the carton's path to this variable")

_model = PARSER.add_argument_group("the model")
_model.add_argument("--entrypoint-package", metavar="MODULE", default="carton_entrypoint", help="default: %(default)s")
_model.add_argument("--entrypoint-fn", metavar="FUNCTION", default="get_model", help="default: %(default)s")
_model.add_argument("--requires", metavar="PACKAGE", nargs="+", action="extend", default=[], help="what it needs")
_model.add_argument("--requirements", metavar="FILE", help="a requirements.txt to use in place of the folder's own")
_model.add_argument("--runner", metavar="NAME", default="python", help="what runs it; default: %(default)s")
_model.add_argument("--framework", metavar="REQ", help="the versions of Python, such as =3.10; default: this Python's")
_model.add_argument("--opt", metavar="KEY=VALUE", nargs="+", action="extend", default=[], help=HELP)
_model.add_argument("--platforms", metavar="TRIPLE", nargs="+", help="where it runs; everywhere unless given")

_about = PARSER.add_argument_group("about it")
_about.add_argument("--name", help="the model's name")
_about.add_argument("--description", metavar="TEXT", help="a line of at most 100 characters")
_about.add_argument("--readme", metavar="VARIABLE|FILE", help="a detailed description, in markdown")
_about.add_argument("--license", metavar="SPDX", help="such as Apache-2.0")
_about.add_argument("--repository", metavar="URL", help="where the code that packs it lives")
_about.add_argument("--homepage", metavar="URL", help="where the model lives")

_values = PARSER.add_argument_group("variables of the notebook")
for _option, _help in {
    "--inputs": "a TensorSpec, or a list of them",
    "--outputs": "likewise",
    "--self-tests": "a SelfTest, or a list of them",
    "--examples": "an Example, or a list of them",
    "--misc": "a dict of file names to bytes or paths, for @misc/ in the readme",
    "--linked-files": "a dict of sha256 to lists of URLs: where files of the model are that the carton need not hold",
}.items():
    _values.add_argument(_option, metavar="VARIABLE", nargs="+", action="extend", default=[], help=_help)


async def pack(arguments: Namespace, cell: str | None, namespace: Mapping[str, Any], on_event: OnEvent | None) -> Path:
    """Pack what a line, and a cell, ask for. Raises as `carton_runtime.pack` does, and `UsageError`."""
    folder = Path(arguments.dir).expanduser() if arguments.dir else None
    if folder is None and cell is None:
        PARSER.error("give the model's folder, or its code in a cell that begins with %%carton_pack")
    options = {**_runner(arguments), **_about_it(arguments, namespace), **_variables(arguments, namespace)}
    with staged(folder, _added(arguments, folder, cell)) as model:
        return await carton.pack(model, output_path=arguments.output, on_event=on_event, **options)


def _added(arguments: Namespace, folder: Path | None, cell: str | None) -> dict[str, str]:
    added = {}
    required = requirements(folder, arguments.requirements, arguments.requires)
    if required is not None:
        added[REQUIREMENTS] = required
    if cell is not None:
        name = entrypoint_file(arguments.entrypoint_package, folder)
        if arguments.framework is None:
            _check_syntax(cell, name)  # our Python is the model's, and a mistake is better seen now
        added[name] = cell
    return added


def _check_syntax(cell: str, name: str) -> None:
    try:
        compile(cell, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        line = f" in line {error.lineno} of the module" if error.lineno else ""
        raise UsageError(f"the cell is no Python: {error.msg}{line}: {(error.text or '').strip()}") from error


def _runner(arguments: Namespace) -> dict[str, Any]:
    is_python = arguments.runner == "python"
    entrypoint = {"entrypoint_package": arguments.entrypoint_package, "entrypoint_fn": arguments.entrypoint_fn}
    default = f"={sys.version_info.major}.{sys.version_info.minor}" if is_python else "*"
    return {
        "runner_name": arguments.runner,
        "required_framework_version": arguments.framework or default,
        "runner_opts": {
            **(entrypoint if is_python else {}),
            **for_runner(parse_options(arguments.opt), arguments.runner),
        },
    }


def _about_it(arguments: Namespace, namespace: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_name": arguments.name,
        "short_description": arguments.description,
        "model_description": _readme(arguments.readme, namespace),
        "license": arguments.license,
        "repository": arguments.repository,
        "homepage": arguments.homepage,
        "required_platforms": arguments.platforms,
    }


def _readme(given: str | None, namespace: Mapping[str, Any]) -> str | None:
    if given is None or isinstance(namespace.get(given), str):
        return None if given is None else str(namespace[given])
    try:
        return Path(given).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--readme {given}: no variable that holds text, and no file of text ({error})") from error


def _variables(arguments: Namespace, namespace: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "inputs": items(namespace, arguments.inputs, "--inputs", carton.TensorSpec),
        "outputs": items(namespace, arguments.outputs, "--outputs", carton.TensorSpec),
        "self_tests": items(namespace, arguments.self_tests, "--self-tests", carton.SelfTest),
        "examples": items(namespace, arguments.examples, "--examples", carton.Example),
        "misc_files": merged(namespace, arguments.misc, "--misc"),
        "linked_files": merged(namespace, arguments.linked_files, "--linked-files"),
    }
