#version 330 core
in vec2 v_atlas;
in vec4 v_color;
uniform sampler2D u_glyphs;
out vec4 color;

void main() {
    float alpha = texture(u_glyphs, v_atlas).r * v_color.a;
    color = vec4(v_color.rgb * alpha, alpha);
}
