#version 330 core
// A segment, widened to a quad of constant width on the screen.
layout(location = 0) in vec3 a_start;
layout(location = 1) in vec3 a_end;
layout(location = 2) in vec4 a_color;

uniform mat4 u_view;
uniform mat4 u_projection;
uniform vec3 u_scale;
uniform vec3 u_offset;
uniform float u_level;     // z of all points when u_level_share is 1
uniform float u_level_share;
uniform vec2 u_viewport;   // pixels
uniform float u_width;     // pixels
uniform float u_cap;       // half widths by which a segment is lengthened at its ends
uniform float u_bias;      // share of the distance by which lines are drawn towards the eye
uniform vec2 u_origin;      // of the part that is drawn, in pixels
uniform float u_parallel;  // 1 in the orthographic view

out vec4 v_color;
out vec2 v_across;         // pixels from the middle line, and half the width
out float v_along;         // pixels along the line: the same wherever lines go on straight

vec4 project(vec3 point) {
    vec3 world = point * u_scale + u_offset;
    world.z = mix(world.z, u_level, u_level_share);
    vec4 eye = u_view * vec4(world, 1.0);
    // Towards the eye along the line of sight: the place on the screen does not change.
    eye.xyz -= u_bias * eye.xyz * vec3(1.0 - u_parallel, 1.0 - u_parallel, 1.0);
    return u_projection * eye;
}

void main() {
    vec4 start = project(a_start), end = project(a_end);
    const float nearest = 1e-3;
    if (start.w < nearest && end.w < nearest) {
        gl_Position = vec4(0.0, 0.0, 2.0, 1.0);
        return;
    }
    if (start.w < nearest) start = mix(end, start, (end.w - nearest) / (end.w - start.w));
    if (end.w < nearest) end = mix(start, end, (start.w - nearest) / (start.w - end.w));

    vec2 along = (end.xy / end.w - start.xy / start.w) * u_viewport;
    float length_px = length(along);
    along = length_px > 1e-6 ? along / length_px : vec2(1.0, 0.0);
    vec2 normal = vec2(-along.y, along.x);

    bool at_end = (gl_VertexID & 1) == 1;
    float side = (gl_VertexID & 2) == 0 ? -1.0 : 1.0;
    float half_width = 0.5 * u_width;
    float reach = max(half_width, 0.5) + 0.75;  // room for the soft edge
    vec4 place = at_end ? end : start;
    vec2 shift = side * reach * normal + (at_end ? 1.0 : -1.0) * u_cap * half_width * along;
    place.xy += shift * 2.0 / u_viewport * place.w;
    gl_Position = place;
    v_along = dot((0.5 * place.xy / place.w + 0.5) * u_viewport + u_origin, along);
    v_across = vec2(side * reach, half_width);
    v_color = a_color;
}
