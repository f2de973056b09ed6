"""Cartons behind a real nginx on loopback."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from storage.conftest import DATA, OpenUrl
from storage.test_http import FAR, part

import carton_runtime as carton
from carton_runtime.errors import StorageError
from carton_runtime.storage.remote import TAIL

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
{user}
events {{}}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    log_format ours "$request_method $uri $status $body_bytes_sent";
    access_log {folder}/access.log ours;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
        location /compressed/ {{ gzip on; gzip_types *; gzip_min_length 1; alias {folder}/files/; }}
        location /without-ranges/ {{ max_ranges 0; alias {folder}/files/; }}
        location /without-etag/ {{ etag off; alias {folder}/files/; }}
        location /moved/ {{ rewrite ^/moved/(.*)$ /$1 redirect; }}
        location /private/ {{ auth_basic "private"; auth_basic_user_file {folder}/users; alias {folder}/files/; }}
        location /failing/ {{ return 503; }}
    }}
}}
"""


class Nginx:
    """A running nginx.

    Attributes:
        url: where its files are.
        files: the folder of its files.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self.files = folder / "files"
        self.files.mkdir()
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        # Workers of a server that root starts would belong to nobody, who may not read a test's folder.
        user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=port, user=user))
        (folder / "users").write_text("me:{PLAIN}hunter2\n")
        self._process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.PIPE, text=True
        )
        said = ""
        while "start worker process " not in (line := self._process.stderr.readline()):
            assert line, f"nginx did not start: {said}"
            said += line

    def serve(self, name: str, content: bytes | Path) -> str:
        """Serve a file; gives its URL."""
        data = content if isinstance(content, bytes) else content.read_bytes()
        (self.files / name).write_bytes(data)
        return f"{self.url}/{name}"

    def stop(self) -> list[list[str]]:
        """End it; gives a line for each request: method, path, status, bytes sent."""
        if self._process.returncode is None:
            self._process.terminate()
            self._process.communicate()
        return [line.split() for line in (self._folder / "access.log").read_text().splitlines()]


@pytest.fixture
def nginx(tmp_path: Path, no_proxy: None) -> Iterator[Nginx]:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program is None:
        missing = "nginx is not installed; `apt-get install nginx-light` or `brew install nginx` gets it"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    server = Nginx(program, tmp_path)
    yield server
    server.stop()


async def test_ranges_are_read(nginx: Nginx, open_url: OpenUrl) -> None:
    source = open_url(nginx.serve("data", DATA))
    assert await source.size() == len(DATA)
    assert await source.read(*FAR) == part(FAR)
    assert b"".join([piece async for piece in source.stream(*FAR)]) == part(FAR)
    await source.aclose()
    assert [line[2:] for line in nginx.stop()] == [["206", str(size)] for size in (TAIL, FAR.length, FAR.length)]


@pytest.mark.parametrize("size", [0, 1, TAIL, TAIL + 1])
async def test_files_of_every_size_are_read(nginx: Nginx, open_url: OpenUrl, size: int) -> None:
    source = open_url(nginx.serve("data", DATA[:size]))
    assert await source.read(0, size) == DATA[:size]


async def test_the_card_costs_little_and_the_model_loads(nginx: Nginx, packed: Callable[..., Path]) -> None:
    model = "class Model:\n    def infer_with_tensors(self, tensors):\n        return {'out': tensors['x'] * 2}\n"
    code = {"main.py": f"{model}\ndef get_model():\n    return Model()\n", "weights": DATA * 6}
    url = nginx.serve("model.carton", packed(code))
    info = await carton.get_model_info(url)
    async with await carton.load(url) as model:
        assert model.info.model_hash == info.model_hash
        assert (await model.infer({"x": np.array(21)}))["out"] == 42
    sizes = [int(line[3]) for line in nginx.stop()]
    assert sizes[0] == sizes[1] == TAIL, "the card, and what `load` looks at first"
    assert len(DATA) * 6 <= sum(sizes) <= len(DATA) * 6 + 4 * TAIL, "and the weights come once"


async def test_the_card_of_thousands_of_files_costs_little(nginx: Nginx, packed: Callable[..., Path]) -> None:
    path = packed({"main.py": "", **{f"part_{number:05}/weights.bin": b"0" * 40 for number in range(3_000)}})
    info = await carton.get_model_info(nginx.serve("many.carton", path))
    asked = nginx.stop()
    assert info.runner == (await carton.get_model_info(path)).runner
    assert len(asked) <= 3
    assert sum(int(line[3]) for line in asked) <= 200_000


@pytest.mark.parametrize("place", ["", "without-etag/"])
async def test_a_file_that_changes_is_noticed(nginx: Nginx, open_url: OpenUrl, place: str) -> None:
    nginx.serve("data", DATA)
    source = open_url(f"{nginx.url}/{place}data")
    await source.size()
    nginx.serve("data", DATA[::-1])
    os.utime(nginx.files / "data", (2e9, 2e9))
    with pytest.raises(StorageError, match="changed while it was read; start again"):
        await source.read(*FAR)
    await source.aclose()
    assert nginx.stop()[-1][2] == "412"


async def test_a_server_that_likes_to_compress_does_not(nginx: Nginx, open_url: OpenUrl) -> None:
    nginx.serve("zeros", bytes(1_000_000))
    assert await open_url(f"{nginx.url}/compressed/zeros").read(*FAR) == bytes(FAR.length)


async def test_a_server_without_ranges_is_read(nginx: Nginx, open_url: OpenUrl) -> None:
    nginx.serve("data", DATA)
    assert await open_url(f"{nginx.url}/without-ranges/data").read(*FAR) == part(FAR)


async def test_redirects_are_followed_once(nginx: Nginx, open_url: OpenUrl) -> None:
    nginx.serve("data", DATA)
    source = open_url(f"{nginx.url}/moved/data")
    assert await source.read(*FAR) == part(FAR)
    await source.aclose()
    assert [line[1:3] for line in nginx.stop()] == [["/moved/data", "302"], ["/data", "206"], ["/data", "206"]]


async def test_a_password_is_sent(nginx: Nginx, open_url: OpenUrl) -> None:
    nginx.serve("data", DATA)
    url = f"{nginx.url}/private/data"
    assert await open_url(url.replace("://", "://me:hunter2@")).read(*FAR) == part(FAR)
    with pytest.raises(StorageError, match=r"asks for a user and password, or for others than were given \(status 401"):
        await open_url(url.replace("://", "://me:other@")).size()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("missing", r"the server has nothing there \(status 404\)"),
        ("failing/x", r"the server cannot at the moment \(status 503\); tried 3 times"),
    ],
)
async def test_errors_are_typed(nginx: Nginx, open_url: OpenUrl, path: str, says: str) -> None:
    with pytest.raises(StorageError, match=f"^{nginx.url}/{path}.*: {says}$"):
        await open_url(f"{nginx.url}/{path}").size()
