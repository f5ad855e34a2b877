Object.assign(View.prototype, {
  axes() {
    const { about, pixels } = this, [, , nx, ny] = this.sides;
    const axis = (ticks, place, outward) => this.floorAxis(ticks.map(([v]) => place(v)), ticks.map(t => t[1]), [place(-1), place(1)], outward);
    const middles = [axis(about.ticks.x, v => [v, ny, FLOOR], [0, ny, 0]), axis(about.ticks.y, v => [nx, v, FLOOR], [nx, 0, 0])];
    const [x, y] = this.heightEdge(), foot = pixels([x, y, FLOOR]), head = pixels([x, y, about.top]), { em } = this;
    if (Math.hypot(head[0] - foot[0], head[1] - foot[1]) >= 3 * em) {
      this.tickLabels(about.ticks.z.map(([z]) => pixels([x, y, z])), about.ticks.z.map(t => t[1]), [-1, 0]);
      const above = this.inSight([head[0], head[1] - 1.15 * em], this.extent(about.axes[2], 1.1), head);
      if (above) this.label(about.axes[2], above, theme.ink, 1.1);
    }
    middles.forEach((middle, k) => { if (middle) this.axisTitle(about.axes[k], ...middle); });
  },

  floorAxis(points, texts, edge, outward) {
    const { em, pixels } = this, [a, b] = edge.map(pixels), along = [b[0] - a[0], b[1] - a[1]], length = Math.hypot(...along);
    if (length < Math.min(8 * em, 0.2 * Math.min(...this.size)) || !texts.length) return null;
    const middle = [0, 1, 2].map(k => (edge[0][k] + edge[1][k]) / 2);
    const inner = pixels(middle), outer = pixels(middle.map((v, k) => v + 0.1 * outward[k]));
    let out = [outer[0] - inner[0], outer[1] - inner[1]];
    if (Math.hypot(...out) < 1e-3 * em) out = [0, 1];
    const normal = [-along[1] / length, along[0] / length], far = Math.max(Math.hypot(...out), 1e-9);
    const side = Math.sign(normal[0] * out[0] + normal[1] * out[1]) || 1;
    out = [0, 1].map(k => normal[k] * side + 0.6 * out[k] / far);
    out = out.map(v => v / Math.hypot(...out));
    const anchors = points.map(p => pixels(p.map((v, k) => v + 0.035 * outward[k])));
    const reach = this.tickLabels(anchors, texts, out) + 0.75 * em + 0.035 * length / 2;
    return [[0, 1].map(k => (a[k] + b[k]) / 2 + out[k] * reach), out];
  },

  tickLabels(anchors, texts, out) {
    const { em } = this, sizes = texts.map(t => this.extent(t));
    let extent = 0, step = 1;
    const centres = anchors.map((anchor, k) => {
      const reach = 0.45 * em + 0.5 * (Math.abs(out[0]) * sizes[k][0] + Math.abs(out[1]) * sizes[k][1]);
      extent = Math.max(extent, 2 * reach - 0.45 * em);
      return [anchor[0] + out[0] * reach, anchor[1] + out[1] * reach];
    });
    const rects = centres.map((c, k) => around(...c, sizes[k][0] + 0.7 * em, sizes[k][1] + 0.7 * em));
    const touch = step => rects.some((r, k) => k % step === 0 && rects[k + step] && overlap(r, rects[k + step]));
    while (step < rects.length && touch(step)) step++;
    const middle = [0, 1].map(k => anchors.reduce((s, a) => s + a[k], 0) / (anchors.length || 1)), before = this.taken.length;
    for (let k = 0; k < texts.length; k += step) {
      const seen = this.inSight(centres[k], sizes[k], anchors[k]);
      const centre = seen && this.apart(seen, sizes[k], [middle[0] - anchors[k][0], middle[1] - anchors[k][1]]);
      if (centre) this.label(texts[k], centre, theme.quiet_ink, 1, true);
    }
    this.numbers.push(...this.taken.slice(before));
    return extent;
  },

  inSight(centre, size, anchor) {
    const within = [0, 1].map(k => clamp(centre[k], size[k] / 2 + 1, Math.max(this.size[k] - size[k] / 2 - 1, size[k] / 2 + 1)));
    const seen = [0, 1].every(k => anchor[k] >= 0 && anchor[k] <= this.size[k]);
    return seen || within.every((v, k) => v === centre[k]) ? within : null;
  },

  apart(centre, size, inward) {
    const { em } = this, far = Math.max(Math.hypot(...inward), 1e-9);
    for (let k = 0; k < 5; k++) {
      const moved = centre.map((v, a) => v + k * 0.25 * em * inward[a] / far), [l, t, r, b] = around(...moved, ...size);
      if (!this.numbers.some(other => overlap([l - 1.1 * em, t, r + 1.1 * em, b], other))) return moved;
    }
    return null;
  },

  axisTitle(title, beside, out) {
    const { em } = this, all = this.size, both = test => [0, 1].every(test);
    const placed = text => {
      const size = this.extent(text, 1.1), reach = 0.5 * (Math.abs(out[0]) * size[0] + Math.abs(out[1]) * size[1]);
      return { text, size, centre: beside.map((v, k) => v + out[k] * reach) };
    };
    const fits = ({ size, centre }) => this.free(around(...centre, size[0] + 0.4 * em, size[1] + 0.4 * em))
      && both(k => Math.abs(centre[k] - all[k] / 2) <= (all[k] - size[k]) / 2);
    const whole = placed(title), { text, size, centre } = all[0] < 32 * em && !fits(whole) ? placed(title.split(" (")[0]) : whole;
    const half = size.map(v => v / 2 + 0.4 * em), isNear = both(k => centre[k] > -half[k] && centre[k] < all[k] + half[k]);
    this.label(text, isNear ? centre.map((v, k) => clamp(v, half[k], Math.max(all[k] - half[k], half[k]))) : centre, theme.ink, 1.1);
  },

  label(text, centre, color, size = 1, careful = false) {
    const extent = this.extent(text, size), rect = around(...centre, ...extent), air = careful ? 0.5 * this.em : 0;
    const wanted = around(...centre, extent[0] + air, extent[1] + air);
    if ((careful ? this.taken : this.reserved).some(other => overlap(wanted, other))) return;
    this.taken.push(rect);
    this.say(text, ...centre, { color, size, halo: this.halo(rect) });
  },
});
