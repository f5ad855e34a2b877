"""What is to be drawn, as plain state: no OpenGL, no imgui.

Read `textures` (what colours mean), `layer`, `scene` and `document`, each of which holds the one
before; then `texturing` and `levels` (from values to colours and contours), `history` (undo),
`legend` (what explains it), `session` (a document on disk; `snapshot`: with its surfaces), `given`
(what is meant by paths) and `staging` (from these and options to a document). Imports
`geometry`, `run`, `settings`, `resources` and `files`.
"""

from isoloss.scene.appearance import Appearance as Appearance
from isoloss.scene.camera import Camera as Camera
from isoloss.scene.camera import Ray as Ray
from isoloss.scene.cut import Cut as Cut
from isoloss.scene.document import Document as Document
from isoloss.scene.document import Links as Links
from isoloss.scene.document import SavedView as SavedView
from isoloss.scene.history import History as History
from isoloss.scene.layer import Marker as Marker
from isoloss.scene.layer import MarkerShape as MarkerShape
from isoloss.scene.layer import SurfaceLayer as SurfaceLayer
from isoloss.scene.layer import next_texture as next_texture
from isoloss.scene.picking import Hit as Hit
from isoloss.scene.picking import pick as pick
from isoloss.scene.picking import pick_scene as pick_scene
from isoloss.scene.scene import Frame as Frame
from isoloss.scene.scene import Scene as Scene
from isoloss.scene.textures import Texture as Texture
