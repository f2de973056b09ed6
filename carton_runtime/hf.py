"""Link to files on the Hugging Face Hub instead of packing them.

::

    from carton_runtime import hf

    path = await carton.pack(..., linked_files=hf.get_linked_files("bert-base-uncased", "main"))

It needs ``huggingface_hub``, which ``pip install 'carton-jupyter[hf]'`` brings along. Where the Hub is and who asks is
that package's business (``HF_ENDPOINT``, ``HF_TOKEN``). No token goes into a carton: whoever loads it has to be able to
read the files without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carton_runtime.errors import StorageError
from carton_runtime.settings import Settings
from carton_runtime.storage.redact import scrubbed

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

__all__ = ["get_linked_files"]

_TIMEOUT = 30.0  # seconds


def get_linked_files(repo_id: str, revision: str = "main") -> dict[str, list[str]]:
    """Where the large files of a model on the Hub are, for `carton_runtime.pack` and `carton_runtime.shrink`.

    Args:
        repo_id: the repository, such as ``google/flan-t5-small``.
        revision: a branch, a tag or a commit. The URLs name the commit that it is now, so that they keep their content.

    Returns:
        sha256 in hex → URLs, for each file that the repository keeps in Git LFS.

    Raises:
        StorageError: the repository cannot be read, or ``huggingface_hub`` is not installed.
    """
    info = _model_info(repo_id, revision)
    from huggingface_hub import hf_hub_url

    found: dict[str, list[str]] = {}
    for file in info.siblings or ():
        if file.lfs is not None:
            found.setdefault(file.lfs.sha256, []).append(hf_hub_url(repo_id, file.rfilename, revision=info.sha))
    return found


def _model_info(repo_id: str, revision: str) -> ModelInfo:
    if Settings.load().offline:
        raise StorageError(
            f"the Hugging Face Hub cannot be asked about {repo_id}: the setting `offline` (CARTON_OFFLINE) forbids it"
        )
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # of the library that it asks with
    except ImportError as error:
        raise StorageError("this needs huggingface_hub; install it with: pip install 'carton-jupyter[hf]'") from error
    try:
        return HfApi().model_info(repo_id, revision=revision, files_metadata=True, timeout=_TIMEOUT)
    except (OSError, ValueError, HTTPError) as error:
        # Without the error as cause, whose text holds the whole request.
        raise StorageError(f"{repo_id} ({revision}) cannot be read from the Hugging Face Hub: {_said(error)}") from None


def _said(error: Exception) -> str:
    """What the Hub says, which comes after an identifier of the request and an empty line."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return scrubbed(lines[1] if len(lines) > 1 else (lines or [type(error).__name__])[0])
