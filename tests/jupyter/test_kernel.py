"""In a real kernel: what a front end sends, and what it gets."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fix_models import SLOW, WAITING, Packed


@pytest.fixture
def patient(kernel: Any) -> Iterator[None]:
    """Takes all steps for quick ones, however busy this machine is."""
    defaults = "__import__('carton_jupyter.progress').progress.ProgressBar.__init__.__kwdefaults__"
    kernel.run(f"usual = dict({defaults})\n{defaults}.update(delay=600)")
    yield
    kernel.run(f"{defaults}.update(usual)")


@pytest.mark.parametrize(
    "load", ["m = await carton.load({path!r})", "m = %carton_load {path}", "m = carton.sync.load({path!r})"]
)
def test_a_load_is_interrupted_and_leaves_nothing(kernel: Any, packed: Packed, pipe: Path, load: str) -> None:
    path = packed(SLOW.format(pipe=str(pipe)))
    kernel.start(load.format(path=str(path)))
    with pipe.open() as model:
        assert int(model.readline()) > 0
        kernel.manager.interrupt_kernel()
        reply = kernel.reply()
        assert model.read() == ""  # no sooner than the model's process has ended
    # ipykernel 7 interrupts a cell that awaits by cancelling it, and older ones as any other cell.
    kinds = ("CancelledError", "KeyboardInterrupt") if "await" in load else ("KeyboardInterrupt",)
    assert (reply["status"], reply["ename"] in kinds) == ("error", True)
    assert kernel.run("assert 'm' not in globals(); 1 + 1")[1][-1]["data"]["text/plain"] == "2"


def test_an_error_of_a_magic_is_the_error_of_its_cell(kernel: Any) -> None:
    reply, shown = kernel.run("%carton_info nothing.carton")
    assert (reply["status"], reply["ename"]) == ("error", "StorageError")
    (error,) = [message for message in shown if message["type"] == "error"]
    assert len("\n".join(error["traceback"]).splitlines()) < 12


def test_wrong_use_is_an_error_of_its_cell_too(kernel: Any) -> None:
    reply, shown = kernel.run("%carton_load x.carton --devcie cpu")
    assert (reply["status"], reply["ename"]) == ("error", "UsageError")
    assert "did you mean --device?" in "".join(message.get("text", "") for message in shown)


@pytest.mark.usefixtures("patient")
def test_a_model_is_packed_loaded_and_run_in_cells(kernel: Any, tmp_path: Path) -> None:
    cell = """\
    %%carton_pack -o {path} --to packed
    class Model:
        def infer_with_tensors(self, tensors):
            return {{"y": tensors["x"] + 1}}
    def get_model():
        return Model()
    """
    reply, shown = kernel.run(textwrap.dedent(cell).format(path=tmp_path / "x.carton"))
    assert reply["status"] == "ok"
    assert shown[-1]["data"]["text/plain"] == f"PosixPath('{tmp_path}/x.carton')"
    _, shown = kernel.run("m = %carton_load $packed\nprint((await m.infer(x=[1, 2]))['y'])\nm")
    assert shown[0]["text"] == "[2 3]\n"
    assert shown[1]["data"]["text/plain"] == "unnamed model (idle)"
    assert "carton-card" in shown[1]["data"]["text/html"]
    assert kernel.run("await m.aclose()")[0]["status"] == "ok"


def test_a_last_semicolon_silences_the_card(kernel: Any, double_carton: Path) -> None:
    reply, shown = kernel.run(f"%carton_info {double_carton};")
    assert (reply["status"], shown) == ("ok", [])


@pytest.mark.usefixtures("patient")
def test_quick_steps_show_no_bar(kernel: Any, double_carton: Path) -> None:
    _, shown = kernel.run(f"m = %carton_load {double_carton}\nawait m.aclose()")
    assert shown == []


def test_a_front_end_gets_completions(kernel: Any) -> None:
    code = "m = %carton_load x.carton --dev"
    reply = kernel.client.complete(code, len(code), reply=True, timeout=30)["content"]
    assert reply["matches"] == ["--device"]
    assert code[: reply["cursor_start"]] == "m = %carton_load x.carton "


@pytest.mark.parametrize("options", ["", "--stream"])
def test_a_call_of_the_magic_is_interrupted_and_the_model_stays(
    kernel: Any, packed: Packed, pipe: Path, options: str
) -> None:
    kernel.run(f"m = %carton_load {packed(WAITING)}\nbefore = m.kernel.pid")
    kernel.start(f"out = %carton_run m x=1 pipe={str(pipe)!r} {options}")
    with pipe.open() as model:
        assert model.readline() == "running\n"
        kernel.manager.interrupt_kernel()
        reply = kernel.reply()
        assert model.read() == ""  # no sooner than the model was stopped
    assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
    assert reply["evalue"] == "the call was stopped; the model stays loaded"
    assert len("\n".join(reply["traceback"]).splitlines()) < 8
    _, shown = kernel.run("out = %carton_run m x=3\nprint(out['out'], m.kernel.pid == before)\n%carton_unload m")
    assert shown[0]["text"] == "6 True\n"


def test_the_self_tests_are_shown_as_a_table(kernel: Any, double_carton: Path) -> None:
    _, shown = kernel.run(f"%carton_test {double_carton}")
    assert shown[-1]["data"]["text/plain"] == "0 of 0 self tests pass"
    assert "carton-card" in shown[-1]["data"]["text/html"]
