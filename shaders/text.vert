#version 330 core
// A glyph, in whole pixels from the top left.
layout(location = 0) in vec4 a_place;  // x, y, width, height
layout(location = 1) in vec4 a_atlas;  // the same in the atlas, in pixels
layout(location = 2) in vec4 a_color;
uniform vec2 u_viewport;
uniform vec2 u_shift;
uniform sampler2D u_glyphs;
out vec2 v_atlas;
out vec4 v_color;

void main() {
    vec2 corner = vec2(float(gl_VertexID & 1), float((gl_VertexID >> 1) & 1));
    vec2 pixel = a_place.xy + corner * a_place.zw - u_shift;
    v_atlas = (a_atlas.xy + corner * a_atlas.zw) / vec2(textureSize(u_glyphs, 0));
    v_color = a_color;
    gl_Position = vec4(pixel / u_viewport * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}
