function positionsOf(surface, values, colors) {
  if (typeof values === "number") return shares(arrays[values]);
  if (values !== "slope") return Float64Array.from(fieldOf(surface, values), colors.apply);
  const [A, B] = surface.shape, loss = Float64Array.from(arrays[surface.loss], v => Number.isFinite(v) ? v : NaN);
  const down = derivative(arrays[surface.alpha], loss, A, B, B, 1, Infinity), across = derivative(arrays[surface.beta], loss, B, A, 1, B, Infinity);
  return loss.map((v, k) => Number.isNaN(v) ? NaN : colors.apply(Math.hypot(down[k], across[k])));
}

function valuesOf(mesh, layer, surface, look, which, scale) {
  const count = mesh.rows * mesh.columns, values = new Float32Array(count), B = surface.shape[1];
  if (look.scale === null) return values.fill(0.5);
  if (look.has_values) {
    if (look.values[which] === null) return values.fill(-1);
    const coarse = positionsOf(surface, look.values[which], scaleOf(look.scale));
    if (look.paint === "classes") {
      values.set(refined(coarse, B, nearest(surface.shape[0], layer.steps[0]), nearest(B, layer.steps[1])));
    } else values.set(refined(coarse, B, ...mesh.places));
  } else if (look.same_scale) values.set(mesh.height);
  else {
    const colors = scaleOf(look.scale);
    values.set(mesh.height.map(h => colors.apply(scale.invert(h))));
  }
  for (let k = 0; k < count; k++) if (Number.isNaN(values[k])) values[k] = -1;
  return values;
}

// A colormap in steps, each of one colour.
function bandTones(palette, bands, count = 4096) {
  const tones = new Uint8Array(3 * count), edges = [0, ...bands, 1];
  const colors = edges.slice(1).map((e, n) => bytes(colorAt(palette, (e + edges[n]) / 2)).slice(0, 3));
  for (let n = 0; n < count; n++) {
    const at = bands.findIndex(e => e >= (n + 0.5) / count);
    tones.set(colors[at < 0 ? bands.length : at], 3 * n);
  }
  return tones;
}
