"""Chromium without a window, driven over a pipe by its DevTools protocol: no port, no package."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

FLAGS = (
    "--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--remote-debugging-pipe", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
    "--force-color-profile=srgb", "--disable-dev-shm-usage", "--disable-background-networking",
)  # fmt: skip
PATIENCE = 60.0
"""Seconds for an answer: software rendering on a busy machine."""


class Browser:
    """One browser with one page.

    Attributes:
        complaints: what was written to the console as an error or a warning, or thrown.
        requests: the addresses that were asked for.
    """

    def __init__(self, width: int = 1280, height: int = 800, *flags: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        ours, theirs = os.pipe(), os.pipe()  # commands to it, answers from it
        program = shutil.which("chromium") or "chromium"

        def prepare() -> None:
            ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (ours[0], theirs[1])]
            for end, number in zip(ends, (3, 4), strict=True):
                os.dup2(end, number)
                os.close(end)

        self._process = subprocess.Popen(
            [program, *FLAGS, f"--window-size={width},{height}",
             f"--user-data-dir={self._profile}", *flags, "about:blank"],
            preexec_fn=prepare, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(ours[0])
        os.close(theirs[1])
        self._to, self._from = ours[1], theirs[0]
        self._left, self._count, self._session = b"", 0, ""
        self.complaints: list[str] = []
        self.requests: list[str] = []
        targets = self._call("Target.getTargets")["targetInfos"]
        target = next(t for t in targets if t["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(width, height)

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, and leave nothing behind."""
        self._process.kill()
        self._process.wait()
        for end in (self._to, self._from):
            os.close(end)
        shutil.rmtree(self._profile, ignore_errors=True)

    # -- what a reader does ----------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Open a file and wait until it has been loaded."""
        self.complaints.clear()
        self.requests.clear()
        self.call("Page.navigate", url=path.absolute().as_uri())
        self.wait("document.readyState === 'complete'")

    def resize(self, width: int, height: int, ratio: float = 1.0, *, touch: bool = False) -> None:
        """Give the page so many pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=ratio, mobile=touch,
        )  # fmt: skip

    def emulate(self, **features: str) -> None:
        """What the reader's system prefers: `prefers_color_scheme="dark"`."""
        given = [{"name": n.replace("_", "-"), "value": v} for n, v in features.items()]
        self.call("Emulation.setEmulatedMedia", features=given)

    def run(self, script: str) -> Any:
        """The value of an expression in the page, awaited."""
        found = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"])[:2000])
        return found["result"].get("value")

    def wait(self, condition: str, patience: float = PATIENCE) -> None:
        """Until an expression is true."""
        end = time.monotonic() + patience
        while not self.run(condition):
            if time.monotonic() > end:
                raise TimeoutError(f"not true: {condition}; {self.complaints[:3]}")
            time.sleep(0.05)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """An event of the mouse: moved, pressed, released or wheel."""
        names = {"moved": "mouseMoved", "pressed": "mousePressed", "released": "mouseReleased"}
        kind = names.get(kind, "mouseWheel")
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(
        self, start: tuple[float, float], end: tuple[float, float], button: str = "left",
        steps: int = 4,
    ) -> None:  # fmt: skip
        """From one place to another with a button held."""
        held = {"button": button, "buttons": {"left": 1, "right": 2, "middle": 4}[button]}
        self.mouse("moved", *start)
        self.mouse("pressed", *start, clickCount=1, **held)
        for k in range(1, steps + 1):
            x, y = (a + (b - a) * k / steps for a, b in zip(start, end, strict=True))
            self.mouse("moved", x, y, **held)
        self.mouse("released", *end, clickCount=1, button=button, buttons=0)

    def double_click(self, x: float, y: float) -> None:
        """With the left button."""
        for count in (1, 2):
            self.mouse("pressed", x, y, button="left", buttons=1, clickCount=count)
            self.mouse("released", x, y, button="left", buttons=0, clickCount=count)

    def wheel(self, x: float, y: float, notches: float) -> None:
        """Turn the wheel; positive is away from the reader, closer to what is seen."""
        self.mouse("wheel", x, y, deltaX=0, deltaY=-100 * notches)

    def fingers(
        self, start: Sequence[tuple[float, float]], end: Sequence[tuple[float, float]],
        steps: int = 4,
    ) -> None:  # fmt: skip
        """Fingers that are put down at some places, go to others and are lifted."""
        for k in range(steps + 1):
            points = [
                {"x": a + (c - a) * k / steps, "y": b + (d - b) * k / steps, "id": n}
                for n, ((a, b), (c, d)) in enumerate(zip(start, end, strict=True))
            ]
            kind = "touchMove" if k else "touchStart"
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def key(self, key: str, code: str = "", shift: bool = False) -> None:
        """Press a key and let it go."""
        text = key if len(key) == 1 else ""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=code,
                text=text if kind == "keyDown" else "", modifiers=8 * shift,
            )  # fmt: skip

    def screenshot(self, clip: tuple[float, float, float, float] | None = None) -> bytes:
        """A PNG of the page, or of (x, y, width, height) of it."""
        more: dict[str, Any] = {}
        if clip is not None:
            more["clip"] = dict(zip(("x", "y", "width", "height"), clip, strict=True), scale=1)
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", **more)["data"])

    def pdf(self) -> bytes:
        """The page as it is printed."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    # -- the protocol ----------------------------------------------------------------------------

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the page something by the protocol."""
        return self._call(method, session=self._session, **parameters)

    def _call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            if not select.select([self._from], [], [], PATIENCE)[0]:
                raise TimeoutError("Chromium does not answer")
            if not (read := os.read(self._from, 1 << 20)):
                raise RuntimeError("Chromium has ended")
            self._left += read
        message, self._left = self._left.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        kind, about = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(about["exceptionDetails"])[:2000])
        elif kind == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(about["args"])[:2000])
        elif kind == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.complaints.append(about["entry"]["text"])
        elif kind == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
