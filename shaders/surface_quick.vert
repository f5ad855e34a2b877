#version 330 core
// The light of surface.frag worked out for vertices instead of pixels, for while things move.
layout(location = 0) in vec3 a_position;  // x, y in [-1, 1], height in [0, 1]
layout(location = 1) in vec2 a_slope;     // d height / dx, d height / dy
layout(location = 2) in vec3 a_state;     // unoccluded sky, computed, clamped
layout(location = 3) in float a_value;    // position along the colormap; negative: none

uniform mat4 u_matrix;
uniform vec3 u_scale;
uniform vec3 u_offset;
uniform vec3 u_eye;
uniform bool u_parallel;
uniform vec3 u_key;
uniform float u_unlit;

out vec4 v_light;  // light and highlight from above, the same from below
out vec2 v_state;  // computed, clamped
out float v_value;

void main() {
    vec3 world = a_position * u_scale + u_offset;
    vec3 normal = normalize(vec3(-a_slope * u_scale.z / u_scale.xy, 1.0));
    vec3 view = u_parallel ? u_eye : normalize(u_eye - world);
    float sky = a_state.x;

    float facing = dot(normal, view), diffuse = dot(normal, u_key);
    float wrapped = max(0.0, (diffuse + 0.25) / 1.25);
    float ambient = 0.5 + 0.5 * normal.z;
    float above = (0.22 + 0.34 * ambient) * sky * sky + 0.80 * wrapped * mix(1.0, sky, 0.6);
    float below = 0.26 + 0.5 * abs(facing) - 0.1 * diffuse;

    float shine = dot(normal, normalize(view + u_key));
    float rim = 1.0 - abs(facing);
    float edge = 0.045 * rim * rim * rim;
    float shine_above = (pow(max(shine, 0.0), 42.0) * 0.07 + edge) * sky;
    float shine_below = pow(max(-shine, 0.0), 42.0) * 0.07 + edge;

    v_light = vec4(mix(above, 0.9, u_unlit), shine_above * (1.0 - u_unlit),
                   mix(below, 0.9, u_unlit), shine_below * (1.0 - u_unlit));
    v_state = a_state.yz;
    v_value = a_value;
    gl_Position = u_matrix * vec4(world, 1.0);
}
