// The colours of a surface and of its marks, for the fragment shaders that draw one.
uniform sampler2D u_colormap;
uniform bool u_banded;    // the colormap has the colours of bands
uniform vec3 u_matte;
uniform float u_matte_share;
uniform vec3 u_uncomputed;
uniform vec3 u_clamped;
uniform float u_hatch;    // pixels between hatch lines
uniform vec2 u_origin;    // of what is drawn in the whole picture, in pixels

vec3 mapped(float t) {
    if (u_banded) return texture(u_colormap, vec2(t, 0.5)).rgb;
    return texture(u_colormap, vec2(t * (255.0 / 256.0) + 0.5 / 256.0, 0.5)).rgb;
}

// What is still to be computed is pale, what lies beyond the scale hatched; from below the surface
// is a shell, paler in its colours.
vec3 marked(vec3 base, float value, float computed, float clamped, bool underside) {
    base = mix(base, u_matte, u_matte_share);
    base = mix(base, u_uncomputed, value < -0.01 ? 1.0 : 0.0);
    vec3 luma = vec3(dot(base, vec3(0.3, 0.59, 0.11)));
    base = mix(base, mix(luma, u_uncomputed, 0.6), 0.85 * (1.0 - computed));
    if (clamped > 0.5) {
        float stripe = fract((gl_FragCoord.x + gl_FragCoord.y + u_origin.x + u_origin.y) / u_hatch);
        base = mix(base, u_clamped, stripe < 0.42 ? 0.9 : 0.0);
    }
    return underside ? mix(base, luma, 0.35) : base;
}

// Linear light (gamma 2 stands in for sRGB: one multiplication and one square root) to a pixel.
vec3 toned(vec3 lit) {
    return sqrt(lit / (1.0 + 0.12 * lit * lit));
}
