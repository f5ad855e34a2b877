"""What is computed, as a notebook shows it: pages, pictures, tables.

`surfaces`, `planes`, `trajectories` and `evaluations` each answer for a class that `ShowsItself`;
`picture`, `frame` and `table` are what their cells are made of. Imports `page`, `gl` and `figures`.
"""
