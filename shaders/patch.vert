#version 330 core
// A rectangle, in whole pixels from the top left.
layout(location = 0) in vec4 a_place;  // left, top, right, bottom
uniform vec2 u_viewport;
out vec2 v_at;

void main() {
    vec2 at = vec2((gl_VertexID & 1) == 1 ? a_place.z : a_place.x,
                   (gl_VertexID & 2) == 2 ? a_place.w : a_place.y) / u_viewport;
    v_at = vec2(at.x, 1.0 - at.y);
    gl_Position = vec4(at * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}
