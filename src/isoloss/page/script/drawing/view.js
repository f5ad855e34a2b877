const MANY = 250000;

// One viewport: layers, a camera, what is shown of them. Two canvases lie on each other: what the
// device draws, and what is written over it.
class View {
  constructor(about, stage) {
    this.about = about;
    this.scale = scaleOf(about.scale);
    this.shows = { ...about.shows };
    this.look = about.look;
    this.camera = about.camera;
    this.hidden = new Set();
    this.place = added(stage, "div", { className: "view" });
    const told = { role: "application", "aria-roledescription": "surface", "aria-label": about.title || about.layers[0].name.slice(0, 200), "aria-describedby": "summary" };
    this.canvas = added(this.place, "canvas", { className: "drawn", tabIndex: 0 }, told);
    this.paper = added(this.place, "canvas", { className: "written" }, { "aria-hidden": "true" });
    this.device = new Device(this.canvas, about.layers.some(layer => layer.opacity < 1));
    this.pen = this.paper.getContext("2d");
    this.layers = about.layers.map((about, index) => ({ index, about, surface: content.surfaces[about.surface] }));
    for (const layer of this.layers) this.upload(layer);
    this.made = {};
    this.first = null;
    this.isSlow = this.layers.some(layer => layer.mesh.height.length > MANY);
  }

  get texture() { return this.about.looks[this.look]; }
  get visible() { return this.layers.filter(layer => !this.hidden.has(layer.about.number)); }

  // The visible layers whose surfaces are drawn, the opaque ones first: one that several share is drawn once.
  get drawn() {
    const { visible } = this, twin = layer => visible.find(each => each.surface === layer.surface && !each.about.is_derived);
    return visible.filter(layer => layer.about.is_derived || twin(layer) === layer).sort((a, b) => b.about.opacity - a.about.opacity);
  }

  upload(layer) {
    const { about, device, device: { gl } } = this, mesh = layer.mesh = meshOf(layer.about, layer.surface, this.scale);
    layer.vertices = device.buffer(verticesOf(mesh));
    layer.colors = device.buffer(new Float32Array(mesh.rows * mesh.columns));
    const fields = [[0, 3, gl.FLOAT, false, 0], [1, 2, gl.FLOAT, false, 12], [2, 3, gl.UNSIGNED_BYTE, true, 20]];
    layer.array = device.array(layer.vertices, 24, fields);
    device.array(layer.colors, 4, [[3, 1, gl.FLOAT, false, 0]], layer.array);
    layer.triangles = {};
    const ends = (axis, [low, high]) => [axis[0], axis[axis.length - 1]].map(v => high > low ? 2 * (v - low) / (high - low) - 1 : 0);
    const x = ends(mesh.alpha, about.alpha), y = ends(mesh.beta, about.beta);
    layer.placed = [[(x[1] - x[0]) / 2, (y[1] - y[0]) / 2, about.top], [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2, 0]];
  }

  // -- what is made when it is needed, and again when what it was made from has changed

  // Quads under a name, made by `make` unless `key` is that of before.
  quads(name, key, make) {
    const known = this.made[name];
    if (known && known.key === key) return known.quads;
    if (known) this.device.free(known.quads);
    this.made[name] = { key, quads: make() };
    return this.made[name].quads;
  }

  lines(name, key, make) { return this.quads(name, key, () => this.device.lines(make())); }
  marks(name, key, make) { return this.quads(name, key, () => this.device.marks(make())); }

  indices(layer, stride) {
    if (!layer.triangles[stride]) {
      const found = trianglesOf(layer.mesh, stride);
      layer.triangles[stride] = { count: found.length, buffer: this.device.buffer(found, this.device.gl.ELEMENT_ARRAY_BUFFER) };
    }
    return layer.triangles[stride];
  }

  paletteOf(layer) { return arrays[this.texture.palettes[layer.index]]; }

  colored(layer) {
    if (layer.look === this.look) return;
    const { texture, device, device: { gl } } = this, palette = this.paletteOf(layer), banded = texture.paint === "bands" && texture.bands;
    layer.look = this.look;
    layer.values = valuesOf(layer.mesh, layer.about, layer.surface, texture, layer.index, this.scale);
    gl.bindVertexArray(null);
    gl.bindBuffer(gl.ARRAY_BUFFER, layer.colors);
    gl.bufferData(gl.ARRAY_BUFFER, layer.values, gl.STATIC_DRAW);
    gl.deleteTexture(layer.tones);
    const tones = banded ? bandTones(palette, texture.bands) : palette;
    layer.tones = device.texture(tones.length / 3, 1, gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE, tones, banded ? gl.NEAREST : gl.LINEAR);
  }

  contours(layer, stride) {
    const { texture, about: { levels } } = this, colors = texture.shows_height && texture.scale && scaleOf(texture.scale);
    const color = level => colorAt(this.paletteOf(layer), colors ? colors.apply(this.scale.invert(level)) : NaN);
    return this.lines(`contours ${layer.index} ${stride}`, this.look, () => contoursOf(layer.mesh, levels, levels.map(color), stride));
  }

  // -- where things are

  corners() { return [-1, 1].flatMap(x => [-1, 1].flatMap(y => [FLOOR, this.about.top].map(z => [x, y, z]))); }

  // In the box of gain 1.
  inBox(alpha, beta, loss) {
    const to = (v, [lo, hi]) => hi > lo ? 2 * (v - lo) / (hi - lo) - 1 : 0;
    return [to(alpha, this.about.alpha), to(beta, this.about.beta), this.scale.apply(loss) * BOX_HEIGHT];
  }

  // Of a layer's surface, at a place in the box.
  foot({ mesh, placed }, [x, y]) {
    return BOX_HEIGHT * heightAt(mesh, (x - placed[1][0]) / (placed[0][0] || 1), (y - placed[1][1]) / (placed[0][1] || 1));
  }

  // From above, and upright, the box fills the picture, unless somebody has come closer.
  fit() {
    const key = this.size.join(), before = this.first ?? this.about.camera;
    if (key === this.fitted) return;
    this.fitted = key;
    this.first = this.firstView(this.about.camera);
    if (this.camera === before) this.camera = this.first;
  }

  firstView(c) {
    const { em, about, shows, size } = this;
    if (c.distance !== DISTANCE || c.target.some((t, k) => t !== TARGET[k])) return c;
    if (!(fromAbove(c) || upright(size))) return content.fits ? fitting(c, size, this.corners()) : c;
    const axes = shows.axes ? 3.6 * em : em, top = about.title ? 4.2 * em : 1.6 * em;
    const beta = size[0] > 32 * em ? about.axes[1] : about.axes[1].split(" (")[0];
    const left = axes + (shows.axes && fromAbove(c) ? 0.55 * em * beta.length : 0);
    const [right, bottom] = !shows.scalar_bar ? [2 * em, axes] : upright(size) ? [2 * em, axes + 5.5 * em] : [8.5 * em, axes];
    const free = Math.min(size[0] - left - right, size[1] - top - bottom);
    return free > 6 * em ? filling(c, size, this.corners(), [left, top, right, bottom]) : c;
  }
}
