"""Where requests go: redirects, download URLs, and who is told the password."""

from __future__ import annotations

import logging
import ssl
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme
from storage.conftest import DATA, OpenUrl, policy_with
from storage.test_http import FAR, part

from carton_runtime.errors import StorageError
from carton_runtime.storage.http.route import Route
from carton_runtime.testing.range_server import Faults, RangeServer

SECRETS = ("hunter2", "s1gnature", "t0ken", "c3rt", "aHVudGVy")


@pytest.fixture
def other() -> Iterator[RangeServer]:
    """Another server, on a host of another name."""
    with RangeServer(host="localhost") as server:
        yield server


@dataclass
class Authority:
    """Makes servers for https, and is trusted where `trust` was called."""

    authority: trustme.CA
    path: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        return context

    def trust(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.authority.cert_pem.write_to_path(str(self.path))
        monkeypatch.setenv("SSL_CERT_FILE", str(self.path))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(trustme.CA(), tmp_path / "authority.pem")


@pytest.fixture
def secure(authority: Authority, no_proxy: None) -> Iterator[RangeServer]:
    with RangeServer(tls=authority.context()) as server:
        yield server


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_and_remembered(
    server: RangeServer, other: RangeServer, open_url: OpenUrl, status: int
) -> None:
    url = server.redirect("begin", "/middle", status)
    server.redirect("middle", other.serve("end", DATA), status)
    source = open_url(url)
    assert await source.read(*FAR) == part(FAR)
    assert await source.read(0, 10) == DATA[:10]
    asked = [len(at.requests(name)) for at, name in ((server, "begin"), (server, "middle"), (other, "end"))]
    assert asked == [1, 1, 3]
    assert source.name == url, "messages name what the user knows"


async def test_a_way_that_expired_is_found_again(server: RangeServer, other: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.redirect("begin", other.serve("signed", DATA)))
    await source.size()
    other.serve("signed", b"", Faults(statuses=(403,) * 9))
    server.redirect("begin", other.serve("signed-again", DATA))
    assert await source.read(*FAR) == part(FAR)
    assert len(server.requests("begin")) == 1, "it was served anew"
    assert len(other.requests("signed")) == 1


async def test_a_way_that_ended_for_good_is_an_error(
    server: RangeServer, other: RangeServer, open_url: OpenUrl
) -> None:
    source = open_url(server.redirect("begin", other.serve("signed", DATA)))
    await source.size()
    other.serve("signed", b"", Faults(statuses=(403,) * 9))
    with pytest.raises(StorageError, match=r"/begin \(bytes 1000-500999\): the server does not allow it"):
        await source.read(*FAR)
    assert len(other.requests("signed")) == 2


async def test_redirects_in_a_circle_end(server: RangeServer, open_url: OpenUrl) -> None:
    url = server.redirect("a", "/b")
    server.redirect("b", "/a")
    with pytest.raises(StorageError, match=r"/a \(.*\): the server leads on more than 10 times"):
        await open_url(url).size()
    assert len(server.requests("a")) + len(server.requests("b")) == 11


NO_URLS = [
    "ftp://host/data",
    "http://",
    "http://[::1/",
    "file:///etc/passwd",
    "//",
    "javascript:1",
    "http://xn--/",
    "a:b",
]


@pytest.mark.parametrize("location", NO_URLS)
async def test_redirects_to_nowhere_are_refused(server: RangeServer, open_url: OpenUrl, location: str) -> None:
    with pytest.raises(StorageError, match=r"/begin.*: the server leads (to something that is no URL|on more than)"):
        await open_url(server.redirect("begin", location)).size()


async def test_the_download_url_of_the_original_is_followed(
    server: RangeServer, other: RangeServer, open_url: OpenUrl
) -> None:
    page = Faults(headers={"x-carton-dl-url": other.serve("file", DATA)})
    source = open_url(server.serve("org/model", b"<html>a page about a model</html>", page))
    assert await source.read(*FAR) == part(FAR)
    assert len(server.requests("org/model")) == 1


async def test_a_download_url_that_leads_to_itself_is_the_file(server: RangeServer, open_url: OpenUrl) -> None:
    url = f"{server.url}/data"
    assert await open_url(server.serve("data", DATA, Faults(headers={"x-carton-dl-url": url}))).read(*FAR) == part(FAR)


def test_the_registry_of_the_original_gives_files_from_another_host() -> None:
    assert str(Route("https://carton.pub/google-research/bert").begin) == "https://dl.carton.pub/google-research/bert"
    assert str(Route("https://carton.pub.example/x").begin) == "https://carton.pub.example/x"


async def test_https_is_read(
    secure: RangeServer, authority: Authority, open_url: OpenUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.trust(monkeypatch)
    assert await open_url(secure.serve("data", DATA)).read(*FAR) == part(FAR)


async def test_a_server_that_nobody_vouches_for_is_refused_at_once(secure: RangeServer, open_url: OpenUrl) -> None:
    with pytest.raises(StorageError, match=r"https://.*/data.*: the server is not who it says it is: .*local issuer"):
        await open_url(secure.serve("data", DATA)).size()
    assert secure.requests("data") == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTP_PROXY", "gopher://me:hunter2@proxy"),
        ("HTTP_PROXY", "http://me:hunter2@proxy:port"),
        ("SSL_CERT_FILE", "/nowhere/hunter2.pem"),
    ],
)
async def test_what_the_environment_says_wrong_is_a_typed_error(
    open_url: OpenUrl, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv(variable, value)
    with pytest.raises(StorageError, match=rf"^http://host/data: no connection can be made .*{variable}") as caught:
        await open_url("http://host/data").size()
    assert "me:hunter2" not in str(caught.value)


async def test_a_server_that_redirects_to_itself_with_a_cookie_is_followed(
    server: RangeServer, open_url: OpenUrl
) -> None:
    faults = Faults(location="/data", headers={"Set-Cookie": "seen=1"}, times=1)
    assert await open_url(server.serve("data", DATA, faults)).read(*FAR) == part(FAR)


async def test_http_may_lead_to_https_and_not_back(
    secure: RangeServer, server: RangeServer, authority: Authority, open_url: OpenUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.trust(monkeypatch)
    assert await open_url(server.redirect("up", secure.serve("data", DATA))).read(*FAR) == part(FAR)
    with pytest.raises(StorageError, match=r"a redirect from https to http is not followed"):
        await open_url(secure.redirect("down", server.serve("data", DATA))).size()
    assert server.requests("data") == []


async def test_the_password_in_a_url_is_used(server: RangeServer, open_url: OpenUrl) -> None:
    server.serve("data", DATA, Faults(user="me@home:hunter2 "))
    url = server.url.replace("://", "://me%40home:hunter2%20@") + "/data"
    source = open_url(url)
    assert await source.read(*FAR) == part(FAR)
    assert source.name == f"{server.url}/data"


async def test_the_password_goes_along_on_the_same_server_only(
    server: RangeServer, other: RangeServer, open_url: OpenUrl
) -> None:
    server.redirect("begin", "/middle")
    server.redirect("middle", other.redirect("elsewhere", server.serve("end", DATA, Faults(user="me:hunter2"))))
    source = open_url(server.url.replace("://", "://me:hunter2@") + "/begin")
    assert await source.read(*FAR) == part(FAR)
    for name in ("begin", "middle", "end"):
        assert all("authorization" in request.headers for request in server.requests(name)), name
    assert other.requests("elsewhere")
    assert all("authorization" not in request.headers for request in other.requests("elsewhere"))


async def test_another_port_is_another_server(server: RangeServer, open_url: OpenUrl, no_proxy: None) -> None:
    with RangeServer() as neighbour:
        source = open_url(server.redirect("begin", neighbour.serve("end", DATA)).replace("://", "://me:hunter2@"))
        assert await source.read(*FAR) == part(FAR)
        assert all("authorization" not in request.headers for request in neighbour.requests("end"))


def test_the_password_goes_along_to_the_same_server_over_https() -> None:
    named = Route("http://me:hunter2@host/a")
    assert named.headers(httpx.URL("http://host/b"))
    assert named.headers(httpx.URL("https://host/b"))
    for other in ("https://other/b", "https://host:8443/b", "http://host:8080/b", "https://host.evil/b"):
        assert not named.headers(httpx.URL(other)), other
    assert not Route("https://me:hunter2@host/a").headers(httpx.URL("http://host/a"))


async def test_a_password_that_a_redirect_invents_is_not_sent(
    server: RangeServer, other: RangeServer, open_url: OpenUrl
) -> None:
    end = other.serve("end", DATA).replace("://", "://they:hunter2@")
    assert await open_url(server.redirect("begin", end)).read(*FAR) == part(FAR)
    assert all("authorization" not in request.headers for request in other.requests("end"))


LEAKY = {
    "fine": Faults(),
    "missing": Faults(statuses=(404,) * 9),
    "broken": Faults(statuses=(500,) * 9),
    "silent": Faults(mute=True),
    "nonsense": Faults(garbage=True),
    "beside": Faults(shift=5),
    "early": Faults(close_after=10),
    "gzip": Faults(encoding="gzip"),
    "in circles": Faults(location="?X-Amz-Signature=s1gnature&token=t0ken"),
    "to another kind": Faults(location="ftp://me:hunter2@host/?token=t0ken"),
    "to nowhere": Faults(location="http://me:hunter2@host:t0ken/"),
    "changing": Faults(headers={"Set-Cookie": "session=c3rt"}, change_after=1),
}


@pytest.mark.parametrize("faults", LEAKY.values(), ids=LEAKY)
async def test_no_secret_is_shown(
    server: RangeServer,
    other: RangeServer,
    open_url: OpenUrl,
    caplog: pytest.LogCaptureFixture,
    faults: Faults,
) -> None:
    caplog.set_level(logging.DEBUG)
    end = other.serve("end", DATA, faults) + "?X-Amz-Signature=s1gnature&token=t0ken"
    url = server.redirect("begin", end).replace("://", "://me:hunter2@") + "?token=t0ken#t0ken"
    source = open_url(url, policy_with(faults))
    shown = [source.name, repr(source)]
    try:
        shown.append(await source.identity())
        await source.read(*FAR)
    except StorageError as error:
        shown += [str(error), repr(error), "".join(traceback.format_exception(error))]
    shown += [caplog.text, *(str(record.__dict__) for record in caplog.records)]
    assert len(caplog.records) > 1, "otherwise nothing was looked at"
    assert [secret for secret in SECRETS if any(secret in text for text in shown)] == []


async def test_the_logs_of_others_are_not_silenced(server: RangeServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = server.serve("data", b"data")
    async with httpx.AsyncClient() as client:
        await client.get(url, params={"token": "t0ken"})
    assert "t0ken" in caplog.text, "or the test above could not find it"
