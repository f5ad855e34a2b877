const LINE = { width: 1, tint: [1, 1, 1, 1], cap: 0, bias: 0, dash: 0, toward: [0, 0, 0, 0], level: null };
const SAME = [[1, 1, 1], [0, 0, 0]];

Object.assign(View.prototype, {
  line(quads, style, placed = SAME, opacity = 1) {
    if (!quads.count) return;
    const s = { ...LINE, ...style };
    this.device.use("line", {
      view: this.views, projection: this.projected, scale: placed[0], offset: placed[1], level: s.level ?? 0, level_share: s.level === null ? 0 : 1,
      viewport: this.drawnSize, width: s.width * this.share, cap: s.cap, bias: s.bias, parallel: this.camera.orthographic ? 1 : 0,
      tint: [...s.tint.slice(0, 3), s.tint[3] * opacity], toward: s.toward, dash: s.dash * this.share, origin: [0, 0],
    });
    this.device.draw(quads);
  },

  // With an outline; what a surface hides is dashed.
  cased(quads, color, width) {
    const gl = this.device.gl, placed = [[1, 1, this.about.gain], [0, 0, 0]], dash = 1.8 * width;
    const styles = [
      [gl.GREATER, { width: 1.6 * 0.67 * width, tint: [...theme.path_casing.slice(0, 3), 0.3], bias: 0.005, dash }],
      [gl.GREATER, { width: 0.67 * width, tint: [...color.slice(0, 3), 0.6], bias: 0.005, dash }],
      [gl.LEQUAL, { width: 2.08 * width, tint: theme.path_casing, cap: 1, bias: 0.004 }],
      [gl.LEQUAL, { width, tint: color, cap: 1, bias: 0.005 }],
    ];
    for (const [test, style] of styles) {
      gl.depthFunc(test);
      this.line(quads, style, placed);
    }
  },

  marked(quads) {
    if (!quads.count) return;
    const gl = this.device.gl;
    for (const [test, alpha, hollow] of [[gl.GREATER, 0.6, 1], [gl.LEQUAL, 1, 0]]) {
      gl.depthFunc(test);
      this.device.use("marker", {
        view: this.views, projection: this.projected, scale: [1, 1, this.about.gain], offset: [0, 0, 0], viewport: this.drawnSize, unit: this.unit * this.share,
        bias: 0.012, parallel: this.camera.orthographic ? 1 : 0, outline: theme.path_casing, outline_width: 1.3 * this.unit * this.share, alpha, hollow,
      });
      this.device.draw(quads);
    }
  },
});
