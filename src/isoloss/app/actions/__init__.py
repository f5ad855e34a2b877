"""All that a person can do: one list of `Action`, read by menus, shortcuts, palette and help.

Read `all_actions` first. The files beside it hold the commands of one menu each. Imports `parts`
and what lies below it; only the window imports it.
"""
