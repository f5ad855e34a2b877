// Which shape the rim of a hollow one has, and the outlines of those that are no circles, by the
// numbers of `MarkerShape`.
const HOLLOW = { 1: 0, 8: 7, 9: 5 };
const circle = n => Array.from({ length: n }, (_, k) => [Math.sin(2 * Math.PI * k / n), -Math.cos(2 * Math.PI * k / n)]);
const larger = (factor, outline) => outline.map(p => p.map(v => factor * v));
const turned = ([a, b], times) => times ? turned([-b, a], times - 1) : [a, b];
const OUTLINES = {
  2: circle(10).map(([a, b], k) => [a, b].map(v => v * (k % 2 ? 0.56 : 1.25))),
  3: larger(1.15, circle(4)),
  4: larger(1.2, circle(3)),
  5: [0, 1, 2, 3].flatMap(times => [[-0.36, -1.15], [0.36, -1.15], [0.36, -0.36]].map(p => turned(p, times))),
  6: larger(-1.2, circle(3)),
  7: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
};
const WAYS = [[1, -1], [-1, -1], [1, 1], [-1, 1], [0, -1], [1, 0], [-1, 0], [0, 1]];

Object.assign(View.prototype, {
  stretched(at) { return [at[0], at[1], at[2] * this.about.gain]; },

  // Whether a surface lies before a place in the box of gain 1.
  hides(at) {
    const point = this.stretched(at), [x, y] = this.pixels(point), ray = rayOf(this.camera, x, y, this.size);
    const away = dot(point.map((v, k) => v - ray.origin[k]), ray.direction);
    return this.visible.some(layer => this.pickLayer(layer, ray)?.distance < away - 0.03);
  },

  // What is written at pins, each on a card where it covers as little as can be.
  cards() {
    const { em, size } = this, small = size[0] < 38 * em || size[1] < 28 * em, others = [];
    const all = this.visible.flatMap(l => l.about.markers).filter(m => m.label).map(m => ({ ...m, px: this.pixels(this.stretched(m.at)) }));
    const seen = all.filter(({ px }) => px[0] >= 0 && px[1] >= 0 && px[0] <= size[0] && px[1] <= size[1] && px[2] > 0);
    seen.forEach(({ px }) => this.reserve(around(px[0], px[1], em, em)));
    for (const { label, px, at } of seen) {
      let lines = label.split("\n");
      if (small && lines.length > 1) lines = lines.slice(1);
      lines = lines.slice(0, 12).map(l => shortened(l, part => this.width(part, 0.92) <= 0.5 * size[0]));
      const w = Math.max(...lines.map(l => this.width(l, 0.92))) + em, h = (1.3 * (lines.length - 1) + 1.8) * em, inside = [];
      for (const far of [1.1, 2.6, 4.6, 7, 10]) for (const [across, down] of WAYS) {
        const left = px[0] + across * far * em - (0.5 - 0.5 * across) * w, top = px[1] + down * far * em - (0.5 - 0.5 * down) * h;
        if (left >= 2 && top >= 2 && left + w < size[0] - 2 && top + h < size[1] - 2) inside.push([left, top, left + w, top + h]);
      }
      const apart = inside.filter(r => !others.some(o => overlap(r, o))), hidden = this.hides(at), ink = hidden ? theme.quiet_ink : theme.ink;
      const rect = apart.find(r => this.free(r)) ?? apart[0] ?? inside[0] ?? [px[0], px[1], px[0] + w, px[1] + h];
      others.push(rect);
      this.reserve(rect);
      this.pen.strokeStyle = css(ink);
      this.pen.lineWidth = 1.4 * this.unit;
      this.pen.setLineDash(hidden ? [0.3 * em, 0.3 * em] : []);
      this.pen.beginPath();
      this.pen.moveTo(px[0], px[1]);
      this.pen.lineTo(clamp(px[0], rect[0], rect[2]), clamp(px[1], rect[1], rect[3]));
      this.pen.stroke();
      this.pen.setLineDash([]);
      const rim = Math.max(1, this.unit);
      this.fill([rect[0] - rim, rect[1] - rim, rect[2] + rim, rect[3] + rim], theme.box);
      this.fill(rect, [...theme.path_casing.slice(0, 3), 1]);
      lines.forEach((line, k) => this.say(line, rect[0] + 0.5 * em, rect[1] + (0.9 + 1.3 * k) * em, { size: 0.92, align: [0, 0.5], color: ink }));
    }
  },

  // Beside minima and at the ends of paths.
  pointLabels() {
    const { em, about, shows, visible } = this, of = name => visible.flatMap(layer => layer.about[name]);
    const minima = shows.minima ? of("minima").filter(m => m.label).sort((a, b) => b.persistence - a.persistence).slice(0, 3) : [];
    const paths = shows.trajectory && about.paths > 1 && about.names_ends ? of("paths").filter(path => path.end_name) : [];
    const points = [...minima.map(({ label, at }) => ({ text: label, at, ink: theme.ink })), ...paths.map(path =>
      ({ text: path.end_name, at: this.headPlace(path), ink: pathColor(path.number) }))].filter(({ at }) => at.every(Number.isFinite));
    const places = points.map(({ at }) => this.pixels(this.stretched(at)));
    places.forEach(([x, y]) => this.reserve(around(x, y, em, em)));
    points.forEach(({ text, at, ink }, k) => {
      const [w, h] = this.extent(text), [x, y] = places[k];
      for (const [across, down] of [[0, 1], [0, -1], [1, 0], [-1, 0]]) {
        const centre = [x + across * (0.8 * em + w / 2), y + down * (0.85 * em + h / 2)], rect = around(...centre, w + 0.5 * em, h + 0.3 * em);
        if (!this.free(rect)) continue;
        this.reserve(rect);
        this.say(text, ...centre, { color: this.hides(at) ? theme.quiet_ink : ink, halo: this.halo(rect) });
        break;
      }
    });
  },

  legend() {
    const { em, size, unit } = this, line = 1.5 * em, beside = 2.6 * em, room = 0.4 * size[0] - beside;
    const entries = this.texture.legend[themeName].filter(e => !this.hidden.has(e.layer)).slice(0, Math.floor(size[1] / 2 / line));
    if (!entries.length || room < 4 * em) return;
    const names = entries.map(e => shortened(e.text, part => this.width(part) <= room));
    const width = beside + Math.max(...names.map(n => this.width(n))), height = line * entries.length;
    const margin = 1.4 * em, right = size[0] - margin - width, bottom = size[1] - 0.8 * margin - height;
    const corners = [[margin, bottom], [right, bottom], [right, 0.5 * margin]];
    const found = corners.find(([x, y]) => this.free([x, y, x + width, y + height]));
    if (!found && size[0] < 30 * em) return;
    const [left, top] = found ?? corners[0];
    this.plate([left - 0.4 * em, top - 0.4 * em, left + width + 0.4 * em, top + height + 0.4 * em]);
    entries.forEach((entry, k) => {
      const y = top + (k + 0.5) * line, wide = 2 * em, strip = (half, color) => this.fill([left, y - half * unit, left + wide, y + half * unit], color);
      if (entry.palette !== null) this.blend([left, y - 4 * unit, left + wide, y + 4 * unit], arrays[entry.palette], false);
      else if (entry.line) {
        strip(1.2 * entry.line + 1.3, theme.path_casing);
        strip(1.2 * entry.line, entry.color);
      } else if (!entry.shapes.length) strip(4, entry.color);
      const places = entry.shapes.length > 1 ? entry.shapes.map((_, n) => n / (entry.shapes.length - 1)) : [0.5];
      entry.shapes.forEach((shape, n) => this.flatMark(left + wide * places[n], y, 5 * unit, shape, entry.color));
      this.say(names[k], left + beside, y, { align: [0, 0.5], color: theme.ink });
    });
  },

  // A marker as the device draws them.
  flatMark(x, y, radius, shape, color) {
    const outline = OUTLINES[HOLLOW[shape] ?? shape] ?? circle(24);
    const most = radius * Math.max(...outline.map(p => Math.hypot(...p))), grown = radius * (1 + 1.3 * this.unit / most);
    const rings = [[grown, theme.path_casing], [radius, color], ...(shape in HOLLOW ? [[0.5 * radius, theme.path_casing]] : [])];
    for (const [scale, ink] of rings) {
      this.pen.beginPath();
      outline.forEach(([a, b]) => this.pen.lineTo(x + scale * a, y + scale * b));
      this.pen.fillStyle = css(ink);
      this.pen.fill();
    }
  },
});
