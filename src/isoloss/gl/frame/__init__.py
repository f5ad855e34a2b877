"""A scene into a frame: the passes in order, and how much of it a moving picture can afford.

Read `renderer` first, then `canvas`. Imports all of gl but `pictures`.
"""
