#version 330 core
// One direction of a blur that stops at steps in depth.
uniform sampler2D u_occluded;
uniform vec2 u_step;      // one pixel along x or y
uniform float u_radius;   // of the occlusion, in units of the world: what counts as a step
out vec2 occluded;

void main() {
    ivec2 size = textureSize(u_occluded, 0), here = ivec2(gl_FragCoord.xy);
    vec2 middle = texelFetch(u_occluded, here, 0).rg;
    vec2 sum = vec2(middle.r, 1.0) * 0.153;
    const float weights[4] = float[](0.1445, 0.1220, 0.0922, 0.0627);
    for (int k = -4; k <= 4; ++k) {
        if (k == 0) continue;
        ivec2 at = clamp(here + k * ivec2(u_step), ivec2(0), size - 1);
        vec2 there = texelFetch(u_occluded, at, 0).rg;
        float apart = abs(there.g - middle.g) / (0.35 * u_radius);
        float weight = weights[abs(k) - 1] * max(0.0, 1.0 - apart);
        sum += vec2(there.r, 1.0) * weight;
    }
    occluded = vec2(sum.r / sum.g, middle.g);
}
