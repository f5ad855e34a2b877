#version 330 core
// A picture, enlarged.
in vec2 v_at;
uniform sampler2D u_picture;
out vec4 color;

void main() {
    color = texture(u_picture, v_at);
}
