"""Files from the Hugging Face hub, announced before they are fetched."""

from __future__ import annotations

import sys
from pathlib import Path

from isoloss.errors import IsolossError


def fetch(repository: str, file: str, instead: str, folder: str | None = None) -> Path:
    """The file `file` of a repository on the hub, from this machine's cache if it is there.

    Args:
        instead: what to do without it, for the message.
        folder: where the file lies in repositories that do not have it at their top.

    Raises:
        IsolossError: if it cannot be had, in one line that ends with `instead`.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError

    places = (file,) if folder is None else (file, f"{folder}/{file}")
    for place in places:
        cached = try_to_load_from_cache(repository, place)
        if isinstance(cached, str):
            return Path(cached)
    failed: Exception | None = None
    for place in places:
        try:
            return _download(repository, place)
        except EntryNotFoundError as error:
            failed = error
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
