"""Target triples such as ``x86_64-unknown-linux-gnu``: which of them name an architecture that exists."""

from __future__ import annotations

import re

# Those of Rust's target-lexicon, which the original uses (github.com/bytecodealliance/target-lexicon, src/targets.rs)
_ARCHITECTURE = re.compile(
    r"aarch64(_be|ilp32)?|arm64(e|ec|_32)?|(arm|thumb)(eb)?(v\d[a-z0-9.]*)?|x86_64h?|i[3-6]86|amdgcn|asmjs|avr|bpf(eb|el)"
    r"|csky|hexagon|loongarch64|m68k|mips[a-z0-9]*|msp430|nvptx64?|powerpc(64)?(le|spe)?|pulley(32|64)(be)?"
    r"|riscv(32|64)[a-z0-9]*|s390x|sparc(64|v9)?|wasm(32|64)|xtensa|clever|zkasm|unknown"
)


def is_known_target(triple: str) -> bool:
    """Whether a target triple begins with a known architecture."""
    return _ARCHITECTURE.fullmatch(triple.split("-", 1)[0]) is not None
