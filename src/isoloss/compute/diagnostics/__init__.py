"""Checks of what was probed: what a person should know before believing the picture.

Read `checks`, which runs those of `plane_checks` and `surface_checks` on a `probed_surface`.
`audit` compares a reduced precision with fp32. Imports `engine` and `planes`.
"""
