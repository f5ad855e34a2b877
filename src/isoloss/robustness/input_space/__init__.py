"""Landscapes over images: a plane through one, seen undefended and behind a defense.

`probing` is the run; it chooses a plane (`directions`, on `attempt` and `image_plane`), evaluates
it (`cells`) and says what there is to say of it (`masking`, `outlines`).
"""
