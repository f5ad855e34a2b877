#version 330 core
// A soft vertical gradient, a little lighter around the middle.
uniform vec3 u_top;
uniform vec3 u_bottom;
uniform float u_glow;
uniform vec2 u_origin;  // of what is drawn in the whole picture, in pixels
uniform vec2 u_size;    // of the whole picture
out vec4 color;

void main() {
    vec2 pixel = gl_FragCoord.xy + u_origin;
    vec2 place = pixel / u_size;  // 0..1 from the bottom left
    vec2 from_middle = place - vec2(0.5, 0.56);
    float glow = max(0.0, 1.0 - 2.6 * dot(from_middle, from_middle));
    vec3 shade = mix(u_bottom, u_top, place.y) + u_glow * glow * glow;
    // Interleaved gradient noise hides the steps of eight bits.
    float noise = fract(52.9829189 * fract(dot(pixel, vec2(0.06711056, 0.00583715))));
    color = vec4(shade + (noise - 0.5) / 255.0, 1.0);
}
