"""Damages files of every kind by the thousand and opens each as a person would: by `isoloss.load`,
by `isoloss info` and in the window.

    python tools/mutate_files.py --seed 0 --count 100000 --seconds 3600 --keep mutants

Allowed is what opens, and what is refused, or left out with a warning of ours, in one line. Not
allowed: any other exception or warning, anything on stderr, more than --limit seconds, more memory
than --gigabytes, a crash. Every file that did what is not allowed is kept below --keep with what
happened; the same seed makes the same files.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import math
import mmap
import os
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mutants.damage import damaged
from mutants.doors import Fault, try_doors
from mutants.originals import originals

BATCH = 500
"""Files a process opens before another takes over: what one leaves behind is not the next one's."""
KEPT = 3
"""So many files are kept of one fault."""
PATIENCE = 20
"""A file that takes so many times its limit hangs, though it does nothing."""


class Campaign:
    """Mutants by their number, opened in processes of which each may die."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.asked, self.folder = asked, folder
        os.environ["ISOLOSS_CONFIG_DIR"] = str(folder / "config")
        wanted = asked.kinds or None
        self.originals = [
            o for o in originals(folder / "whole") if wanted is None or o.kind in wanted
        ]
        self.contents = [o.content for o in self.originals]
        self.kinds = sorted({o.kind for o in self.originals})
        self.place = folder
        self.faults: Counter[str] = Counter()
        self.opened: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.shared = mmap.mmap(-1, 16)  # the number at work, and when it was begun
        self.log = folder / "log.jsonl"
        self.log.touch()

    def run(self) -> int:
        """Try `--count` mutants in `--seconds`; returns how many were tried."""
        began, at = time.monotonic(), 0
        while at < self.asked.count and time.monotonic() - began < self.asked.seconds:
            stop = min(at + BATCH, self.asked.count)
            at = self._batch(at, stop, began)
        self._read_log()
        return at

    def _batch(self, start: int, stop: int, began: float) -> int:
        """Try the mutants from `start` on in a process of their own; returns where it ended."""
        self._say(start)
        self.place = self.folder / f"from{start}"
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                self._work(start, stop, began)
                code = 0
            except Exception:  # of the campaign itself
                os.write(2, traceback.format_exc().encode())
            finally:
                os._exit(code)
        slow, used = -1, 0.0
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            number, since = struct.unpack("qd", self.shared)
            if done:
                break
            waited = time.monotonic() - since
            if waited > self.asked.limit and number != slow:
                slow, used = number, _seconds_of(pid)
            # Of the processor from then on, for others may have it too.
            took = max(_seconds_of(pid) - used, waited / PATIENCE) if number == slow else 0.0
            if took > self.asked.limit:
                os.kill(pid, signal.SIGABRT)  # faulthandler says where it was
                os.waitpid(pid, 0)
                self._keep(number, f"hang: more than {self.asked.limit:g} s")
                return number + 1
            time.sleep(0.02)
        if status != 0:
            died = os.waitstatus_to_exitcode(status)
            self._keep(number, f"crash: exit code {died}")
        return number + 1

    def _say(self, number: int) -> None:
        self.shared[:] = struct.pack("qd", number, time.monotonic())

    def _work(self, start: int, stop: int, began: float) -> None:
        stderr = self.folder / "stderr"
        file = os.open(stderr, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_APPEND)
        os.dup2(file, 2)
        faulthandler.enable(2)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        most = used + int(self.asked.gigabytes * 1e9)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        shutil.copytree(self.folder / "whole", self.place)
        with self.log.open("a") as log:
            for number in range(start, stop):
                if time.monotonic() - began > self.asked.seconds:
                    return
                self._say(number)
                rng = np.random.default_rng((self.asked.seed, number))
                kind = self.kinds[rng.integers(len(self.kinds))]
                those = [o for o in self.originals if o.kind == kind]
                original, opened = those[rng.integers(len(those))], False
                opens, file = (self._placed(p) for p in (original.opened, original.file))
                suffix = original.file.suffix
                file.write_bytes(damaged(original.content, suffix, self.contents, rng))
                try:
                    opened = try_doors(opens, rng, stderr)
                except Fault as fault:
                    self._keep(number, str(fault), {opens, file})
                file.write_bytes(original.content)
                log.write(json.dumps([kind, opened]) + "\n")
        shutil.rmtree(self.place)

    def _placed(self, whole: Path) -> Path:
        return self.place / whole.relative_to(self.folder / "whole")

    def _keep(self, number: int, what: str, those: Iterable[Path] = ()) -> None:
        """Keep what did what is not allowed, with what that was; all, if its process is gone."""
        fault = what.splitlines()[0]
        with (self.folder / "faults").open("a") as file:
            file.write(json.dumps(fault) + "\n")
        known = (self.folder / "faults").read_text().splitlines()
        if known.count(json.dumps(fault)) > KEPT:
            return
        if not those:
            those = [*self.place.iterdir()]
            what += "\n" + (self.folder / "stderr").read_text(errors="replace")
        kept = self.asked.keep / f"seed{self.asked.seed}-{number}"
        kept.mkdir(parents=True, exist_ok=True)
        for path in those:
            if path.is_dir():
                shutil.copytree(path, kept / path.name, dirs_exist_ok=True)
            elif path.parent == self.place:
                shutil.copy(path, kept)
        (kept / "what.txt").write_text(what, errors="replace")

    def _read_log(self) -> None:
        for line in self.log.read_text().splitlines():
            kind, opened = json.loads(line)
            self.tried[kind] += 1
            self.opened[kind] += opened
        faults = self.folder / "faults"
        if faults.exists():
            self.faults.update(json.loads(line) for line in faults.read_text().splitlines())


def _seconds_of(pid: int) -> float:
    """How long the processor has been at work for a process."""
    said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="Which mutants [0]")
    parser.add_argument("--count", type=int, default=10_000, help="How many [10000]")
    parser.add_argument("--seconds", type=float, default=math.inf, help="No longer than this")
    parser.add_argument("--limit", type=float, default=10, help="Seconds a file may compute [10]")
    parser.add_argument("--gigabytes", type=float, default=3, help="Memory it may take [3]")
    parser.add_argument("--keep", type=Path, default=Path("mutants"), help="Where faults are kept")
    parser.add_argument("--kinds", nargs="+", help="Only these [all]")
    asked = parser.parse_args(arguments)
    memory = Path("/dev/shm")  # a disk takes longer than all the rest
    where = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="isoloss-mutants-", dir=where) as folder:
        campaign = Campaign(asked, Path(folder))
        began = time.monotonic()
        tried = campaign.run()
        seconds = time.monotonic() - began
    print(f"seed {asked.seed}: {tried} files in {seconds:.0f} s")
    for kind in sorted(campaign.tried):
        print(f"  {kind:<18} {campaign.tried[kind]:>7}, opened {campaign.opened[kind]:>7}")
    for fault, times in campaign.faults.most_common():
        print(f"  FAULT {times:>5} × {fault}")
    return 1 if campaign.faults else 0


if __name__ == "__main__":
    sys.exit(main())
