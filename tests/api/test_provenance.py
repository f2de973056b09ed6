"""Where a model came from, why its runner was chosen, and whether it is closed."""

from __future__ import annotations

from pathlib import Path

import pytest
from fix_models import Loader

import carton_runtime as carton
from carton_runtime.testing.range_server import RangeServer


async def test_a_model_and_its_card_know_where_they_were_found(loaded: Loader, double_carton: Path) -> None:
    model = loaded(double_carton)
    assert model.info.location == str(double_carton)
    assert (await carton.get_model_info(double_carton)).location == str(double_carton)


def test_a_model_that_was_never_packed_was_found_nowhere(loaded: Loader, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("class Model:\n    infer_with_tensors = dict\n\nget_model = Model\n")
    assert loaded.unpacked(tmp_path).info.location is None


def test_where_it_was_found_is_no_part_of_what_it_says(double_carton: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with RangeServer() as server:
        url = server.serve("x.carton", double_carton).replace("//", "//user:secret@")
        info = carton.sync.get_model_info(url)
    assert info.location == url
    assert "secret" not in repr(info)


def test_a_kernel_knows_why_its_runner_was_chosen(loaded: Loader, double_carton: Path) -> None:
    assert "runner python of" in loaded(double_carton).kernel.spec.reason


async def test_a_closed_model_says_so_and_a_restarted_one_is_open(loaded: Loader, double_carton: Path) -> None:
    model = loaded(double_carton)
    await model.restart()
    assert not model.is_closed
    await model.aclose()
    assert model.is_closed
    assert carton.sync.Carton(model).is_closed


async def test_the_last_calls_are_counted_in_order(loaded: Loader, double_carton: Path) -> None:
    model = loaded(double_carton)
    for _ in range(3):
        await model.infer(x=[1.0])
    statistics = model.kernel.statistics
    assert len(statistics.last(10)) == 3
    assert statistics.last(2) == statistics.last(10)[1:]
    assert all(0 < seconds < 60 for seconds in statistics.last(10))
