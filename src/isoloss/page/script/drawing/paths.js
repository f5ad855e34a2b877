const pathColor = number => number ? theme.further_paths[(number - 1) % theme.further_paths.length] : theme.path;

// The checkpoint that has been reached at an epoch, and how far the way to the next one has come.
function headOf(path, epoch) {
  const epochs = path.epoch, last = epochs.length - 1;
  if (epoch === null || epochs.some(e => e === null)) return { checkpoint: last, fraction: 0 };
  const at = clamp(epoch, epochs[0], epochs[last]);
  let k = 0;
  while (k < last && epochs[k + 1] <= at + 1e-9) k++;
  const span = epochs[Math.min(k + 1, last)] - epochs[k], fraction = span > 0 ? (at - epochs[k]) / span : 0;
  return { checkpoint: k, fraction: fraction < 1e-6 ? 0 : fraction };
}

Object.assign(View.prototype, {
  pointsOf(path) { return path.loss.map((loss, k) => this.inBox(path.alpha[k] ?? NaN, path.beta[k] ?? NaN, loss ?? NaN)); },

  // Where a path has come to at the epoch that is shown.
  headPlace(path) {
    const points = this.pointsOf(path), { checkpoint: k, fraction } = headOf(path, this.shows.epoch), next = points[k + 1];
    return fraction ? points[k].map((v, a) => v + fraction * (next[a] - v)) : points[k];
  },

  // A path up to the epoch: its line, the stems between it and the surface, its marks.
  pathParts(path, layer) {
    const points = this.pointsOf(path), last = points.length - 1, known = points.map(p => p.every(Number.isFinite));
    const at = headOf(path, this.shows.epoch), line = new Segments(), stems = new Segments(), marks = [], color = pathColor(path.number);
    for (let k = 0; k <= at.checkpoint; k++) {
      if (!known[k]) continue;
      if (k < at.checkpoint && known[k + 1]) line.add(points[k], points[k + 1]);
      const foot = this.foot(layer, points[k]);
      if (Math.abs(foot - points[k][2]) > 0.012) stems.add([points[k][0], points[k][1], foot], points[k]);
      let mark = { at: points[k], radius: last < 60 ? 2.6 : 1.6, shape: 0, color };
      if (path.drops.includes(k)) mark = { ...mark, radius: 5.6, shape: 3, color: theme.lr_drop };
      if (path.loss[k] > this.scale.hi * (1 + 1e-9)) mark = { ...mark, radius: 4.6, shape: 4 };
      if (k === 0) mark = { ...mark, radius: 5.2, shape: path.ends[0], color };
      if (k === last) mark = { ...mark, radius: path.ends[1] === 2 ? 7 : 6, shape: path.ends[1], color: this.about.paths > 1 ? color : theme.path_end };
      marks.push(mark);
    }
    if (at.checkpoint < last && known[at.checkpoint] && known[at.checkpoint + 1]) {
      const head = this.headPlace(path);
      line.add(points[at.checkpoint], head);
      marks.push({ at: head, radius: 6, shape: 0, color });
    }
    return { line, stems, marks };
  },
});
