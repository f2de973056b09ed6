"""The `noop` runner: gives back what it gets. For tests, and for measuring what everything else costs."""

from __future__ import annotations

from typing import Any

from carton_runner.api import LoadRequest


class _Echo:
    def infer(self, tensors: dict[str, Any]) -> dict[str, Any]:
        return tensors


def load(request: LoadRequest) -> _Echo:
    """A model whose outputs are its inputs."""
    del request
    return _Echo()
