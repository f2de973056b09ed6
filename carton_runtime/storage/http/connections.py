"""Sends requests, over connections that are opened when they are needed and closed when they have been idle."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from carton_runtime._version import __version__
from carton_runtime.storage.redact import redacted, scrubbed
from carton_runtime.storage.retrying import RetryPolicy, Trouble

if TYPE_CHECKING:
    import httpx

_IDLE = 2.0  # seconds; between two files of one load less passes, and a person in a notebook takes longer
_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")

_unlogged: ContextVar[bool] = ContextVar("unlogged", default=False)
_logger = logging.getLogger("carton_runtime.storage.http")


class Connections:
    """The connections of one source, all in one event loop.

    Args:
        policy: how long to wait for a connection, and for anything to arrive on one.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._users = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def get(self, url: httpx.URL, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """Send a GET request; gives the answer with its body still to be read, by `body`. Follows no redirect.

        Raises:
            Trouble: no answer came.
        """
        async with self._in_use() as client:
            request = client.build_request("GET", url, headers=headers)
            with _translated(), _silence():
                response = await client.send(request, stream=True, follow_redirects=False)
            try:
                _logger.debug("%s %s: status %d", redacted(str(url)), headers.get("Range", ""), response.status_code)
                yield response
            finally:
                with contextlib.suppress(_transport_error()):  # it is of no use any more
                    await response.aclose()

    async def aclose(self) -> None:
        """Close all connections. The next request opens one again."""
        if self._timer is not None:
            self._timer.cancel()
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
        if self._closing is not None:
            await self._closing

    @contextlib.asynccontextmanager
    async def _in_use(self) -> AsyncIterator[httpx.AsyncClient]:
        async with self._opening:
            if self._timer is not None:
                self._timer.cancel()
            if self._client is None:  # whom to trust is read in a thread: it takes tens of milliseconds
                self._client = _client(self._policy, await asyncio.to_thread(_trusted))
            client = self._client
            self._users += 1
        try:
            yield client
        finally:
            self._users -= 1
            if not self._users:
                self._timer = asyncio.get_running_loop().call_later(_IDLE, self._close_idle)

    def _close_idle(self) -> None:
        client, self._client = self._client, None  # at once: the next request must not get one that is being closed
        if client is not None:
            self._closing = asyncio.get_running_loop().create_task(client.aclose())


async def body(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The bytes of an answer, as they come and as they are.

    Raises:
        Trouble: they broke off.
    """
    with _translated():
        async for chunk in response.aiter_raw():
            yield chunk


def _trusted() -> ssl.SSLContext:
    import httpx

    with _environment():
        return httpx.create_ssl_context()


def _client(policy: RetryPolicy, trusted: ssl.SSLContext) -> httpx.AsyncClient:
    import httpx

    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_is_logged)
    with _environment():
        return httpx.AsyncClient(
            headers={"User-Agent": f"carton-jupyter/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(policy.silence, connect=policy.connect, pool=None),
            verify=trusted,
        )


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Say of what the environment says about connections that it is that which is wrong."""
    import httpx

    try:
        yield
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:  # of what the environment says
        raise Trouble(
            f"no connection can be made with these proxies (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) and certificates "
            f"(SSL_CERT_FILE, SSL_CERT_DIR): {scrubbed(str(error))}",
            hopeless=True,
        ) from None


def _is_logged(_: logging.LogRecord) -> bool:
    return not _unlogged.get()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep httpx from logging whole URLs, and httpcore from logging where redirects lead: they may be signed."""
    token = _unlogged.set(True)
    try:
        yield
    finally:
        _unlogged.reset(token)


def _transport_error() -> type[Exception]:
    import httpx

    return httpx.TransportError


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn httpx's errors into ours; this is the only place that does."""
    import httpx

    try:
        yield
    except httpx.TimeoutException as error:
        doing = "did not answer a connection" if isinstance(error, httpx.ConnectTimeout) else "fell silent"
        raise Trouble(f"the server {doing} in time") from error
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise Trouble(f"no such request can be sent ({error})", hopeless=True) from error
    except httpx.ConnectError as error:
        raise _unreachable(error) from error
    except httpx.RemoteProtocolError as error:
        if isinstance(error.__context__, httpx.InvalidURL):
            raise _leads_nowhere() from None
        raise Trouble(f"the connection broke ({error})") from error
    except (httpx.InvalidURL, UnicodeError):
        raise _leads_nowhere() from None
    except httpx.TransportError as error:
        raise Trouble(f"the connection broke ({error or type(error).__name__})") from error


def _leads_nowhere() -> Trouble:
    """What to make of an error of a redirect, at which httpx has a look though it follows none; its text is the URL."""
    return Trouble("the server leads to something that is no URL", hopeless=True)


def _unreachable(error: httpx.ConnectError) -> Trouble:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Trouble(f"the server is not who it says it is: {cause.verify_message}", hopeless=True)
        cause = cause.__cause__ or cause.__context__
    return Trouble(f"the server cannot be reached ({error})")
