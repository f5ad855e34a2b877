"""Pages: what a document shows as one file that any browser opens, without a network.

Read `writing` (the page of surfaces), then `content` (a document as plain values), `looks` (one
texture of a view), `packing` (arrays as text), `glsl` (our shaders as WebGL 2 takes them),
`summary` (what is said to whom cannot see it) and `link` (the address of a view). Of any page are
`frame` (its policy, its fold-out) and `program` (its script and style, from the files below).
Imports `gl` for the picture shown where WebGL 2 is missing, and `scene`.

The script: `shared` knows nothing of surfaces; `values` are arrays, scales, meshes, lines and the
camera; `drawing` is WebGL; `writing` is what is written over it; `reader` is mouse, keys and tools.
"""
