"""Where a request goes: to the URL that was given, or where that one leads. No I/O."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

from carton_runtime.errors import StorageError
from carton_runtime.storage.redact import redacted

if TYPE_CHECKING:
    import httpx

MOST_REDIRECTS = 10

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DOWNLOAD_URL = "x-carton-dl-url"
_REGISTRY, _DOWNLOADS = "carton.pub", "dl.carton.pub"  # the first serves pages for people, the second the files


class Route:
    """The way to one file.

    What was learned is remembered, so that further requests go straight to the end. A link that was signed may expire:
    then the way is forgotten, and found again from its beginning.

    Args:
        url: what the user gave. A user and password in it are sent to that very server and to no other.

    Attributes:
        name: the URL, for messages.

    Raises:
        StorageError: it is no URL of a file on a server.
    """

    def __init__(self, url: str) -> None:
        self.name = redacted(url)
        given = _parsed(url, self.name)
        self._secret = _authorization(given)
        self._start = _rewritten(_bare(given))
        self._end: httpx.URL | None = None

    @property
    def begin(self) -> httpx.URL:
        """Where the next request goes first."""
        return self._end or self._start

    @property
    def is_learned(self) -> bool:
        """Whether requests go elsewhere than to the URL that was given."""
        return self._end is not None

    def remember(self, url: httpx.URL) -> None:
        """The way ends there."""
        self._end = None if url == self._start else url

    def forget(self) -> None:
        """The way is another one by now."""
        self._end = None

    def headers(self, url: httpx.URL) -> dict[str, str]:
        """What a request to `url` says about who is asking: nothing, unless that is the server that was named."""
        return {"Authorization": self._secret} if self._secret and self._is_named(url) else {}

    def _is_named(self, url: httpx.URL) -> bool:
        """Whether that is the server that the user named, or the same one over https."""
        named = self._start
        if (url.scheme, url.host, url.port) == (named.scheme, named.host, named.port):
            return True
        return url.host == named.host and (url.scheme, url.port, named.port) == ("https", None, None)

    def next(self, url: httpx.URL, status: int, headers: Mapping[str, str]) -> httpx.URL | None:
        """Where an answer sends us on to; `None` when it is the file's own.

        Args:
            url: whose answer it is.
            status: its status code.
            headers: its headers; names are looked up in lower case.

        Raises:
            StorageError: it leads from https to http, or to no URL at all.
        """
        if status in _REDIRECTS and "location" in headers:
            return self._target(url, headers["location"])
        if status < 500 and not self.is_learned and _DOWNLOAD_URL in headers:
            target = self._target(url, headers[_DOWNLOAD_URL])
            return None if target == url else target
        return None

    def _target(self, url: httpx.URL, location: str) -> httpx.URL:
        import httpx

        try:
            target = _rewritten(_bare(_parsed(str(url.join(location)), self.name)))
        except (ValueError, StorageError, httpx.InvalidURL):
            raise StorageError(f"{self.name}: the server leads to something that is no URL") from None
        if url.scheme == "https" and target.scheme != "https":
            raise StorageError(
                f"{self.name}: the server leads to {redacted(str(target))}, which anybody on the way could change; "
                "a redirect from https to http is not followed"
            )
        return target


def _parsed(url: str, name: str) -> httpx.URL:
    import httpx

    try:
        parsed = httpx.URL(url)
        host = parsed.host  # which decodes a name that begins with xn--
    except (httpx.InvalidURL, UnicodeError):  # its text is made of the URL, and may hold a password
        raise StorageError(f"{name} is no URL") from None
    if parsed.scheme not in ("http", "https") or not host or not (parsed.port or 80) < 1 << 16:
        raise StorageError(f"{name} is no URL of a file on a web server")
    return parsed


def _bare(url: httpx.URL) -> httpx.URL:
    """Without user, password and fragment."""
    return url.copy_with(username=None, password=None, fragment=None)


def _rewritten(url: httpx.URL) -> httpx.URL:
    return url.copy_with(host=_DOWNLOADS) if url.host == _REGISTRY else url


def _authorization(url: httpx.URL) -> str:
    if not url.userinfo:
        return ""
    return "Basic " + base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
