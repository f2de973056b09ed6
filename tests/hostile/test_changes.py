"""Cartons that change while they are being read: nothing of the change is used, and nobody waits for ever."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile.drafts import Draft
from hostile.sandbox import Sandbox
from hostile.zoo_folders import unpack

import carton_runtime as carton
from carton_runtime import CartonError, FormatError, IntegrityError, StorageError

CANARY = "the canary etc/passwd"


def _with_pipe(path: Path, _: Sandbox) -> None:
    path.unlink()
    os.mkfifo(path)


def _with_link(path: Path, sandbox: Sandbox) -> None:
    path.unlink()
    path.symlink_to(sandbox.root / "etc" / "passwd")


def _with_folder(path: Path, _: Sandbox) -> None:
    path.unlink()
    path.mkdir()


def _with_nothing(path: Path, _: Sandbox) -> None:
    path.unlink()


def _with_other_bytes(path: Path, _: Sandbox) -> None:
    path.write_bytes(path.read_bytes()[::-1])


def _with_more(path: Path, _: Sandbox) -> None:
    with path.open("ab") as file:
        file.truncate(1 << 40)


CHANGES: list[tuple[Callable[[Path, Sandbox], None], type[CartonError], str]] = [
    (_with_pipe, StorageError, "it is no file, but a pipe"),
    (_with_link, FormatError, "its target must be a relative path"),
    (_with_folder, StorageError, "cannot be read"),
    (_with_nothing, StorageError, "cannot be read: No such file or directory"),
    (_with_other_bytes, IntegrityError, "the MANIFEST promises"),
    (_with_more, StorageError, "changed while the carton was read; start again"),
]


@pytest.mark.parametrize(("replace", "error", "words"), CHANGES, ids=lambda value: getattr(value, "__name__", None))
async def test_a_file_of_a_folder_is_replaced_after_it_was_listed(
    replace: Callable[[Path, Sandbox], None],
    error: type[CartonError],
    words: str,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CARTON_LIMIT_READ_SIZE", "1 MiB")
    folder = unpack(Draft(), sandbox.cartons / "unpacked")
    info = await carton.get_model_info(folder)
    replace(folder / "misc" / "picture.png", sandbox)
    sandbox.start()
    with pytest.raises(error, match=words) as caught:
        await info.misc_files["picture.png"].read()
    assert CANARY not in str(caught.value)
    sandbox.check_untouched()
    sandbox.check_no_remains()


async def test_a_zip_is_replaced_by_a_pipe_after_it_was_opened(sandbox: Sandbox) -> None:
    path = sandbox.cartons / "honest.carton"
    path.write_bytes(Draft().zipped())
    info = await carton.get_model_info(path)
    _with_pipe(path, sandbox)
    with pytest.raises(StorageError, match=r"changed while it was read|it is no file"):
        await info.misc_files["picture.png"].read()


async def test_a_pipe_is_no_carton_and_nobody_waits_for_its_other_end(sandbox: Sandbox) -> None:
    os.mkfifo(sandbox.cartons / "pipe.carton")
    with pytest.raises(StorageError, match=r"pipe\.carton cannot be read: it is no file"):
        await carton.get_model_info(sandbox.cartons / "pipe.carton")


async def test_a_file_outside_is_never_shown_in_an_error(sandbox: Sandbox) -> None:
    folder = unpack(Draft(), sandbox.cartons / "unpacked")
    for name in ("MANIFEST", "carton.toml", "tensor_data/index.toml"):
        content = (folder / name).read_bytes()
        _with_link(folder / name, sandbox)
        with pytest.raises(CartonError) as caught:
            await carton.get_model_info(folder)
        assert CANARY not in str(caught.value)
        (folder / name).unlink()
        (folder / name).write_bytes(content)
    assert (await carton.get_model_info(folder)).model_name == "honest"
