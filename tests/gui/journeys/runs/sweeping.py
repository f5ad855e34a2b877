"""A preset fills the form, a field takes several values, a run each is started and listed."""

from pathlib import Path

from drive import Driver, drive

from conftest import NETWORK
from isoloss.settings.presets import own_presets


def sweeping(d: Driver) -> None:
    workspace = d.parts.workspace
    Path("small.py").write_text(NETWORK)
    form = d.parts.experiments.forms["train"]
    d.type("//Experiments/**/model/##value", "small:net")
    d.ctx.set_ref(d.ctx.window_info("//Experiments/kinds/Train/fields").window)
    d.click("presets/##preset")
    d.click("//$FOCUSED/quick")
    d.until(lambda: form.settings and form.settings.epochs == 2, "the preset to fill the form")

    d.ctx.scroll_to_item_y("task/lr/##value")
    label = d.ctx.item_info("task/lr/##value").rect_full
    d.ctx.mouse_move_to_pos((label.min.x - 40, (label.min.y + label.max.y) / 2))
    d.ctx.mouse_click(1)
    d.click("//$FOCUSED/several")
    d.type("task/lr/##several", "0.05, 0.01")
    d.until(lambda: len(form.runs) == 2, f"two runs to be asked for ({form.error})")
    assert "--sweep lr=0.05,0.01" in form.command(Path("x"))
    d.shot("sweep.png")
    d.type("task/lr/##several", "0.05, high")
    d.until(lambda: form.wrong == "lr", "the mistake to be said")
    d.shot("sweep_wrong.png")
    d.type("task/lr/##several", "0.05, 0.01")

    d.click("presets/keep preset")
    d.type("//$FOCUSED/##name", "Mine")  # and Enter
    d.until(lambda: [p.name for p in own_presets()] == ["Mine"], "it to be kept")

    d.click("//Experiments/**/start")
    runs = workspace.runs
    d.until(lambda: len(runs.followed) == 2, "both runs to be listed")
    assert [f.is_active for f in runs.in_order()] == [True, False]
    assert workspace.table.words == "tag:net-digits"
    d.until(lambda: all(f.status == "done" for f in runs.followed), "both to be done", 100)
    d.click("//Runs")
    d.until(lambda: [e.state for e in workspace.table.shown] == ["done", "done"], "their entries")
    assert {e.settings["lr"] for e in workspace.table.shown} == {0.05, 0.01}
    d.until(lambda: workspace.foresight.of([form.settings]), "what such a run takes to be told")
    d.shot("sweep_done.png")
    d.parts.toggle_theme()
    d.shot("sweep_light.png")


drive(sweeping)
