"""Our shaders as WebGL 2 takes them: GLSL ES 3.00 from the same files."""

from __future__ import annotations

import re
from functools import cache

from isoloss.resources import resource_folder

PROGRAMS = {
    "background": "background",
    "fill": "fill",
    "line": "line",
    "marker": "marker",
    "surface": "surface",
    "surface_quick": "surface_quick",
    "depth": "depth",
    "occlusion": "background",
    "occlusion_blur": "background",
}
"""Those that a page draws with, and whose vertex shader each of them has."""

_HEAD = (
    "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp sampler2D;\n"
)
_VERSION = re.compile(r"#version .*\n")
_INCLUDE = re.compile(r'^#include "(.+)"$', re.MULTILINE)
_REMARK = re.compile(r"//.*")
_PEELED = re.compile(r"^#ifdef PEELED\n.*?^#endif\n", re.MULTILINE | re.DOTALL)


@cache
def sources() -> dict[str, str]:
    """The text of each shader that `PROGRAMS` needs, by the name of its file."""
    files = [f"{name}.frag" for name in PROGRAMS]
    files += [f"{vertex}.vert" for vertex in PROGRAMS.values()]
    return {file: _HEAD + _text(file) for file in dict.fromkeys(files)}


def _text(file: str) -> str:
    text = (resource_folder("shaders") / file).read_text(encoding="utf-8")
    text = _INCLUDE.sub(lambda named: _text(named[1]), _VERSION.sub("", text))
    text = _PEELED.sub("", _REMARK.sub("", text))
    return "\n".join(line.strip() for line in text.splitlines() if line.strip()) + "\n"
