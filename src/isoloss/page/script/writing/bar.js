const saidOf = (note, terse) => terse && note.short ? note.short : note.text;

Object.assign(View.prototype, {
  // The scalar bar stands at the right or, where there is more room, lies below.
  bar() {
    const { em, size, texture } = this, [width, height] = size, unit = boxUnit(size);
    if (width < 12 * em || height < 9 * em) return;
    const notes = texture.notes[themeName], { distance, elevation } = this.camera;
    const lacking = [this.breadth([], true) + 1.2 * em - (width / 2 - 0.55 * unit), 3.8 * em - (height / 2 - 0.49 * unit)];
    const turned = unit * DISTANCE / distance, share = clamp((elevation - 60) / (FROM_ABOVE - 60), 0, 1);
    const farthest = [0, 1].map(k => Math.max(...this.outline.map(p => p[k])));
    const reach = [width / 2 + 0.55 * turned, height / 2 + 0.49 * turned].map((v, k) => Math.round(v + share * (farthest[k] - v)));
    if (lacking[0] > Math.max(0, 1.5 * lacking[1]) || (upright(size) && lacking[1] < 0)) this.lie(notes, reach[1]);
    else this.stand(notes, reach[0]);
  },

  breadth(notes, terse) {
    const { em, texture: { bar } } = this, ends = [bar.under, bar.over].flatMap(lines => terse ? lines.slice(-1) : lines);
    const texts = [...bar.ticks[6].map(([, label]) => label), ...notes.map(note => saidOf(note, terse))].map(text => this.width(text));
    return 1.55 * em + Math.max(0, ...texts, ...ends.map(line => this.width(line) + 0.3 * em));
  },

  stand(notes, beside) {
    const { em, rim, texture: { bar } } = this, [width, height] = this.size, LINES = 1.35 * em;
    const detail = bar.detail ? LINES : 0, thickness = Math.round(em);
    let below = LINES * notes.length + (notes.length ? 0.7 * em : 0);
    while (notes.length && height - 5.2 * em - detail - below < 5 * em) { notes = notes.slice(0, -1); below -= LINES; }
    const length = Math.round(Math.min(0.46 * height, 20 * em, height - 5.2 * em - detail - below));
    const terse = this.breadth(notes, false) > width - 2.4 * em - beside, widest = this.breadth(notes, terse);
    const left = Math.round(Math.min(width - 1.2 * em - widest, beside + 4 * em));
    const bottom = Math.round(height / 2 + length / 2 + 0.5 * em + (detail - below) / 2), top = bottom - length;
    const [under, over] = [bar.under, bar.over].map(lines => terse ? lines.slice(-1) : lines);
    const further = (lines, first) => lines.length ? (first + 1.15 * (lines.length - 1)) * em : 0, foot = bottom + 0.2 * em + further(under, 1.1);
    let at = top - 0.85 * em - further(over, 0.9);
    const above = at + 0.2 * em, titles = [...(bar.detail ? [[bar.detail, 0.9]] : []), [bar.title, 1.1]];
    const start = Math.min(left, ...titles.map(t => Math.round(left + widest - this.width(...t))));
    this.ground([start - 0.7 * em, at - 0.2 * em - 1.2 * em * titles.length, width, above]);
    this.ground([left - 0.7 * em, above, width, foot + below + 0.4 * em]);
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
    const end = (lines, share, low, y, outward) => {
      if (lines.length) this.cap([left, low, left + thickness, low + 0.7 * em], share);
      lines.forEach((line, k) => this.say(line, right + 0.55 * em, y + outward * k * 1.15 * em, { align: [0, 0.5] }));
    };
    end([...over].reverse(), 1, top - em, top - 0.65 * em, -1);
    end(under, 0, bottom + 0.3 * em, bottom + 0.65 * em, 1);
    for (const [title, size] of titles) {
      this.say(title, start, at, { size, align: [0, 1], color: size > 1 ? theme.ink : theme.quiet_ink });
      at -= 1.2 * em;
    }
    notes.forEach((note, k) => {
      const y = foot + (k + 0.9) * LINES;
      this.sign(note, [left, y - 0.4 * em, left + thickness, y + 0.4 * em]);
      this.say(saidOf(note, terse), right + 0.55 * em, y, { align: [0, 0.5] });
    });
  },

  lie(notes, below) {
    const { em, rim, texture: { bar } } = this, [width, height] = this.size, LINES = 1.35 * em;
    const aside = [bar.under, bar.over].map(lines => Math.max(0, ...lines.map(l => this.width(l) + 1.6 * em)));
    const length = Math.round(Math.min(0.72 * width, width - 3 * em - aside[0] - aside[1]));
    const left = Math.round(Math.min(Math.max((width - length) / 2, 1.5 * em + aside[0]), width - 1.5 * em - aside[1] - length));
    const bottom = Math.round(Math.min(height - 2.1 * em, below + 7.5 * em + LINES * notes.length)), top = bottom - Math.round(0.75 * em);
    const beside = Math.max(...aside) + 0.4 * em;
    this.ground([left - beside, top - 1.8 * em - LINES * notes.length, left + length + beside, bottom + 2.1 * em]);
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
    const middle = (top + bottom) / 2, right = left + length;
    for (const [lines, which, x, at, align] of [[bar.under, 0, left - em, left - 1.3 * em, 1], [bar.over, 1, right + 0.3 * em, right + 1.3 * em, 0]]) {
      if (lines.length) this.cap([x, top, x + 0.7 * em, bottom], which);
      lines.forEach((line, k) => this.say(line, at, middle + 1.05 * em * (k - (lines.length - 1) / 2), { align: [align, 0.5] }));
    }
    let y = top - 0.5 * em, x = left + this.width(bar.title, 1.1) + 0.6 * em;
    this.say(bar.title, left, y, { size: 1.1, align: [0, 1], color: theme.ink });
    if (bar.detail) {
      this.say(bar.detail, x, y, { size: 0.9, align: [0, 1] });
      x += this.width(bar.detail, 0.9) + 0.6 * em;
    }
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
