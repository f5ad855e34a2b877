"""All that a person can do: one list of `Action`, read by menus, shortcuts, palette and help.

Read `actions` first. The files beside it hold the commands of one menu each.
"""
