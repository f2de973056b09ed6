"""URLs as they may be shown."""

from __future__ import annotations

import pytest

from carton_runtime.storage.redact import redacted, scrubbed


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
        ("simplecache::https://user:password@host/a?x=y", "simplecache::https://host/a?…"),
        ("zip://a?x=y::filecache::s3://key@bucket/b", "zip://a?…::filecache::s3://bucket/b"),
        ("http://user:password@[::1]:80/a", "http://[::1]:80/a"),
        ("http://[fe80::a]/a", "http://[fe80::a]/a"),
    ],
)
def test_a_url_is_shown_without_what_opens_doors(url: str, shown: str) -> None:
    assert redacted(url) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("refused: https://user:password@host/a?sig=x", "refused: https://host/a?…"),
        ("no answer with url: /v1/a?op=b&delegation=secret (refused)", "no answer with url: /v1/a?… (refused)"),
        ("is it there? a=b", "is it there? a=b"),
        ("first\nsecond", "first"),
    ],
)
def test_a_message_is_shown_without_what_opens_doors(text: str, shown: str) -> None:
    assert scrubbed(text) == shown
