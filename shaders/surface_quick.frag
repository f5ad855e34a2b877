#version 330 core
// Colours as in surface.frag, under the light that surface_quick.vert worked out.
in vec4 v_light;
in vec2 v_state;
in float v_value;

uniform sampler2D u_colormap;
uniform int u_bands;
uniform vec3 u_matte;
uniform float u_matte_share;
uniform vec3 u_uncomputed;
uniform vec3 u_clamped;
uniform float u_hatch;
uniform vec2 u_origin;
out vec4 color;

vec3 mapped(float t) {
    return texture(u_colormap, vec2(t * (255.0 / 256.0) + 0.5 / 256.0, 0.5)).rgb;
}

void main() {
    float t = v_value;
    if (u_bands > 0) {
        float n = float(u_bands);
        t = (floor(clamp(t, 0.0, 0.99999) * n) + 0.5) / n;
    }
    vec3 base = mix(mapped(t), u_matte, u_matte_share);
    base = v_value < -0.01 ? u_uncomputed : base;
    float luma = dot(base, vec3(0.3, 0.59, 0.11));
    if (v_state.x < 0.996) base = mix(base, mix(vec3(luma), u_uncomputed, 0.6), 0.85 * (1.0 - v_state.x));
    if (v_state.y > 0.5) {
        float stripe = fract((gl_FragCoord.x + gl_FragCoord.y + u_origin.x + u_origin.y) / u_hatch);
        base = mix(base, u_clamped, stripe < 0.42 ? 0.9 : 0.0);
    }
    base = gl_FrontFacing ? base : mix(base, vec3(luma), 0.35);
    vec2 light = gl_FrontFacing ? v_light.xy : v_light.zw;
    vec3 lit = base * base * light.x + light.y;
    color = vec4(sqrt(lit / (1.0 + 0.12 * lit * lit)), 1.0);
}
