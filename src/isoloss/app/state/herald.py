"""News for a person who looks elsewhere: the desktop shows them, by what of its programs works."""

from __future__ import annotations

import html
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

NAME = "isoloss"
SHOWN = 10_000
"""Milliseconds, where the desktop listens to us."""
_PATIENCE = 10.0
_MAC = (
    "on run {title, said}",
    "display notification said with title title",
    "end run",
)
_WINDOWS = r"""
$kinds = 'ToastNotificationManager', 'ToastNotification', 'ToastTemplateType'
foreach ($kind in $kinds) {
  [void][Windows.UI.Notifications.$kind, Windows.UI.Notifications, ContentType = WindowsRuntime]
}
$type = [Windows.UI.Notifications.ToastTemplateType]::ToastText02
$toast = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent($type)
$texts = $toast.GetElementsByTagName('text')
[void]$texts.Item(0).AppendChild($toast.CreateTextNode($env:ISOLOSS_TITLE))
[void]$texts.Item(1).AppendChild($toast.CreateTextNode($env:ISOLOSS_SAID))
$shell = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\WindowsPowerShell\v1.0\powershell.exe'
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($shell).Show(
  [Windows.UI.Notifications.ToastNotification]::new($toast))
"""
"""Only programs of the start menu may show such, and PowerShell is one."""

Run = Callable[[Sequence[str], Mapping[str, str]], bool]


def commands(title: str, said: str, system: str = sys.platform) -> list[list[str]]:
    """What shows a notification on a system, each where the one before does not work.

    Args:
        system: as `sys.platform`.
    """
    if system == "win32":
        return [["powershell", "-NoProfile", "-NonInteractive", "-Command", _WINDOWS]]
    if system == "darwin":
        script = [word for line in _MAC for word in ("-e", line)]
        return [["osascript", *script, title, said]]
    place = "org.freedesktop.Notifications"
    path = f"/{place.replace('.', '/')}"
    marked = html.escape(said, quote=False)  # it may be read as markup
    time, quoted = str(SHOWN), [f'"{_escaped(text)}"' for text in (title, marked)]
    return [
        ["notify-send", f"--app-name={NAME}", f"--expire-time={time}", "--", title, marked],
        ["gdbus", "call", "--session", "--timeout", "5", "--dest", place, "--object-path", path,
         "--method", f"{place}.Notify", NAME, "uint32 0", "", *quoted, "@as []", "@a{sv} {}", time],
        ["busctl", "--user", "call", place, path, place, "Notify", "susssasa{sv}i",
         NAME, "0", "", title, marked, "0", "0", time],
    ]  # fmt: skip


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def carried_out(command: Sequence[str], more: Mapping[str, str]) -> bool:
    """Carry out a command; returns whether there is such a program and it ended well.

    Args:
        more: variables of its environment beside ours.
    """
    program = shutil.which(command[0])
    if program is None:
        return False
    # Without a window of its own, which on Windows programs have that are none for a console.
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **more},
            timeout=_PATIENCE,
            creationflags=flags,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


class Herald:
    """Has the desktop show what there is to be told, in a thread: no frame waits for it."""

    def __init__(self, carry_out: Run = carried_out) -> None:
        self._carry_out = carry_out
        self._news = queue.SimpleQueue[tuple[str, str]]()
        self._thread: threading.Thread | None = None

    def tell(self, title: str, said: str) -> None:
        """Show it, as soon as what was told before is shown."""
        self._news.put((title, said))
        if self._thread is None:
            self._thread = threading.Thread(target=self._go_on, name="herald", daemon=True)
            self._thread.start()

    def _go_on(self) -> None:
        while True:
            title, said = self._news.get()
            told = {"ISOLOSS_TITLE": title, "ISOLOSS_SAID": said}
            any(self._carry_out(command, told) for command in commands(title, said))
