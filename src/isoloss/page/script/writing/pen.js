const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
const around = (x, y, w, h) => [x - w / 2, y - h / 2, x + w / 2, y + h / 2];

Object.assign(View.prototype, {
  font(size) { this.pen.font = `${Math.max(6, Math.round(this.em * size))}px Roboto, system-ui, sans-serif`; },
  width(text, size = 1) { this.font(size); return this.pen.measureText(text).width; },
  extent(text, size = 1) { return [this.width(text, size), 0.76 * this.em * size]; },

  say(text, x, y, { size = 1, align = [0.5, 0.5], color = theme.quiet_ink, halo = null } = {}) {
    const { pen } = this, [width, height] = this.extent(text, size), base = Math.round(y + (0.74 / 0.76 - align[1]) * height);
    const left = Math.round(x - align[0] * width);
    pen.direction = "ltr";
    if (halo) {
      pen.strokeStyle = css(halo);
      pen.lineJoin = "round";
      pen.lineWidth = 2 * Math.max(1, Math.round(this.em * size / 14)) + 1;
      pen.strokeText(text, left, base);
    }
    pen.fillStyle = css(color);
    pen.fillText(text, left, base);
  },

  fill([left, top, right, bottom], color) {
    this.pen.fillStyle = typeof color === "string" ? color : css(color);
    this.pen.fillRect(left, top, right - left, bottom - top);
  },

  free(rect) { return !this.taken.some(other => overlap(rect, other)); },

  // Whether the box reaches into a rectangle.
  meets([left, top, right, bottom]) {
    if (this.around) return true;
    const own = [[left, top], [right, top], [right, bottom], [left, bottom]], ways = [[1, 0], [0, 1]];
    for (const a of this.outline) for (const b of this.outline) if (a !== b) ways.push([a[1] - b[1], b[0] - a[0]]);
    return ways.every(w => {
      const [p, q] = [this.outline, own].map(set => set.map(c => c[0] * w[0] + c[1] * w[1]));
      return Math.max(...p) >= Math.min(...q) && Math.max(...q) >= Math.min(...p);
    });
  },
  plate(rect) { if (this.meets(rect)) this.fill(rect, [...theme.ground.slice(0, 3), 0.72]); },
  halo(rect) { return this.shows.transparent || !this.meets(rect) ? null : [...theme.ground.slice(0, 3), 0.8]; },

  write() {
    const { pen, size, about, shows, texture } = this;
    pen.clearRect(0, 0, ...size);
    // What a device has drawn is not printed.
    if (this.isPrinted) pen.drawImage(this.canvas, 0, 0, ...size);
    const places = this.corners().map(this.pixels);
    this.around = Math.min(...places.map(p => p[2])) <= 0;
    this.outline = places.map(p => p.slice(0, 2));
    this.taken = [];
    this.reserved = [];
    this.numbers = [];
    this.tools = this.placesOfTools();
    this.tools.forEach(rect => this.reserve(rect));
    if (shows.scalar_bar && texture.bar) this.bar();
    if (about.title) this.headline(about.title);
    if (shows.axes) this.axes();
    if (shows.markers) this.cards();
    this.pointLabels();
    this.legend();
  },

  // Where the page's tools lie over this view.
  placesOfTools() {
    const place = this.place.getBoundingClientRect(), ratio = this.size[0] / place.width, view = [place.left, place.top, place.right, place.bottom];
    const all = ["tools", "epochs"].map($).filter(Boolean).map(each => each.getBoundingClientRect()).map(r => [r.left, r.top, r.right, r.bottom]);
    return all.filter(rect => rect[2] > rect[0] && overlap(rect, view)).map(rect => rect.map((v, k) => (v - view[k % 2]) * ratio));
  },

  headline(title) {
    const { em, size } = this, [big, at] = size[1] < 24 * em ? [1.1, 0.8 * em] : [1.3, 1.4 * em];
    const right = Math.min(size[0], ...this.tools.filter(rect => rect[1] < 2 * em).map(rect => rect[0]));
    const room = right - 2 * at, line = 1.3 * big * em;
    const most = Math.min(Math.max(Math.floor(0.2 * size[1] / line), 1), 3);
    const lines = inLines(title, most, part => this.width(part, big) <= room);
    const width = Math.max(...lines.map(l => this.width(l, big))), height = 0.76 * big * em + line * (lines.length - 1), rim = Math.min(0.6 * em, at);
    const rect = [at - rim, at - rim, at + width + rim, at + height + rim];
    this.plate(rect);
    this.reserve([0, 0, rect[2], rect[3]]);
    lines.forEach((l, k) => this.say(l, at, at + k * line, { size: big, align: [0, 0], color: theme.ink }));
  },

  reserve(rect) { this.taken.push(rect); this.reserved.push(rect); },

  // A place for what is written, told apart from the box behind it.
  ground(rect) { this.plate(rect); this.reserve(rect); },
});
