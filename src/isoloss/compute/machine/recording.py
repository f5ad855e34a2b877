"""A run while it is resumed: held, its events recorded, its end put into words.

Under torchrun, rank 0 does the run and the other ranks help.
"""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Protocol

import torch

from isoloss.compute.machine.deterministic import deterministic
from isoloss.compute.machine.device import describe_device
from isoloss.compute.machine.interrupts import Interrupts, interrupt_main_thread
from isoloss.compute.machine.memory import is_out_of_memory, no_shared_memory, peak_bytes
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.compute.machine.unusable import unused_gpu
from isoloss.compute.machine.user_code import where_users_code_failed
from isoloss.errors import IsolossError
from isoloss.events import Done, Event, Failed, Log, Paused, Started
from isoloss.files import remove_partial_files
from isoloss.naming import in_one_line
from isoloss.run import Run
from isoloss.version import __version__

LOOK = 0.3
"""Seconds between two looks whether somebody asks for a stop."""
_IS_BEGUN, _IS_DONE = b"begun", b"done"


class Prepared(Protocol):
    """What a kind of run needs, loaded and checked."""

    @property
    def device(self) -> object:
        """Where it computes."""
        ...

    def resume(self, run: Run) -> Iterator[Event]:
        """Do what is missing of the run, yielding what happens."""
        ...

    def serve(self, run: Run) -> None:
        """At ranks other than 0: do this process's part of what rank 0 resumes."""
        ...


def recorded(run: Run, prepare: Callable[[], Prepared]) -> Iterator[Event]:
    """Do what is missing of `run`, recording and yielding every event.

    Closing the generator, or an interrupt, leaves the run paused; resuming it again goes on
    from there. A run that is done yields nothing.

    Args:
        prepare: gives what the run needs; called where something is missing.

    Raises:
        IsolossError: if the run cannot go on; the reason is recorded too.
    """
    group = process_group()
    with run.lock(), Interrupts() as interrupts, _heeding(run.stop_path):
        if run.is_done:
            group.broadcast("run", _IS_DONE)
            return
        began = time.monotonic()
        remove_partial_files(run.folder)
        try:
            # Said twice: at once, so that whoever looks knows which process to ask to stop, and
            # again when the device is known.
            run.emit(Started(os.getpid(), host=platform.node()))
            group.broadcast("run", _IS_BEGUN)
            prepared = prepare()
            device, so_far = _device(prepared), _last_device(run)
            run.record_environment(**_machine(prepared))
            started = Started(os.getpid(), str(prepared.device), platform.node())
            run.emit(started)
            yield started
            with no_shared_memory(device), deterministic(device):
                for event in chain(_about_device(run, device, so_far), prepared.resume(run)):
                    run.emit(event)
                    yield event
                    interrupts.raise_lost()
        except (KeyboardInterrupt, GeneratorExit):
            # torchrun interrupts rank 0 too when another process has given up.
            with suppress(IsolossError):  # the disk is full, or the folder gone
                run.emit(Paused() if group.failure is None else Failed(group.failure))
            raise
        except IsolossError as error:
            reason = group.failure or str(error)
            if run.elsewhere:  # what somebody has pointed at is not what it was begun with
                run.emit(Paused())
            else:
                _record_failure(run, reason)
            raise IsolossError(reason) from error
        except Exception as error:
            friendly = group.failure or explain(error)
            _record_failure(run, friendly or f"{type(error).__name__}: {error}")
            if friendly:
                raise IsolossError(friendly) from error
            raise
        run.record_environment(peak_memory=most_memory(prepared))
        done = Done(round(time.monotonic() - began, 3))
        run.emit(done)
        yield done


@contextmanager
def _heeding(path: Path) -> Generator[None]:
    """Be interrupted as soon as there is a file at `path`, which is then removed; one that is there
    already asked for an earlier stop."""
    ended = threading.Event()

    def asked() -> bool:
        with suppress(OSError):
            path.unlink()
            return True
        return False

    def watch() -> None:
        while not ended.wait(LOOK):
            if asked():
                interrupt_main_thread()

    asked()
    if threading.current_thread() is threading.main_thread():
        threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def follow(prepare: Callable[[], tuple[Run, Prepared]]) -> None:
    """Work for rank 0, which resumes a run, until it is done.

    Args:
        prepare: gives the run and what it needs; called if rank 0 has begun.

    Raises:
        IsolossError: if this process cannot; rank 0 has been told.
    """
    group = process_group()
    if group.broadcast("run") == _IS_DONE:
        return
    try:
        run, prepared = prepare()
        device = _device(prepared)
        with no_shared_memory(device), deterministic(device):
            prepared.serve(run)
    except IsolossError as error:
        group.report_failure(str(error))
        raise
    except Exception as error:
        friendly = explain(error)
        group.report_failure(friendly or f"{type(error).__name__}: {error}")
        if friendly:
            raise IsolossError(friendly) from error
        raise


def explain(error: Exception) -> str | None:
    """A person's words for what the machine or the user's own code did wrong; None for a defect."""
    if is_out_of_memory(error):
        return "out of memory: choose a smaller --batch-size or --device cpu"
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'}: {error.strerror or error}"
    return where_users_code_failed(error)


def _last_device(run: Run) -> str | None:
    """The name of what was at work on a run last, where that is known."""
    known = run.environment
    return "CPU" if known.get("device") == "cpu" else known.get("device_name")


def _about_device(run: Run, device: torch.device, so_far: str | None) -> Iterator[Event]:
    """Says of a run that another device was at work on it, or why a GPU that is there is left
    alone, where it was left to the machine to choose."""
    now = describe_device(device)
    if device.type != "cpu":
        run.record_environment(device_name=now)
    if so_far not in (None, now):
        yield Log(f"so far on {so_far}, it goes on on {now}: last digits may be others there")
    is_left = device.type == "cpu" and getattr(run.settings, "device", None) == "auto"
    if is_left and (why := unused_gpu()) is not None:
        yield Log(f"a GPU is left alone: {why}")


def _record_failure(run: Run, message: str) -> None:
    # If the disk is full or gone, the caller still hears the first reason.
    with suppress(IsolossError):
        run.emit(Failed(in_one_line(message)))


def most_memory(prepared: Prepared) -> int:
    """The bytes that this process has needed at most, of the device where that has its own."""
    return peak_bytes(_device(prepared))


def _device(prepared: Prepared) -> torch.device:
    return torch.device(str(prepared.device))


def _machine(prepared: Prepared) -> dict[str, object]:
    return {
        "isoloss": __version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "system": platform.platform(),
        "device": str(prepared.device),
        "processes": Ranks.current().world,
    }
