#version 330 core
// A surface as the ambient occlusion needs it: where it is, seen from the eye, and its normal.
layout(location = 0) in vec3 a_position;
layout(location = 1) in vec2 a_slope;

uniform mat4 u_view;
uniform mat4 u_projection;
uniform vec3 u_scale;
uniform vec3 u_offset;

out vec3 v_eye;
out vec3 v_normal;

void main() {
    vec4 eye = u_view * vec4(a_position * u_scale + u_offset, 1.0);
    v_eye = eye.xyz;
    v_normal = mat3(u_view) * vec3(-a_slope * u_scale.z / u_scale.xy, 1.0);
    gl_Position = u_projection * eye;
}
