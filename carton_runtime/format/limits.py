"""How much a carton may hold: more is refused, since a small file can take memory, disk or time without end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of everything is allowed. Sizes are in bytes; for each of these there is a setting.

    Attributes:
        entries: files in a carton.
        directory_size: an archive's directory, which lists them.
        path_length: the name of one file, or the target of a symlink.
        expanded_size: all files together, once expanded.
        compression_ratio: how many times larger than its compressed form one file may be. zstd itself stores 128 KiB of
            one repeated byte in four.
        symlink_chain: links to pass until a file is reached; 40, as Linux follows.
        manifest_size: ``MANIFEST``.
        links_size: ``LINKS``.
        toml_size: any other TOML file that describes something.
        toml_depth: levels of tables and lists in a TOML file.
        string_file_size: the file of a stored tensor of strings.
        read_size: one file, or one tensor, that is taken into memory as a whole.
    """

    entries: int = 1_000_000
    directory_size: int = 1 << 28
    path_length: int = 4096
    expanded_size: int = 1 << 44
    compression_ratio: int = 100_000
    symlink_chain: int = 40
    manifest_size: int = 1 << 26
    links_size: int = 1 << 24
    toml_size: int = 1 << 23
    toml_depth: int = 32
    string_file_size: int = 1 << 26
    read_size: int = 1 << 32


DEFAULTS = Limits()
"""What holds where nothing else is said."""
