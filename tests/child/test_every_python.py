"""The child's code on every Python from 3.8 to 3.13 that this machine has, each with its own numpy."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from child.conftest import DIRECTORY, Child
from child.tools import assert_same

from carton_runtime import NestedTensor
from carton_runtime._child.carton_wire.messages import Kind
from carton_runtime._child.carton_wire.values import DTYPES
from carton_runtime.environments.interpreters import find_interpreters
from carton_runtime.environments.store import bare_environment
from carton_runtime.settings import Settings

MINORS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
ROOT = Path(__file__).resolve().parents[2]
LARGE = 1 << 17
STREAMS = """
    async def infer(self, t):
        for number in range(3):
            await asyncio.sleep(0)
            yield {"number": np.int64(number), **t}
"""


@pytest.fixture(scope="session")
def environments(runner_data_dir: Path) -> dict[str, Path]:
    """The Python of an environment with numpy, for each minor version."""
    settings = Settings.load()
    found = {interpreter.minor: interpreter for interpreter in reversed(find_interpreters(settings))}
    wanted = [found[minor] for minor in MINORS if minor in found]
    with ThreadPoolExecutor(4) as pool:
        built = pool.map(partial(bare_environment, settings=settings), wanted)
        return {interpreter.minor: environment.python for interpreter, environment in zip(wanted, built, strict=True)}


@pytest.fixture(params=MINORS)
def python(request: pytest.FixtureRequest, environments: dict[str, Path]) -> Path:
    if request.param not in environments:
        pytest.skip(f"this machine has no Python {request.param}; it has {', '.join(environments)}")
    return environments[request.param]


def test_the_code_is_understood(python: Path, start: Callable[..., Child]) -> None:
    sources = [*DIRECTORY.rglob("*.py"), *(ROOT / "runners").rglob("*.py")]
    assert len(sources) > 15
    check = "import sys\nfor path in sys.argv[1:]: compile(open(path, encoding='utf-8').read(), path, 'exec')"
    command = [str(python), "-I", "-W", "error", "-c", check, *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("memory", [False, True], ids=["in frames", "shared"])
def test_every_kind_of_tensor_goes_in_and_out(python: Path, start: Callable[..., Child], memory: bool) -> None:
    child = start(python, memory=memory)
    child.loaded(ROOT / "runners" / "noop" / "main.py")
    numbers = {name: np.arange(6).reshape(2, 3).astype(name) for name in DTYPES if name != "string"}
    tensors = {
        **numbers,
        "string": np.array([["a", ""], ["😀", "longer"]]),
        "no strings": np.zeros((0, 2), "<U3"),
        "scalar": np.array(2.5),
        "string scalar": np.array("text"),
        "empty": np.zeros((2, 0), np.int8),
        "nested": NestedTensor([[1], [2, 3]]),
        "nested strings": NestedTensor([["a"], ["bc", "😀"]]),
        "large": np.arange(LARGE, dtype=np.float32),
        "large strings": np.array([str(number) for number in range(LARGE // 16)]),
    }
    for _ in range(3):
        reply = child.call(**tensors)
        assert list(reply.tensors) == list(tensors)
        for name, tensor in tensors.items():
            assert_same(reply.tensors[name], tensor)


def test_models_stream_fail_and_end_well(python: Path, start: Callable[..., Child], model: Callable) -> None:
    child = start(python)
    hello = child.loaded(model(STREAMS))
    assert hello.fields["warnings"] == []
    call = child.start_call(credit=2, x=np.ones(2))
    assert [int(child.expect(Kind.ITEM).tensors["number"]) for _ in range(2)] == [0, 1]
    child.send(Kind.MORE, call, credit=5)
    assert [child.receive().kind for _ in range(2)] == [Kind.ITEM, Kind.DONE]
    child.send(Kind.CLOSE)
    assert child.exit_code() == 0
    assert child.text == ""


def test_the_python_runner_reports_the_models_traceback(
    python: Path, start: Callable[..., Child], tmp_path: Path
) -> None:
    model = tmp_path / "_carton_model_module"  # what the runner imports the model as
    model.mkdir()
    (model / "main.py").write_text("def get_model(size: int):\n    raise ValueError('mine')\n", encoding="utf-8")
    child = start(python)
    child.greeted()
    options = {"entrypoint_package": "main", "entrypoint_fn": "get_model", "model.size": 3}
    fields = {"runner": str(ROOT / "runners/python/main.py"), "model": str(model), "options": options}
    child.send(Kind.LOAD, **fields, batch={}, memory_limit=None)
    failed = child.expect(Kind.FAILED).fields
    assert (failed["type"], failed["message"]) == ("ValueError", "mine")
    assert f'File "{model / "main.py"}", line 2, in get_model' in failed["traceback"]
