"""Firefox on a display of its own, for without one it has no WebGL, driven by its Marionette."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

PATIENCE = 120.0
"""Seconds: it starts slowly on a busy machine."""
_SETTINGS = {
    "marionette.port": 0,  # any that is free; it says which in a file
    "webgl.force-enabled": True,
    "webgl.disabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.disabledForTesting": True,
    "network.captive-portal-service.enabled": False,
}


class Firefox:
    """One browser with one page."""

    def __init__(self, width: int, height: int) -> None:
        self._display, number = _display(width, height)
        self._profile = Path(tempfile.mkdtemp(prefix="firefox-"))
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in _SETTINGS.items()]
        (self._profile / "user.js").write_text("\n".join(lines))
        program = shutil.which("firefox-esr") or shutil.which("firefox") or "firefox"
        self._process = subprocess.Popen(
            [program, "--marionette", "--remote-allow-system-access", "--no-remote",
             "--profile", self._profile, f"--width={width}", f"--height={height}", "about:blank"],
            env={**os.environ, "DISPLAY": f":{number}"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._count, self._left = 0, b""
        try:
            self._socket = socket.create_connection(("127.0.0.1", self._port()), PATIENCE)
            self._message()
            self.call("WebDriver:NewSession", capabilities={})
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Firefox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._socket.close()
        self._end()

    def open(self, path: Path) -> None:
        """Open a file and wait until it has been loaded."""
        self.call("WebDriver:Navigate", url=path.absolute().as_uri())

    def run(self, script: str) -> Any:
        """What the body of a function returns in the page."""
        return self.call("WebDriver:ExecuteScript", script=script, args=[])["value"]

    def wait(self, condition: str) -> None:
        """Until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(f"return {condition}"):
            if time.monotonic() > end:
                raise TimeoutError(f"not true: {condition}; {self.complaints()[:3]}")
            time.sleep(0.1)

    def complaints(self) -> list[str]:
        """What its console says of files."""
        self.call("Marionette:SetContext", value="chrome")
        said = self.run("return Services.console.getMessageArray().map(String)")
        self.call("Marionette:SetContext", value="content")
        return [message for message in said if "file:///" in message]

    def screenshot(self) -> bytes:
        """A PNG of what is in sight of the page."""
        return base64.b64decode(self.call("WebDriver:TakeScreenshot", full=False)["value"])

    def call(self, name: str, **parameters: Any) -> dict[str, Any]:
        """Ask it something by the protocol."""
        self._count += 1
        text = json.dumps([0, self._count, name, parameters])
        self._socket.sendall(f"{len(text.encode())}:{text}".encode())
        while True:
            answer = self._message()
            if isinstance(answer, list) and answer[:2] == [1, self._count]:
                if answer[2]:
                    raise RuntimeError(f"{name}: {answer[2]}")
                return answer[3]

    def _message(self) -> Any:
        while b":" not in self._left:
            self._left += self._received()
        length, rest = self._left.split(b":", 1)
        while len(rest) < int(length):
            rest += self._received()
        self._left = rest[int(length) :]
        return json.loads(rest[: int(length)])

    def _received(self) -> bytes:
        if not (read := self._socket.recv(1 << 16)):
            raise RuntimeError("Firefox has ended")
        return read

    def _port(self) -> int:
        end, place = time.monotonic() + PATIENCE, self._profile / "MarionetteActivePort"
        while not (place.exists() and place.read_text().strip()):
            if time.monotonic() > end or self._process.poll() is not None:
                raise TimeoutError("Firefox does not start")
            time.sleep(0.1)
        return int(place.read_text())

    def _end(self) -> None:
        for process in (self._process, self._display):
            process.kill()
            process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)


def _display(width: int, height: int) -> tuple[subprocess.Popen[bytes], int]:
    """A display of its own, and its number."""
    read, write = os.pipe()
    screen = f"{width + 100}x{height + 200}x24"
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", screen, "-nolisten", "tcp"],
        pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as told:
        return server, int(told.readline())
