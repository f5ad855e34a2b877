"""Pages: what a document shows as one file that any browser opens, without a network.

Read `writing` (the file), then `content` (a document as plain values), `looks` (one texture of a
view), `packing` (arrays as text), `glsl` (our shaders as WebGL 2 takes them) and `summary` (what is
said to whom cannot see it). The program of the page is `page.js`, `page.css` and `page.html` beside
them. Imports `gl` for the picture shown where WebGL 2 is missing, and `scene`.
"""
