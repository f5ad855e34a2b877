"""Files from the Hugging Face hub, announced before they are fetched."""

from __future__ import annotations

import sys
from pathlib import Path

from isoloss.errors import IsolossError


def fetch(repository: str, file: str, instead: str, *others: str) -> tuple[str, Path]:
    """The name and the path of a file of a repository on the hub, from this machine's cache if it
    is there.

    Args:
        instead: what to do without it, for the message.
        others: what to look for in its place, in this order, where there is no such `file`.

    Raises:
        IsolossError: if it cannot be had, in one line that ends with `instead`.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError

    for name in (file, *others):
        cached = try_to_load_from_cache(repository, name)
        if isinstance(cached, str):
            return name, Path(cached)
    failed: Exception | None = None
    for name in (file, *others):
        try:
            return name, _download(repository, name)
        except EntryNotFoundError as error:
            failed = failed or error
        except Exception as error:  # the hub's own types, httpx's and the system's
            failed = error
            break
    lines = [line.strip() for line in str(failed).splitlines() if line.strip()]
    reason = lines[0][:120] if lines else type(failed).__name__
    raise IsolossError(
        f"cannot get {file} of {repository} from huggingface.co: {reason}; {instead}"
    ) from failed


def _download(repository: str, file: str) -> Path:
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    # Asked first, since without a network this fails at once, while a download tries again.
    size = (get_hf_file_metadata(hf_hub_url(repository, file)).size or 0) / 1e6
    if size >= 1:
        print(
            f"isoloss: downloading {file} of {repository} ({size:.0f} MB) from huggingface.co",
            file=sys.stderr,
            flush=True,
        )
    return Path(hf_hub_download(repository, file))
