"""What is exported as a page."""

from __future__ import annotations

from pathlib import Path

from isoloss.geometry.files.formats import Asked
from isoloss.geometry.surface import Surface
from isoloss.page.writing import write_page
from isoloss.scene.document import Document
from isoloss.scene.files.staging import stage
from isoloss.scene.layer import SurfaceLayer


def write_shown(shown: Document | SurfaceLayer | Surface, path: Path, asked: Asked) -> Path:
    """Write a page of a document, or of a surface as it is shown at first.

    Raises:
        IsolossError: nothing is to be seen, or `path` cannot be written.
    """
    document = shown if isinstance(shown, Document) else stage(shown)
    return write_page(
        document, path, asked.command, asked.theme, fits=asked.fits, title=asked.title
    )
