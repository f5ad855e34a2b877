"""What a run was asked for and what it ran on, for the fold-out."""

from __future__ import annotations

from pathlib import Path

from isoloss.library.columns import setting_in_words
from isoloss.page.frame import escaped, facts
from isoloss.page.report.tables import said
from isoloss.run import Run
from isoloss.settings.text import command_line


def settings_of(folder: Path) -> str:
    """HTML of a run's settings, the command that begins it, and what it ran on."""
    run = Run.open(folder)
    asked = run.asked
    fields = type(asked).model_fields
    known = {
        fields[name].title or name: setting_in_words(value, fields[name])
        for name, value in asked.model_dump(mode="json").items()
        if name in fields
    }
    begun = "" if asked.is_from_python else command_line(asked, Path(run.name))
    command = f"<h2>What began {said(run.name)}</h2><pre>{escaped(begun)}</pre>" if begun else ""
    ran_on = facts(f"What {run.name} ran on", run.environment) if run.environment else ""
    return command + facts(f"Settings of {run.name}", known) + ran_on
