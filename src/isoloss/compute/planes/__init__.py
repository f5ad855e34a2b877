"""Directions and planes through parameter space.

Read `plane`, then the kinds, each in a file of its own (`random_plane`, `pca_plane`,
`interpolation`, `three_networks`, `saved_plane`, `custom_plane`; listed in `settings.plane_kinds`).
`selection` says which parameters move; `direction_files` reads directions out of files;
`checkpoint_matrix` reads trajectories that fit into no memory; `alignment` puts channels into the
order of another network's; `directions` measures what is suspicious. Imports `networks`.
"""
