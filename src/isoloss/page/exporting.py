"""What is exported as a page."""

from __future__ import annotations

from pathlib import Path

from isoloss.files import write_atomic
from isoloss.geometry.files.formats import Asked
from isoloss.geometry.surface import Surface
from isoloss.page.report.curve import curve_page
from isoloss.page.writing import write_page
from isoloss.scene.document import Document
from isoloss.scene.files.staging import only_curve, stage
from isoloss.scene.layer import SurfaceLayer


def write_shown(shown: Document | SurfaceLayer | Surface, path: Path, asked: Asked) -> Path:
    """Write a page of a document, or of a surface or a curve as it is shown at first.

    Raises:
        IsolossError: nothing is to be seen, or `path` cannot be written.
    """
    if (curve := only_curve(shown)) is not None:
        text = curve_page(curve, asked.command, asked.theme, asked.title)
        return write_atomic(path, lambda p: p.write_text(text, encoding="utf-8"))
    document = shown if isinstance(shown, Document) else stage(shown)
    return write_page(
        document, path, asked.command, asked.theme, fits=asked.fits, title=asked.title
    )
