// Key light, hemispheric ambient with baked occlusion, and a restrained highlight.
uniform vec3 u_eye;       // position, or direction towards the eye when u_parallel
uniform bool u_parallel;
uniform vec3 u_key;       // direction towards the key light
uniform float u_unlit;    // 1: hardly any shading
uniform float u_gloss;    // 1: with a highlight; 0: none, for a map whose colours are to be read

vec3 toward_eye(vec3 place) {
    return u_parallel ? u_eye : normalize(u_eye - place);
}

// From above: `diffuse` is towards the key light, `up` towards the sky, of which `sky` is seen.
float light_above(float diffuse, float up, float sky) {
    float wrapped = max(0.0, (diffuse + 0.25) / 1.25);
    float ambient = 0.5 + 0.5 * up;
    return (0.22 + 0.34 * ambient) * sky * sky + 0.80 * wrapped * mix(1.0, sky, 0.6);
}

// From below it is lit from where one looks.
float light_below(float facing, float diffuse) {
    return 0.26 + 0.5 * abs(facing) + 0.1 * diffuse;
}

float highlight(vec3 normal, vec3 view, float sky) {
    float gloss = pow(max(dot(normal, normalize(view + u_key)), 0.0), 42.0) * 0.07 * sky * u_gloss;
    float rim = 1.0 - abs(dot(normal, view));
    return (gloss + 0.045 * rim * rim * rim * sky) * (1.0 - u_unlit);
}
