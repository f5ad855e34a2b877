#version 330 core
// The light of surface.frag worked out for vertices instead of pixels, for while things move.
#include "surface_light.glsl"
layout(location = 0) in vec3 a_position;  // x, y in [-1, 1], height in [0, 1]
layout(location = 1) in vec2 a_slope;     // d height / dx, d height / dy
layout(location = 2) in vec3 a_state;     // unoccluded sky, computed, clamped
layout(location = 3) in float a_value;    // position along the colormap; negative: none

uniform mat4 u_matrix;
uniform vec3 u_scale;
uniform vec3 u_offset;

out vec4 v_light;  // light and highlight from above, the same from below
out vec2 v_state;  // computed, clamped
out float v_value;
flat out float v_class;

void main() {
    vec3 world = a_position * u_scale + u_offset;
    vec3 normal = normalize(vec3(-a_slope * u_scale.z / u_scale.xy, 1.0));
    vec3 view = toward_eye(world);
    float sky = a_state.x, diffuse = dot(normal, u_key);
    float above = light_above(diffuse, normal.z, sky);
    float below = light_below(dot(normal, view), -diffuse);
    v_light = vec4(mix(above, 0.9, u_unlit), highlight(normal, view, sky),
                   mix(below, 0.9, u_unlit), highlight(-normal, view, 1.0));
    v_state = a_state.yz;
    v_value = v_class = a_value;
    gl_Position = u_matrix * vec4(world, 1.0);
}
