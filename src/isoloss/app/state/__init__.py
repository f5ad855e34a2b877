"""What the window knows, without imgui: what is open, runs, forms, curves, preferences.

Read `workspace` first: the document, the runs and all that is open; then the rooms around it:
`opening` (files), `session`, `runs`, `view` (what is done to one), `forms` and `layout`. The files
beside it are what the whole window has one of: `messages`, `readouts`, `tour`, `defects`. A class
here has a part in `viewports`, `panels` or `dialogs` that draws it. Imports `scene`, `jobs`,
`settings` and `results`, and nothing else of `app`.
"""
