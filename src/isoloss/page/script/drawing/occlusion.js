const RADIUS = 0.32, FARTHEST = 90;

Object.assign(View.prototype, {
  // Screen-space ambient occlusion, at about one value for two pixels each way.
  occlude() {
    const { gl } = this.device, { camera } = this;
    const key = JSON.stringify([camera, this.size, this.unit, [...this.hidden]]);
    if (this.occlusion?.key === key) return;
    const divisor = Math.max(2, Math.round(1.25 * this.unit), Math.ceil(Math.max(...this.size) / 4096));
    const size = this.size.map(n => Math.max(1, Math.ceil(n / divisor)));
    if (!this.occlusion || this.occlusion.size.join() !== size.join()) this.occlusion = this.occlusionBuffers(size);
    const { places, values, frames } = this.occlusion;
    this.occlusion.key = key;
    gl.viewport(0, 0, ...size);
    gl.disable(gl.BLEND);
    gl.bindFramebuffer(gl.FRAMEBUFFER, frames[0]);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.depthMask(true);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    for (const layer of this.drawn) if (layer.about.opacity === 1) {
      this.device.use("depth", { view: this.views, projection: this.projected, parallel: camera.orthographic, scale: layer.placed[0], offset: layer.placed[1] });
      this.triangles(layer, Math.max(1, Math.ceil(Math.max(layer.mesh.rows, layer.mesh.columns) / 400)));
    }
    gl.disable(gl.DEPTH_TEST);
    const fill = (frame, source, name, values) => {
      gl.bindFramebuffer(gl.FRAMEBUFFER, frames[frame]);
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D, source);
      this.device.use(name, values);
      this.device.everywhere();
    };
    const extent = [1 / this.projected[0], 1 / this.projected[5]];
    fill(1, places, "occlusion", { place: 0, extent, parallel: camera.orthographic, radius: RADIUS, farthest: FARTHEST });
    fill(2, values[0], "occlusion_blur", { occluded: 0, step: [1, 0], radius: RADIUS });
    fill(1, values[1], "occlusion_blur", { occluded: 0, step: [0, 1], radius: RADIUS });
  },

  occlusionBuffers(size) {
    const { gl } = this.device, old = this.occlusion;
    if (old) [old.places, ...old.values].forEach(t => gl.deleteTexture(t));
    const places = this.device.texture(...size, gl.RGBA32F, gl.RGBA, gl.FLOAT, null, gl.NEAREST);
    const values = [0, 1].map(() => this.device.texture(...size, gl.RG16F, gl.RG, gl.HALF_FLOAT, null, gl.NEAREST));
    const depth = gl.createRenderbuffer();
    gl.bindRenderbuffer(gl.RENDERBUFFER, depth);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.DEPTH_COMPONENT24, ...size);
    const frames = [places, ...values].map((texture, k) => {
      const frame = gl.createFramebuffer();
      gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
      if (!k) gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.RENDERBUFFER, depth);
      return frame;
    });
    return { size, places, values, frames };
  },
});
