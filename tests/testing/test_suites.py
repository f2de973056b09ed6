"""The conformance suite passes for runners that are in order: our own, and one that somebody else would write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from fix_models import HOST_VERSION

from carton_runtime.testing.suites import Behaviour, RunnerSuite

HERE = Path(__file__).parent
OURS = HERE.parents[1] / "runners"

ECHOES = {Behaviour.ECHO, Behaviour.NAMES, Behaviour.NESTED}

PYTHON_MODEL = """
import os, time

class Model:
    def __init__(self, option):
        self.option = option

    def infer_with_tensors(self, tensors):
        given = {name: array[()] for name, array in tensors.items() if name not in ("x", "y")}
        if given.get("fail"):
            raise ValueError("it was asked to")
        if "items" in given:
            return self.stream(given["items"])
        if "option" in given:
            return {"option": self.option}
        if "name" in given:
            return {"value": os.environ[given["name"]]}
        time.sleep(given.get("seconds", 0))
        if "text" in given:
            print(given["text"])
        return tensors

    def stream(self, items):
        for item in range(items):
            yield {"item": item}

def get_model(option=""):
    return Model(option)
"""


class TestPythonRunner(RunnerSuite):
    runner = OURS / "python"
    required_framework_version = HOST_VERSION
    one_model = True
    option = "model.option"

    def write_model(self, behaviour: Behaviour, folder: Path) -> Mapping[str, str]:
        text = PYTHON_MODEL if behaviour is not Behaviour.UNFIT else "this is not Python"
        (folder / "main.py").write_text(text, encoding="utf-8")
        return {"entrypoint_package": "main", "entrypoint_fn": "get_model"}


class TestNoopRunner(RunnerSuite):
    runner = OURS / "noop"
    one_model = True
    lacks = MappingProxyType(dict.fromkeys(set(Behaviour) - ECHOES, "it gives back what it gets, and nothing else"))

    def write_model(self, behaviour: Behaviour, folder: Path) -> Mapping[str, str]:
        return {}


class TestExampleRunner(RunnerSuite):
    runner = HERE / "example_runner"

    def write_model(self, behaviour: Behaviour, folder: Path) -> Mapping[str, str]:
        (folder / "model.json").write_text(json.dumps({"does": behaviour}), encoding="utf-8")
        return {}
