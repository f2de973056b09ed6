"""The published doubles do what they say, and nothing when nobody asks them to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import carton_runtime.sync as carton
from carton_runtime import CartonError, KernelDiedError, RestartPolicy
from carton_runtime.testing.doubles import (
    FAULTY_MODEL,
    Fault,
    Phase,
    faulty_inputs,
    faulty_interpreter,
    faulty_options,
)

EXITS = 3  # the exit code of `Fault.EXIT`


@pytest.fixture(scope="module")
def model() -> Iterator[carton.Carton]:
    often = RestartPolicy(budget=100, delay=0)
    with carton.load_unpacked(FAULTY_MODEL, **faulty_options(), restart_policy=often) as model:
        yield model


def test_without_a_fault_the_model_works(model: carton.Carton) -> None:
    pid = model.kernel.pid
    assert int(model.infer(x=7)["out"]) == 7
    assert [int(item["out"]) for item in model.streaming_infer(items=3)] == [0, 1, 2]
    assert int(model.infer_with_handle(model.seal(x=8))["out"]) == 8
    assert model.kernel.pid == pid


@pytest.mark.parametrize("phase", [Phase.INFER, Phase.SEAL, Phase.STREAM])
def test_a_fault_strikes_in_the_phase_that_was_chosen(model: carton.Carton, phase: Phase) -> None:
    inputs = faulty_inputs(phase, Fault.EXIT)
    with pytest.raises(KernelDiedError) as caught:
        model.seal(inputs) if phase is Phase.SEAL else list(model.streaming_infer(inputs))
    assert caught.value.exit_code == EXITS


@pytest.mark.parametrize(("phase", "other"), [(Phase.INFER, Phase.SEAL), (Phase.SEAL, Phase.INFER)])
def test_a_fault_does_not_strike_in_another_phase(model: carton.Carton, phase: Phase, other: Phase) -> None:
    inputs = faulty_inputs(phase, Fault.EXIT)
    if other is Phase.INFER:
        assert int(model.infer(inputs)["out"]) == 1
    else:
        model.seal(inputs).release()


def test_a_fault_strikes_while_loading_if_its_file_is_there(tmp_path: Path) -> None:
    options = faulty_options(Phase.LOADING, Fault.EXIT, only_if=tmp_path / "go")
    with carton.load_unpacked(FAULTY_MODEL, **options) as model:
        assert int(model.infer(x=1)["out"]) == 1
    (tmp_path / "go").touch()
    with pytest.raises(KernelDiedError) as caught:
        carton.load_unpacked(FAULTY_MODEL, **options)
    assert caught.value.exit_code == EXITS


@pytest.mark.parametrize("fault", [Fault.LYING_FRAME, Fault.GARBAGE, Fault.HANG_UP])
def test_a_fault_of_the_wire_is_an_error(model: carton.Carton, fault: Fault) -> None:
    with pytest.raises(CartonError):
        model.infer(faulty_inputs(Phase.INFER, fault))
    assert int(model.infer(x=1)["out"]) == 1


def test_every_fault_has_a_way_to_happen() -> None:
    code = "import faults; print(*sorted(faults._FAULTS))"
    done = subprocess.run([sys.executable, "-c", code], cwd=FAULTY_MODEL, stdout=subprocess.PIPE, check=True, text=True)
    assert done.stdout.split() == sorted(Fault)


def test_only_what_does_not_end_is_said_never_to() -> None:
    assert {fault for fault in Fault if fault.never_ends} == {Fault.LOOP, Fault.GIL_LOOP, Fault.STUBBORN}


def started(interpreter: Path | str, pipe: tuple[int, int]) -> subprocess.CompletedProcess[str]:
    """How an interpreter ends that is started as a kernel is: with a module, and the numbers of its pipes."""
    command = [str(interpreter), "-I", str(FAULTY_MODEL / "faults.py"), *map(str, pipe)]
    return subprocess.run(command, capture_output=True, text=True, check=False, pass_fds=pipe)


def test_an_interpreter_fails_when_it_starts(tmp_path: Path) -> None:
    pipe = os.pipe()
    try:
        assert started(sys.executable, pipe).returncode == 0, "the interpreter itself works"
        assert started(faulty_interpreter(tmp_path, Fault.EXIT), pipe).returncode == EXITS
        assert started(faulty_interpreter(tmp_path, Fault.GARBAGE), pipe).returncode == 0
        assert len(os.read(pipe[0], 4096)) == 1024, "what it sent before it became the interpreter"
    finally:
        for end in pipe:
            os.close(end)
