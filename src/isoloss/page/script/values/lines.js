// Records of two ends and a colour, in an array that grows.
class Segments {
  constructor() {
    this.count = 0;
    this.room(256);
  }
  room(count) {
    const before = this.bytes;
    this.buffer = new ArrayBuffer(28 * count);
    [this.floats, this.bytes] = [new Float32Array(this.buffer), new Uint8Array(this.buffer)];
    if (before) this.bytes.set(before);
  }
  put(x0, y0, z0, x1, y1, z1, color) {
    if (28 * (this.count + 1) > this.buffer.byteLength) this.room(4 * this.count);
    const { floats } = this, at = 7 * this.count++;
    floats[at] = x0; floats[at + 1] = y0; floats[at + 2] = z0;
    floats[at + 3] = x1; floats[at + 4] = y1; floats[at + 5] = z1;
    const byte = 4 * (at + 6);
    for (let k = 0; k < 4; k++) this.bytes[byte + k] = Math.round(255 * color[k]);
  }
  add(start, end, color = [1, 1, 1, 1]) { this.put(start[0], start[1], start[2], end[0], end[1], end[2], [...color, 1]); }
  records() { return this.bytes.subarray(0, 28 * this.count); }
}

// Where the triangles of a mesh cross levels of height, ascending; `stride` leaves points out.
function contoursOf(mesh, levels, colors, stride = 1) {
  const { columns, height, x, y } = mesh, found = new Segments(), ends = new Float64Array(6);
  const is = every(stride, mesh.rows), js = every(stride, columns), count = levels.length;
  let n = 0;
  const cross = (level, x0, y0, h0, x1, y1, h1) => {
    if (h0 > level === h1 > level) return;
    const t = (level - h0) / (h1 - h0);
    ends[n++] = x0 + t * (x1 - x0);
    ends[n++] = y0 + t * (y1 - y0);
  };
  for (let r = 0; r + 1 < is.length; r++) {
    const i = is[r], i1 = is[r + 1], x0 = x[i], x1 = x[i1];
    for (let s = 0; s + 1 < js.length; s++) {
      const j = js[s], j1 = js[s + 1], y0 = y[j], y1 = y[j1];
      const a = height[i * columns + j], b = height[i1 * columns + j], c = height[i1 * columns + j1], d = height[i * columns + j1];
      const low = Math.min(a, b, c, d), high = Math.max(a, b, c, d);
      for (let k = 0; k < count && levels[k] < high; k++) {
        const level = levels[k];
        if (level < low) continue;
        n = 0;
        cross(level, x0, y0, a, x1, y0, b);
        cross(level, x1, y0, b, x1, y1, c);
        cross(level, x0, y0, a, x1, y1, c);
        if (n === 4) found.put(ends[0], ends[1], level, ends[2], ends[3], level, colors[k]);
        n = 0;
        cross(level, x0, y0, a, x1, y1, c);
        cross(level, x1, y1, c, x0, y1, d);
        cross(level, x0, y1, d, x0, y0, a);
        if (n === 4) found.put(ends[0], ends[1], level, ends[2], ends[3], level, colors[k]);
      }
    }
  }
  return found;
}

function gridOf(mesh, values, palette, steps) {
  const found = new Segments(), { rows, columns, height, x, y } = mesh;
  const spread = (points, step) => {
    const lines = every(step, points).filter((_, k) => k * step < points), thinning = Math.ceil(Math.ceil(points / step) / 60);
    const kept = []; for (let k = 0; k < points; k += step * thinning) kept.push(k);
    return kept[kept.length - 1] === points - 1 ? kept : [...kept, points - 1];
  };
  const at = (i, j) => [x[i], y[j], height[i * columns + j]];
  const color = (i, j) => { const v = values[i * columns + j]; return colorAt(palette, v < 0 ? NaN : v); };
  const add = (i, j, i1, j1) => { const p = at(i, j), q = at(i1, j1); if (Number.isFinite(p[2] + q[2])) found.add(p, q, color(i, j)); };
  for (const i of spread(rows, steps[0])) for (let j = 0; j + 1 < columns; j++) add(i, j, i, j + 1);
  for (const j of spread(columns, steps[1])) for (let i = 0; i + 1 < rows; i++) add(i, j, i + 1, j);
  return found;
}
