#version 330 core
// Light and colour for each pixel.
#include "surface_color.glsl"
#include "peeled.glsl"
#include "surface_light.glsl"
in vec3 v_world;
in vec3 v_normal;
in vec3 v_state;
in float v_value;
flat in float v_class;

uniform bool u_flat;           // one normal a facet
uniform bool u_classes;        // values with nothing in between
uniform sampler2D u_occluded;  // of the whole picture: unoccluded share, depth
uniform float u_occlusion;     // 1: as found there, 0: not at all
uniform vec2 u_occlusion_scale;  // its pixels to one of the picture
uniform vec4 u_depth;          // plane whose distance is the depth along the view
out vec4 color;

// The four values around this place, of those that lie at its depth.
float unoccluded() {
    float depth = dot(u_depth, vec4(v_world, 1.0));
    vec2 at = (gl_FragCoord.xy + u_origin) * u_occlusion_scale - 0.5;
    ivec2 base = ivec2(floor(at)), last = textureSize(u_occluded, 0) - 1;
    vec2 share = at - vec2(base), sum = vec2(0.0);
    for (int k = 0; k < 4; ++k) {
        ivec2 corner = ivec2(k & 1, k >> 1);
        vec2 there = texelFetch(u_occluded, clamp(base + corner, ivec2(0), last), 0).rg;
        vec2 near = mix(1.0 - share, share, vec2(corner));
        float apart = 12.0 * abs(there.g - depth);
        sum += vec2(there.r, 1.0) * (near.x * near.y + 1e-3) / (1e-3 + apart * apart);
    }
    return mix(1.0, sum.x / sum.y, u_occlusion);
}

// Several places across the pixel: edges are as smooth as lines.
vec3 banded(float t) {
    float width = fwidth(t);
    vec3 sum = vec3(0.0);
    for (int k = 0; k < 4; ++k) sum += mapped(t + width * (float(k) * 0.25 - 0.375));
    return 0.25 * sum;
}

void main() {
#ifdef PEELED
    peel_surface();
#endif
    bool underside = u_flat ? false : !gl_FrontFacing;
    float value = u_classes ? v_class : v_value;
    vec3 base = u_banded ? banded(value) : mapped(value);
    base = marked(base, value, v_state.y, v_state.z, underside);

    vec3 normal = normalize(u_flat ? cross(dFdx(v_world), dFdy(v_world)) : v_normal);
    vec3 view = toward_eye(v_world);
    float facing = dot(normal, view);
    normal = (u_flat ? facing < 0.0 : underside) ? -normal : normal;

    float sky = underside ? 1.0 : v_state.x;
    float diffuse = dot(normal, u_key);
    float light = underside ? light_below(facing, diffuse) : light_above(diffuse, normal.z, sky);
    float around = u_occlusion > 0.0 ? unoccluded() : 1.0;
    light = mix(light * around, 0.9, u_unlit);
    color = vec4(toned(base * base * light + highlight(normal, view, sky) * around), 1.0);
#ifdef PEELED
    color *= u_opacity;
#endif
}
