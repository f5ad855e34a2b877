"""A form from the first field to the run by keyboard alone, and what the mouse adds to it."""

import json
from pathlib import Path

from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.app.panels.forms.form_fields import FormFields
from isoloss.app.state.forms.form_memory import FormMemory

KEY = imgui.Key
NETWORK = """
from torch import nn

def net(num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, num_classes))
"""


def keyboard(d: Driver) -> None:
    Path("small.py").write_text(NETWORK)
    d.until(lambda: d.window.frames > 4, "the first frames")
    here(d, "Train")
    walk(d)
    refuse(d)
    give_back(d)
    start(d)
    choose(d)
    reset(d)


def here(d: Driver, kind: str) -> None:
    """Name items from the fields of a form on."""
    path = f"//Experiments/kinds/{kind}/fields"
    d.ctx.set_ref(d.until(lambda: d.ctx.window_info(path).window, "the form"))


def focused(d: Driver) -> list[str]:
    """The fields at which the keyboard was, frame by frame."""
    seen: list[str] = []
    draw = FormFields.draw

    def noted(fields, field, *given, **more):
        value = draw(fields, field, *given, **more)
        if fields.has_focus and (not seen or seen[-1] != field.name):
            seen.append(field.name)
        return value

    d.parts.experiments.rows.fields.draw = noted.__get__(d.parts.experiments.rows.fields)
    return seen


def walk(d: Driver) -> None:
    """Tab comes to every field in turn, lists and boxes included; with Shift back."""
    seen = focused(d)
    form = d.parts.experiments.forms["train"]
    d.click("task/data/##value")
    shown = [f.name for f in form.fields if form.matters(f) and not f.section]
    first = shown.index("data")
    for _ in shown[first + 1 :]:
        d.press(KEY.tab)
    d.until(lambda: len(seen) >= len(shown) - first, "every field to have been come to")
    assert seen == shown[first:]
    d.shot("keyboard_walk.png")
    for _ in range(3):
        d.press(KEY.mod_shift, KEY.tab)
    assert seen[-3:] == shown[-4:-1][::-1]


def refuse(d: Driver) -> None:
    """What a run would refuse is said while it is typed; Enter then comes to that field."""
    form = d.parts.experiments.forms["train"]
    d.click("task/model/##value")
    d.ctx.key_chars_replace("small:nott")
    d.until(lambda: form.error == "There is no 'nott' in small", "the mistake to be said")
    d.shot("keyboard_wrong.png")
    d.press(KEY.enter)
    assert not d.parts.workspace.runs.followed
    assert not Path("runs").exists()
    d.until(lambda: imgui.get_io().want_text_input, "the keyboard to come to the mistake")
    d.ctx.key_chars_replace("small:net")
    d.press(KEY.tab)
    d.until(lambda: form.settings is not None, f"the form to be right ({form.error})")


def give_back(d: Driver) -> None:
    """Escape gives back what stood there."""
    form = d.parts.experiments.forms["train"]
    d.click("task/epochs/##value")
    d.until(lambda: imgui.get_io().want_text_input, "the field to be typed into")
    d.shot("give_back.png")
    d.ctx.key_chars_replace("77")
    d.shot("give_back2.png")
    d.until(lambda: form.values["epochs"] == 77, "what is typed")
    d.press(KEY.escape)
    d.until(lambda: form.values["epochs"] == 5, "what stood there")


def start(d: Driver) -> None:
    """Enter starts; what was asked for is there again in the next session."""
    form, runs = d.parts.experiments.forms["train"], d.parts.workspace.runs
    d.click("task/epochs/##value")
    d.ctx.key_chars_replace("1")
    d.press(KEY.enter)
    followed = d.until(lambda: runs.selected, "the run")
    assert (followed.run.settings.model, followed.run.settings.epochs) == ("small:net", 1)
    d.until(lambda: followed.status == "done", "the run to be done", 60)
    d.until(FormMemory().path.exists, "what is remembered")
    kept = json.loads(FormMemory().path.read_text())
    assert kept["forms"]["train"] == {"model": "small:net", "epochs": 1}
    assert FormMemory().load()["train"].values == kept["forms"]["train"]
    d.press(KEY.tab)
    d.press(KEY.escape)
    assert len(runs.followed) == 1
    assert form.settings is not None


def choose(d: Driver) -> None:
    """Networks trained here come first, with what they are; arrows and Enter choose."""
    form = d.parts.experiments.forms["attack"]
    d.press(KEY.mod_ctrl, KEY.mod_shift, KEY.a)
    here(d, "Attack")
    d.click("source/source/##value")

    def offered():
        return form.verdict.offers["source"]

    d.until(lambda: offered()[0].value == "runs/net-digits", "one's own to be offered")
    own, shipped, *_ = offered()
    assert own.about.startswith("net on digits, ")
    assert shipped.about == "resnet20 on digits, 99.4 %"
    d.press(KEY.down_arrow)
    d.until(lambda: d.ctx.item_exists("//$FOCUSED/choice 1"), "the list")
    d.shot("keyboard_offers.png")
    d.press(KEY.down_arrow)
    d.press(KEY.enter)
    d.until(lambda: form.values["source"] == "digits-classifier", "the second to be chosen")
    assert form.verdict.remarks["samples"] == "all 360"
    d.click("source/attacks/square")
    without = ("pgd", "noise")
    d.until(lambda: form.settings and form.settings.attack_names == without, "one attack less")
    d.shot("keyboard_attack.png")


def reset(d: Driver) -> None:
    """The arrow brings back what is used where nothing is typed; a row's tooltip is over all of
    it."""
    form = d.parts.experiments.forms["attack"]
    d.type("source/eps/##value", "0.1")
    d.until(lambda: form.settings and form.settings.epsilons == (0.1,), "the radius")
    d.click("source/eps/reset")
    d.until(lambda: form.values["eps"] is None, "the default")
    assert form.verdict.usual["eps"].text == "0.005 0.01 0.03 0.1 0.5"
    field = d.ctx.item_info("source/eps/##value").rect_full
    for x in (field.min.x - 30, field.min.x + 20):
        d.ctx.mouse_move_to_pos((x, (field.min.y + field.max.y) / 2))
        d.until(_tooltip, "the tooltip")
        d.shot(f"keyboard_tooltip_{x:.0f}.png")
        d.ctx.mouse_move_to_pos((4, 4))
        d.until(lambda: not _tooltip(), "the tooltip to go")


def _tooltip() -> bool:
    found = imgui.internal.find_window_by_name("##Tooltip_00")
    return found is not None and found.active


drive(keyboard)
