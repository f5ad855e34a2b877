#version 330 core
#include "peeled.glsl"
in vec4 v_color;
in vec2 v_across;
in float v_along;
uniform vec4 u_tint;
uniform float u_dash;     // pixels of a dash and of the gap after it; 0 for a line without gaps
uniform vec4 u_toward;    // a colour to mix with, by its alpha
out vec4 color;

void main() {
#ifdef PEELED
    leave_out_nearer(gl_FragCoord.z);
#endif
    if (u_dash > 0.0 && fract(v_along / (2.0 * u_dash)) > 0.5) discard;
    // Lines thinner than a pixel are one pixel wide and paler.
    float half_width = max(v_across.y, 0.5);
    float cover = clamp(half_width + 0.5 - abs(v_across.x), 0.0, 1.0) * min(1.0, 2.0 * v_across.y);
    vec4 shade = vec4(mix(v_color.rgb, u_toward.rgb, u_toward.a), v_color.a) * u_tint;
    float alpha = shade.a * cover;
    if (alpha < 0.004) discard;
    color = vec4(shade.rgb * alpha, alpha);
}
