"""URLs as they may be shown."""

from __future__ import annotations

import pytest

from carton_runtime.storage.redact import redacted


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a/b.carton", "https://host/a/b.carton"),
        ("https://user:password@host:8443/a", "https://host:8443/a"),
        ("https://user:p@ss@host/a", "https://host/a"),
        ("https://token@host/a", "https://host/a"),
        ("https://host/a?X-Amz-Signature=s&x=y", "https://host/a?…"),
        ("https://host/a#token=x", "https://host/a"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("http://[::1/a", "the URL"),
        ("https://user:pass/word@host/a", "the URL"),
    ],
)
def test_a_url_is_shown_without_what_opens_doors(url: str, shown: str) -> None:
    assert redacted(url) == shown
