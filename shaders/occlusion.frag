#version 330 core
// Scalable ambient obscurance (McGuire, Mara and Luebke, HPG 2012): how much of the half sphere
// over each pixel is closed off by what lies within a radius around it.
uniform sampler2D u_place;    // normal and depth, in eye coordinates
uniform vec2 u_extent;        // half of what is seen: at depth 1, or everywhere when parallel
uniform bool u_parallel;
uniform float u_radius;       // in units of the world
uniform float u_farthest;     // pixels: no sample lies further away
out vec2 occluded;            // the unoccluded share, and the depth

const int SAMPLES = 14;
const float TURNS = 5.0;      // without a common divisor with the number of samples

vec3 eye_at(ivec2 pixel, float depth, vec2 size) {
    vec2 clip = (vec2(pixel) + 0.5) / size * 2.0 - 1.0;
    return vec3(clip * u_extent * (u_parallel ? 1.0 : depth), -depth);
}

void main() {
    ivec2 size = textureSize(u_place, 0), here = ivec2(gl_FragCoord.xy);
    vec4 place = texelFetch(u_place, here, 0);
    if (place.w <= 0.0) {  // nothing is here
        occluded = vec2(1.0, 1e4);
        return;
    }
    vec3 centre = eye_at(here, place.w, vec2(size));
    float per_unit = 0.5 * float(size.y) / (u_extent.y * (u_parallel ? 1.0 : place.w));
    float reach = min(u_radius * per_unit, u_farthest);
    float radius = reach / per_unit;
    // Sixteen rotations side by side, which the blur averages.
    ivec2 cell = here & 3;
    float turn = float((cell.x * 4 + cell.y * 7 + (cell.x ^ cell.y) * 5) & 15) * 0.39269908;
    float sum = 0.0;
    for (int k = 0; k < SAMPLES; ++k) {
        float share = (float(k) + 0.5) / float(SAMPLES);
        float angle = share * TURNS * 6.2831853 + turn;
        ivec2 at = here + ivec2(round(share * reach * vec2(cos(angle), sin(angle))));
        at = clamp(at, ivec2(0), size - 1);
        float depth = texelFetch(u_place, at, 0).w;
        if (depth <= 0.0) continue;
        vec3 way = eye_at(at, depth, vec2(size)) - centre;
        float squared = dot(way, way);
        float near = max(radius * radius - squared, 0.0);
        float above = dot(way, place.xyz) - 0.004 * place.w;
        sum += near * near * near * max(above / (squared + 1e-4), 0.0);
    }
    float cube = radius * radius * radius;
    float closed = 3.0 * sum / (cube * cube * float(SAMPLES));
    occluded = vec2(1.0 / (1.0 + closed), place.w);  // soft: the depth of a pit is not black
}
