let content, theme, themeName, arrays;

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
