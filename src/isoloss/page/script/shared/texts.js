function longest(part, most, fits) {
  let few = 0, many = most;
  while (few < many) { const middle = (few + many + 1) >> 1; if (fits(part(middle))) few = middle; else many = middle - 1; }
  return part(few);
}

// Without its middle, if it has to be.
function shortened(text, fits) {
  const part = n => text.slice(0, n - (n >> 1)).trimEnd() + "…" + text.slice(text.length - (n >> 1)).trimStart();
  return fits(text) ? text : longest(part, text.length - 1, fits);
}

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
