function meshOf(layer, surface, scale) {
  const [A, B] = surface.shape, [sa, sb] = layer.steps;
  const rows = (A - 1) * sa + 1, columns = (B - 1) * sb + 1, count = rows * columns;
  const loss = arrays[surface.loss], computed = surface.computed === null ? null : arrays[surface.computed];
  const alpha = refinedAxis(arrays[surface.alpha], sa), beta = refinedAxis(arrays[surface.beta], sb);
  const x = toUnit(alpha), y = toUnit(beta);
  let height = new Float64Array(count);
  if (layer.height !== null) {
    const packed = arrays[layer.height], sums = new Uint16Array(count);
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
      const k = i * columns + j;
      sums[k] = packed[k] + (i ? sums[k - columns] : 0) + (j ? sums[k - 1] : 0) - (i && j ? sums[k - columns - 1] : 0);
    }
    height = shares(sums);
  } else for (let k = 0; k < count; k++) height[k] = Number.isFinite(loss[k]) ? scale.apply(loss[k]) : NaN;
  const slack = scale.kind === "log" ? [Math.abs(scale.lo), Math.abs(scale.hi)] : [scale.hi - scale.lo, scale.hi - scale.lo];
  const [lowest, highest] = [scale.lo - 1e-9 * slack[0], scale.hi + 1e-9 * slack[1]], beyond = new Int8Array(loss.length);
  let isClamped = false;
  for (let k = 0; k < loss.length; k++) {
    const v = loss[k];
    if ((v > highest || v < lowest) && Number.isFinite(v) && !(computed && !computed[k])) { beyond[k] = v > highest ? 1 : -1; isClamped = true; }
  }
  const places = [split(A, sa), split(B, sb)];
  const clamped = isClamped ? refined(beyond, B, ...places) : null;
  const certain = layer.certain === undefined ? null : refined(shares(arrays[layer.certain]), B, ...places);
  const coarse = every(layer.stride, columns).length;
  const sky = refined(shares(arrays[layer.sky]), coarse, strided(rows, layer.stride), strided(columns, layer.stride));
  const sx = derivative(x, height, rows, columns, columns, 1), sy = derivative(y, height, columns, rows, 1, columns);
  return { rows, columns, alpha, beta, x, y, height, sx, sy, sky, clamped, certain, places };
}

function verticesOf(mesh) {
  const { rows, columns, x, y, height, sx, sy, sky, clamped, certain } = mesh;
  const buffer = new ArrayBuffer(24 * rows * columns), floats = new Float32Array(buffer), states = new Uint8Array(buffer);
  for (let i = 0, k = 0; i < rows; i++) for (let j = 0; j < columns; j++, k++) {
    const h = height[k];
    const at = 6 * k, state = 24 * k + 20;
    floats[at] = x[i];
    floats[at + 1] = y[j];
    floats[at + 2] = h === h ? h : 0;
    floats[at + 3] = sx[k];
    floats[at + 4] = sy[k];
    states[state] = sky[k] * 255 + 0.5;
    states[state + 1] = certain ? certain[k] * 255 + 0.5 : 255;
    states[state + 2] = clamped ? Math.abs(clamped[k]) * 255 + 0.5 : 0;
  }
  return buffer;
}

// Both triangles of a cell end at the same corner, which says what class they are of.
function trianglesOf(mesh, stride) {
  const { columns, height } = mesh, is = every(stride, mesh.rows), js = every(stride, columns);
  const found = new Uint32Array(6 * (is.length - 1) * (js.length - 1));
  let n = 0;
  for (let p = 0; p + 1 < is.length; p++) for (let q = 0; q + 1 < js.length; q++) {
    const a = is[p] * columns + js[q], b = is[p + 1] * columns + js[q], c = is[p + 1] * columns + js[q + 1], d = is[p] * columns + js[q + 1];
    if (Number.isNaN(height[a] + height[b] + height[c] + height[d])) continue;
    found[n++] = b; found[n++] = c; found[n++] = a; found[n++] = c; found[n++] = d; found[n++] = a;
  }
  return found.subarray(0, n);
}

function heightAt(mesh, x, y) {
  if (Math.abs(x) > 1 + 1e-9 || Math.abs(y) > 1 + 1e-9) return NaN;
  const { rows, columns, height } = mesh, [i, p] = placeOn(mesh.x, x), [j, q] = placeOn(mesh.y, y);
  const i1 = Math.min(i + 1, rows - 1), j1 = Math.min(j + 1, columns - 1);
  const low = height[i * columns + j] * (1 - p) + height[i1 * columns + j] * p;
  return low * (1 - q) + (height[i * columns + j1] * (1 - p) + height[i1 * columns + j1] * p) * q;
}
