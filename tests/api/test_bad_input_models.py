"""Entrypoints that are missing, raise, or return the wrong thing: the model's own words reach the caller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fix_models import Loader, options_for

import carton_runtime as carton
from carton_runtime import FormatError, KernelDiedError, ModelError


async def refused(folder: Path, error: type[carton.CartonError], words: str, **options: object) -> carton.CartonError:
    """The error that loading raises; the leak detector looks for its process."""
    with pytest.raises(error, match=words) as caught:
        await carton.load_unpacked(folder, **options_for(options))
    return caught.value


@pytest.mark.parametrize(
    ("opts", "words"),
    [
        (
            {"entrypoint_package": "other"},
            r"no module 'other' \(runner option entrypoint_package\); it has folder, main$",
        ),
        ({"entrypoint_package": "folder.gone"}, "no module 'folder.gone'"),
        ({"entrypoint_package": "main.py"}, "no module 'main.py'"),
        ({"entrypoint_package": "../main"}, "no module '../main'"),
        ({"entrypoint_fn": "other"}, r"no function 'other' \(runner option entrypoint_fn\); it has first, second$"),
        ({"entrypoint_fn": "NUMBER"}, "no function 'NUMBER'"),
    ],
)
async def test_an_entrypoint_that_is_missing(
    code_dir: Callable[..., Path], opts: dict[str, object], words: str
) -> None:
    main = "NUMBER = 5\ndef first():\n    pass\ndef second():\n    pass\n"
    folder = code_dir({"main.py": main, "folder/inner.py": "", "__pycache__/x.pyc": b"", "data.txt": ""})
    error = await refused(folder, ModelError, words, opts=opts)
    assert error.remote_traceback == ""


@pytest.mark.parametrize("name", ["entrypoint_package", "entrypoint_fn"])
@pytest.mark.parametrize(
    ("wrong", "words"), [([], "lacks it"), ([""], "has ''"), ([5], "has 5")], ids=["missing", "empty", "number"]
)
async def test_an_option_that_names_no_entrypoint_is_refused_before_anything_is_made(
    code_dir: Callable[..., Path], name: str, wrong: list[object], words: str
) -> None:
    opts = {"entrypoint_package": "main", "entrypoint_fn": "get_model"}
    del opts[name]
    options = options_for({"runner_opts": opts | dict(zip([name], wrong, strict=False))})
    words = f"the python runner needs the option '{name}', such as .*, and runner_opts {words}"
    for make in (carton.load_unpacked, carton.pack):
        with pytest.raises(FormatError, match=words) as caught:
            await make(code_dir(), **options)
        assert caught.value.where == f"runner_opts['{name}']"


@pytest.mark.parametrize("given", ["", 5])
async def test_an_override_that_names_no_entrypoint_is_refused_by_the_runner(
    double_carton: Path, given: object
) -> None:
    words = f"needs the option 'entrypoint_package', a string; the carton has {given!r}"
    with pytest.raises(ModelError, match=words):
        await carton.load(double_carton, override_runner_opts={"entrypoint_package": given})


@pytest.mark.parametrize(
    ("source", "kind", "words", "line"),
    [
        ("raise ValueError('at import')", "ValueError", "at import", "raise ValueError('at import')"),
        ("import nosuchmodule", "ModuleNotFoundError", "No module named 'nosuchmodule'", "import nosuchmodule"),
        ("def get_model():\n    1 / 0", "ZeroDivisionError", "division by zero", "in get_model"),
        ("async def get_model():\n    1 / 0", "ZeroDivisionError", "division by zero", "in get_model"),
        ("def broken(:", "SyntaxError", "invalid syntax", "def broken(:"),
        ("import helper", "SyntaxError", "invalid syntax", "helper.py"),
        ("import sys\nsys.exit('enough')", "SystemExit", "enough", "sys.exit('enough')"),
    ],
)
async def test_an_entrypoint_that_raises_tells_it_with_the_models_traceback(
    code_dir: Callable[..., Path], source: str, kind: str, words: str, line: str
) -> None:
    folder = code_dir({"main.py": source, "helper.py": "def broken(:"})
    error = await refused(folder, ModelError, f"the model raised {kind}: .*{words}")
    assert error.remote_type == kind
    assert line in error.remote_traceback
    assert "carton_runner" not in error.remote_traceback


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "def get_model():\n    pass",
            r"get_model\(\) returned None, which has neither infer_with_tensors nor both of seal",
        ),
        ("def get_model():\n    return 5", r"get_model\(\) returned an object of type int, which has neither"),
        ("class M:\n    seal = print\ndef get_model():\n    return M()", "an object of type M, which has neither"),
        (
            "class M:\n    infer_with_tensors = 5\ndef get_model():\n    return M()",
            "an object of type M, which has neither",
        ),
        ("def get_model(a):\n    pass", r"get_model\(a\) cannot be called with the options none: missing a required"),
    ],
)
async def test_an_entrypoint_that_returns_no_model(code_dir: Callable[..., Path], source: str, words: str) -> None:
    await refused(code_dir(source), ModelError, words)


async def test_a_process_that_ends_while_it_loads_leaves_its_last_words(code_dir: Callable[..., Path]) -> None:
    source = "import os\nprint('last words', flush=True)\nos._exit(7)"
    error = await refused(code_dir(source), KernelDiedError, "ended while it was loading: .*exit code 7")
    assert isinstance(error, KernelDiedError)
    assert (error.exit_code, error.log) == (7, ("last words",))
    assert "Its last output:\nlast words" in str(error)


async def test_requirements_that_do_not_resolve(code_dir: Callable[..., Path], cache_dir: Path) -> None:
    folder = code_dir({"main.py": "", "requirements.txt": "no-such-package-of-carton"})
    await refused(folder, carton.EnvironmentBuildError, "no-such-package-of-carton")
    assert not list(cache_dir.rglob("carton.lock"))


@pytest.mark.parametrize("base", ["BaseException", "Exception"])
async def test_what_a_model_raises_is_its_error_whatever_it_derives_from(loaded: Loader, base: str) -> None:
    source = f"""
        class PanicError({base}):
            pass

        def run(tensors):
            raise PanicError("no way")
        """
    model = loaded.function(source)
    pid = model.kernel.pid
    with pytest.raises(carton.ModelError, match="PanicError: no way"):
        await model.infer()
    assert model.kernel.pid == pid


async def test_a_message_that_cannot_be_made_and_one_without_end_leave_the_model_alive(loaded: Loader) -> None:
    source = """
        class MuteError(Exception):
            def __str__(self):
                raise SystemExit

        def run(tensors):
            raise MuteError if tensors["mute"] else ValueError("q" * 3_000_000)
        """
    model = loaded.function(source)
    with pytest.raises(carton.ModelError, match="its __str__ raised SystemExit"):
        await model.infer(mute=1)
    with pytest.raises(carton.ModelError, match="characters left out") as caught:
        await model.infer(mute=0)
    assert len(str(caught.value)) < 200_000
    assert model.kernel.state.value == "idle"
