"""The bench itself works: its arithmetic is right, its rows run, and it leaves nothing. No time is judged here."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest

from tests.bench.__main__ import ROWS, main
from tests.bench.baselines import ping_pong
from tests.bench.home import Home
from tests.bench.peers import pipe
from tests.bench.table import HEADINGS, Row, markdown
from tests.bench.timing import Series, each, in_turns, quantile

QUICK = sorted(set(ROWS) - {"notebook", "panel", "peers", "ticker"})


def test_a_quantile_is_one_of_the_values() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [quantile(values, share) for share in (0, 0.2, 0.5, 0.99, 1)] == [1, 1, 3, 5, 5]


def test_one_bad_round_does_not_move_the_median() -> None:
    assert Series([[1.0, 1.0], [9.0, 9.0], [1.0, 1.0]]).p50 == 1


def test_things_are_measured_in_turns_and_first_warmed_up() -> None:
    seen: list[str] = []
    batches = {name: each(lambda name=name: seen.append(name)) for name in "ab"}
    series = asyncio.run(in_turns(batches, rounds=2, calls=2))
    assert "".join(seen) == "aabb" * 3
    assert [len(series["a"].rounds), len(series["a"].rounds[0])] == [2, 2]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row("", 2.0, 1.0, bar=2), "ok"),
        (Row("", 2.1, 1.0, bar=2), "MISSED"),
        (Row("", 2.0, 1.0, "/s", bar=2), "ok"),
        (Row("", 1.9, 1.0, "/s", bar=2), "MISSED"),
        (Row("", 1.0, limit=1.0), "ok"),
        (Row("", 1.1, limit=1.0), "MISSED"),
        (Row("", 1.0, 2.0), ""),
        (Row("", None, 2.0, bar=2), ""),
        (Row("", None, limit=1.0), ""),
    ],
)
def test_a_row_is_judged_by_its_bar(row: Row, verdict: str) -> None:
    assert row.verdict == verdict


def test_a_row_survives_json() -> None:
    row = Row("name", 2.0, 1.0, bar=2)
    assert Row.from_dict(row.as_dict()) == row


def test_the_table_has_a_cell_for_each_heading() -> None:
    rows = [Row("a", 0.00012, 0.00001, bar=2), Row("b", None), Row("c", 12345.6, 1.0, "/s", bar=2)]
    table = markdown(rows).splitlines()
    assert {line.count("|") for line in table} == {len(HEADINGS) + 1}
    assert "| a | 120 µs | 10 µs | 12.00 | ≤ 2 | MISSED |" in table[2]


def test_a_home_gives_the_variables_back(nothing_left: object) -> None:
    before = dict(os.environ)
    with Home() as home:
        assert os.environ["CARTON_CACHE_DIR"].startswith(str(home.folder))
    assert dict(os.environ) == before


def test_the_ping_pong_exchanges_and_ends(nothing_left: object) -> None:
    tensors = {"x": np.zeros(5, np.float32)}
    with ping_pong(tensors, tensors) as exchange:
        for _ in range(10):
            exchange()


def test_a_peer_gives_back_what_it_gets(nothing_left: object) -> None:
    with pipe(np.arange(5)) as call:
        assert np.array_equal(call(), np.arange(5))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    with Home(tmp_path_factory.mktemp("bench"), scale=0.001) as home:
        _ = home.carton
    return home


@pytest.mark.parametrize("name", QUICK)
def test_every_row_can_be_measured(home: Home, name: str) -> None:
    with home:
        rows = ROWS[name](home)
    assert rows
    assert all(row.measured is not None and row.measured > 0 for row in rows)


def test_an_unknown_row_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "none"])
    with pytest.raises(SystemExit):
        main()
    assert "no row is called 'none'" in capsys.readouterr().err


def test_the_model_is_beside_the_bench() -> None:
    assert (Path(__file__).parent / "model" / "bench.py").is_file()
