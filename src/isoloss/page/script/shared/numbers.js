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
