"""The toolkit: style, widgets, docking, the types `Action` and `Panel`, keyboard, menus, palette.

Read `widgets` and `style` first. Knows nothing of what is drawn with it; imports imgui and `state`.
"""
