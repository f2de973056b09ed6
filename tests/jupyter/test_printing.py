"""What a model prints, in a real kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fix_models import Packed

TALKING = """
import sys

class Talking:
    def infer_with_tensors(self, tensors):
        print("to stdout")
        print("to stderr", file=sys.stderr)
        return {"y": tensors["x"]}

def get_model():
    print("loading")
    return Talking()
"""


@pytest.fixture
def path(packed: Packed) -> Path:
    """A model that prints as it loads and as it runs."""
    return packed(TALKING)


@pytest.fixture
def talking(kernel: Any, path: Path) -> Iterator[Any]:
    """A kernel in which that model is the variable ``m``."""
    assert kernel.run(f"m = %carton_load {path}")[0]["status"] == "ok"
    yield kernel
    kernel.run("await m.aclose()")


def streams(shown: list[dict[str, Any]]) -> dict[str, str]:
    """What a cell printed, by stream."""
    printed = {"stdout": "", "stderr": ""}
    for message in shown:
        if message["type"] == "stream":
            printed[message["name"]] += message["text"]
    return printed


@pytest.mark.parametrize("call", ["(await m.infer(x=1))['y']", "carton.sync.Carton(m).infer(x=1)['y']"])
def test_it_appears_once_and_before_the_result_in_the_cell_that_called(talking: Any, call: str) -> None:
    _, shown = talking.run(call)
    assert streams(shown) == {"stdout": "to stdout\n", "stderr": "to stderr\n"}
    assert [message["type"] for message in shown] == ["stream", "stream", "execute_result"]


def test_a_flood_comes_in_few_messages_with_its_last_line_before_the_result(kernel: Any, packed: Packed) -> None:
    """A front end that gets a message for each line stands still, and a server drops what is more than it allows."""
    kernel.run(f"m = %carton_load {packed(FLOODING)}")
    _, shown = kernel.run("(await m.infer(x=100_000))['y']")
    kernel.run("await m.aclose()")
    messages = [message for message in shown if message["type"] == "stream"]
    assert [message["type"] for message in shown] == ["stream"] * len(messages) + ["execute_result"]
    assert len(messages) < 400
    assert streams(shown)["stdout"].endswith("line 99999\n")


FLOODING = """
class Flooding:
    def infer_with_tensors(self, tensors):
        for number in range(int(tensors["x"])):
            print("line", number)
        return {"y": 1}

def get_model():
    return Flooding()
"""


def test_what_it_prints_as_it_loads_appears_where_it_is_loaded(kernel: Any, path: Path) -> None:
    _, shown = kernel.run(f"m = %carton_load {path}\nawait m.aclose()")
    assert streams(shown) == {"stdout": "loading\n", "stderr": ""}


def test_a_cell_that_calls_nothing_shows_nothing_of_the_calls_before(talking: Any) -> None:
    talking.run("await m.infer(x=1)")
    assert talking.run("1 + 1")[1][0]["type"] == "execute_result"


def test_it_appears_once_after_the_extension_is_loaded_again(talking: Any) -> None:
    talking.run("%reload_ext carton_jupyter")
    assert streams(talking.run("await m.infer(x=1);")[1])["stdout"] == "to stdout\n"


def test_it_appears_no_more_once_the_extension_is_unloaded(talking: Any) -> None:
    talking.run("%unload_ext carton_jupyter")
    try:
        assert streams(talking.run("await m.infer(x=1);")[1]) == {"stdout": "", "stderr": ""}
        assert talking.run("str(m.kernel.log[-2])")[1][0]["data"]["text/plain"] == "'to stdout'"
    finally:
        talking.run("%load_ext carton_jupyter")


def test_it_still_appears_in_the_log(talking: Any) -> None:
    talking.run("await m.infer(x=1)")
    assert talking.run("'to stdout' in map(str, m.kernel.log)")[1][0]["data"]["text/plain"] == "True"
