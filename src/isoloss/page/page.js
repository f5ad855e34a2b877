"use strict";
(() => {
const FLOOR = -0.22, BOX_HEIGHT = 0.9, TARGET = [0, 0, 0.13], DISTANCE = 6.3, FIELD = 26 * Math.PI / 180;
const UPRIGHT = 1.15, FROM_ABOVE = 75, MARGIN = 0.9, PER_PIXEL = 0.35, CLOSER = 1.12, STEP = 12;
const RADIUS = 0.32, FARTHEST = 90, QUICK_POINTS = 112, SLOW = 45, REST = 250, COARSE = 0.5, MANY = 250000;
const HOLLOW = { 1: 0, 8: 7, 9: 5 };
const $ = id => document.getElementById(id);
const clamp = (v, lo, hi) => v < lo ? lo : v > hi ? hi : v;
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const once = make => { let made; return () => made ??= make(); };
const css = c => `rgba(${c.slice(0, 3).map(v => Math.round(255 * v)).join()},${c[3] ?? 1})`;
const bytes = c => [0, 1, 2, 3].map(k => Math.round(255 * (c[k] ?? 1)));
const dark = matchMedia("(prefers-color-scheme: dark)");
let content, theme, themeName, arrays;

// -- data -------------------------------------------------------------------------------------

const TYPES = { f8: Float64Array, f4: Float32Array, u4: Uint32Array, u2: Uint16Array, u1: Uint8Array };

async function unpacked() {
  const text = atob($("data").textContent), packed = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) packed[k] = text.charCodeAt(k);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const all = new Uint8Array(await new Response(stream).arrayBuffer());
  let at = 0;
  const { kinds, content: place } = JSON.parse($("arrays").textContent);
  arrays = kinds.map(([kind, count]) => {
    const size = TYPES[kind].BYTES_PER_ELEMENT, whole = new Uint8Array(count * size);
    for (let k = 0; k < size; k++)
      for (let i = 0; i < count; i++) whole[i * size + k] = all[at + k * count + i];
    at += count * size;
    return new TYPES[kind](whole.buffer);
  });
  content = JSON.parse(new TextDecoder().decode(arrays[place]));
}

// A field of a surface at its grid points; of shares the right ones are told, and of how many.
function fieldOf(surface, name) {
  const at = surface.fields[name];
  if (!Array.isArray(at)) return arrays[at];
  return surface[name] ??= Float64Array.from(arrays[at[0]], hits => hits / at[1]);
}

// Positions in [0, 1] from whole numbers; the largest is NaN.
function shares(values) {
  const most = values.BYTES_PER_ELEMENT === 2 ? 0xffff : 0xff;
  const found = new Float64Array(values.length);
  for (let k = 0; k < found.length; k++) found[k] = values[k] === most ? NaN : values[k] / (most - 1);
  return found;
}

function scaleOf(s) {
  if (s.kind === "linear")
    return { ...s, apply: v => (clamp(v, s.lo, s.hi) - s.lo) / (s.hi - s.lo), invert: h => s.lo + h * (s.hi - s.lo) };
  if (s.kind === "log") {
    const bottom = Math.log(s.lo), decades = Math.log(s.hi) - bottom;
    return { ...s, apply: v => (Math.log(clamp(v, s.lo, s.hi)) - bottom) / decades,
      invert: h => h < 0.5 ? s.lo * Math.exp(h * decades) : s.hi * Math.exp((h - 1) * decades) };
  }
  const most = Math.asinh(s.most / s.knee);
  return { ...s, apply: v => 0.5 + 0.5 * Math.asinh(clamp(v, -s.most, s.most) / s.knee) / most,
    invert: h => s.knee * Math.sinh((2 * h - 1) * most) };
}

function colorAt(palette, position) {
  if (Number.isNaN(position)) return [128 / 255, 128 / 255, 128 / 255, 1];
  const at = 3 * Math.round(clamp(position, 0, 1) * 255);
  return [palette[at] / 255, palette[at + 1] / 255, palette[at + 2] / 255, 1];
}

// -- the mesh ---------------------------------------------------------------------------------

function refinedAxis(axis, steps) {
  const fine = [];
  for (let k = 0; k + 1 < axis.length; k++)
    for (let s = 0; s < steps; s++) fine.push(axis[k] + (axis[k + 1] - axis[k]) * s / steps);
  return Float64Array.from([...fine, axis[axis.length - 1]]);
}

const toUnit = axis => {
  const low = axis[0], span = axis[axis.length - 1] - low;
  return axis.map(v => span > 0 ? 2 * (v - low) / span - 1 : 0);
};

// Bilinear between the points of a coarse grid. Of the fine points of either axis `at` is the coarse
// one before each, and `part` how far it lies towards the next.
function refined(values, columns, down, across) {
  const n = down.at.length, m = across.at.length, fine = new Float64Array(n * m);
  for (let r = 0, k = 0; r < n; r++) {
    const row = down.at[r] * columns, p = down.part[r], below = p ? columns : 0;
    for (let c = 0; c < m; c++, k++) {
      const at = row + across.at[c], q = across.part[c];
      const low = p ? values[at] * (1 - p) + values[at + below] * p : values[at];
      fine[k] = q ? low * (1 - q) + (p ? values[at + 1] * (1 - p) + values[at + below + 1] * p : values[at + 1]) * q : low;
    }
  }
  return fine;
}

function placesOf(count, place) {
  const at = new Int32Array(count), part = new Float64Array(count);
  for (let k = 0; k < count; k++) [at[k], part[k]] = place(k);
  return { at, part };
}

const split = (points, steps) => placesOf((points - 1) * steps + 1, k => [Math.floor(k / steps), k % steps / steps]);
const nearest = (points, steps) => placesOf((points - 1) * steps + 1, k => [Math.floor((k + (steps >> 1)) / steps), 0]);

function strided(points, stride) {
  const coarse = every(stride, points);
  return placesOf(points, k => {
    const at = Math.min(Math.floor(k / stride), coarse.length - 1), from = coarse[at], to = coarse[at + 1] ?? from;
    return [at, to > from ? (k - from) / (to - from) : 0];
  });
}

function every(stride, points) {
  const found = [];
  for (let k = 0; k < points; k += stride) found.push(k);
  if (found[found.length - 1] !== points - 1) found.push(points - 1);
  return found;
}

// The derivative along rows (`step` apart in memory) of values on an axis; one-sided beside holes.
function derivative(axis, values, count, lines, step, lineStep, most = 6e4) {
  const slopes = new Float32Array(values.length), n = count;
  if (n < 2) return slopes;
  const secant = new Float64Array(n - 1), slope = new Float64Array(n);
  for (let line = 0; line < lines; line++) {
    const at = line * lineStep;
    for (let k = 0; k < n - 1; k++) secant[k] = (values[at + (k + 1) * step] - values[at + k * step]) / (axis[k + 1] - axis[k]);
    for (let k = 0; k < n; k++) {
      const left = k ? secant[k - 1] : NaN, right = k < n - 1 ? secant[k] : NaN;
      const before = axis[Math.max(k, 1)] - axis[Math.max(k, 1) - 1], after = axis[Math.min(k, n - 2) + 1] - axis[Math.min(k, n - 2)];
      slope[k] = (left * after + right * before) / (before + after);
    }
    if (n > 2) {
      slope[0] = 2 * secant[0] - slope[1];
      slope[n - 1] = 2 * secant[n - 2] - slope[n - 2];
    }
    for (let k = 0; k < n; k++) {
      const left = k ? secant[k - 1] : NaN, right = k < n - 1 ? secant[k] : NaN;
      const found = Number.isNaN(slope[k]) ? (Number.isNaN(left) ? right : left) : slope[k];
      slopes[at + k * step] = Number.isNaN(found) ? 0 : clamp(found, -most, most);
    }
  }
  return slopes;
}

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

// Along the colormap at the grid points: as they were packed, or of a field of the surface.
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

// -- lines ------------------------------------------------------------------------------------

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

function heightAt(mesh, x, y) {
  if (Math.abs(x) > 1 + 1e-9 || Math.abs(y) > 1 + 1e-9) return NaN;
  const { rows, columns, height } = mesh, [i, p] = placeOn(mesh.x, x), [j, q] = placeOn(mesh.y, y);
  const i1 = Math.min(i + 1, rows - 1), j1 = Math.min(j + 1, columns - 1);
  const low = height[i * columns + j] * (1 - p) + height[i1 * columns + j] * p;
  return low * (1 - q) + (height[i * columns + j1] * (1 - p) + height[i1 * columns + j1] * p) * q;
}

function placeOn(axis, value) {
  let low = 0, high = axis.length - 1;
  while (high - low > 1) { const middle = low + high >> 1; if (axis[middle] <= value) low = middle; else high = middle; }
  return [low, high > low ? clamp((value - axis[low]) / (axis[high] - axis[low]), 0, 1) : 0];
}

function holesOf(mesh, surface, layer) {
  const [A, B] = surface.shape, loss = arrays[surface.loss], computed = surface.computed === null ? null : arrays[surface.computed];
  const rims = new Segments(), traces = new Segments(), { rows, columns, height, x, y } = mesh, [sa, sb] = layer.steps;
  if (loss.every(Number.isFinite)) return { rims, traces };
  const kind = (i, j) => computed && !computed[i * B + j] ? 0 : Number.isNaN(loss[i * B + j]) ? 1 : Number.isFinite(loss[i * B + j]) ? 0 : 2;
  const cell = (i, j) => {
    if (i < 0 || j < 0 || i >= rows - 1 || j >= columns - 1) return 0;
    const a = Math.floor(i / sa), b = Math.floor(j / sb);
    return Math.max(kind(a, b), kind(a + 1, b), kind(a, b + 1), kind(a + 1, b + 1));
  };
  const edge = (i, j, i1, j1, one, other) => {
    if (one === other) return;
    const color = Math.max(one, other) === 2 ? theme.clamped : theme.quiet_ink;
    const [h, h1] = [height[i * columns + j], height[i1 * columns + j1]];
    if (Number.isFinite(h + h1)) rims.add([x[i], y[j], h], [x[i1], y[j1], h1], color);
    traces.add([x[i], y[j], 0], [x[i1], y[j1], 0], color);
  };
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
    if (i < rows - 1) edge(i, j, i + 1, j, cell(i, j - 1), cell(i, j));
    if (j < columns - 1) edge(i, j, i, j + 1, cell(i - 1, j), cell(i, j));
  }
  return { rims, traces };
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

function outlineOf(mesh, corners, color) {
  const found = new Segments(), span = axis => [axis[0], axis[axis.length - 1] - axis[0] || 1];
  const [a, aw] = span(mesh.alpha), [b, bw] = span(mesh.beta);
  const places = corners.map(([p, q]) => [2 * (p - a) / aw - 1, 2 * (q - b) / bw - 1]), points = [];
  places.forEach((here, k) => {
    const there = places[(k + 1) % places.length];
    const pieces = Math.floor(clamp(Math.max(Math.abs(there[0] - here[0]), Math.abs(there[1] - here[1])) / 0.01, 1, 2000));
    for (let s = 0; s < pieces; s++) {
      const p = [0, 1].map(c => here[c] + s / pieces * (there[c] - here[c]));
      points.push([...p, heightAt(mesh, ...p)]);
    }
  });
  points.forEach((p, k) => {
    const q = points[(k + 1) % points.length];
    if (Number.isFinite(p[2] + q[2])) found.add(p, q, color);
  });
  return found;
}

function marksOf(list) {
  const buffer = new ArrayBuffer(24 * list.length), floats = new Float32Array(buffer), all = new Uint8Array(buffer);
  list.forEach(({ at, radius, shape, color }, k) => {
    floats.set([...at, radius, shape], 6 * k);
    all.set(bytes(color), 24 * k + 20);
  });
  return buffer;
}

// -- the camera -------------------------------------------------------------------------------

const upright = size => size[1] > UPRIGHT * size[0];
const boxUnit = size => Math.min(size[1], size[0] / (1.4 - 0.2 * clamp((size[1] / Math.max(size[0], 1) - UPRIGHT) / 0.25, 0, 1)));
const fromAbove = c => c.elevation >= FROM_ABOVE;

function axesOf(c) {
  const a = c.azimuth * Math.PI / 180, e = c.elevation * Math.PI / 180;
  const [ca, sa, ce, se] = [Math.cos(a), Math.sin(a), Math.cos(e), Math.sin(e)];
  return [[ca, sa, 0], [-sa * se, ca * se, ce], [sa * ce, -ca * ce, se]];
}

function halfExtent(c, size) {
  const half = c.distance * Math.tan(FIELD / 2), unit = boxUnit(size);
  return [half * size[0] / Math.max(unit, 1), half * size[1] / Math.max(unit, 1)];
}

const perPixel = (c, size) => 2 * halfExtent(c, size)[1] / size[1];
const eyeOf = c => { const back = axesOf(c)[2]; return c.target.map((t, k) => t + c.distance * back[k]); };

function viewMatrix(c) {
  const axes = axesOf(c), eye = eyeOf(c);
  return [...axes.flatMap(row => [...row, -dot(row, eye)]), 0, 0, 0, 1];
}

function projection(c, size) {
  const [w, h] = halfExtent(c, size), back = axesOf(c)[2];
  const centre = c.distance + dot(c.target.map((t, k) => t - TARGET[k]), back), reach = 4;
  if (c.orthographic) {
    const [near, far] = [centre - 2 * reach, centre + 2 * reach];
    return [1 / w, 0, 0, 0, 0, 1 / h, 0, 0, 0, 0, -2 / (far - near), -(far + near) / (far - near), 0, 0, 0, 1];
  }
  const near = Math.max(centre - reach, 0.01 * c.distance, 0.01), far = Math.max(centre + reach, 1);
  return [c.distance / w, 0, 0, 0, 0, c.distance / h, 0, 0, 0, 0, -(far + near) / (far - near), -2 * far * near / (far - near), 0, 0, -1, 0];
}

const product = (a, b) => Array.from({ length: 16 }, (_, k) => {
  const i = k >> 2, j = k & 3;
  return a[4 * i] * b[j] + a[4 * i + 1] * b[4 + j] + a[4 * i + 2] * b[8 + j] + a[4 * i + 3] * b[12 + j];
});

function toPixels(c, size) {
  const axes = axesOf(c), eye = eyeOf(c), [w, h] = halfExtent(c, size);
  return point => {
    const away = point.map((v, k) => v - eye[k]), [x, y, z] = axes.map(row => dot(row, away));
    const scale = c.orthographic ? 1 : c.distance / Math.max(-z, 1e-6);
    return [(x * scale / w + 1) * size[0] / 2, (1 - y * scale / h) * size[1] / 2, -z];
  };
}

function rayOf(c, px, py, size) {
  const [right, up, back] = axesOf(c), [w, h] = halfExtent(c, size), eye = eyeOf(c);
  const across = [0, 1, 2].map(k => w * (2 * px / size[0] - 1) * right[k] + h * (1 - 2 * py / size[1]) * up[k]);
  if (c.orthographic) return { origin: eye.map((v, k) => v + across[k]), direction: back.map(v => -v) };
  const way = across.map((v, k) => v - c.distance * back[k]), length = Math.hypot(...way);
  return { origin: eye, direction: way.map(v => v / length) };
}

const orbit = (c, dx, dy) => ({ ...c, elevation: clamp(c.elevation + dy * PER_PIXEL, -90, 90), azimuth: ((c.azimuth - dx * PER_PIXEL + 180) % 360 + 360) % 360 - 180 });

function pan(c, dx, dy, size) {
  const [right, up] = axesOf(c), unit = perPixel(c, size);
  return { ...c, target: c.target.map((t, k) => t + unit * (-dx * right[k] + dy * up[k])) };
}

function zoom(c, factor, at, size) {
  const closer = { ...c, distance: clamp(c.distance / factor, 0.05, 100) };
  if (!at) return closer;
  const [right, up] = axesOf(c), gained = perPixel(c, size) - perPixel(closer, size);
  const [dx, dy] = [at[0] - size[0] / 2, at[1] - size[1] / 2];
  return { ...closer, target: c.target.map((t, k) => t + gained * (dx * right[k] - dy * up[k])) };
}

function filling(c, size, corners, [left, top, right, bottom]) {
  const free = [size[0] - left - right, size[1] - top - bottom], middle = [left + free[0] / 2, top + free[1] / 2];
  for (let k = 0; k < 12; k++) {
    const places = corners.map(toPixels(c, size)), ends = [0, 1].map(a => [Math.min(...places.map(p => p[a])), Math.max(...places.map(p => p[a]))]);
    const nearness = Math.min(...[0, 1].map(a => Math.max(free[a], 1) / Math.max(ends[a][1] - ends[a][0], 1)));
    const [dx, dy] = [0, 1].map(a => middle[a] - (ends[a][0] + ends[a][1]) / 2);
    c = zoom(pan(c, dx, dy, size), nearness);
  }
  return c;
}

// As far away as it takes to see all corners, and no closer than it is.
function fitting(c, size, corners) {
  const axes = axesOf(c), [width, height] = halfExtent(c, size).map(half => MARGIN * half / c.distance);
  const needed = corners.map(corner => {
    const [x, y, z] = axes.map(row => dot(row, corner.map((v, k) => v - c.target[k]))), reach = Math.max(Math.abs(x) / width, Math.abs(y) / height);
    return c.orthographic ? reach : reach + z;
  });
  return { ...c, distance: Math.max(c.distance, ...needed) };
}

function axisView(c, key) {
  const [azimuth, elevation] = { 1: [0, 0], 3: [90, 0], 7: [0, 90] }[key];
  const distance = key === "7" && c.distance === DISTANCE ? 5.3 : key !== "7" && c.distance === 5.3 ? DISTANCE : c.distance;
  return { ...c, azimuth, elevation, distance, orthographic: c.orthographic || key === "7" };
}

// -- WebGL ------------------------------------------------------------------------------------

class Device {
  constructor(canvas, stencil) {
    const gl = this.gl = canvas.getContext("webgl2", { stencil, antialias: true, alpha: true, premultipliedAlpha: true, preserveDrawingBuffer: true });
    this.programs = {};
    this.floats = gl.getExtension("EXT_color_buffer_float") !== null;
    this.empty = gl.createVertexArray();
  }
  // Compiled when it is first needed.
  program(name) {
    if (this.programs[name]) return this.programs[name];
    const gl = this.gl, id = gl.createProgram();
    for (const [kind, file] of [[gl.VERTEX_SHADER, content.programs[name] + ".vert"], [gl.FRAGMENT_SHADER, name + ".frag"]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, content.shaders[file]);
      gl.compileShader(shader);
      gl.attachShader(id, shader);
    }
    gl.linkProgram(id);
    if (!gl.getProgramParameter(id, gl.LINK_STATUS))
      throw new Error(name + ": " + gl.getProgramInfoLog(id) + gl.getAttachedShaders(id).map(s => gl.getShaderInfoLog(s)).join(""));
    const uniforms = {};
    for (let k = 0; k < gl.getProgramParameter(id, gl.ACTIVE_UNIFORMS); k++) {
      const { name: full, type } = gl.getActiveUniform(id, k);
      uniforms[full.slice(2)] = [gl.getUniformLocation(id, full), type];
    }
    return this.programs[name] = { id, uniforms };
  }
  use(name, values) {
    const gl = this.gl, { id, uniforms } = this.program(name);
    gl.useProgram(id);
    for (const key in values) {
      if (!uniforms[key]) continue;
      const [location, type] = uniforms[key], value = values[key];
      if (type === gl.FLOAT) gl.uniform1f(location, value);
      else if (type === gl.FLOAT_VEC2) gl.uniform2fv(location, value);
      else if (type === gl.FLOAT_VEC3) gl.uniform3fv(location, value.slice(0, 3));
      else if (type === gl.FLOAT_VEC4) gl.uniform4fv(location, value);
      else if (type === gl.FLOAT_MAT4) gl.uniformMatrix4fv(location, true, value);
      else gl.uniform1i(location, Number(value));
    }
  }
  buffer(data, kind = this.gl.ARRAY_BUFFER) {
    const gl = this.gl, id = gl.createBuffer();
    gl.bindVertexArray(null);
    gl.bindBuffer(kind, id);
    gl.bufferData(kind, data, gl.STATIC_DRAW);
    return id;
  }
  // `fields`: [location, components, type, normalized, offset]
  array(buffer, stride, fields, into = this.gl.createVertexArray()) {
    const gl = this.gl;
    gl.bindVertexArray(into);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    for (const [location, size, type, normalized, offset] of fields) {
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, size, type, normalized, stride, offset);
    }
    gl.bindVertexArray(null);
    return into;
  }
  // Quads, one for each record, which all four corners have: instances would be drawn one by one by
  // renderers in software.
  quads(records, stride, fields) {
    const given = new Uint8Array(records.buffer ?? records, records.byteOffset ?? 0, records.byteLength), count = given.length / stride;
    const corners = new Uint8Array(4 * given.length);
    for (let k = 0; k < count; k++) {
      const record = given.subarray(k * stride, (k + 1) * stride);
      for (let c = 0; c < 4; c++) corners.set(record, (4 * k + c) * stride);
    }
    const buffer = this.buffer(corners);
    return { count, buffer, array: this.array(buffer, stride, fields) };
  }
  // The indices of the triangles of so many quads.
  corners(count) {
    const { gl } = this;
    if (count > (this.room ?? 0)) {
      this.room = Math.max(1024, 2 ** Math.ceil(Math.log2(count)));
      const indices = new Uint32Array(6 * this.room);
      for (let k = 0; k < this.room; k++) for (const [n, c] of [0, 1, 2, 2, 1, 3].entries()) indices[6 * k + n] = 4 * k + c;
      gl.deleteBuffer(this.indices);
      this.indices = this.buffer(indices, gl.ELEMENT_ARRAY_BUFFER);
    }
    return this.indices;
  }
  lines(segments) {
    const f = this.gl.FLOAT;
    return this.quads(segments.records(), 28, [[0, 3, f, false, 0], [1, 3, f, false, 12], [2, 4, this.gl.UNSIGNED_BYTE, true, 24]]);
  }
  marks(list) {
    const f = this.gl.FLOAT;
    return this.quads(marksOf(list), 24, [[0, 3, f, false, 0], [1, 2, f, false, 12], [2, 4, this.gl.UNSIGNED_BYTE, true, 20]]);
  }
  free(quads) {
    if (!quads) return;
    this.gl.deleteBuffer(quads.buffer);
    this.gl.deleteVertexArray(quads.array);
  }
  draw(quads) {
    const { gl } = this, indices = this.corners(quads.count);
    gl.bindVertexArray(quads.array);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, indices);
    gl.drawElements(gl.TRIANGLES, 6 * quads.count, gl.UNSIGNED_INT, 0);
  }
  texture(width, height, inner, format, type, data, filter) {
    const gl = this.gl, id = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, id);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, inner, width, height, 0, format, type, data);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, filter);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    return id;
  }
}

// -- a view -----------------------------------------------------------------------------------

const LINE = { width: 1, tint: [1, 1, 1, 1], cap: 0, bias: 0, dash: 0, toward: [0, 0, 0, 0], level: null };
const SAME = [[1, 1, 1], [0, 0, 0]];

class View {
  constructor(about, stage) {
    this.about = about;
    this.scale = scaleOf(about.scale);
    this.shows = { ...about.shows };
    this.look = about.look;
    this.camera = about.camera;
    this.place = document.createElement("div");
    this.place.className = "view";
    [this.canvas, this.paper] = ["drawn", "written"].map(name => {
      const canvas = document.createElement("canvas");
      canvas.className = name;
      return this.place.appendChild(canvas);
    });
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", about.title || about.layers[0].name.slice(0, 200));
    this.canvas.setAttribute("aria-describedby", "summary");
    this.paper.setAttribute("aria-hidden", "true");
    stage.appendChild(this.place);
    this.device = new Device(this.canvas, about.layers.some(layer => layer.opacity < 1));
    this.pen = this.paper.getContext("2d");
    this.layers = about.layers.map(layer => ({ about: layer, surface: content.surfaces[layer.surface] }));
    for (const layer of this.layers) {
      layer.mesh = meshOf(layer.about, layer.surface, this.scale);
      this.upload(layer);
    }
    this.lines = {};
    this.first = null;
    this.isSlow = this.layers.some(layer => layer.mesh.height.length > MANY);
  }

  get texture() { return this.about.looks[this.look]; }

  upload(layer) {
    const { gl } = this.device, { mesh } = layer, f = gl.FLOAT;
    layer.vertices = this.device.buffer(verticesOf(mesh));
    layer.colors = this.device.buffer(new Float32Array(mesh.rows * mesh.columns));
    layer.array = this.device.array(layer.vertices, 24, [[0, 3, f, false, 0], [1, 2, f, false, 12], [2, 3, gl.UNSIGNED_BYTE, true, 20]]);
    this.device.array(layer.colors, 4, [[3, 1, f, false, 0]], layer.array);
    layer.triangles = {};
    const ends = axis => [axis[0], axis[axis.length - 1]], { about } = this;
    const [x, y] = [[ends(mesh.alpha), about.alpha], [ends(mesh.beta), about.beta]].map(([own, all]) => own.map(v => all[1] > all[0] ? 2 * (v - all[0]) / (all[1] - all[0]) - 1 : 0));
    layer.placed = [[(x[1] - x[0]) / 2, (y[1] - y[0]) / 2, about.top], [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2, 0]];
  }

  // -- what is made when it is needed, and again when what it was made from has changed

  // Quads under a name, made by `make` unless `key` is that of before.
  quads(name, key, make) {
    const known = this.lines[name];
    if (known && known.key === key) return known.quads;
    if (known) this.device.free(known.quads);
    this.lines[name] = { key, quads: make() };
    return this.lines[name].quads;
  }

  indices(layer, stride) {
    const gl = this.device.gl;
    if (!layer.triangles[stride]) {
      const found = trianglesOf(layer.mesh, stride);
      layer.triangles[stride] = { count: found.length, buffer: this.device.buffer(found, gl.ELEMENT_ARRAY_BUFFER) };
    }
    return layer.triangles[stride];
  }

  paletteOf(k) { return arrays[this.texture.palettes[k]]; }

  colored(layer, k) {
    if (layer.look === this.look) return;
    const gl = this.device.gl;
    layer.look = this.look;
    layer.values = valuesOf(layer.mesh, layer.about, layer.surface, this.texture, k, this.scale);
    gl.bindVertexArray(null);
    gl.bindBuffer(gl.ARRAY_BUFFER, layer.colors);
    gl.bufferData(gl.ARRAY_BUFFER, layer.values, gl.STATIC_DRAW);
    gl.deleteTexture(layer.tones);
    const palette = this.paletteOf(k), bands = this.texture.bands, banded = this.texture.paint === "bands" && bands;
    let tones = palette;
    if (banded) {
      const edges = [0, ...bands, 1], colors = edges.slice(1).map((e, n) => colorAt(palette, (e + edges[n]) / 2));
      tones = new Uint8Array(3 * 4096);
      for (let n = 0; n < 4096; n++) {
        const at = bands.findIndex(e => e >= (n + 0.5) / 4096);
        tones.set(bytes(colors[at < 0 ? bands.length : at]).slice(0, 3), 3 * n);
      }
    }
    layer.tones = this.device.texture(tones.length / 3, 1, gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE, tones, banded ? gl.NEAREST : gl.LINEAR);
  }

  contours(layer, k, stride) {
    const look = this.texture, colors = look.scale && scaleOf(look.scale);
    return this.quads(`contours ${k} ${stride}`, this.look, () => this.device.lines(contoursOf(layer.mesh, this.about.levels, this.about.levels.map(level =>
      colorAt(this.paletteOf(k), look.shows_height && colors ? colors.apply(this.scale.invert(level)) : NaN)), stride)));
  }

  // -- a frame

  // `quick`: fewer vertices and no occlusion, for while things move.
  draw(quick = false) {
    const { gl } = this.device, ratio = window.devicePixelRatio || 1;
    const box = this.place.getBoundingClientRect(), size = [box.width, box.height].map(v => Math.max(1, Math.round(v * ratio)));
    if (!(box.width >= 1 && box.height >= 1)) return;
    this.size = size;
    this.share = quick && this.isSlow ? COARSE : 1;
    this.drawn = size.map(v => Math.max(1, Math.round(v * this.share)));
    for (const [canvas, [width, height]] of [[this.canvas, this.drawn], [this.paper, size]])
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.unit = Math.max(0.75, Math.min(box.width / 1250, box.height / 780)) * ratio;
    this.em = 14 * this.unit;
    this.fit();
    const { camera, about, shows } = this;
    this.views = viewMatrix(camera);
    this.projected = projection(camera, size);
    this.matrix = product(this.projected, this.views);
    this.pixels = toPixels(camera, size);
    this.sides = sidesOf(camera);
    const started = performance.now();
    this.layers.forEach((layer, k) => this.colored(layer, k));
    const stride = layer => quick ? Math.max(1, Math.ceil(Math.max(layer.mesh.rows, layer.mesh.columns) / QUICK_POINTS)) : 1;
    const occluded = shows.ambient_occlusion && !quick && this.device.floats && this.texture.paint !== "lines";
    if (occluded) this.occlude();
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, ...this.drawn);
    gl.clearColor(0, 0, 0, 0);
    gl.depthMask(true);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    gl.disable(gl.CULL_FACE);
    gl.disable(gl.BLEND);
    gl.disable(gl.DEPTH_TEST);
    if (!shows.transparent) {
      this.device.use("background", { top: theme.background_top, bottom: theme.background_bottom, glow: theme.glow, origin: [0, 0], size: this.drawn });
      gl.bindVertexArray(this.device.empty);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    }
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    if (shows.axes) this.walls();
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    const order = [...this.layers.entries()].filter(([, layer]) => layer.about.is_drawn).sort(([, a], [, b]) => b.about.opacity - a.about.opacity);
    const surfaces = seen => { for (const [k, layer] of order) if (layer.about.opacity < 1 === seen) this.surface(layer, k, stride(layer), occluded && !seen, quick); };
    // What lies behind a surface that can be seen through is covered by it in part, and what lies
    // before it is drawn over it once more.
    const lines = behind => {
      gl.depthMask(false);
      if (shows.axes) this.line(this.quads("box", [themeName, this.sides.join(), this.heightEdge().join()].join(), () => this.device.lines(this.boxLines())), { width: this.unit });
      for (const [k, layer] of order) this.upon(layer, k, stride(layer), behind && layer.about.opacity < 1);
      this.paths();
    };
    const through = order.some(([, layer]) => layer.about.opacity < 1);
    surfaces(false);
    lines(through);
    if (through) {
      gl.depthMask(true);
      gl.enable(gl.STENCIL_TEST);
      gl.stencilFunc(gl.ALWAYS, 1, 0xff);
      gl.stencilOp(gl.KEEP, gl.KEEP, gl.REPLACE);
      surfaces(true);
      gl.stencilFunc(gl.EQUAL, 1, 0xff);
      lines(false);
      gl.disable(gl.STENCIL_TEST);
    }
    gl.depthMask(true);
    this.write();
    if (!quick) this.time(started);
  }

  // How long a whole picture takes, told once the device has drawn it: nothing waits for it here.
  time(started) {
    const { gl } = this.device, fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0), look = () => {
      if (gl.getSyncParameter(fence, gl.SYNC_STATUS) !== gl.SIGNALED && !gl.isContextLost()) { setTimeout(look, 4); return; }
      gl.deleteSync(fence);
      this.took = performance.now() - started;
      this.isSlow = this.took > SLOW;
    };
    gl.flush();
    setTimeout(look);
  }

  // From above, and upright, the box fills the picture, unless somebody has come closer.
  fit() {
    const key = this.size.join(), before = this.first ?? this.about.camera;
    if (key === this.fitted) return;
    this.fitted = key;
    this.first = this.firstView(this.about.camera);
    if (this.camera === before) this.camera = this.first;
  }

  firstView(c) {
    const { em, about, shows, size } = this;
    if (c.distance !== DISTANCE || c.target.some((t, k) => t !== TARGET[k])) return c;
    if (!(fromAbove(c) || upright(size))) return content.fits ? fitting(c, size, this.corners()) : c;
    const axes = shows.axes ? 3.6 * em : em, top = about.title ? 4.2 * em : 1.6 * em;
    const beta = size[0] > 32 * em ? about.axes[1] : about.axes[1].split(" (")[0];
    const left = axes + (shows.axes && fromAbove(c) ? 0.55 * em * beta.length : 0);
    const [right, bottom] = !shows.scalar_bar ? [2 * em, axes] : upright(size) ? [2 * em, axes + 5.5 * em] : [8.5 * em, axes];
    const free = Math.min(size[0] - left - right, size[1] - top - bottom);
    return free > 6 * em ? filling(c, size, this.corners(), [left, top, right, bottom]) : c;
  }

  corners() { return [-1, 1].flatMap(x => [-1, 1].flatMap(y => [FLOOR, this.about.top].map(z => [x, y, z]))); }

  surface(layer, k, stride, occluded, quick) {
    const { gl } = this.device, { camera } = this, look = this.texture, [right, up, back] = axesOf(camera);
    const way = [0, 1, 2].map(a => -0.55 * right[a] + 0.45 * back[a] + 0.1 * up[a] + (a === 2 ? 0.85 : 0)), length = Math.hypot(...way);
    const one = look.paint === "one tone", lines = look.paint === "lines", flat = !this.shows.smooth && !lines;
    const matte = one ? look.tones[k] ?? theme.matte : lines ? theme.body : null;
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, occluded ? this.occlusion.values[0] : layer.tones);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, layer.tones);
    this.device.use(quick && this.isSlow && !flat ? "surface_quick" : "surface", {
      matrix: this.matrix, scale: layer.placed[0], offset: layer.placed[1], colormap: 0, occluded: 1,
      eye: camera.orthographic ? back : eyeOf(camera), parallel: camera.orthographic, key: way.map(v => v / length),
      flat, classes: look.paint === "classes", banded: look.paint === "bands",
      matte: matte ?? [0, 0, 0], matte_share: matte ? 1 : 0, unlit: lines ? 0.75 : 0, gloss: clamp((0.985 - back[2]) / (0.985 - 0.9), 0, 1),
      uncomputed: theme.uncomputed, clamped: theme.clamped, hatch: 9 * this.unit * this.share, origin: [0, 0],
      occlusion: occluded ? 1 : 0, occlusion_scale: occluded ? this.occlusion.size.map((v, a) => v / this.size[a]) : [1, 1],
      depth: this.views.slice(8, 12).map(v => -v),
    });
    gl.enable(gl.POLYGON_OFFSET_FILL);
    gl.polygonOffset(1, 1);
    const { opacity } = layer.about;
    if (opacity < 1) {
      // Of a surface that can be seen through, the sheet that is nearest.
      gl.colorMask(false, false, false, false);
      this.triangles(layer, stride);
      gl.colorMask(true, true, true, true);
      gl.blendColor(0, 0, 0, opacity);
      gl.blendFunc(gl.CONSTANT_ALPHA, gl.ONE_MINUS_CONSTANT_ALPHA);
    }
    this.triangles(layer, stride);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.disable(gl.POLYGON_OFFSET_FILL);
  }

  triangles(layer, stride) {
    const gl = this.device.gl, { count, buffer } = this.indices(layer, stride);
    gl.bindVertexArray(layer.array);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffer);
    gl.drawElements(gl.TRIANGLES, count, gl.UNSIGNED_INT, 0);
  }

  // Screen-space ambient occlusion, at about one value for two pixels each way.
  occlude() {
    const { gl } = this.device, { camera } = this;
    const key = JSON.stringify([camera, this.size, this.unit]);
    if (this.occlusion?.key === key) return;
    const divisor = Math.max(2, Math.round(1.25 * this.unit), Math.ceil(Math.max(...this.size) / 4096));
    const size = this.size.map(n => Math.max(1, Math.ceil(n / divisor)));
    if (!this.occlusion || this.occlusion.size.join() !== size.join()) this.occlusion = this.occlusionBuffers(size);
    const { places, values, frames } = this.occlusion;
    this.occlusion.key = key;
    gl.viewport(0, 0, ...size);
    gl.disable(gl.BLEND);
    gl.bindFramebuffer(gl.FRAMEBUFFER, frames[0]);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.depthMask(true);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    for (const layer of this.layers) if (layer.about.is_drawn && layer.about.opacity === 1) {
      this.device.use("depth", { view: this.views, projection: this.projected, parallel: camera.orthographic, scale: layer.placed[0], offset: layer.placed[1] });
      this.triangles(layer, Math.max(1, Math.ceil(Math.max(layer.mesh.rows, layer.mesh.columns) / 400)));
    }
    gl.disable(gl.DEPTH_TEST);
    const fill = (frame, source, name, values) => {
      gl.bindFramebuffer(gl.FRAMEBUFFER, frames[frame]);
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D, source);
      this.device.use(name, values);
      gl.bindVertexArray(this.device.empty);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    };
    const extent = [1 / this.projected[0], 1 / this.projected[5]];
    fill(1, places, "occlusion", { place: 0, extent, parallel: camera.orthographic, radius: RADIUS, farthest: FARTHEST });
    fill(2, values[0], "occlusion_blur", { occluded: 0, step: [1, 0], radius: RADIUS });
    fill(1, values[1], "occlusion_blur", { occluded: 0, step: [0, 1], radius: RADIUS });
  }

  occlusionBuffers(size) {
    const { gl } = this.device, old = this.occlusion;
    if (old) [old.places, ...old.values].forEach(t => gl.deleteTexture(t));
    const places = this.device.texture(...size, gl.RGBA32F, gl.RGBA, gl.FLOAT, null, gl.NEAREST);
    const values = [0, 1].map(() => this.device.texture(...size, gl.RG16F, gl.RG, gl.HALF_FLOAT, null, gl.NEAREST));
    const depth = gl.createRenderbuffer();
    gl.bindRenderbuffer(gl.RENDERBUFFER, depth);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.DEPTH_COMPONENT24, ...size);
    const frames = [places, ...values].map((texture, k) => {
      const frame = gl.createFramebuffer();
      gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
      if (!k) gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.RENDERBUFFER, depth);
      return frame;
    });
    return { size, places, values, frames };
  }

  line(quads, style, placed = SAME, opacity = 1) {
    if (!quads.count) return;
    const s = { ...LINE, ...style };
    this.device.use("line", {
      view: this.views, projection: this.projected, scale: placed[0], offset: placed[1], level: s.level ?? 0, level_share: s.level === null ? 0 : 1,
      viewport: this.drawn, width: s.width * this.share, cap: s.cap, bias: s.bias, parallel: this.camera.orthographic ? 1 : 0,
      tint: [...s.tint.slice(0, 3), s.tint[3] * opacity], toward: s.toward, dash: s.dash * this.share, origin: [0, 0],
    });
    this.device.draw(quads);
  }

  // With an outline; what a surface hides is dashed.
  cased(batches, color, width) {
    const gl = this.device.gl, placed = [[1, 1, this.about.gain], [0, 0, 0]], dash = 1.8 * width;
    const styles = [
      [gl.GREATER, { width: 1.6 * 0.67 * width, tint: [...theme.path_casing.slice(0, 3), 0.3], bias: 0.005, dash }],
      [gl.GREATER, { width: 0.67 * width, tint: [...color.slice(0, 3), 0.6], bias: 0.005, dash }],
      [gl.LEQUAL, { width: 2.08 * width, tint: theme.path_casing, cap: 1, bias: 0.004 }],
      [gl.LEQUAL, { width, tint: color, cap: 1, bias: 0.005 }],
    ];
    for (const [test, style] of styles) {
      gl.depthFunc(test);
      for (const batch of batches) this.line(batch, style, placed);
    }
  }

  marked(quads) {
    if (!quads.count) return;
    const gl = this.device.gl;
    for (const [test, alpha, hollow] of [[gl.GREATER, 0.6, 1], [gl.LEQUAL, 1, 0]]) {
      gl.depthFunc(test);
      this.device.use("marker", {
        view: this.views, projection: this.projected, scale: [1, 1, this.about.gain], offset: [0, 0, 0], viewport: this.drawn, unit: this.unit * this.share,
        bias: 0.012, parallel: this.camera.orthographic ? 1 : 0, outline: theme.path_casing, outline_width: 1.3 * this.unit * this.share, alpha, hollow,
      });
      this.device.draw(quads);
    }
  }

  // Contours, the grid and what else lies upon a surface.
  // Of one that is still to be drawn, only what lies on the floor.
  upon(layer, k, stride, floorOnly) {
    const { shows, unit } = this, look = this.texture, { placed, about, mesh } = layer, opacity = about.opacity;
    const draw = (quads, style) => this.line(quads, style, placed, opacity), lines = look.paint === "lines";
    const contours = (shows.contours || shows.floor_contours) && this.contours(layer, k, stride);
    const toward = look.shows_height ? theme.floor_contour : [...theme.quiet_ink.slice(0, 3), 1];
    if (shows.floor_contours) draw(contours, { width: 1.3 * unit, tint: [1, 1, 1, look.shows_height ? 0.8 : 0.5], bias: 0.0005, level: FLOOR, toward });
    if (floorOnly) return;
    if (lines || shows.wireframe) {
      const grid = this.quads(`grid ${k}`, this.look, () => this.device.lines(gridOf(mesh, layer.values, this.paletteOf(k), about.steps)));
      draw(grid, lines ? { width: 1.2 * unit, bias: 0.0012, toward: theme.floor_contour } : { width: 0.8 * unit, tint: theme.wire, bias: 0.0012 });
    }
    if (shows.contours && !lines) draw(contours, { width: 1.15 * unit, tint: theme.contour, bias: 0.0015 });
    const holes = once(() => holesOf(mesh, layer.surface, about));
    const rims = this.quads(`rims ${k}`, themeName, () => this.device.lines(holes().rims));
    const traces = this.quads(`traces ${k}`, themeName, () => this.device.lines(holes().traces));
    const own = this.quads(`own ${k}`, themeName, () => this.device.lines(this.about.own_level === null ? new Segments() : contoursOf(mesh, [this.about.own_level], [theme.level])));
    const row = this.quads(`row ${k}`, this.look, () => this.device.lines(Math.min(mesh.rows, mesh.columns) > 1 ? new Segments() : gridOf(mesh, layer.values, this.paletteOf(k), about.steps)));
    if (shows.floor_contours) for (const [quads, width] of [[traces, 1.3], [own, 1.8], [row, 1.3]]) draw(quads, { width: width * unit, tint: [1, 1, 1, 0.85], bias: 0.0006, level: FLOOR });
    const casing = [...theme.path_casing.slice(0, 3), 1];
    draw(rims, { width: 1.8 * unit, bias: 0.002 });
    draw(own, { width: 4.2 * unit, tint: [1, 1, 1, 0.9], cap: 1, bias: 0.0018, toward: casing });
    draw(own, { width: 2.4 * unit, cap: 1, bias: 0.0022 });
    draw(row, { width: 3.2 * unit, cap: 1, bias: 0.001 });
    if (shows.trajectory) about.outlines.forEach((one, n) => {
      const width = one.kind === "ball" ? 2.4 : 1.4, quads = this.quads(`outline ${k} ${n}`, themeName, () => this.device.lines(outlineOf(mesh, one.corners, theme[one.kind])));
      draw(quads, { width: (width + 1.8) * unit, tint: [1, 1, 1, 0.9], cap: 1, bias: 0.0017, toward: casing });
      draw(quads, { width: width * unit, cap: 1, bias: 0.0021 });
    });
  }

  place3(alpha, beta, loss) {
    const to = (v, [lo, hi]) => hi > lo ? 2 * (v - lo) / (hi - lo) - 1 : 0;
    return [to(alpha, this.about.alpha), to(beta, this.about.beta), this.scale.apply(loss) * BOX_HEIGHT];
  }

  // Trajectories up to the epoch, pins and minima.
  paths() {
    const { shows, unit } = this, epoch = shows.epoch;
    const several = this.layers.reduce((n, layer) => n + layer.about.paths.length, 0) > 1;
    for (const [k, layer] of this.layers.entries()) {
      if (shows.trajectory) layer.about.paths.forEach((path, n) => {
        const color = pathColor(path.number), parts = once(() => this.pathParts(path, layer, several));
        const made = (name, make) => this.quads(`${name} ${k} ${n}`, `${themeName} ${epoch}`, make);
        const stems = made("stems", () => this.device.lines(parts().stems)), line = made("path", () => this.device.lines(parts().line)), marks = made("marks", () => this.device.marks(parts().marks));
        this.device.gl.depthFunc(this.device.gl.LEQUAL);
        this.line(stems, { width: unit, tint: [...color.slice(0, 3), 0.6], bias: 0.002 }, [[1, 1, this.about.gain], [0, 0, 0]]);
        this.cased([line], color, 2.4 * unit);
        this.marked(marks);
      });
      if (shows.markers) this.marked(this.quads(`pins ${k}`, themeName, () => this.device.marks(layer.about.markers.map(m => ({ at: m.at, radius: 5.5, shape: m.shape, color: m.color ?? theme.path })))));
      if (this.about.cut) this.cased([this.quads(`cut ${k}`, themeName, () => this.device.lines(this.cutLine(layer)))], theme.cut, 2.2 * unit);
      if (shows.minima) this.marked(this.quads(`minima ${k}`, themeName, () => this.device.marks(layer.about.minima.map(m => ({ at: m.at, radius: m.doubtful ? 4.6 : 6.4, shape: 6, color: [...theme.minimum.slice(0, 3), m.doubtful ? 0.45 : 1] })))));
    }
    this.device.gl.depthFunc(this.device.gl.LEQUAL);
  }

  cutLine(layer) {
    const [from, to] = this.about.cut, { mesh, placed } = layer, fractions = Array.from({ length: 33 }, (_, k) => k / 32), found = new Segments();
    [mesh.alpha, mesh.beta].forEach((axis, a) => { if (from[a] !== to[a]) axis.forEach(v => fractions.push((v - from[a]) / (to[a] - from[a]))); });
    const points = [...new Set(fractions)].filter(f => f >= 0 && f <= 1).sort((p, q) => p - q).map(f => {
      const at = this.place3(from[0] + f * (to[0] - from[0]), from[1] + f * (to[1] - from[1]), this.scale.lo);
      return [at[0], at[1], BOX_HEIGHT * heightAt(mesh, ...[0, 1].map(a => (at[a] - placed[1][a]) / (placed[0][a] || 1)))];
    });
    for (let k = 0; k + 1 < points.length; k++) if (Number.isFinite(points[k][2] + points[k + 1][2])) found.add(points[k], points[k + 1]);
    return found;
  }

  pathParts(path, layer, several) {
    const points = path.loss.map((loss, k) => this.place3(path.alpha[k] ?? NaN, path.beta[k] ?? NaN, loss ?? NaN)), n = points.length;
    const known = points.map(p => p.every(Number.isFinite)), at = headOf(path, this.shows.epoch), { mesh, placed } = layer;
    const line = new Segments(), stems = new Segments(), marks = [], color = pathColor(path.number);
    for (let k = 0; k <= at.checkpoint; k++) {
      if (!known[k]) continue;
      if (k < at.checkpoint && known[k + 1]) line.add(points[k], points[k + 1]);
      const foot = BOX_HEIGHT * heightAt(mesh, ...[0, 1].map(a => (points[k][a] - placed[1][a]) / (placed[0][a] || 1)));
      if (Math.abs(foot - points[k][2]) > 0.012) stems.add([points[k][0], points[k][1], foot], points[k]);
      let mark = { at: points[k], radius: n <= 60 ? 2.6 : 1.6, shape: 0, color };
      if (path.drops.includes(k)) mark = { ...mark, radius: 5.6, shape: 3, color: theme.lr_drop };
      if (path.loss[k] > this.scale.hi * (1 + 1e-9)) mark = { ...mark, radius: 4.6, shape: 4 };
      if (k === 0) mark = { ...mark, radius: 5.2, shape: path.ends[0], color };
      if (k === n - 1) mark = { ...mark, radius: path.ends[1] === 2 ? 7 : 6, shape: path.ends[1], color: several ? color : theme.path_end };
      marks.push(mark);
    }
    if (at.checkpoint + 1 < n && known[at.checkpoint] && known[at.checkpoint + 1]) {
      const [p, q] = [points[at.checkpoint], points[at.checkpoint + 1]], head = p.map((v, a) => v + at.fraction * (q[a] - v));
      line.add(p, head);
      marks.push({ at: head, radius: 6, shape: 0, color });
    }
    return { line, stems, marks };
  }

  // -- the box

  walls() {
    const gl = this.device.gl, [fx, fy] = [-this.sides[0], -this.sides[1]], top = this.about.top;
    this.boards ??= this.device.gl.createBuffer();
    const quads = [[[-1, -1, FLOOR], [1, -1, FLOOR], [1, 1, FLOOR], [-1, 1, FLOOR]], [[fx, -1, FLOOR], [fx, 1, FLOOR], [fx, 1, top], [fx, -1, top]], [[-1, fy, FLOOR], [1, fy, FLOOR], [1, fy, top], [-1, fy, top]]];
    const buffer = new ArrayBuffer(16 * 18), floats = new Float32Array(buffer), all = new Uint8Array(buffer);
    quads.flatMap(q => [0, 1, 2, 0, 2, 3].map(k => q[k])).forEach((corner, k) => { floats.set(corner, 4 * k); all.set(bytes(theme.wall), 16 * k + 12); });
    gl.bindVertexArray(null);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.boards);
    gl.bufferData(gl.ARRAY_BUFFER, buffer, gl.DYNAMIC_DRAW);
    this.boardArray ??= this.device.array(this.boards, 16, [[0, 3, gl.FLOAT, false, 0], [1, 4, gl.UNSIGNED_BYTE, true, 12]]);
    this.device.use("fill", { matrix: this.matrix });
    gl.bindVertexArray(this.boardArray);
    gl.drawArrays(gl.TRIANGLES, 0, 18);
  }

  heightEdge() {
    const edges = [[-1, -1], [-1, 1], [1, -1], [1, 1]], at = edges.map(e => this.pixels([...e, (FLOOR + this.about.top) / 2])[0]);
    return edges[at.indexOf(Math.min(...at))];
  }

  boxLines() {
    const found = new Segments(), [x, y, nx, ny] = this.sides, [fx, fy] = [-x, -y], { ticks, top } = this.about, add = (a, b, c) => found.add(a, b, c);
    for (const [v] of ticks.x) { add([v, -1, FLOOR], [v, 1, FLOOR], theme.grid); add([v, fy, FLOOR], [v, fy, top], theme.grid); }
    for (const [v] of ticks.y) { add([-1, v, FLOOR], [1, v, FLOOR], theme.grid); add([fx, v, FLOOR], [fx, v, top], theme.grid); }
    for (const [v] of ticks.z) { add([fx, -1, v], [fx, 1, v], theme.grid); add([-1, fy, v], [1, fy, v], theme.grid); }
    const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]], uprights = new Set([[fx, fy], [fx, -fy], [-fx, fy], this.heightEdge()].map(String));
    corners.forEach((c, k) => add([...c, FLOOR], [...corners[(k + 1) % 4], FLOOR], theme.box));
    for (const c of corners) if (uprights.has(String(c))) add([...c, FLOOR], [...c, top], theme.box);
    add([fx, -1, top], [fx, 1, top], theme.box);
    add([-1, fy, top], [1, fy, top], theme.box);
    for (const [v] of ticks.x) add([v, ny, FLOOR], [v, ny * 1.035, FLOOR], theme.box);
    for (const [v] of ticks.y) add([nx, v, FLOOR], [nx * 1.035, v, FLOOR], theme.box);
    return found;
  }
}

// Which walls are near, and x and y of the floor's edges that have the labels.
function sidesOf(c) {
  const a = c.azimuth * Math.PI / 180, across = Math.sin(a), along = Math.cos(a), sign = v => v < 0 || Object.is(v, -0) ? -1 : 1;
  const x = across > 1e-6 ? 1 : -1, y = along > -1e-6 ? -1 : 1, below = c.elevation < -1e-6;
  let [nx, ny] = below ? [-x, -y] : [x, y];
  if (!fromAbove(c)) {
    if (Math.abs(across) < 0.26) nx = sign(along);
    if (Math.abs(along) < 0.26) ny = sign(across);
  }
  return [x, y, nx, ny];
}

const pathColor = number => number ? theme.further_paths[(number - 1) % theme.further_paths.length] : theme.path;

function headOf(path, epoch) {
  const epochs = path.epoch, last = epochs.length - 1;
  if (epoch === null || epochs.some(e => e === null)) return { checkpoint: last, fraction: 0 };
  const at = clamp(epoch, epochs[0], epochs[last]);
  let k = 0;
  while (k < last && epochs[k + 1] <= at + 1e-9) k++;
  const span = epochs[Math.min(k + 1, last)] - epochs[k], fraction = span > 0 ? (at - epochs[k]) / span : 0;
  return { checkpoint: k, fraction: fraction < 1e-6 ? 0 : fraction };
}

// -- what is written over it ------------------------------------------------------------------

const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
const around = (x, y, w, h) => [x - w / 2, y - h / 2, x + w / 2, y + h / 2];

Object.assign(View.prototype, {
  font(size) { this.pen.font = `${Math.max(6, Math.round(this.em * size))}px Roboto, system-ui, sans-serif`; },
  width(text, size = 1) { this.font(size); return this.pen.measureText(text).width; },
  measure(text, size = 1) { return [this.width(text, size), 0.76 * this.em * size]; },

  say(text, x, y, { size = 1, align = [0.5, 0.5], color = theme.quiet_ink, halo = null } = {}) {
    const { pen } = this, [width, height] = this.measure(text, size), base = Math.round(y + (0.74 / 0.76 - align[1]) * height);
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
    const places = this.corners().map(this.pixels);
    this.around = Math.min(...places.map(p => p[2])) <= 0;
    this.outline = places.map(p => p.slice(0, 2));
    this.taken = [];
    this.reserved = [];
    this.numbers = [];
    const bar = shows.scalar_bar && texture.bar ? this.bar() : null;
    if (about.title && this.shows.title !== false) this.headline(about.title);
    if (shows.axes) this.axes();
    if (shows.markers) this.cards();
    this.pointLabels();
    this.legend();
    return bar;
  },

  headline(title) {
    const { em, size } = this, [big, at] = size[1] < 24 * em ? [1.1, 0.8 * em] : [1.3, 1.4 * em];
    const tools = $("tools").getBoundingClientRect(), place = this.place.getBoundingClientRect(), meets = tools.width && tools.left < place.right && tools.top < place.top + tools.height;
    const beside = meets ? (place.right - tools.left) * size[0] / place.width - at : 0, room = size[0] - 2 * at - beside, line = 1.3 * big * em;
    const most = Math.min(Math.max(Math.floor(0.2 * size[1] / line), 1), 3);
    const lines = inLines(title, most, part => this.width(part, big) <= room);
    const width = Math.max(...lines.map(l => this.width(l, big))), height = 0.76 * big * em + line * (lines.length - 1), rim = Math.min(0.6 * em, at);
    const rect = [at - rim, at - rim, at + width + rim, at + height + rim];
    this.plate(rect);
    this.reserve([0, 0, rect[2], rect[3]]);
    lines.forEach((l, k) => this.say(l, at, at + k * line, { size: big, align: [0, 0], color: theme.ink }));
  },

  reserve(rect) { this.taken.push(rect); this.reserved.push(rect); },

  axes() {
    const { about, pixels } = this, [, , nx, ny] = this.sides;
    const axis = (ticks, place, outward) => this.floorAxis(ticks.map(([v]) => place(v)), ticks.map(t => t[1]), [place(-1), place(1)], outward);
    const middles = [axis(about.ticks.x, v => [v, ny, FLOOR], [0, ny, 0]), axis(about.ticks.y, v => [nx, v, FLOOR], [nx, 0, 0])];
    const [x, y] = this.heightEdge(), foot = pixels([x, y, FLOOR]), head = pixels([x, y, about.top]), { em } = this;
    if (Math.hypot(head[0] - foot[0], head[1] - foot[1]) >= 3 * em) {
      this.tickLabels(about.ticks.z.map(([z]) => pixels([x, y, z])), about.ticks.z.map(t => t[1]), [-1, 0]);
      const above = this.inSight([head[0], head[1] - 1.15 * em], this.measure(about.axes[2], 1.1), head);
      if (above) this.label(about.axes[2], above, theme.ink, 1.1);
    }
    middles.forEach((middle, k) => { if (middle) this.axisTitle(about.axes[k], ...middle); });
  },

  floorAxis(points, texts, edge, outward) {
    const { em, pixels } = this, [a, b] = edge.map(pixels), along = [b[0] - a[0], b[1] - a[1]], length = Math.hypot(...along);
    if (length < Math.min(8 * em, 0.2 * Math.min(...this.size)) || !texts.length) return null;
    const middle = [0, 1, 2].map(k => (edge[0][k] + edge[1][k]) / 2), inner = pixels(middle), outer = pixels(middle.map((v, k) => v + 0.1 * outward[k]));
    let out = [outer[0] - inner[0], outer[1] - inner[1]];
    if (Math.hypot(...out) < 1e-3 * em) out = [0, 1];
    const normal = [-along[1] / length, along[0] / length], side = Math.sign(normal[0] * out[0] + normal[1] * out[1]) || 1, far = Math.max(Math.hypot(...out), 1e-9);
    out = [0, 1].map(k => normal[k] * side + 0.6 * out[k] / far);
    out = out.map(v => v / Math.hypot(...out));
    const anchors = points.map(p => pixels(p.map((v, k) => v + 0.035 * outward[k])));
    const reach = this.tickLabels(anchors, texts, out) + 0.75 * em + 0.035 * length / 2;
    return [[0, 1].map(k => (a[k] + b[k]) / 2 + out[k] * reach), out];
  },

  tickLabels(anchors, texts, out) {
    const { em } = this, sizes = texts.map(t => this.measure(t));
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
    const { em } = this;
    const at = () => { const s = this.measure(title, 1.1); return [beside.map((v, k) => v + out[k] * 0.5 * (Math.abs(out[0]) * s[0] + Math.abs(out[1]) * s[1])), s]; };
    let [centre, size] = at();
    const fits = this.free(around(...centre, size[0] + 0.4 * em, size[1] + 0.4 * em)) && [0, 1].every(k => Math.abs(centre[k] - this.size[k] / 2) <= (this.size[k] - size[k]) / 2);
    if (this.size[0] < 32 * em && !fits) { title = title.split(" (")[0]; [centre, size] = at(); }
    const half = size.map(v => v / 2 + 0.4 * em);
    if ([0, 1].every(k => centre[k] > -half[k] && centre[k] < this.size[k] + half[k])) centre = centre.map((v, k) => clamp(v, half[k], Math.max(this.size[k] - half[k], half[k])));
    this.label(title, centre, theme.ink, 1.1);
  },

  label(text, centre, color, size = 1, careful = false) {
    const extent = this.measure(text, size), rect = around(...centre, ...extent), air = careful ? 0.5 * this.em : 0;
    const wanted = around(...centre, extent[0] + air, extent[1] + air);
    if ((careful ? this.taken : this.reserved).some(other => overlap(wanted, other))) return;
    this.taken.push(rect);
    this.say(text, ...centre, { color, size, halo: this.halo(rect) });
  },

  // -- the scalar bar

  bar() {
    const { em, size, texture } = this, [width, height] = size, unit = boxUnit(size);
    if (width < 12 * em || height < 9 * em) return;
    const notes = texture.notes[themeName], lacking = [this.breadth([], true) + 1.2 * em - (width / 2 - 0.55 * unit), 3.8 * em - (height / 2 - 0.49 * unit)];
    const turned = unit * DISTANCE / this.camera.distance, share = clamp((this.camera.elevation - 60) / (FROM_ABOVE - 60), 0, 1);
    const reach = [width / 2 + 0.55 * turned, height / 2 + 0.49 * turned].map((v, k) => Math.round(v + share * (Math.max(...this.outline.map(p => p[k])) - v)));
    if (lacking[0] > Math.max(0, 1.5 * lacking[1]) || (upright(size) && lacking[1] < 0)) this.lie(notes, reach[1]);
    else this.stand(notes, reach[0]);
  },

  breadth(notes, terse) {
    const { em } = this, { bar } = this.texture, said = n => terse && n.short ? n.short : n.text;
    const ends = [bar.under, bar.over].flatMap(lines => terse ? lines.slice(-1) : lines);
    return 1.55 * em + Math.max(0, ...bar.ticks[6].map(t => this.width(t[1])), ...notes.map(n => this.width(said(n))), ...ends.map(l => this.width(l) + 0.3 * em));
  },

  strips([left, top, right, bottom], isUpright) {
    const palettes = this.texture.bar_palettes.map(k => arrays[k]), n = palettes.length;
    return palettes.map((palette, k) => [palette, isUpright
      ? [left + (right - left) * k / n, top, left + (right - left) * (k + 1) / n, bottom]
      : [left, bottom - (bottom - top) * (k + 1) / n, right, bottom - (bottom - top) * k / n]]);
  },

  ramp(rect, isUpright) {
    const { texture, rim } = this;
    this.fill([rect[0] - rim, rect[1] - rim, rect[2] + rim, rect[3] + rim], theme.box);
    for (const [palette, [left, top, right, bottom]] of this.strips(rect, isUpright)) {
      const span = (low, high) => isUpright ? [left, bottom - high * (bottom - top), right, bottom - low * (bottom - top)] : [left + low * (right - left), top, left + high * (right - left), bottom];
      const { classes } = texture.bar, bands = texture.paint === "bands" && texture.bands;
      if (bands || classes.length) {
        const edges = bands ? [0, ...bands, 1] : [...classes.map((_, k) => k / classes.length), 1];
        for (let k = 0; k + 1 < edges.length; k++) this.fill(span(edges[k], edges[k + 1]), colorAt(palette, bands ? (edges[k] + edges[k + 1]) / 2 : classes[k]));
        continue;
      }
      this.blend([left, top, right, bottom], palette, isUpright);
    }
  },

  blend([left, top, right, bottom], palette, isUpright) {
    const colors = isUpright ? this.pen.createLinearGradient(0, bottom, 0, top) : this.pen.createLinearGradient(left, 0, right, 0);
    for (let k = 0; k <= 48; k++) colors.addColorStop(k / 48, css(colorAt(palette, k / 48)));
    this.pen.fillStyle = colors;
    this.pen.fillRect(left, top, right - left, bottom - top);
  },

  cap(rect, end) {
    for (const [palette, strip] of this.strips(rect, rect[3] - rect[1] < rect[2] - rect[0])) {
      this.fill(strip, colorAt(palette, end));
      if (this.texture.bar.hatched) this.hatch(strip);
    }
  },

  hatch([left, top, right, bottom]) {
    const width = (right - left) / 3;
    for (let k = 0; k < 3; k++) this.fill([left + k * width, top, left + (k + 0.45) * width, bottom], theme.clamped);
  },

  sign(note, [left, top, right, bottom]) {
    const middle = (top + bottom) / 2, half = 1.1 * this.unit, rim = 1.4 * this.unit;
    if (note.sign === "line") this.fill([left, middle - half, right, middle + half], note.color);
    else if (note.sign === "hatch") { this.fill([left, top, right, bottom], [...note.color.slice(0, 3), 0.25]); this.hatch([left, top, right, bottom]); }
    else if (note.sign === "fill") this.fill([left, top, right, bottom], note.color);
    else for (const side of [[left, top, right, top + rim], [left, bottom - rim, right, bottom], [left, top + rim, left + rim, bottom - rim], [right - rim, top + rim, right, bottom - rim]]) this.fill(side, note.color);
  },

  stand(notes, beside) {
    const { em, rim, texture: { bar } } = this, [width, height] = this.size, LINES = 1.35 * em;
    const detail = bar.detail ? LINES : 0, thickness = Math.round(em);
    let below = LINES * notes.length + (notes.length ? 0.7 * em : 0);
    while (notes.length && height - 5.2 * em - detail - below < 5 * em) { notes = notes.slice(0, -1); below -= LINES; }
    const length = Math.round(Math.min(0.46 * height, 20 * em, height - 5.2 * em - detail - below));
    const terse = this.breadth(notes, false) > width - 2.4 * em - beside, widest = this.breadth(notes, terse);
    const left = Math.round(Math.min(width - 1.2 * em - widest, beside + 4 * em)), bottom = Math.round(height / 2 + length / 2 + 0.5 * em + (detail - below) / 2), top = bottom - length;
    const [under, over] = [bar.under, bar.over].map(lines => terse ? lines.slice(-1) : lines);
    let at = top - 0.85 * em - (over.length ? 0.9 * em + 1.15 * em * (over.length - 1) : 0), foot = bottom + 0.2 * em + (under.length ? 1.1 * em + 1.15 * em * (under.length - 1) : 0);
    const above = at + 0.2 * em, titles = [...(bar.detail ? [[bar.detail, 0.9]] : []), [bar.title, 1.1]];
    const start = Math.min(left, ...titles.map(t => Math.round(left + widest - this.width(...t))));
    for (const rect of [[start - 0.7 * em, at - 0.2 * em - 1.2 * em * titles.length, width, above], [left - 0.7 * em, above, width, foot + below + 0.4 * em]]) { this.plate(rect); this.reserve(rect); }
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
    const end = (lines, y, outward) => lines.forEach((line, k) => this.say(line, right + 0.55 * em, y + outward * k * 1.15 * em, { align: [0, 0.5] }));
    if (over.length) { this.cap([left, top - em, left + thickness, top - 0.3 * em], 1); end([...over].reverse(), top - 0.65 * em, -1); }
    if (under.length) { this.cap([left, bottom + 0.3 * em, left + thickness, bottom + em], 0); end(under, bottom + 0.65 * em, 1); }
    for (const [title, size] of titles) { this.say(title, start, at, { size, align: [0, 1], color: size > 1 ? theme.ink : theme.quiet_ink }); at -= 1.2 * em; }
    notes.forEach((note, k) => {
      const y = foot + (k + 0.9) * LINES;
      this.sign(note, [left, y - 0.4 * em, left + thickness, y + 0.4 * em]);
      this.say(terse && note.short ? note.short : note.text, right + 0.55 * em, y, { align: [0, 0.5] });
    });
  },

  lie(notes, below) {
    const { em, rim, texture: { bar } } = this, [width, height] = this.size, LINES = 1.35 * em;
    const aside = [bar.under, bar.over].map(lines => Math.max(0, ...lines.map(l => this.width(l) + 1.6 * em)));
    const length = Math.round(Math.min(0.72 * width, width - 3 * em - aside[0] - aside[1]));
    const left = Math.round(Math.min(Math.max((width - length) / 2, 1.5 * em + aside[0]), width - 1.5 * em - aside[1] - length));
    const bottom = Math.round(Math.min(height - 2.1 * em, below + 7.5 * em + LINES * notes.length)), top = bottom - Math.round(0.75 * em);
    const rect = [left - Math.max(...aside) - 0.4 * em, top - 1.8 * em - LINES * notes.length, left + length + Math.max(...aside) + 0.4 * em, bottom + 2.1 * em];
    this.plate(rect);
    this.reserve(rect);
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
    const middle = (top + bottom) / 2;
    for (const [lines, which, x, at, align] of [[bar.under, 0, left - em, left - 1.3 * em, 1], [bar.over, 1, left + length + 0.3 * em, left + length + 1.3 * em, 0]]) {
      if (lines.length) this.cap([x, top, x + 0.7 * em, bottom], which);
      lines.forEach((line, k) => this.say(line, at, middle + 1.05 * em * (k - (lines.length - 1) / 2), { align: [align, 0.5] }));
    }
    let y = top - 0.5 * em, x = left + this.width(bar.title, 1.1) + 0.6 * em;
    this.say(bar.title, left, y, { size: 1.1, align: [0, 1], color: theme.ink });
    if (bar.detail) { this.say(bar.detail, x, y, { size: 0.9, align: [0, 1] }); x += this.width(bar.detail, 0.9) + 0.6 * em; }
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

  // -- pins, minima, ends of paths, the legend

  inBox: at => [at[0], at[1], at[2]],
  placed(at) { return this.pixels([at[0], at[1], at[2] * this.about.gain]); },
  hides(at) {
    const point = [at[0], at[1], at[2] * this.about.gain], [x, y] = this.pixels(point), ray = rayOf(this.camera, x, y, this.size);
    const away = dot(point.map((v, k) => v - ray.origin[k]), ray.direction);
    return this.layers.some(layer => { const hit = this.pickLayer(layer, ray); return hit && hit.distance < away - 0.03; });
  },

  cards() {
    const { em, size } = this, small = size[0] < 38 * em || size[1] < 28 * em, others = [];
    const all = this.layers.flatMap(l => l.about.markers).filter(m => m.label).map(m => ({ ...m, px: this.placed(m.at) }));
    const seen = all.filter(({ px }) => px[0] >= 0 && px[1] >= 0 && px[0] <= size[0] && px[1] <= size[1] && px[2] > 0);
    seen.forEach(({ px }) => this.reserve(around(px[0], px[1], em, em)));
    for (const { label, px, at } of seen) {
      let lines = label.split("\n");
      if (small && lines.length > 1) lines = lines.slice(1);
      lines = lines.slice(0, 12).map(l => shortened(l, part => this.width(part, 0.92) <= 0.5 * size[0]));
      const w = Math.max(...lines.map(l => this.width(l, 0.92))) + em, h = (1.3 * (lines.length - 1) + 1.8) * em, inside = [];
      for (const far of [1.1, 2.6, 4.6, 7, 10]) for (const [across, down] of [[1, -1], [-1, -1], [1, 1], [-1, 1], [0, -1], [1, 0], [-1, 0], [0, 1]]) {
        const left = px[0] + across * far * em - (0.5 - 0.5 * across) * w, top = px[1] + down * far * em - (0.5 - 0.5 * down) * h, rect = [left, top, left + w, top + h];
        if (left >= 2 && top >= 2 && rect[2] < size[0] - 2 && rect[3] < size[1] - 2) inside.push(rect);
      }
      const apart = inside.filter(r => !others.some(o => overlap(r, o)));
      const rect = apart.find(r => this.free(r)) ?? apart[0] ?? inside[0] ?? [px[0], px[1], px[0] + w, px[1] + h], hidden = this.hides(at), ink = hidden ? theme.quiet_ink : theme.ink;
      others.push(rect);
      this.reserve(rect);
      this.pen.strokeStyle = css(ink);
      this.pen.lineWidth = 1.4 * this.unit;
      this.pen.setLineDash(hidden ? [0.3 * em, 0.3 * em] : []);
      this.pen.beginPath();
      this.pen.moveTo(px[0], px[1]);
      this.pen.lineTo(clamp(px[0], rect[0], rect[2]), clamp(px[1], rect[1], rect[3]));
      this.pen.stroke();
      this.pen.setLineDash([]);
      const rim = Math.max(1, this.unit);
      this.fill([rect[0] - rim, rect[1] - rim, rect[2] + rim, rect[3] + rim], theme.box);
      this.fill(rect, [...theme.path_casing.slice(0, 3), 1]);
      lines.forEach((line, k) => this.say(line, rect[0] + 0.5 * em, rect[1] + (0.9 + 1.3 * k) * em, { size: 0.92, align: [0, 0.5], color: ink }));
    }
  },

  pointLabels() {
    const { em, about, shows } = this, points = [];
    if (shows.minima) for (const m of this.layers.flatMap(l => l.about.minima).filter(m => m.label).sort((a, b) => b.persistence - a.persistence).slice(0, 3)) points.push({ text: m.label, at: m.at, ink: theme.ink });
    const paths = shows.trajectory ? this.layers.flatMap(l => l.about.paths) : [];
    if (paths.length > 1 && this.about.names_ends) for (const path of paths) {
      const { checkpoint: k, fraction } = headOf(path, shows.epoch), next = Math.min(k + 1, path.loss.length - 1);
      const between = v => v[k] + fraction * (v[next] - v[k]);
      const at = this.place3(between(path.alpha), between(path.beta), between(path.loss));
      if (path.end_name && at.every(Number.isFinite)) points.push({ text: path.end_name, at, ink: pathColor(path.number) });
    }
    const places = points.map(p => this.placed(p.at));
    places.forEach(([x, y]) => this.reserve(around(x, y, em, em)));
    points.forEach(({ text, at, ink }, k) => {
      const [w, h] = this.measure(text), [x, y] = places[k];
      for (const [across, down] of [[0, 1], [0, -1], [1, 0], [-1, 0]]) {
        const centre = [x + across * (0.8 * em + w / 2), y + down * (0.85 * em + h / 2)], rect = around(...centre, w + 0.5 * em, h + 0.3 * em);
        if (!this.free(rect)) continue;
        this.reserve(rect);
        this.say(text, ...centre, { color: this.hides(at) ? theme.quiet_ink : ink, halo: this.halo(rect) });
        break;
      }
    });
  },

  legend() {
    const { em, size, unit } = this, line = 1.5 * em, beside = 2.6 * em, entries = this.texture.legend[themeName].slice(0, Math.floor(size[1] / 2 / line)), room = 0.4 * size[0] - beside;
    if (!entries.length || room < 4 * em) return;
    const names = entries.map(e => shortened(e.text, part => this.width(part) <= room)), width = beside + Math.max(...names.map(n => this.width(n))), height = line * entries.length;
    const margin = 1.4 * em, right = size[0] - margin - width, bottom = size[1] - 0.8 * margin - height, corners = [[margin, bottom], [right, bottom], [right, 0.5 * margin]];
    const found = corners.find(([x, y]) => this.free([x, y, x + width, y + height]));
    if (!found && size[0] < 30 * em) return;
    const [left, top] = found ?? corners[0];
    this.plate([left - 0.4 * em, top - 0.4 * em, left + width + 0.4 * em, top + height + 0.4 * em]);
    entries.forEach((entry, k) => {
      const y = top + (k + 0.5) * line, wide = 2 * em;
      if (entry.palette !== null) this.blend([left, y - 4 * unit, left + wide, y + 4 * unit], arrays[entry.palette], false);
      else if (entry.line) for (const [half, color] of [[1.2 * entry.line + 1.3, theme.path_casing], [1.2 * entry.line, entry.color]]) this.fill([left, y - half * unit, left + wide, y + half * unit], color);
      else if (!entry.shapes.length) this.fill([left, y - 4 * unit, left + wide, y + 4 * unit], entry.color);
      entry.shapes.forEach((shape, n) => this.flatMark(left + wide * (entry.shapes.length > 1 ? n / (entry.shapes.length - 1) : 0.5), y, 5 * unit, shape, entry.color));
      this.say(names[k], left + beside, y, { align: [0, 0.5], color: theme.ink });
    });
  },

  flatMark(x, y, radius, shape, color) {
    const circle = n => Array.from({ length: n }, (_, k) => [Math.sin(2 * Math.PI * k / n), -Math.cos(2 * Math.PI * k / n)]), solid = HOLLOW[shape] ?? shape;
    const quarter = [[-0.36, -1.15], [0.36, -1.15], [0.36, -0.36]], turn = ([a, b], n) => n ? turn([-b, a], n - 1) : [a, b];
    const outline = { 2: circle(10).map(([a, b], k) => [a, b].map(v => v * (k % 2 ? 0.56 : 1.25))), 5: [0, 1, 2, 3].flatMap(n => quarter.map(p => turn(p, n))), 7: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]], 3: circle(4).map(p => p.map(v => 1.15 * v)), 4: circle(3).map(p => p.map(v => 1.2 * v)), 6: circle(3).map(p => p.map(v => -1.2 * v)) }[solid] ?? circle(24);
    const most = radius * Math.max(...outline.map(p => Math.hypot(...p))), grown = radius * (1 + 1.3 * this.unit / most);
    for (const [scale, ink] of [[grown, theme.path_casing], [radius, color], ...(shape in HOLLOW ? [[0.5 * radius, theme.path_casing]] : [])]) {
      this.pen.beginPath();
      outline.forEach(([a, b]) => this.pen.lineTo(x + scale * a, y + scale * b));
      this.pen.fillStyle = css(ink);
      this.pen.fill();
    }
  },
});
Object.defineProperty(View.prototype, "rim", { get() { return Math.max(1, Math.round(this.unit)); } });

// -- texts and numbers ------------------------------------------------------------------------

function longest(part, most, fits) {
  let few = 0, many = most;
  while (few < many) { const middle = (few + many + 1) >> 1; if (fits(part(middle))) few = middle; else many = middle - 1; }
  return part(few);
}

const shortened = (text, fits) => fits(text) ? text : longest(n => text.slice(0, n - (n >> 1)).trimEnd() + "…" + text.slice(text.length - (n >> 1)).trimStart(), text.length - 1, fits);

function inLines(text, most, fits) {
  const broken = line => {
    const found = [];
    while (line.length > 1 && !fits(line)) {
      const count = longest(n => line.slice(0, n), line.length - 1, fits).length || 1;
      const space = /\s/.test(line[count]) ? count : line.lastIndexOf(" ", count - 1), end = space > 0 ? space : count;
      found.push(line.slice(0, end).trimEnd());
      line = line.slice(end).trimStart();
    }
    return [...found, line];
  };
  const lines = part => part.split("\n").flatMap(broken);
  return lines(text).length <= most ? lines(text) : lines(shortened(text.replace(/\s+/g, " "), part => lines(part).length <= most)).slice(0, most);
}

const raised = n => [...String(n)].map(c => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");

// As people write numbers: 0.25, 1500, 2.5×10⁶, −3×10⁻⁷.
function number(value, digits = 3) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  let short = Number(value.toPrecision(digits));
  const power = Number(short.toExponential().split("e")[1]);
  if (digits <= power && power < 5 && Math.abs(short) < 1e5) short = Math.round(value);
  const plain = (Math.abs(short) >= 1e-3 && Math.abs(short) < 1e5) || (digits > power && power > 0);
  let text = String(short);
  if (!plain) {
    const mantissa = short.toExponential().split("e")[0], ten = "10" + raised(power);
    text = mantissa === "1" ? ten : mantissa === "-1" ? "-" + ten : `${mantissa}×${ten}`;
  }
  return text.replace("-", "−");
}

function apart(value, span, digits = 3) {
  if (value && Number.isFinite(value) && span > 0 && Number.isFinite(span))
    digits = Math.min(Math.max(digits, Math.floor(Math.log10(Math.abs(value))) - Math.floor(Math.log10(span)) + 3), 17);
  return number(value, digits);
}

// -- pointing ---------------------------------------------------------------------------------

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
    const hits = this.layers.map(layer => this.pickLayer(layer, ray)).filter(Boolean).sort((a, b) => a.distance - b.distance);
    if (!hits.length) return null;
    const hit = hits[0], { surface } = hit.layer, nearest = (axis, u) => {
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

// -- the reader -------------------------------------------------------------------------------

class Reader {
  constructor(views) {
    this.views = views;
    this.pressed = new Map();
    for (const view of views) this.listen(view);
    this.tools();
    addEventListener("resize", () => this.ask());
    dark.addEventListener("change", () => { this.dress(); this.ask(); });
    addEventListener("beforeprint", () => { this.dress("light"); views.forEach(v => v.draw()); });
    addEventListener("afterprint", () => { this.dress(); this.ask(); });
    addEventListener("hashchange", () => { this.recall(); this.ask(); });
    this.dress();
    this.recall();
    this.draw(true);
    this.ask();
  }

  dress(name = content.theme || (dark.matches ? "dark" : "light")) {
    themeName = name;
    theme = content.themes[name];
    document.documentElement.dataset.theme = name;
  }

  // Draw before the next frame: quickly where a whole picture takes long, and then, at rest, whole.
  ask(moving = false) {
    this.moving = moving || (this.moving && this.due);
    this.due ??= requestAnimationFrame(() => { this.due = null; this.draw(this.moving); });
    clearTimeout(this.rest);
    if (moving) this.rest = setTimeout(() => this.ask(), REST);
  }

  draw(moving) { for (const view of this.views) view.draw(moving && view.isSlow); }

  steer(view, change) {
    view.camera = change(view.camera);
    if (content.linked) for (const other of this.views) other.camera = view.camera;
    this.ask(true);
  }

  show(view, change) {
    for (const each of content.linked_look ? this.views : [view]) change(each);
    this.mark();
    this.ask();
  }

  at(view, event) {
    const box = view.canvas.getBoundingClientRect(), ratio = view.size[0] / box.width;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  }

  listen(view) {
    const { canvas } = view, ratio = () => view.size[0] / canvas.getBoundingClientRect().width;
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId);
      this.pressed.set(event.pointerId, event);
      this.active = view;
      $("readout").hidden = true;
    });
    canvas.addEventListener("pointermove", event => {
      const before = this.pressed.get(event.pointerId);
      if (!before) { this.point(view, event); return; }
      const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
      if (this.pressed.size === 1) {
        const turns = event.buttons === 1 && !event.shiftKey;
        this.steer(view, c => turns ? orbit(c, dx, dy) : pan(c, dx * ratio(), dy * ratio(), view.size));
      } else if (this.pressed.size === 2) {
        const other = [...this.pressed.entries()].find(([id]) => id !== event.pointerId)[1], far = e => Math.hypot(e.clientX - other.clientX, e.clientY - other.clientY);
        const middle = [0, 1].map(k => (this.at(view, event)[k] + this.at(view, other)[k]) / 2), factor = far(event) / Math.max(far(before), 1);
        this.steer(view, c => zoom(pan(c, dx / 2 * ratio(), dy / 2 * ratio(), view.size), factor, middle, view.size));
      }
      this.pressed.set(event.pointerId, event);
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, event => this.pressed.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => { $("readout").hidden = true; });
    canvas.addEventListener("contextmenu", event => event.preventDefault());
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      const notches = -event.deltaY / (event.deltaMode === 1 ? 3 : event.deltaMode === 2 ? 1 : 100);
      this.steer(view, c => zoom(c, CLOSER ** clamp(notches, -5, 5), this.at(view, event), view.size));
    }, { passive: false });
    canvas.addEventListener("dblclick", event => {
      const hit = view.pick(...this.at(view, event));
      if (hit) this.steer(view, c => ({ ...c, target: hit.position }));
    });
    canvas.addEventListener("keydown", event => this.key(view, event));
    canvas.addEventListener("webglcontextlost", event => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => location.reload());
  }

  key(view, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }, way = ways[event.key], name = event.key.toLowerCase();
    if (way && event.shiftKey) this.steer(view, c => pan(c, STEP * way[0], STEP * way[1], view.size));
    else if (way) this.steer(view, c => orbit(c, STEP * way[0], STEP * way[1]));
    else if (name === "+" || name === "=") this.steer(view, c => zoom(c, CLOSER));
    else if (name === "-") this.steer(view, c => zoom(c, 1 / CLOSER));
    else if (name === "1" || name === "3" || name === "7") this.steer(view, c => axisView(c, name));
    else if (name === "o") this.steer(view, c => ({ ...c, orthographic: !c.orthographic }));
    else if (name === "r") this.reset(view);
    else if (name === "t") this.next(view, event.shiftKey ? -1 : 1);
    else if (name === "c" && event.shiftKey) this.toggle(view, "floor_contours");
    else if (name in { c: 1, p: 1, w: 1 }) this.toggle(view, { c: "contours", p: "trajectory", w: "wireframe" }[name]);
    else return;
    event.preventDefault();
  }

  reset(view) { this.steer(view, () => view.first); }
  toggle(view, name) { this.show(view, v => { v.shows[name] = !v.shows[name]; }); this.say(`${name.replace("_", " ")} ${view.shows[name] ? "shown" : "hidden"}`); }
  next(view, step) {
    this.show(view, v => { v.look = (v.look + step + v.about.looks.length) % v.about.looks.length; });
    this.say("Texture: " + view.texture.label);
  }
  say(text) { $("said").textContent = text; }

  point(view, event) {
    const readout = $("readout"), hit = view.pick(...this.at(view, event)), box = $("stage").getBoundingClientRect();
    readout.hidden = !hit;
    if (!hit) return;
    readout.textContent = view.told(hit);
    const [x, y] = [event.clientX - box.left, event.clientY - box.top], left = x + 16 + readout.offsetWidth > box.width;
    readout.style.left = `${left ? Math.max(x - 12 - readout.offsetWidth, 0) : x + 16}px`;
    readout.style.top = `${Math.max(Math.min(y + 14, box.height - readout.offsetHeight - 4), 0)}px`;
  }

  // Where all views are, as the fragment of an address that opens the page there.
  get fragment() {
    const round = v => Number(v.toPrecision(6));
    return "#v=" + this.views.map(({ camera: c, look, shows }) => [...[c.azimuth, c.elevation, ...c.target, c.distance].map(round), Number(c.orthographic), look, Number(shows.contours)].join()).join(";");
  }

  recall() {
    const told = /^#v=([-+.,;e\d]+)$/i.exec(location.hash);
    if (!told) return;
    told[1].split(";").slice(0, this.views.length).forEach((text, k) => {
      const view = this.views[k], numbers = text.split(",").map(Number), [azimuth, elevation, x, y, z, distance, parallel, look, contours] = numbers;
      if (numbers.length !== 9 || !numbers.every(Number.isFinite)) return;
      view.camera = { azimuth, elevation: clamp(elevation, -90, 90), target: [x, y, z].map(v => clamp(v, -1e3, 1e3)), distance: clamp(distance, 0.05, 100), orthographic: parallel === 1 };
      view.look = clamp(Math.round(look), 0, view.about.looks.length - 1);
      view.shows.contours = contours === 1;
    });
    this.mark();
  }

  async link() {
    try { history.replaceState(null, "", this.fragment); } catch { location.hash = this.fragment; }
    try { await navigator.clipboard.writeText(location.href); this.say("Link copied"); } catch { this.say("Link is in the address"); }
  }

  tools() {
    const bar = $("tools"), view = () => this.active ?? this.views[0];
    const button = (label, title, run) => {
      const made = document.createElement("button");
      [made.type, made.textContent, made.title] = ["button", label, title];
      made.addEventListener("click", run);
      return bar.appendChild(made);
    };
    if (this.views.some(v => v.about.looks.length > 1)) this.texture = button("", "Next texture (T)", () => this.next(view(), 1));
    this.contours = button("Contours", "Contours (C)", () => this.toggle(view(), "contours"));
    button("Link", "Copy link to this view", () => this.link());
    button("Reset", "Reset camera (R)", () => this.reset(view()));
    bar.hidden = false;
    this.mark();
    this.scrubber();
  }

  mark() {
    const view = this.active ?? this.views[0];
    if (this.texture) this.texture.textContent = view.texture.label;
    this.contours.setAttribute("aria-pressed", view.shows.contours);
  }

  scrubber() {
    const paths = this.views.flatMap(v => v.layers.flatMap(l => l.about.paths)), epochs = paths.flatMap(p => p.epoch);
    const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
    if (!paths.length || epochs.includes(null) || !(last > first)) return;
    const label = document.createElement("label"), range = document.createElement("input"), said = document.createElement("span");
    label.id = "epoch";
    Object.assign(range, { type: "range", min: first, max: last, step: "any", value: last });
    range.setAttribute("aria-label", paths[0].clock);
    const show = () => {
      const at = Number(range.value), whole = at >= last;
      said.textContent = `${paths[0].clock} ${number(at)}`;
      for (const view of this.views) view.shows.epoch = whole ? null : at;
    };
    range.addEventListener("input", () => { show(); this.ask(true); });
    range.value = this.views[0].shows.epoch ?? last;
    show();
    label.append(range, said);
    $("tools").after(label);
  }
}

async function begin() {
  const stage = $("stage"), still = $("still"), probe = document.createElement("canvas").getContext("webgl2");
  if (!probe || typeof DecompressionStream === "undefined") return;
  await unpacked();
  if (still) still.hidden = true;
  themeName = content.theme || (dark.matches ? "dark" : "light");
  theme = content.themes[themeName];
  const count = content.views.length;
  stage.dataset.count = count;
  if (count > 1) stage.dataset.columns = count === 2 && innerHeight > 1.6 * innerWidth ? 1 : 2;
  try {
    const reader = new Reader(content.views.map(about => new View(about, stage)));
    document.documentElement.dataset.ready = "true";
    globalThis.isolossPage = reader;
  } catch (error) {
    document.querySelectorAll(".view").forEach(place => place.remove());
    $("tools").hidden = true;
    if (still) still.hidden = false;
    throw error;
  }
}

begin();
})();
