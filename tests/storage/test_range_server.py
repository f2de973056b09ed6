"""The server that misbehaves as it is told, asked by the standard library."""

from __future__ import annotations

import base64
import gzip
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from carton_runtime.testing.range_server import Faults, RangeServer

DATA = bytes(range(256)) * 40
PLAIN = {"Range": "bytes=100-199"}

Answer = tuple[http.client.HTTPResponse, bytes]
Ask = Callable[..., Answer]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Asks for a URL, on a connection of its own."""
    connections = []

    def get(url: str, headers: dict[str, str] = PLAIN) -> Answer:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=5)
        connections.append(connection)
        connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        response = connection.getresponse()
        return response, response.read()

    yield get
    for connection in connections:
        connection.close()


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=100-199", 206, DATA[100:200]),
        ("bytes=-100", 206, DATA[-100:]),
        ("bytes=-99999", 206, DATA),
        ("bytes=10200-99999", 206, DATA[10200:]),
        ("bytes=10200-", 206, DATA[10200:]),
        ("bytes=10240-10241", 416, b""),
        ("bytes=0-1,5-6", 200, DATA),
        ("lines=1-2", 200, DATA),
    ],
)
def test_without_faults_ranges_are_given(server: RangeServer, ask: Ask, asked: str, status: int, body: bytes) -> None:
    response, got = ask(server.serve("data", DATA), {"Range": asked})
    assert (response.status, got) == (status, body)
    assert response.headers["Content-Length"] == str(len(body))


def test_files_are_served_as_bytes_are(server: RangeServer, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    assert ask(server.serve("data", tmp_path / "data"))[1] == DATA[100:200]
    assert ask(f"{server.url}/nothing")[0].status == 404


def test_requests_and_bytes_are_counted(server: RangeServer, ask: Ask) -> None:
    url = server.serve("data", DATA)
    ask(url)
    ask(f"{url}?x=1", {})
    first, second = server.requests("data")
    assert (first.number, first.headers["range"], first.status, first.sent) == (1, "bytes=100-199", 206, 100)
    assert (second.number, second.query, second.status, second.sent) == (2, "x=1", 200, len(DATA))
    assert server.sent("data") == 100 + len(DATA)


def test_requests_are_waited_for(server: RangeServer, ask: Ask) -> None:
    url = server.serve("data", DATA)
    with pytest.raises(TimeoutError, match="0 of 1 requests for data came"):
        server.wait_for("data", timeout=0.01)
    later = threading.Timer(0.05, ask, [url])
    later.start()
    server.wait_for("data")
    assert len(server.requests("data")) == 1
    later.join()


def test_a_head_has_no_body(server: RangeServer) -> None:
    server.serve("data", DATA)
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    connection.request("HEAD", "/data")
    response = connection.getresponse()
    assert (response.headers["Content-Length"], response.read()) == (str(len(DATA)), b"")
    assert [request.method for request in server.requests("data")] == ["HEAD"]
    connection.close()


def test_conditions_are_checked(server: RangeServer, ask: Ask) -> None:
    url = server.serve("data", DATA)
    headers = ask(url)[0].headers
    for name, right, wrong in (
        ("If-Match", headers["ETag"], '"other"'),
        ("If-Unmodified-Since", headers["Last-Modified"], "Mon, 02 Jan 2006 15:04:05 GMT"),
    ):
        assert ask(url, {name: right})[0].status == 200
        assert ask(url, {name: wrong})[0].status == 412
    assert ask(server.serve("data", DATA, Faults(ignore_conditions=True)), {"If-Match": '"other"'})[0].status == 200
    weak = ask(server.serve("data", DATA, Faults(etag="weak")))[0].headers["ETag"]
    assert ask(f"{server.url}/data", {"If-Match": weak})[0].status == 412


def test_ranges_are_ignored(server: RangeServer, ask: Ask) -> None:
    response, body = ask(server.serve("data", DATA, Faults(ignore_ranges=True)))
    assert (response.status, body) == (200, DATA)
    url = server.serve("data", DATA, Faults(ignore_suffixes=True))
    assert (ask(url)[0].status, ask(url, {"Range": "bytes=-5"})[0].status) == (206, 200)


def test_parts_are_others_than_asked_for(server: RangeServer, ask: Ask) -> None:
    def content_range(faults: Faults) -> str:
        return ask(server.serve("data", DATA, faults))[0].headers["Content-Range"]

    assert content_range(Faults()) == "bytes 100-199/10240"
    assert content_range(Faults(shift=5)) == "bytes 105-204/10240"
    assert content_range(Faults(total=7)) == "bytes 100-199/7"
    assert content_range(Faults(most=10)) == "bytes 100-109/10240"
    assert content_range(Faults(headers={"Content-Range": "none"})) == "none"


def test_lengths_are_wrong_or_missing(server: RangeServer, ask: Ask) -> None:
    with pytest.raises(http.client.IncompleteRead):
        ask(server.serve("data", DATA, Faults(length_off=5)))
    assert len(ask(server.serve("data", DATA, Faults(length_off=-5)))[1]) == 95
    response, body = ask(server.serve("data", DATA, Faults(chunked=True)))
    assert (response.headers["Content-Length"], body) == (None, DATA[100:200])


def test_bytes_are_compressed_or_said_to_be(server: RangeServer, ask: Ask) -> None:
    response, body = ask(server.serve("data", DATA, Faults(encoding="gzip")))
    assert (response.headers["Content-Encoding"], gzip.decompress(body)) == ("gzip", DATA[100:200])
    response, body = ask(server.serve("data", DATA, Faults(encoding="br")))
    assert (response.headers["Content-Encoding"], body) == ("br", DATA[100:200])


def test_the_connection_is_closed_early(server: RangeServer, ask: Ask) -> None:
    for size in (0, 50):
        with pytest.raises(http.client.IncompleteRead) as caught:
            ask(server.serve("data", DATA, Faults(close_after=size)))
        assert caught.value.partial == DATA[100 : 100 + size]
    with pytest.raises(http.client.BadStatusLine):
        ask(server.serve("data", DATA, Faults(garbage=True)))


@pytest.mark.parametrize("faults", [Faults(mute=True), Faults(stall_after=50)])
def test_silence_ends_with_the_server(ask: Ask, faults: Faults, nothing_left: object) -> None:
    with RangeServer() as server, socket.create_connection(urlsplit(server.url).netloc.split(":")) as client:
        server.serve("data", DATA, faults)
        client.sendall(b"GET /data HTTP/1.1\r\nRange: bytes=0-99\r\n\r\n")
        client.settimeout(5)
        received = b""
        while faults.stall_after and not received.endswith(DATA[:50]):
            received += client.recv(1000)
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(1000)
        server.close()
        client.settimeout(5)
        assert client.recv(1000) == b""


def test_errors_come_first_and_then_the_file(server: RangeServer, ask: Ask) -> None:
    url = server.serve("data", DATA, Faults(statuses=(500, 429), retry_after="7"))
    answers = [ask(url)[0] for _ in range(3)]
    assert [answer.status for answer in answers] == [500, 429, 206]
    assert [answer.headers["Retry-After"] for answer in answers] == ["7", "7", None]


def test_faults_may_pass(server: RangeServer, ask: Ask) -> None:
    url = server.serve("data", DATA, Faults(ignore_ranges=True, times=2))
    assert [ask(url)[0].status for _ in range(3)] == [200, 200, 206]


def test_files_change(server: RangeServer, ask: Ask) -> None:
    url = server.serve("data", DATA, Faults(change_after=1))
    (before, was), (after, became) = ask(url), ask(url)
    assert was != became
    for name in ("ETag", "Last-Modified"):
        assert before.headers[name] != after.headers[name]
    response, _ = ask(server.serve("data", DATA, Faults(etag="none", modified=False)))
    assert (response.headers["ETag"], response.headers["Last-Modified"]) == (None, None)


def test_redirects_lead_on(server: RangeServer, ask: Ask) -> None:
    response, _ = ask(server.redirect("begin", "/end", 307))
    assert (response.status, response.headers["Location"]) == (307, "/end")


def test_a_password_is_asked_for(server: RangeServer, ask: Ask) -> None:
    url = server.serve("data", DATA, Faults(user="me:secret"))
    assert ask(url)[0].status == 401
    assert ask(url, {"Authorization": f"Basic {base64.b64encode(b'me:secret').decode()}"})[0].status == 200


def test_a_request_may_choose_its_faults(server: RangeServer, ask: Ask) -> None:
    url = server.serve("data", DATA, Faults(ignore_ranges=True))
    assert ask(f"{url}?ignore_ranges=0&most=10&encoding=br&signature=x&statuses=500")[1] == DATA[100:110]
    assert ask(url)[1] == DATA


def test_a_server_is_closed_twice_and_leaves_nothing(nothing_left: object) -> None:
    server = RangeServer()
    server.close()
    server.close()
