Object.assign(View.prototype, {
  // Trajectories up to the epoch, pins, the cut and minima.
  overlays() {
    const { shows, unit, about, device: { gl } } = this;
    for (const layer of this.visible) {
      const { index, about: { paths, markers, minima } } = layer;
      if (shows.trajectory) paths.forEach((path, n) => this.path(path, layer, `${index} ${n}`));
      const pin = ({ at, shape, color }) => ({ at, radius: 5.5, shape, color: color ?? theme.path });
      const minimum = ({ at, doubtful }) => ({ at, radius: doubtful ? 4.6 : 6.4, shape: 6, color: [...theme.minimum.slice(0, 3), doubtful ? 0.45 : 1] });
      if (shows.markers) this.marked(this.marks(`pins ${index}`, themeName, () => markers.map(pin)));
      if (about.cut) this.cased(this.lines(`cut ${index}`, themeName, () => this.cutLine(layer)), theme.cut, 2.2 * unit);
      if (shows.minima) this.marked(this.marks(`minima ${index}`, themeName, () => minima.map(minimum)));
    }
    gl.depthFunc(gl.LEQUAL);
  },

  path(path, layer, name) {
    const { unit, device: { gl } } = this, color = pathColor(path.number), key = `${themeName} ${this.shows.epoch}`;
    const parts = once(() => this.pathParts(path, layer)), stems = this.lines(`stems ${name}`, key, () => parts().stems);
    gl.depthFunc(gl.LEQUAL);
    this.line(stems, { width: unit, tint: [...color.slice(0, 3), 0.6], bias: 0.002 }, [[1, 1, this.about.gain], [0, 0, 0]]);
    this.cased(this.lines(`path ${name}`, key, () => parts().line), color, 2.4 * unit);
    this.marked(this.marks(`marks ${name}`, key, () => parts().marks));
  },

  // Where the plane of the cut meets a layer: at each point of its mesh's axes, and in even steps.
  cutLine(layer) {
    const [from, to] = this.about.cut, { mesh } = layer, found = new Segments();
    const across = [mesh.alpha, mesh.beta].flatMap((axis, a) => from[a] === to[a] ? [] : [...axis].map(v => (v - from[a]) / (to[a] - from[a])));
    const fractions = [...Array.from({ length: 33 }, (_, k) => k / 32), ...across];
    const points = [...new Set(fractions)].filter(f => f >= 0 && f <= 1).sort((p, q) => p - q).map(f => {
      const at = this.inBox(from[0] + f * (to[0] - from[0]), from[1] + f * (to[1] - from[1]), this.scale.lo);
      return [at[0], at[1], this.foot(layer, at)];
    });
    for (let k = 0; k + 1 < points.length; k++) if (Number.isFinite(points[k][2] + points[k + 1][2])) found.add(points[k], points[k + 1]);
    return found;
  },
});
