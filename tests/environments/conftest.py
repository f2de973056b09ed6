"""A package index of our own, made of files: most tests here need no network."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from carton_runtime.environments.interpreters import Interpreter, find_interpreters
from carton_runtime.events import Event, Phase
from carton_runtime.settings import Settings

BACKEND = """
import zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "{name}-{version}-py3-none-any.whl"
    info = "{name}-{version}.dist-info"
    kind = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    with zipfile.ZipFile(directory + "/" + name, "w") as wheel:
        wheel.writestr("{name}.py", "origin = 'source'\\n")
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        wheel.writestr(info + "/WHEEL", kind)
        wheel.writestr(info + "/RECORD", "")
    return name
"""
PROJECT = """
[project]
name = "{name}"
version = "{version}"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


@dataclass(frozen=True)
class Shelf:
    """A folder of wheels and sources, for `find_links`."""

    folder: Path

    def wheel(
        self,
        name: str,
        version: str = "1.0",
        *,
        tag: str = "py3-none-any",
        requires: Iterable[str] = (),
        code: str = "",
    ) -> Path:
        info = f"{name}-{version}.dist-info"
        needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
        contents = {
            f"{name}/__init__.py": f"__version__ = {version!r}\n{code}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        }
        path = self.folder / f"{name}-{version}-{tag}.whl"
        with zipfile.ZipFile(path, "w") as file:
            for inside, text in contents.items():
                file.writestr(inside, text)
            file.writestr(f"{info}/RECORD", "".join(f"{inside},{_record(text)}\n" for inside, text in contents.items()))
        return path

    def source(self, name: str, version: str = "1.0", *, backend: str = BACKEND) -> Path:
        path = self.folder / f"{name}-{version}.tar.gz"
        metadata = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        with tarfile.open(path, "w:gz") as archive:
            for inside, text in {"pyproject.toml": PROJECT, "backend.py": backend, "PKG-INFO": metadata}.items():
                content = text.format(name=name, version=version).encode()
                entry = tarfile.TarInfo(f"{name}-{version}/{inside}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return path

    def publish(self, folder: Path) -> None:
        """Write the pages of a package index (PEP 503) with all that is on the shelf into `folder`."""
        for file in self.folder.iterdir():
            page = folder / file.name.split("-")[0] / "index.html"
            page.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            with page.open("a", encoding="utf-8") as out:
                out.write(f'<a href="/{self.folder.name}/{file.name}#sha256={digest}">{file.name}</a>\n')


def _record(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"sha256={digest},{len(text.encode())}"


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture(autouse=True)
def private_uv_cache(uv_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps our made-up packages out of the user's cache."""
    monkeypatch.setenv("UV_CACHE_DIR", str(uv_cache))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A shelf with a numpy that is good enough for us."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    shelf = Shelf(folder)
    shelf.wheel("numpy", "9.0")
    return shelf


@pytest.fixture
def settings(tmp_path: Path, shelf: Shelf) -> Settings:
    """Private folders, and no index but the shelf."""
    index = tmp_path / "empty-index"
    index.mkdir()
    return Settings(
        runner_data_dir=tmp_path / "data",
        cache_dir=tmp_path / "cache",
        find_links=(str(shelf.folder),),
        index_url=index.as_uri(),
        python_downloads=False,
    )


@pytest.fixture
def web(tmp_path: Path, shelf: Shelf, settings: Settings) -> Iterator[Callable[[], Settings]]:
    """Serves the shelf over HTTP; returns settings that know it as an index, with what is on the shelf at that time."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    def publish() -> Settings:
        shelf.publish(tmp_path / "simple")
        return replace(settings, find_links=(), index_url=f"http://127.0.0.1:{server.server_port}/simple")

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path))) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield publish
        server.shutdown()
        thread.join()


@pytest.fixture
def pythons(settings: Settings) -> tuple[Interpreter, ...]:
    return find_interpreters(settings)


@pytest.fixture
def python(pythons: tuple[Interpreter, ...]) -> Interpreter:
    """The interpreter that runs the tests."""
    return pythons[0]


@pytest.fixture
def other_python(pythons: tuple[Interpreter, ...]) -> Interpreter:
    """An interpreter of another minor version."""
    for interpreter in reversed(pythons):
        if interpreter.minor != pythons[0].minor:
            return interpreter
    pytest.skip("this test needs a second Python (3.8 or newer, of another minor version) on this machine")


class Events(list[Event]):
    """What a caller is told."""

    def finished(self) -> list[str]:
        return [event.step for event in self if event.phase is Phase.FINISHED]


@pytest.fixture
def events() -> Events:
    return Events()
