"""Three runs on one device: two wait, are dragged, started now, cancelled; the limit is raised."""

from pathlib import Path

from drive import Driver, drive

from conftest import NETWORK
from isoloss.jobs.follow import FollowedRun


def grip(followed: FollowedRun) -> str:
    """What a run that waits is dragged by; a slash in a name is no step of a path."""
    name = str(followed.run.folder).replace("/", "\\/")
    return f"//Jobs/{name}/grip"


def turns(d: Driver) -> None:
    runs = d.parts.workspace.runs
    Path("small.py").write_text(NETWORK)
    form = d.parts.experiments.forms["train"]
    d.type("//Experiments/**/epochs/##value", 9000)
    d.type("//Experiments/**/model/##value", "small:net")
    d.until(lambda: form.settings is not None, f"the form to be right ({form.error})")
    for k in range(3):
        d.click("//Experiments/**/start")
        d.until(lambda k=k: len(runs.followed) == k + 1, "the run to be listed")
    first, second, third = (
        runs.of(Path(f"runs/net-digits{ending}").absolute()) for ending in ("", "-2", "-3")
    )
    assert [f.is_active for f in (first, second, third)] == [True, False, False]
    assert [runs.place(f) for f in (first, second, third)] == [None, 0, 1]
    d.until(lambda: first.metrics, "the first to be at work", 60)
    d.shot("queue.png")

    d.ctx.item_drag_and_drop(grip(third), grip(second))
    d.until(lambda: runs.place(third) == 0, "the order to change")

    d.type("//Jobs/##limit cpu", 2)
    d.until(lambda: third.is_active, "the next to begin")
    assert not second.is_active
    d.click("//Jobs/**/now")
    d.until(lambda: second.is_active, "it to begin all the same")
    assert runs.queue.waiting == ()
    d.until(lambda: second.metrics and third.metrics, "all to be at work", 60)
    assert runs.memory(second) > 50_000_000
    d.shot("queue_all.png")
    for followed in (first, second, third):
        runs.cancel(followed)
    ends = ("paused", "failed")
    d.until(lambda: all(f.status in ends for f in (first, second, third)), "all to end", 60)
    d.parts.toggle_theme()
    d.shot("queue_light.png")


drive(turns)
