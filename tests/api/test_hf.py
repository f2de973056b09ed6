"""Links to files on the Hugging Face Hub: its own package, against a server that answers as the Hub does."""

from __future__ import annotations

import importlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fix_links import sha256_of
from fix_models import DOUBLE
from fix_zips import files_of

import carton_runtime as carton
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from carton_runtime.settings import Settings
from carton_runtime.testing.range_server import Faults, RangeServer

WEIGHTS, MORE = random.Random(1).randbytes(200_000), random.Random(2).randbytes(1000)
REPOSITORY, COMMIT = "somebody/a-model", "0123456789abcdef0123456789abcdef01234567"

ASK = """
import json
from carton_runtime import hf
print(json.dumps(hf.get_linked_files("somebody/a-model", "v1")))
"""


class Hub:
    """A Hub with one repository, which keeps its files elsewhere."""

    def __init__(self, web: RangeServer, files: RangeServer) -> None:
        self.web = web
        self.url = web.url
        self._files = files
        self.links = {path: f"{web.url}/{REPOSITORY}/resolve/{COMMIT}/{path}" for path in self.contents}

    @property
    def contents(self) -> dict[str, bytes]:
        return {"weights.bin": WEIGHTS, "onnx/copy of weights.bin": WEIGHTS, "tokens.json": MORE, "README.md": b"read"}

    def publish(self, revision: str, faults: Faults | None = None) -> None:
        siblings = [self._sibling(path, data) for path, data in self.contents.items()]
        answer = {"id": REPOSITORY, "sha": COMMIT, "siblings": siblings}
        self.web.serve(f"api/models/{REPOSITORY}/revision/{revision}", json.dumps(answer).encode(), faults)
        for path, data in self.contents.items():
            elsewhere = self._files.serve(sha256_of(data), data)
            self.web.redirect(f"{REPOSITORY}/resolve/{COMMIT}/{path}", elsewhere)

    def _sibling(self, path: str, data: bytes) -> dict[str, object]:
        lfs = {"sha256": sha256_of(data), "size": len(data), "pointerSize": 130}
        return {
            "rfilename": path,
            "size": len(data),
            "blobId": "0" * 40,
            **({} if path == "README.md" else {"lfs": lfs}),
        }


@pytest.fixture
def hub(web: RangeServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The Hub that this process asks."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "ENDPOINT", web.url)
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{web.url}/{template.split('/', 3)[3]}")
    with RangeServer(host="localhost") as files:
        yield Hub(web, files)
    importlib.import_module("huggingface_hub").close_session()  # which it keeps for the next question


def quoted(url: str) -> str:
    return url.replace(" ", "%20")


def expected(hub: Hub) -> dict[str, list[str]]:
    return {
        sha256_of(WEIGHTS): [quoted(hub.links[path]) for path in ("weights.bin", "onnx/copy of weights.bin")],
        sha256_of(MORE): [hub.links["tokens.json"]],
    }


def test_what_the_hub_keeps_in_lfs_is_linked_at_its_commit(hub: Hub) -> None:
    hub.publish("main")
    assert carton.hf.get_linked_files(REPOSITORY) == expected(hub)


def test_the_hub_is_where_its_package_is_told(hub: Hub) -> None:
    hub.publish("v1")
    variables = {**os.environ, "HF_ENDPOINT": hub.url, "NO_PROXY": "*"}
    done = subprocess.run([sys.executable, "-c", ASK], env=variables, stdout=subprocess.PIPE, check=True)
    assert json.loads(done.stdout) == expected(hub)


async def test_a_model_is_packed_without_what_the_hub_has_and_loaded_with_it(
    hub: Hub, packed: Callable[..., Path], cache_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub.publish("main")
    links = carton.hf.get_linked_files(REPOSITORY)
    path = packed({"main.py": DOUBLE, "weights.bin": WEIGHTS}, linked_files=links)
    assert "model/weights.bin" not in files_of(path)
    assert sha256_of(MORE)[:12] in caplog.text  # the model has no such file
    files = await open_carton(path, Settings.load())
    place = await place_model(files, cache_dir)
    assert (place.path / "weights.bin").read_bytes() == WEIGHTS
    place.release()
    await files.aclose()


def test_a_token_goes_into_no_link(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.publish("main")
    assert "hf_secret" not in json.dumps(carton.hf.get_linked_files(REPOSITORY))
    (request,) = hub.web.requests(f"api/models/{REPOSITORY}/revision/main")
    assert request.headers["authorization"] == "Bearer hf_secret"


@pytest.mark.parametrize(
    ("repository", "revision", "words"),
    [
        (REPOSITORY, "gone", "404"),
        ("no/such/thing", "main", "Repo id must be"),
        ("", "main", "cannot be read from the Hugging Face Hub"),
    ],
)
def test_what_the_hub_does_not_have_is_said_so(hub: Hub, repository: str, revision: str, words: str) -> None:
    hub.publish("main")
    with pytest.raises(carton.StorageError, match=words):
        carton.hf.get_linked_files(repository, revision)


def test_a_hub_that_cannot_be_reached_is_said_to_be_so(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(carton.StorageError, match=r"somebody/a-model \(main\) cannot be read .*refused"):
        carton.hf.get_linked_files(REPOSITORY)


def test_offline_the_hub_is_not_asked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.publish("main")
    monkeypatch.setenv("CARTON_OFFLINE", "1")
    with pytest.raises(carton.StorageError, match="CARTON_OFFLINE"):
        carton.hf.get_linked_files(REPOSITORY)
    assert hub.web.requests(f"api/models/{REPOSITORY}/revision/main") == []


def test_without_its_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(carton.StorageError, match=r"pip install 'carton-jupyter\[hf\]'"):
        carton.hf.get_linked_files(REPOSITORY)
