"""The toolkit: style, widgets, docking, what an `Action` and a `Panel` are, keyboard, menus, palette.

Read `widgets` and `style` first. Knows nothing of what is drawn with it; imports imgui and `state`.
"""
