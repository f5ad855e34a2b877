#version 330 core
in vec3 v_eye;
in vec3 v_normal;
uniform bool u_parallel;
out vec4 place;  // normal in eye coordinates, towards the eye; depth along the view

void main() {
    vec3 normal = normalize(v_normal);
    vec3 toward = u_parallel ? vec3(0.0, 0.0, 1.0) : -v_eye;
    place = vec4(dot(normal, toward) < 0.0 ? -normal : normal, -v_eye.z);
}
