#version 330 core
layout(location = 0) in vec3 a_position;
layout(location = 1) in vec2 a_kind;   // radius in units of u_unit, shape
layout(location = 2) in vec4 a_color;

uniform mat4 u_view;
uniform mat4 u_projection;
uniform vec3 u_scale;
uniform vec3 u_offset;
uniform vec2 u_viewport;
uniform float u_unit;      // pixels
uniform float u_bias;
uniform float u_parallel;

out vec4 v_color;
out vec2 v_place;          // pixels from the centre
flat out vec2 v_kind;      // radius in pixels, shape

void main() {
    vec4 eye = u_view * vec4(a_position * u_scale + u_offset, 1.0);
    eye.xyz -= u_bias * eye.xyz * vec3(1.0 - u_parallel, 1.0 - u_parallel, 1.0);
    vec4 place = u_projection * eye;
    float radius = a_kind.x * u_unit;
    vec2 corner = vec2((gl_VertexID & 1) == 1 ? 1.0 : -1.0, (gl_VertexID & 2) == 0 ? -1.0 : 1.0);
    v_place = corner * (radius + 2.5);
    place.xy += v_place * 2.0 / u_viewport * place.w;
    gl_Position = place;
    v_kind = vec2(radius, a_kind.y);
    v_color = a_color;
}
