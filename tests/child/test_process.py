"""The process of a runner kernel: its greeting, its loading and its end."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from child.conftest import PATIENCE, Child

from carton_runtime._child.carton_wire.messages import WIRE_VERSION, Kind

Make = Callable[[str], Path]
ECHO = "def infer(self, tensors):\n    return tensors"
FIVE = np.arange(5, dtype=np.float32)


def test_it_greets_with_who_it_is(child: Child) -> None:
    fields = child.greeted().fields
    expected = {"wire": WIRE_VERSION, "python": platform.python_version(), "numpy": np.__version__}
    (kernel,) = psutil.Process(child.popen.pid).children()
    assert fields == {**expected, "pid": kernel.pid}


def test_it_loads_answers_and_ends_well(child: Child, model: Make) -> None:
    child.loaded(model(ECHO))
    assert child.call(x=FIVE).tensors["x"].tolist() == FIVE.tolist()
    child.send(Kind.CLOSE)
    assert child.exit_code() == 0
    assert child.text == ""


def test_it_ends_well_when_the_calls_end(child: Child, model: Make) -> None:
    child.loaded(model(ECHO))
    child.calls.close()
    assert child.exit_code() == 0


def test_the_runner_is_told_the_model_and_the_options(child: Child, runner: Make) -> None:
    path = runner("""
        def load(request):
            request.warn("careful")
            request.warn(f"{request.model_dir} {sorted(request.options.items())}")
            return object()
    """)
    ready = child.loaded(path, **{"a": 1, "model.b": "ü", "c": True})
    assert ready.fields["warnings"] == ["careful", f"{path.parent} [('a', 1), ('c', True), ('model.b', 'ü')]"]


def test_the_runner_may_await_on_the_loop_of_the_model(child: Child, runner: Make) -> None:
    child.loaded(
        runner("""
        import asyncio
        import numpy as np
        async def where():
            return asyncio.get_running_loop()
        class Model:
            def __init__(self, loop):
                self.loop = loop
            async def infer(self, tensors):
                return {"same": np.int64(asyncio.get_running_loop() is self.loop)}
        def load(request):
            return Model(request.wait(where()))
    """)
    )
    assert child.call().tensors["same"] == 1


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("raise RuntimeError('at import')", "RuntimeError", "at import"),
        ("def load(request): raise LookupError('in load')", "LookupError", "in load"),
        ("def load(request): return 1 / 0", "ZeroDivisionError", "division by zero"),
        ("import no_such_module_anywhere", "ModuleNotFoundError", "No module named 'no_such_module_anywhere'"),
        ("def load(request) return", "SyntaxError", "expected ':'"),
        ("", "AttributeError", "has no attribute 'load'"),
        ("def load(request): raise SystemExit(3)", "SystemExit", "3"),
    ],
)  # fmt: skip
def test_a_runner_that_cannot_load_fails_with_what_it_raised(
    child: Child, runner: Make, source: str, kind: str, message: str
) -> None:
    child.greeted()
    failed = child.try_to_load(runner(source))
    assert failed.kind is Kind.FAILED
    assert failed.fields["type"] == kind
    assert message in failed.fields["message"]
    assert f"{kind}: " in failed.fields["traceback"]


def test_a_runner_that_is_not_there_fails(child: Child, tmp_path: Path) -> None:
    child.greeted()
    assert child.try_to_load(tmp_path / "none.py").fields["type"] == "FileNotFoundError"


def test_an_unfit_model_fails_with_its_message_alone(child: Child, runner: Make) -> None:
    child.greeted()
    path = runner("""
        from carton_runner.api import UnfitModelError
        def load(request):
            raise UnfitModelError("it has no entrypoint")
    """)
    assert child.try_to_load(path).fields == {"type": "", "message": "it has no entrypoint", "traceback": ""}


def test_the_traceback_begins_with_the_models_own_code(
    child: Child, runner: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    code = tmp_path_factory.mktemp("elsewhere") / "the_model.py"
    code.write_text("def infer(tensors):\n    raise ValueError('mine')\n", encoding="utf-8")
    child.loaded(
        runner(f"""
        import sys
        sys.path.insert(0, {str(code.parent)!r})
        import the_model
        class Model:
            def infer(self, tensors):
                return the_model.infer(tensors)
        def load(request):
            return Model()
    """)
    )
    traceback = child.call().fields["traceback"]
    assert traceback.splitlines()[1].strip().startswith(f'File "{code}"')
    assert "carton_runner" not in traceback


def test_after_a_failed_load_it_can_be_closed(child: Child, runner: Make) -> None:
    child.greeted()
    child.try_to_load(runner("raise RuntimeError"))
    child.send(Kind.CLOSE)
    assert child.exit_code() == 0


def test_after_a_failed_load_another_runner_can_be_loaded(child: Child, runner: Make, model: Make) -> None:
    child.greeted()
    child.try_to_load(runner("raise RuntimeError"))
    assert child.try_to_load(model(ECHO)).kind is Kind.READY


@pytest.mark.parametrize(
    "code",
    ["raise SystemExit(3)", "raise KeyboardInterrupt", "raise Odd", "sys.exit('no')"],
)
def test_a_model_that_raises_anything_fails_its_call_and_goes_on(child: Child, model: Make, code: str) -> None:
    path = model(f"""
        def infer(self, tensors):
            class Odd(Exception):
                def __str__(self):
                    raise RuntimeError
            if "good" in tensors:
                return tensors
            {code}
    """)
    child.loaded(path)
    assert child.call().kind is Kind.FAILED
    assert child.call(good=FIVE).kind is Kind.RESULT


def test_garbage_ends_it(child: Child) -> None:
    child.greeted()
    child.calls.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + bytes(40))
    assert child.exit_code() != 0
    assert "WireError: expected a frame, received b'GET / HTTP/1.1" in child.text


def test_a_message_out_of_turn_ends_it(child: Child) -> None:
    child.greeted()
    child.connection._session.passes = lambda kind: None  # type: ignore[method-assign]
    child.start_call(x=FIVE)
    assert child.exit_code() != 0
    assert "CALL may not come while the session is greeted" in child.text


# Our end closes

STARTS_A_PROCESS = """
    def infer(self, tensors):
        command = [sys.executable, "-c", "import time; time.sleep(1000)"]
        return {"pid": np.int64(subprocess.Popen(command).pid)}
"""
ENDLESS = """
    def infer(self, tensors):
        print("begun", flush=True)
        while True:
            pass
"""


def test_when_the_host_is_gone_it_goes_with_all_that_it_started(child: Child, model: Make) -> None:
    child.loaded(model(STARTS_A_PROCESS))
    grandchild = psutil.Process(int(child.call().tensors["pid"]))
    assert grandchild.is_running()
    child.control.close()
    assert child.exit_code() == -9
    assert psutil.wait_procs([grandchild], PATIENCE)[1] == []


def test_while_the_host_lives_what_it_started_lives(child: Child, model: Make) -> None:
    child.loaded(model(STARTS_A_PROCESS))
    grandchild = psutil.Process(int(child.call().tensors["pid"]))
    assert child.call().kind is Kind.RESULT
    assert grandchild.is_running()


def test_when_the_host_is_gone_an_endless_model_goes(child: Child, model: Make) -> None:
    child.loaded(model(ENDLESS))
    child.start_call()
    child.until_it_prints(b"begun")
    child.control.close()
    assert child.exit_code() == -9


@pytest.mark.parametrize(
    ("ends", "code"),
    [("sys.exit(3)", 3), ("return {'code': -1}", 0), ("raise ValueError", 1)],
    ids=["exits", "returns", "raises"],
)
def test_a_process_that_the_model_forks_does_not_answer_for_it(child: Child, model: Make, ends: str, code: int) -> None:
    child.loaded(
        model(f"""
        def infer(self, tensors):
            pid = os.fork()
            if not pid:
                {ends}
            return {{"code": os.waitpid(pid, 0)[1] >> 8}}
    """)
    )
    for _ in range(3):
        assert child.call().tensors["code"] == code


def test_its_sockets_are_not_inherited(child: Child, model: Make) -> None:
    child.loaded(
        model("""
        def infer(self, tensors):
            code = "import os; print(*[os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd')[:-1]])"
            found = subprocess.run([sys.executable, "-c", code], close_fds=False, stdout=subprocess.PIPE, check=True)
            return {"links": found.stdout.decode()}
    """)
    )
    links = str(child.call().tensors["links"])
    assert "pipe:" in links
    assert "socket:" not in links


def test_it_has_no_input(child: Child, model: Make) -> None:
    child.loaded(model('def infer(self, tensors):\n    return {"read": sys.stdin.read()}'))
    assert child.call().tensors["read"] == ""


def test_it_leads_a_session_of_its_own(child: Child) -> None:
    kernel = child.greeted().fields["pid"]
    assert os.getsid(kernel) == kernel
    assert kernel not in (os.getsid(0), os.getsid(child.popen.pid))
