Object.assign(View.prototype, {
  surface(layer, stride, occluded, quick) {
    const { gl } = this.device, { camera } = this, look = this.texture, [right, up, back] = axesOf(camera);
    const way = [0, 1, 2].map(a => -0.55 * right[a] + 0.45 * back[a] + 0.1 * up[a] + (a === 2 ? 0.85 : 0)), length = Math.hypot(...way);
    const one = look.paint === "one tone", lines = look.paint === "lines", flat = !this.shows.smooth && !lines;
    const matte = one ? look.tones[layer.index] ?? theme.matte : lines ? theme.body : null;
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, occluded ? this.occlusion.values[0] : layer.tones);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, layer.tones);
    this.device.use(quick && this.isSlow && !flat ? "surface_quick" : "surface", {
      matrix: this.matrix, scale: layer.placed[0], offset: layer.placed[1], colormap: 0, occluded: 1,
      eye: camera.orthographic ? back : eyeOf(camera), parallel: camera.orthographic, key: way.map(v => v / length),
      flat, classes: look.paint === "classes", banded: look.paint === "bands",
      matte: matte ?? [0, 0, 0], matte_share: matte ? 1 : 0, unlit: lines ? 0.75 : 0, gloss: clamp((0.985 - back[2]) / (0.985 - 0.9), 0, 1),
      uncomputed: theme.uncomputed, clamped: theme.clamped, hatch: 9 * this.unit * this.share, origin: [0, 0],
      occlusion: occluded ? 1 : 0, occlusion_scale: occluded ? this.occlusion.size.map((v, a) => v / this.size[a]) : [1, 1],
      depth: this.views.slice(8, 12).map(v => -v),
    });
    gl.enable(gl.POLYGON_OFFSET_FILL);
    gl.polygonOffset(1, 1);
    const { opacity } = layer.about;
    if (opacity < 1) {
      // Of a surface that can be seen through, the sheet that is nearest.
      gl.colorMask(false, false, false, false);
      this.triangles(layer, stride);
      gl.colorMask(true, true, true, true);
      gl.blendColor(0, 0, 0, opacity);
      gl.blendFunc(gl.CONSTANT_ALPHA, gl.ONE_MINUS_CONSTANT_ALPHA);
    }
    this.triangles(layer, stride);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.disable(gl.POLYGON_OFFSET_FILL);
  },

  triangles(layer, stride) {
    const gl = this.device.gl, { count, buffer } = this.indices(layer, stride);
    gl.bindVertexArray(layer.array);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffer);
    gl.drawElements(gl.TRIANGLES, count, gl.UNSIGNED_INT, 0);
  },
});
