Object.assign(View.prototype, {
  bar() {
    const { em, size, texture } = this, [width, height] = size, unit = boxUnit(size);
    if (width < 12 * em || height < 9 * em) return;
    const notes = texture.notes[themeName], lacking = [this.breadth([], true) + 1.2 * em - (width / 2 - 0.55 * unit), 3.8 * em - (height / 2 - 0.49 * unit)];
    const turned = unit * DISTANCE / this.camera.distance, share = clamp((this.camera.elevation - 60) / (FROM_ABOVE - 60), 0, 1);
    const reach = [width / 2 + 0.55 * turned, height / 2 + 0.49 * turned].map((v, k) => Math.round(v + share * (Math.max(...this.outline.map(p => p[k])) - v)));
    if (lacking[0] > Math.max(0, 1.5 * lacking[1]) || (upright(size) && lacking[1] < 0)) this.lie(notes, reach[1]);
    else this.stand(notes, reach[0]);
  },

  breadth(notes, terse) {
    const { em } = this, { bar } = this.texture, said = n => terse && n.short ? n.short : n.text;
    const ends = [bar.under, bar.over].flatMap(lines => terse ? lines.slice(-1) : lines);
    return 1.55 * em + Math.max(0, ...bar.ticks[6].map(t => this.width(t[1])), ...notes.map(n => this.width(said(n))), ...ends.map(l => this.width(l) + 0.3 * em));
  },

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
      const span = (low, high) => isUpright ? [left, bottom - high * (bottom - top), right, bottom - low * (bottom - top)] : [left + low * (right - left), top, left + high * (right - left), bottom];
      const { classes } = texture.bar, bands = texture.paint === "bands" && texture.bands;
      if (bands || classes.length) {
        const edges = bands ? [0, ...bands, 1] : [...classes.map((_, k) => k / classes.length), 1];
        for (let k = 0; k + 1 < edges.length; k++) this.fill(span(edges[k], edges[k + 1]), colorAt(palette, bands ? (edges[k] + edges[k + 1]) / 2 : classes[k]));
        continue;
      }
      this.blend([left, top, right, bottom], palette, isUpright);
    }
  },

  blend([left, top, right, bottom], palette, isUpright) {
    const colors = isUpright ? this.pen.createLinearGradient(0, bottom, 0, top) : this.pen.createLinearGradient(left, 0, right, 0);
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
    const middle = (top + bottom) / 2, half = 1.1 * this.unit, rim = 1.4 * this.unit;
    if (note.sign === "line") this.fill([left, middle - half, right, middle + half], note.color);
    else if (note.sign === "hatch") { this.fill([left, top, right, bottom], [...note.color.slice(0, 3), 0.25]); this.hatch([left, top, right, bottom]); }
    else if (note.sign === "fill") this.fill([left, top, right, bottom], note.color);
    else for (const side of [[left, top, right, top + rim], [left, bottom - rim, right, bottom], [left, top + rim, left + rim, bottom - rim], [right - rim, top + rim, right, bottom - rim]]) this.fill(side, note.color);
  },

  stand(notes, beside) {
    const { em, rim, texture: { bar } } = this, [width, height] = this.size, LINES = 1.35 * em;
    const detail = bar.detail ? LINES : 0, thickness = Math.round(em);
    let below = LINES * notes.length + (notes.length ? 0.7 * em : 0);
    while (notes.length && height - 5.2 * em - detail - below < 5 * em) { notes = notes.slice(0, -1); below -= LINES; }
    const length = Math.round(Math.min(0.46 * height, 20 * em, height - 5.2 * em - detail - below));
    const terse = this.breadth(notes, false) > width - 2.4 * em - beside, widest = this.breadth(notes, terse);
    const left = Math.round(Math.min(width - 1.2 * em - widest, beside + 4 * em)), bottom = Math.round(height / 2 + length / 2 + 0.5 * em + (detail - below) / 2), top = bottom - length;
    const [under, over] = [bar.under, bar.over].map(lines => terse ? lines.slice(-1) : lines);
    let at = top - 0.85 * em - (over.length ? 0.9 * em + 1.15 * em * (over.length - 1) : 0), foot = bottom + 0.2 * em + (under.length ? 1.1 * em + 1.15 * em * (under.length - 1) : 0);
    const above = at + 0.2 * em, titles = [...(bar.detail ? [[bar.detail, 0.9]] : []), [bar.title, 1.1]];
    const start = Math.min(left, ...titles.map(t => Math.round(left + widest - this.width(...t))));
    for (const rect of [[start - 0.7 * em, at - 0.2 * em - 1.2 * em * titles.length, width, above], [left - 0.7 * em, above, width, foot + below + 0.4 * em]]) { this.plate(rect); this.reserve(rect); }
    this.ramp([left, top, left + thickness, bottom], true);
    let last = under.length ? bottom + 0.65 * em : Infinity;
    const highest = top + (over.length ? 0.6 * em : -em), right = left + thickness + rim;
    for (const [position, label] of bar.ticks[clamp(Math.floor(length / (1.8 * em)) + 1, 2, 6)]) {
      const y = bottom - position * length;
      if (last - y < 1.25 * em || y < highest) continue;
      last = y;
      const mark = Math.round(y - rim / 2);
      this.fill([right, mark, right + 0.3 * em, mark + rim], theme.box);
      this.say(label, right + 0.55 * em, y, { align: [0, 0.5] });
    }
    const end = (lines, y, outward) => lines.forEach((line, k) => this.say(line, right + 0.55 * em, y + outward * k * 1.15 * em, { align: [0, 0.5] }));
    if (over.length) { this.cap([left, top - em, left + thickness, top - 0.3 * em], 1); end([...over].reverse(), top - 0.65 * em, -1); }
    if (under.length) { this.cap([left, bottom + 0.3 * em, left + thickness, bottom + em], 0); end(under, bottom + 0.65 * em, 1); }
    for (const [title, size] of titles) { this.say(title, start, at, { size, align: [0, 1], color: size > 1 ? theme.ink : theme.quiet_ink }); at -= 1.2 * em; }
    notes.forEach((note, k) => {
      const y = foot + (k + 0.9) * LINES;
      this.sign(note, [left, y - 0.4 * em, left + thickness, y + 0.4 * em]);
      this.say(terse && note.short ? note.short : note.text, right + 0.55 * em, y, { align: [0, 0.5] });
    });
  },

  lie(notes, below) {
    const { em, rim, texture: { bar } } = this, [width, height] = this.size, LINES = 1.35 * em;
    const aside = [bar.under, bar.over].map(lines => Math.max(0, ...lines.map(l => this.width(l) + 1.6 * em)));
    const length = Math.round(Math.min(0.72 * width, width - 3 * em - aside[0] - aside[1]));
    const left = Math.round(Math.min(Math.max((width - length) / 2, 1.5 * em + aside[0]), width - 1.5 * em - aside[1] - length));
    const bottom = Math.round(Math.min(height - 2.1 * em, below + 7.5 * em + LINES * notes.length)), top = bottom - Math.round(0.75 * em);
    const rect = [left - Math.max(...aside) - 0.4 * em, top - 1.8 * em - LINES * notes.length, left + length + Math.max(...aside) + 0.4 * em, bottom + 2.1 * em];
    this.plate(rect);
    this.reserve(rect);
    this.ramp([left, top, left + length, bottom], false);
    let last = bar.under.length ? left - 1.5 * em : -Infinity;
    const end = bar.over.length ? left + length + 0.9 * em : width;
    for (const [position, label] of bar.ticks[clamp(Math.floor(length / (3 * em)), 2, 6)]) {
      const x = left + position * length, half = this.width(label) / 2;
      if (x - half < last + 0.6 * em || x + half > end) continue;
      last = x + half;
      const mark = Math.round(x - rim / 2);
      this.fill([mark, bottom + rim, mark + rim, bottom + rim + 0.3 * em], theme.box);
      this.say(label, x, bottom + rim + 0.45 * em, { align: [0.5, 0] });
    }
    const middle = (top + bottom) / 2;
    for (const [lines, which, x, at, align] of [[bar.under, 0, left - em, left - 1.3 * em, 1], [bar.over, 1, left + length + 0.3 * em, left + length + 1.3 * em, 0]]) {
      if (lines.length) this.cap([x, top, x + 0.7 * em, bottom], which);
      lines.forEach((line, k) => this.say(line, at, middle + 1.05 * em * (k - (lines.length - 1) / 2), { align: [align, 0.5] }));
    }
    let y = top - 0.5 * em, x = left + this.width(bar.title, 1.1) + 0.6 * em;
    this.say(bar.title, left, y, { size: 1.1, align: [0, 1], color: theme.ink });
    if (bar.detail) { this.say(bar.detail, x, y, { size: 0.9, align: [0, 1] }); x += this.width(bar.detail, 0.9) + 0.6 * em; }
    const widths = notes.map(n => this.width(n.text) + 1.2 * em);
    const free = left + length - widths.reduce((a, b) => a + b, 0) - 0.8 * em * Math.max(notes.length - 1, 0);
    if (free < x) { x = left; y -= LINES; } else x = free;
    notes.forEach((note, k) => {
      if (x > left && x + widths[k] > left + length + 1e-6) { x = left; y -= LINES; }
      this.sign(note, [x, y - 0.75 * em, x + 0.8 * em, y + 0.05 * em]);
      this.say(note.text, x + 1.2 * em, y, { align: [0, 1] });
      x += widths[k] + 0.8 * em;
    });
  },
});
