// Colours beside each other, and the signs of notes.
Object.assign(View.prototype, {
  strips([left, top, right, bottom], isUpright) {
    const palettes = this.texture.bar_palettes.map(k => arrays[k]), n = palettes.length;
    return palettes.map((palette, k) => [palette, isUpright
      ? [left + (right - left) * k / n, top, left + (right - left) * (k + 1) / n, bottom]
      : [left, bottom - (bottom - top) * (k + 1) / n, right, bottom - (bottom - top) * k / n]]);
  },

  ramp(rect, isUpright) {
    const { texture, rim } = this;
    this.fill([rect[0] - rim, rect[1] - rim, rect[2] + rim, rect[3] + rim], theme.box);
    for (const [palette, [left, top, right, bottom]] of this.strips(rect, isUpright)) {
      const span = (low, high) => isUpright
        ? [left, bottom - high * (bottom - top), right, bottom - low * (bottom - top)]
        : [left + low * (right - left), top, left + high * (right - left), bottom];
      const { classes } = texture.bar, bands = texture.paint === "bands" && texture.bands;
      const edges = bands ? [0, ...bands, 1] : classes.length ? [...classes.map((_, k) => k / classes.length), 1] : [];
      for (let k = 0; k + 1 < edges.length; k++) {
        const at = bands ? (edges[k] + edges[k + 1]) / 2 : classes[k];
        this.fill(span(edges[k], edges[k + 1]), colorAt(palette, at));
      }
      if (!edges.length) this.blend([left, top, right, bottom], palette, isUpright);
    }
  },

  blend([left, top, right, bottom], palette, isUpright) {
    const colors = this.pen.createLinearGradient(...isUpright ? [0, bottom, 0, top] : [left, 0, right, 0]);
    for (let k = 0; k <= 48; k++) colors.addColorStop(k / 48, css(colorAt(palette, k / 48)));
    this.pen.fillStyle = colors;
    this.pen.fillRect(left, top, right - left, bottom - top);
  },

  cap(rect, end) {
    for (const [palette, strip] of this.strips(rect, rect[3] - rect[1] < rect[2] - rect[0])) {
      this.fill(strip, colorAt(palette, end));
      if (this.texture.bar.hatched) this.hatch(strip);
    }
  },

  hatch([left, top, right, bottom]) {
    const width = (right - left) / 3;
    for (let k = 0; k < 3; k++) this.fill([left + k * width, top, left + (k + 0.45) * width, bottom], theme.clamped);
  },

  sign(note, [left, top, right, bottom]) {
    const middle = (top + bottom) / 2, half = 1.1 * this.unit, rim = 1.4 * this.unit, whole = [left, top, right, bottom];
    const ends = [[left, top, right, top + rim], [left, bottom - rim, right, bottom]];
    const sides = [[left, top + rim, left + rim, bottom - rim], [right - rim, top + rim, right, bottom - rim]];
    if (note.sign === "line") this.fill([left, middle - half, right, middle + half], note.color);
    else if (note.sign === "fill") this.fill(whole, note.color);
    else if (note.sign === "hatch") {
      this.fill(whole, [...note.color.slice(0, 3), 0.25]);
      this.hatch(whole);
    } else for (const side of [...ends, ...sides]) this.fill(side, note.color);
  },
});
