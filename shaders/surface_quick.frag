#version 330 core
// Colours as in surface.frag, under the light that surface_quick.vert worked out.
#include "surface_color.glsl"
#include "peeled.glsl"
in vec4 v_light;
in vec2 v_state;
in float v_value;
flat in float v_class;
uniform bool u_classes;  // values with nothing in between

out vec4 color;

void main() {
#ifdef PEELED
    peel_surface();
#endif
    float value = u_classes ? v_class : v_value;
    vec3 base = marked(mapped(value), value, v_state.x, v_state.y, !gl_FrontFacing);
    vec2 light = gl_FrontFacing ? v_light.xy : v_light.zw;
    color = vec4(toned(base * base * light.x + light.y), 1.0);
#ifdef PEELED
    color *= u_opacity;
#endif
}
