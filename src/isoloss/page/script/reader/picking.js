Object.assign(View.prototype, {
  // Where a ray first meets the surface of a layer.
  pickLayer(layer, ray) {
    const { mesh, placed: [scale, offset] } = layer, way = ray.direction.map((v, k) => v / (scale[k] || 1));
    const origin = ray.origin.map((v, k) => (v - offset[k]) / (scale[k] || 1));
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
        for (let n = 0; n < 30; n++) {
          const middle = (low + high) / 2;
          if ((above(middle) >= 0) === (height >= 0)) low = middle;
          else high = middle;
        }
        const position = ray.origin.map((v, a) => v + high * ray.direction[a]);
        return { layer, distance: high, position, unit: [0, 1].map(a => origin[a] + high * way[a]) };
      }
      [before, height] = [t, here];
    }
    return null;
  },

  // The nearest of these, and the grid point beside it.
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
});
