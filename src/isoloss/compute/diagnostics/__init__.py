"""Checks of what was probed: what a person should know before believing the picture.

Read `checks`, which runs those of `plane_checks`, `surface_checks` and `network_checks` on a
`probed_surface`; `origin` and `repeats` measure what these look at. `audit` compares a reduced
precision with fp32. Imports `engine` and `planes`.
"""
