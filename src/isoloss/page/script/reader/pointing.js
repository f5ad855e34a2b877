Object.assign(View.prototype, {
  pickLayer(layer, ray) {
    const { mesh, placed } = layer, [origin, way] = [ray.origin.map((v, k) => (v - placed[1][k]) / (placed[0][k] || 1)), ray.direction.map((v, k) => v / (placed[0][k] || 1))];
    let near = 0, far = Infinity;
    for (const [k, lo, hi] of [[0, -1, 1], [1, -1, 1], [2, -0.02, 1.02]]) {
      if (Math.abs(way[k]) < 1e-12) { if (origin[k] < lo || origin[k] > hi) return null; continue; }
      const [a, b] = [(lo - origin[k]) / way[k], (hi - origin[k]) / way[k]];
      near = Math.max(near, Math.min(a, b));
      far = Math.min(far, Math.max(a, b));
    }
    if (!(near < far && far < Infinity)) return null;
    const above = t => origin[2] + t * way[2] - heightAt(mesh, origin[0] + t * way[0], origin[1] + t * way[1]);
    const steps = 2 * Math.max(mesh.rows, mesh.columns) + 2;
    let before = near, height = above(near);
    for (let k = 1; k < steps; k++) {
      const t = near + (far - near) * k / (steps - 1), here = above(t);
      if (Number.isFinite(height + here) && (height < 0) !== (here < 0)) {
        let [low, high] = [before, t];
        for (let n = 0; n < 30; n++) { const middle = (low + high) / 2; if ((above(middle) >= 0) === (height >= 0)) low = middle; else high = middle; }
        return { layer, distance: high, position: ray.origin.map((v, a) => v + high * ray.direction[a]), unit: [0, 1].map(a => origin[a] + high * way[a]) };
      }
      [before, height] = [t, here];
    }
    return null;
  },

  pick(x, y) {
    const ray = rayOf(this.camera, x, y, this.size);
    const hits = this.visible.map(layer => this.pickLayer(layer, ray)).filter(Boolean).sort((a, b) => a.distance - b.distance);
    if (!hits.length) return null;
    const [hit] = hits, { surface } = hit.layer, nearest = (axis, u) => {
      const value = axis[0] + (u + 1) / 2 * (axis[axis.length - 1] - axis[0]);
      return axis.reduce((best, v, k) => Math.abs(v - value) < Math.abs(axis[best] - value) ? k : best, 0);
    };
    hit.cell = [nearest(arrays[surface.alpha], hit.unit[0]), nearest(arrays[surface.beta], hit.unit[1])];
    return hit;
  },

  // What was measured at the grid point nearest to a hit.
  told({ layer, cell: [i, j] }) {
    const { surface } = layer, [A, B] = surface.shape, k = i * B + j, at = name => surface.fields[name] === undefined ? NaN : fieldOf(surface, name)[k];
    const axes = ["alpha", "beta"].map(name => arrays[surface[name]]), span = axis => axis[axis.length - 1] - axis[0];
    const lines = this.layers.length > 1 ? [layer.about.name.slice(0, 80)] : [];
    lines.push(`α ${apart(axes[0][i], span(axes[0]), 4)}, β ${apart(axes[1][j], span(axes[1]), 4)}`);
    const delta = surface.signed ? "Δ " : "", loss = arrays[surface.loss];
    if (surface.computed !== null && !arrays[surface.computed][k]) return [...lines, `${delta}${surface.quantity} not computed`].join("\n");
    const near = [];
    for (let a = Math.max(i - 1, 0); a < Math.min(i + 2, A); a++) for (let b = Math.max(j - 1, 0); b < Math.min(j + 2, B); b++) if (Number.isFinite(loss[a * B + b])) near.push(loss[a * B + b]);
    const relief = near.length ? Math.max(...near) - Math.min(...near) : 0, error = at("stderr"), value = Number(loss[k].toPrecision(surface.digits));
    lines.push(`${delta}${surface.quantity} ${surface.signed && value > 0 ? "+" : ""}${apart(value, relief, 4)}${Number.isFinite(error) && error > 0 ? " ± " + number(error, 2) : ""}`);
    const accuracy = at("accuracy"), percent = Math.round(1000 * accuracy) / 10;
    if (Number.isFinite(accuracy)) lines.push(`${delta}accuracy ${surface.signed && percent >= 0 ? "+" : ""}${percent.toFixed(1)} ${surface.signed ? "points" : "%"}`.replace("-", "−"));
    if (Number.isFinite(at("spread"))) lines.push(`spread ${number(at("spread"))}`);
    for (const name of Object.keys(surface.fields).filter(name => name.startsWith("column "))) {
      const value = at(name), said = name.slice(7).replaceAll("_", "-");
      if (said === "predicted" && Number.isFinite(value)) lines.push(`class ${surface.classes[value] ?? value}`);
      else if (Number.isFinite(value)) lines.push(`${said} ${number(value, 4)}`);
    }
    return lines.join("\n");
  },
});
