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
