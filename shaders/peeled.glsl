// Depth peeling: what lies no farther than what has been drawn before is left out.
#ifdef PEELED
uniform sampler2D u_nearer;  // depths of what has been drawn before, 0 for nothing
uniform float u_opacity;

void leave_out_nearer(float depth) {
    if (depth <= texelFetch(u_nearer, ivec2(gl_FragCoord.xy), 0).r) discard;
}

// A surface steps back by its slope, as with glPolygonOffset, whose depths no shader is told.
void peel_surface() {
    float depth = gl_FragCoord.z;
    depth = min(depth + max(abs(dFdx(depth)), abs(dFdy(depth))) + 1e-7, 1.0);
    leave_out_nearer(depth);
    gl_FragDepth = depth;
}
#endif
