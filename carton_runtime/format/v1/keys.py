"""What the reader and the writer of ``carton.toml`` must spell alike."""

from __future__ import annotations

FILE = "carton.toml"
SPEC_VERSION = 1

ANY = "*"
TENSOR_PREFIX = "@tensor_data/"
MISC_PREFIX = "@misc/"
