const QUICK_POINTS = 112, SLOW = 45, COARSE = 0.5, PRINTED = 3;

Object.assign(View.prototype, {
  // `quick`: fewer vertices and no occlusion, for while things move.
  draw(quick = false) {
    const box = this.place.getBoundingClientRect();
    if (!(box.width >= 1 && box.height >= 1)) return;
    const started = performance.now(), { gl } = this.device, { shows, drawn } = this;
    this.measure(box, quick);
    this.aim();
    for (const layer of drawn) this.colored(layer);
    const stride = layer => quick ? Math.max(1, Math.ceil(Math.max(layer.mesh.rows, layer.mesh.columns) / QUICK_POINTS)) : 1;
    const occluded = shows.ambient_occlusion && !quick && this.device.floats && this.texture.paint !== "lines";
    if (occluded) this.occlude();
    this.clear();
    if (!shows.transparent) this.background();
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    if (shows.axes) this.walls();
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    const surfaces = seen => { for (const layer of drawn) if (layer.about.opacity < 1 === seen) this.surface(layer, stride(layer), occluded && !seen, quick); };
    // What lies behind a surface that can be seen through is covered by it in part, and what lies
    // before it is drawn over it once more.
    const lines = behind => {
      gl.depthMask(false);
      if (shows.axes) this.line(this.lines("box", [themeName, this.sides, this.heightEdge()].join(), () => this.boxLines()), { width: this.unit });
      for (const layer of drawn) this.upon(layer, stride(layer), behind && layer.about.opacity < 1);
      this.overlays();
    };
    const through = drawn.some(layer => layer.about.opacity < 1);
    surfaces(false);
    lines(through);
    if (through) {
      gl.depthMask(true);
      gl.enable(gl.STENCIL_TEST);
      gl.stencilFunc(gl.ALWAYS, 1, 0xff);
      gl.stencilOp(gl.KEEP, gl.KEEP, gl.REPLACE);
      surfaces(true);
      gl.stencilFunc(gl.EQUAL, 1, 0xff);
      lines(false);
      gl.disable(gl.STENCIL_TEST);
    }
    gl.depthMask(true);
    this.write();
    if (!quick) this.time(started);
  },

  // How many pixels there are, and how large what is drawn in them is to be.
  measure(box, quick) {
    this.isPrinted = document.documentElement.hasAttribute("data-printing");
    const ratio = this.isPrinted ? PRINTED : devicePixelRatio || 1;
    const size = this.size = [box.width, box.height].map(v => Math.max(1, Math.round(v * ratio)));
    this.share = quick && this.isSlow ? COARSE : 1;
    this.drawnSize = size.map(v => Math.max(1, Math.round(v * this.share)));
    for (const [canvas, [width, height]] of [[this.canvas, this.drawnSize], [this.paper, size]])
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.unit = Math.max(0.75, Math.min(box.width / 1250, box.height / 780)) * ratio;
    this.em = 14 * this.unit;
    this.rim = Math.max(1, Math.round(this.unit));
  },

  // Where one looks from, as what draws needs it.
  aim() {
    this.fit();
    const { camera, size } = this;
    this.views = viewMatrix(camera);
    this.projected = projection(camera, size);
    this.matrix = product(this.projected, this.views);
    this.pixels = toPixels(camera, size);
    this.sides = sidesOf(camera);
  },

  clear() {
    const { gl } = this.device;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, ...this.drawnSize);
    gl.clearColor(0, 0, 0, 0);
    gl.depthMask(true);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    for (const each of [gl.CULL_FACE, gl.BLEND, gl.DEPTH_TEST]) gl.disable(each);
  },

  background() {
    this.device.use("background", { top: theme.background_top, bottom: theme.background_bottom, glow: theme.glow, origin: [0, 0], size: this.drawnSize });
    this.device.everywhere();
  },

  // How long a whole picture takes, told once the device has drawn it: nothing waits for it here.
  time(started) {
    const { gl } = this.device, fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0), look = () => {
      if (gl.getSyncParameter(fence, gl.SYNC_STATUS) !== gl.SIGNALED && !gl.isContextLost()) { setTimeout(look, 4); return; }
      gl.deleteSync(fence);
      this.took = performance.now() - started;
      this.isSlow = this.took > SLOW;
    };
    gl.flush();
    setTimeout(look);
  },
});
