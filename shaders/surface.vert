#version 330 core
layout(location = 0) in vec3 a_position;  // x, y in [-1, 1], height in [0, 1]
layout(location = 1) in vec2 a_slope;     // d height / dx, d height / dy
layout(location = 2) in vec3 a_state;     // unoccluded sky, computed, clamped
layout(location = 3) in float a_value;    // position along the colormap; negative: none

uniform mat4 u_matrix;
uniform vec3 u_scale;
uniform vec3 u_offset;

out vec3 v_world;
out vec3 v_normal;
out vec3 v_state;
out float v_value;
flat out float v_class;

void main() {
    v_world = a_position * u_scale + u_offset;
    v_normal = vec3(-a_slope * u_scale.z / u_scale.xy, 1.0);
    v_state = a_state;
    v_value = v_class = a_value;
    gl_Position = u_matrix * vec4(v_world, 1.0);
}
