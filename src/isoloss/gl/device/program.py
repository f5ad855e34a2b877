"""Shader programs: read from files, compiled once, uniforms by name."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from OpenGL import GL, contextdata

from isoloss.resources import resource_folder

_INCLUDE = re.compile(r'^#include "(.+)"$', re.MULTILINE)


class Program:
    """The program of `shaders/NAME.vert` and `shaders/NAME.frag`.

    `vertex` names another file for the first stage, which several programs share. A line
    `#include "FILE"` in any of them stands for that file's content. `defined` is a name that their
    `#ifdef` may ask for.
    """

    def __init__(self, name: str, vertex: str = "", defined: str = "") -> None:
        self.name = name
        self.id = GL.glCreateProgram()
        files = [f"{vertex or name}.vert", f"{name}.frag"]
        stages = [GL.GL_VERTEX_SHADER, GL.GL_FRAGMENT_SHADER]
        shaders = [_compile(kind, file, defined) for kind, file in zip(stages, files, strict=True)]
        for shader in shaders:
            GL.glAttachShader(self.id, shader)
        GL.glLinkProgram(self.id)
        if not GL.glGetProgramiv(self.id, GL.GL_LINK_STATUS):
            raise RuntimeError(
                f"shader {name} does not link: {_text(GL.glGetProgramInfoLog(self.id))}"
            )
        for shader in shaders:
            GL.glDetachShader(self.id, shader)
            GL.glDeleteShader(shader)
        self._locations: dict[str, int] = {}

    def use(self, **uniforms: object) -> None:
        """Make it the current program and set `uniforms` (without their prefix `u_`).

        bool and int become integers, float a float, sequences vectors, and (4, 4) arrays matrices
        for column vectors.
        """
        GL.glUseProgram(self.id)
        for name, value in uniforms.items():
            self._set(self._location(name), value)

    def _location(self, name: str) -> int:
        if name not in self._locations:
            self._locations[name] = GL.glGetUniformLocation(self.id, f"u_{name}")
        return self._locations[name]

    def _set(self, location: int, value: object) -> None:
        if isinstance(value, bool | int):
            GL.glUniform1i(location, int(value))
        elif isinstance(value, float):
            GL.glUniform1f(location, value)
        else:
            vector = np.ascontiguousarray(value, np.float32)
            if vector.shape == (4, 4):
                GL.glUniformMatrix4fv(location, 1, GL.GL_TRUE, vector)
            else:
                setter = {2: GL.glUniform2f, 3: GL.glUniform3f, 4: GL.glUniform4f}[len(vector)]
                setter(location, *vector.tolist())


def shared(name: str, vertex: str = "", defined: str = "") -> Program:
    """The `Program` of these files in the current context, compiled when it is first asked for.

    All that draw with it share its uniforms too: each sets them anew before it draws.
    """
    key = ("program", name, vertex, defined)
    program: Program | None = contextdata.getValue(key)
    if program is None:
        program = Program(name, vertex, defined)
        contextdata.setValue(key, program)
    return program


OCCLUDED, NEARER = 1, 2
"""The texture units of the ambient occlusion, and of the depths that have been peeled away."""


def peeled(name: str) -> Program:
    """The program NAME that leaves out what lies no farther than the depths bound to `NEARER`."""
    program = shared(name, defined="PEELED")
    program.use(nearer=NEARER)
    return program


def _source(file: str) -> str:
    text = (resource_folder("shaders") / file).read_text("utf-8")
    return _INCLUDE.sub(lambda found: _source(found[1]), text)


def _compile(kind: Any, file: str, defined: str) -> int:
    shader: Any = GL.glCreateShader(kind)
    version, rest = _source(file).split("\n", 1)
    define = f"#define {defined}\n" if defined else ""
    GL.glShaderSource(shader, f"{version}\n{define}{rest}")
    GL.glCompileShader(shader)
    if not GL.glGetShaderiv(shader, GL.GL_COMPILE_STATUS):
        raise RuntimeError(f"{file} does not compile: {_text(GL.glGetShaderInfoLog(shader))}")
    return shader


def _text(log: bytes | str) -> str:
    return log.decode(errors="replace") if isinstance(log, bytes) else log
