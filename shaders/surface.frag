#version 330 core
// Key light, hemispheric ambient with baked occlusion, and a restrained highlight, in linear light
// (gamma 2 stands in for sRGB: one multiplication and one square root).
in vec3 v_world;
in vec3 v_normal;
in vec3 v_state;
in float v_value;

uniform sampler2D u_colormap;
uniform vec3 u_eye;       // position, or direction towards the eye when u_parallel
uniform bool u_parallel;
uniform vec3 u_key;       // direction towards the key light
uniform bool u_flat;      // one normal a facet
uniform int u_bands;      // 0: smooth colours
uniform vec3 u_matte;
uniform float u_matte_share;
uniform float u_unlit;     // 1: hardly any shading
uniform vec3 u_uncomputed;
uniform vec3 u_clamped;
uniform float u_hatch;    // pixels between hatch lines
uniform vec2 u_origin;    // of what is drawn in the whole picture, in pixels
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

vec3 mapped(float t) {
    return texture(u_colormap, vec2(t * (255.0 / 256.0) + 0.5 / 256.0, 0.5)).rgb;
}

vec3 banded(float t) {
    float n = float(u_bands);
    float at = clamp(t, 0.0, 0.99999) * n;
    float band = floor(at);
    float width = max(fwidth(at), 1e-5);
    float next = smoothstep(1.0 - width, 1.0, at - band);
    vec3 here = mapped((band + 0.5) / n);
    return mix(here, mapped(min(band + 1.5, n - 0.5) / n), next * 0.5);
}

void main() {
    vec3 base = u_bands > 0 ? banded(v_value) : mapped(v_value);
    base = mix(base, u_matte, u_matte_share);
    base = mix(base, u_uncomputed, v_value < -0.01 ? 1.0 : 0.0);
    float luma = dot(base, vec3(0.3, 0.59, 0.11));
    base = mix(base, mix(vec3(luma), u_uncomputed, 0.6), 0.85 * (1.0 - v_state.y));
    if (abs(v_state.z) > 0.5) {
        float stripe = fract((gl_FragCoord.x + gl_FragCoord.y + u_origin.x + u_origin.y) / u_hatch);
        base = mix(base, u_clamped, stripe < 0.42 ? 0.9 : 0.0);
    }

    vec3 normal = normalize(u_flat ? cross(dFdx(v_world), dFdy(v_world)) : v_normal);
    vec3 view = u_parallel ? u_eye : normalize(u_eye - v_world);
    float facing = dot(normal, view);
    bool underside = u_flat ? false : !gl_FrontFacing;
    normal = (u_flat ? facing < 0.0 : underside) ? -normal : normal;

    // From below the surface is a shell, lit from where one looks and paler in its colours.
    base = underside ? mix(base, vec3(luma), 0.35) : base;
    float sky = underside ? 1.0 : v_state.x;
    float diffuse = dot(normal, u_key);
    float wrapped = max(0.0, (diffuse + 0.25) / 1.25);
    float ambient = 0.5 + 0.5 * normal.z;
    float light = (0.22 + 0.34 * ambient) * sky * sky + 0.80 * wrapped * mix(1.0, sky, 0.6);
    light = underside ? 0.26 + 0.5 * abs(facing) + 0.1 * diffuse : light;
    float around = u_occlusion > 0.0 ? unoccluded() : 1.0;
    light *= around;
    light = mix(light, 0.9, u_unlit);

    vec3 half_way = normalize(view + u_key);
    float highlight = pow(max(dot(normal, half_way), 0.0), 42.0) * 0.07 * sky;
    float rim = 1.0 - abs(dot(normal, view));
    highlight = (highlight + 0.045 * rim * rim * rim * sky) * (1.0 - u_unlit);

    vec3 lit = base * base * light + highlight * around;
    color = vec4(sqrt(lit / (1.0 + 0.12 * lit * lit)), 1.0);
}
