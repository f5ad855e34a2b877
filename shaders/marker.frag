#version 330 core
#include "peeled.glsl"
// Signed distance fields; the outline keeps a marker apart from any colour below it.
in vec4 v_color;
in vec2 v_place;
flat in vec2 v_kind;
uniform vec4 u_outline;
uniform float u_outline_width;  // pixels
uniform float u_alpha;
uniform float u_hollow;         // 1 for what a surface hides: its rim alone
out vec4 color;

float star(vec2 p, float r) {
    const vec2 k1 = vec2(0.809016994, -0.587785252);
    const vec2 k2 = vec2(-0.809016994, -0.587785252);
    p.x = abs(p.x);
    p -= 2.0 * max(dot(k1, p), 0.0) * k1;
    p -= 2.0 * max(dot(k2, p), 0.0) * k2;
    p.x = abs(p.x);
    p.y -= r;
    vec2 ba = 0.45 * vec2(-k1.y, k1.x) - vec2(0.0, 1.0);
    float h = clamp(dot(p, ba) / dot(ba, ba), 0.0, r);
    return length(p - ba * h) * sign(p.y * ba.x - p.x * ba.y);
}

float cross_of(vec2 p, float r) {
    vec2 q = abs(p);
    q = q.x < q.y ? q.yx : q;
    return max(q.x - 1.15 * r, q.y - 0.36 * r);
}

float shape(vec2 p, float r, int kind) {
    if (kind == 1) return abs(length(p) - 0.78 * r) - 0.24 * r;
    if (kind == 2) return star(p, 1.25 * r);
    if (kind == 3) return (abs(p.x) + abs(p.y) - 1.15 * r) * 0.70710678;
    if (kind == 6) p.y = -p.y;
    if (kind == 4 || kind == 6) {
        vec2 q = vec2(abs(p.x), p.y + 0.55 * r);
        return max(dot(q, vec2(0.866025, 0.5)) - 0.9 * r, -q.y);
    }
    if (kind == 5) {
        vec2 q = abs(vec2(p.x + p.y, p.x - p.y)) * 0.70710678;
        q = q.x < q.y ? q.yx : q;
        return max(q.x - 1.2 * r, q.y - 0.3 * r);
    }
    if (kind == 7) return max(abs(p.x), abs(p.y)) - 0.9 * r;
    if (kind == 8) return abs(max(abs(p.x), abs(p.y)) - 0.7 * r) - 0.22 * r;
    if (kind == 9) return abs(cross_of(p, r)) - 0.16 * r;
    return length(p) - r;
}

void main() {
#ifdef PEELED
    leave_out_nearer(gl_FragCoord.z);
#endif
    float d = shape(v_place, v_kind.x, int(v_kind.y + 0.5));
    float inside = clamp(0.5 - d, 0.0, 1.0);
    float cover = clamp(0.5 - (d - u_outline_width), 0.0, 1.0);
    if (u_hollow > 0.5) {
        inside *= clamp(0.5 + d + u_outline_width, 0.0, 1.0);
        cover *= clamp(0.5 + d, 0.0, 1.0);
    }
    vec4 rim = u_outline * cover;
    float alpha = (inside * v_color.a + (1.0 - inside) * rim.a) * u_alpha;
    if (alpha < 0.004) discard;
    vec3 premultiplied = mix(u_outline.rgb * rim.a, v_color.rgb * v_color.a, inside) * u_alpha;
    color = vec4(premultiplied, alpha);
}
