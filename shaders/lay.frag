#version 330 core
// A picture, or the mean of so many of its pixels for each drawn.
uniform sampler2D u_picture;
uniform int u_factor;  // its pixels to one drawn, each way
out vec4 color;

void main() {
    ivec2 base = ivec2(gl_FragCoord.xy) * u_factor;
    vec4 sum = vec4(0.0);
    for (int y = 0; y < u_factor; ++y)
        for (int x = 0; x < u_factor; ++x) sum += texelFetch(u_picture, base + ivec2(x, y), 0);
    color = sum / float(u_factor * u_factor);
}
