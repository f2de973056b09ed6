from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_links import sha256_of
from fix_models import Loader
from fix_zips import files_of
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import carton_runtime as carton

Run = Callable[[str], Any]

CELL = """
import numpy as np

class Model:
    def __init__(self, gain):
        self.gain = gain

    def infer_with_tensors(self, tensors):
        return {"y": tensors["x"] * self.gain}

def get_model(gain=2.0):
    return Model(gain)
"""


@pytest.fixture
def closing(shell: InteractiveShell) -> Iterator[None]:
    """Closes the models that a test leaves in the shell's variables."""
    yield
    models = {id(value): value for value in shell.user_ns.values() if isinstance(value, carton.Carton)}
    for model in models.values():
        carton.sync.Carton(model).close()


@pytest.fixture
def path(run: Run, tmp_path: Path) -> Path:
    """A carton that was packed from a cell."""
    run(f"%%carton_pack -o {tmp_path}/x.carton --name Gain\n{CELL}")
    return tmp_path / "x.carton"


def test_files_that_are_elsewhere_are_left_out(
    run: Run, shell: InteractiveShell, tmp_path: Path, code_dir: Callable[..., Path]
) -> None:
    folder = code_dir({"weights": b"weights"})
    shell.user_ns["links"] = {sha256_of(b"weights"): ["https://x.example/weights"]}
    run(f"%carton_pack {folder} -o {tmp_path}/x.carton --runner noop --linked-files links")
    assert "model/weights" not in files_of(tmp_path / "x.carton")
    assert b"https://x.example/weights" in files_of(tmp_path / "x.carton")["LINKS"]


def test_a_cell_is_packed_as_the_entrypoint(run: Run, tmp_path: Path) -> None:
    packed = run(f"%%carton_pack -o {tmp_path}/x.carton --name Gain --license MIT --opt gain=3 deep=no\n{CELL}")
    info = carton.sync.get_model_info(packed)
    assert (packed, info.model_name, info.license) == (tmp_path / "x.carton", "Gain", "MIT")
    assert info.runner.required_framework_version == f"=3.{sys.version_info.minor}"
    assert info.runner.opts == {
        "entrypoint_package": "carton_entrypoint",
        "entrypoint_fn": "get_model",
        "model.gain": 3,
        "model.deep": "no",
    }


@pytest.mark.usefixtures("closing")
def test_a_loaded_model_can_be_assigned(run: Run, path: Path) -> None:
    run(f"m = %carton_load {path}")
    model = run("m")
    assert isinstance(model, carton.Carton)
    assert carton.sync.Carton(model).infer(x=np.array([1.0, 2.0]))["y"].tolist() == [2.0, 4.0]


@pytest.mark.usefixtures("closing")
def test_options_of_a_load_go_over_those_of_the_carton(run: Run, path: Path) -> None:
    model = run(f"%carton_load {path} --opt gain=5 --device cpu --strict --to n")
    assert model is run("n")
    assert model.strict
    assert carton.sync.Carton(model).infer(x=np.array(1.0))["y"] == 5.0


def test_variables_are_expanded_also_after_a_backslash(run: Run, tmp_path: Path, shell: InteractiveShell) -> None:
    shell.user_ns.update(folder=tmp_path, line="a name")
    run(f"%%carton_pack -o {{folder}}/x.carton \\\n  --name '{{line}}' \\\n  --to packed\n{CELL}")
    assert carton.sync.get_model_info(run("packed")).model_name == "a name"


def test_a_semicolon_after_the_line_of_a_cell_magic_silences_the_cell(run: Run, tmp_path: Path) -> None:
    assert run(f"%%carton_pack -o {tmp_path}/x.carton \\\n  --to packed;\n{CELL}") is None
    assert run("packed") == tmp_path / "x.carton"


def test_info_is_given_and_assigned(run: Run, path: Path) -> None:
    info = run(f"%carton_info {path} --to about")
    assert info is run("about")
    assert info.model_name == "Gain"


def test_info_is_given_of_a_loaded_model_too(run: Run, shell: InteractiveShell, loaded: Loader, path: Path) -> None:
    shell.user_ns["m"] = model = loaded(path)
    assert run("%carton_info m") is model.info


def test_specs_tests_examples_and_files_are_named_as_variables(
    run: Run, tmp_path: Path, shell: InteractiveShell
) -> None:
    x = carton.TensorSpec("x", "float64", ["n"])
    y = carton.TensorSpec("y", "float64", ["n"])
    values = {"inputs": {"x": np.ones(2)}, "name": "ones"}
    shell.user_ns.update(
        x=x,
        outputs=[y],
        checks=carton.SelfTest(**values, expected_out={"y": np.full(2, 2.0)}),
        shown=[carton.Example(**values, sample_out={"y": np.full(2, 2.0)})],
        files={"a.png": b"png"},
        readme="# Gain\n",
    )
    options = "--inputs x --outputs outputs --self-tests checks --examples shown --misc files --readme readme"
    info = carton.sync.get_model_info(run(f"%%carton_pack -o {tmp_path}/x.carton {options}\n{CELL}"))
    assert (info.inputs, info.outputs) == ((x,), (y,))
    assert [test.name for test in (*info.self_tests, *info.examples)] == ["ones", "ones"]
    assert (list(info.misc_files), info.model_description) == (["a.png"], "# Gain\n")


def test_a_readme_can_be_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("words")
    packed = run(f"%%carton_pack -o {tmp_path}/x.carton --readme {tmp_path}/README.md\n{CELL}")
    assert carton.sync.get_model_info(packed).model_description == "words"


@pytest.mark.usefixtures("closing")
def test_a_cell_stands_beside_the_files_of_a_folder_that_stays_as_it_is(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "code"
    (folder / "tables").mkdir(parents=True)
    (folder / "tables" / "gain.txt").write_text("7")
    cell = CELL.replace("def get_model(gain=2.0):", "def get_model(gain=float(open('tables/gain.txt').read())):")
    run(f"%%carton_pack {folder} -o {tmp_path}/x.carton --requires 'numpy>=1.24' --to p\n{cell}")
    model = run("%carton_load $p --to m")
    assert carton.sync.Carton(model).infer(x=np.array(1.0))["y"] == 7.0
    assert sorted(path.name for path in folder.rglob("*")) == ["gain.txt", "tables"]


@pytest.mark.usefixtures("closing")
def test_a_folder_is_packed_by_the_line_magic(
    run: Run, tmp_path: Path, code_dir: Callable[..., Path], loaded: Loader
) -> None:
    folder = code_dir({"main.py": CELL, "requirements.txt": "numpy\n"})
    run(f"p = %carton_pack {folder} --entrypoint-package main -o '{tmp_path}/a b.carton'")
    assert carton.sync.Carton(loaded(run("p"))).infer(x=np.array(1.0))["y"] == 2.0


def test_no_temporary_folder_is_left(run: Run, temporary: Path, tmp_path: Path) -> None:
    run(f"%%carton_pack -o {tmp_path}/x.carton\n{CELL}")
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("%carton_pack", "give the model's folder"),
        ("%carton_pack /nowhere/at/all", "/nowhere/at/all is no folder"),
        ("%%carton_pack --inputs specs\nx", "no variable 'specs'; did you mean specz?"),
        ("%%carton_pack --inputs number\nx", "--inputs number: takes TensorSpec or a list of them, not int"),
        ("%%carton_pack --misc number\nx", "--misc number: takes a dict"),
        ("%%carton_pack --linked-files number\nx", "--linked-files number: takes a dict"),
        ("%%carton_pack --readme nothing.md\nx", "no variable that holds text, and no file"),
        ("%%carton_pack --entrypoint-package a.b\nx", "'a.b' is no name for one"),
        ("%%carton_pack --requirements nothing.txt\nx", "nothing.txt cannot be read"),
        ("%%carton_pack --opt fast\nx", "KEY=VALUE"),
        ("%carton_info x.carton --to a.b", "--to takes the name of a variable"),
        ("%carton_info where", "'where' is a variable that holds a path; write {where} for what it holds"),
        ("%carton_load where", "'where' is a variable that holds a path; write {where} for what it holds"),
    ],
)
def test_wrong_use_is_one_line(run: Run, shell: InteractiveShell, cell: str, told: str) -> None:
    shell.user_ns.update(specz=[], number=3, where=Path("x.carton"))
    with pytest.raises(UsageError) as raised:
        run(cell)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_cell_does_not_replace_a_file_of_the_folder(run: Run, code_dir: Callable[..., Path]) -> None:
    folder = code_dir({"carton_entrypoint.py": CELL})
    with pytest.raises(UsageError, match=r"has a carton_entrypoint\.py already"):
        run(f"%%carton_pack {folder}\n{CELL}")


def test_a_syntax_error_in_the_cell_is_seen_at_once(run: Run) -> None:
    with pytest.raises(UsageError, match=r"no Python: invalid syntax in line 2 of the module: def get_model\(:"):
        run("%%carton_pack\nimport os\ndef get_model(:\n")


def test_the_errors_of_the_runtime_come_through(run: Run, tmp_path: Path) -> None:
    with pytest.raises(carton.StorageError, match="does not exist"):
        run(f"m = %carton_load {tmp_path}/nothing.carton")


def test_a_magic_explains_itself(shell: InteractiveShell) -> None:
    documentation = shell.object_inspect("%carton_load")["docstring"]
    assert "--device D" in documentation


@pytest.mark.usefixtures("closing")
def test_a_load_may_limit_the_memory_of_the_model(run: Run, path: Path) -> None:
    model = run(f"%carton_load {path} --memory-limit 1GB --to m")
    with pytest.raises(carton.CartonError, match=r"(?i)memory"):
        carton.sync.Carton(model).infer(x=np.zeros(200_000_000))


def test_a_model_may_be_given_a_time_to_get_ready_in(run: Run, path: Path) -> None:
    model = run(f"%carton_load {path} --ready-timeout 60 --to m")
    assert model.kernel.spec.ready_timeout == 60


def test_a_time_that_is_none_is_refused(run: Run, path: Path) -> None:
    with pytest.raises(UsageError, match=r"--ready-timeout: takes seconds, such as 2\.5, and not 'soon'"):
        run(f"%carton_load {path} --ready-timeout soon")


def test_a_memory_limit_that_is_no_size_is_refused(run: Run, path: Path) -> None:
    with pytest.raises(carton.SettingsError, match="'lots' is no amount of memory"):
        run(f"%carton_load {path} --memory-limit lots")
