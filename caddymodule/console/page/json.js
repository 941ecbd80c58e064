// Showing JSON: indented, with every number and string as it was sent.

const INDENT = '  ';

// indent lays out JSON text without reading its values, so that a long number
// loses no digit and a member that stands twice is shown twice.
function indent(text) {
  const parts = [];
  let depth = 0;
  let before = '';
  const line = () => parts.push(`\n${INDENT.repeat(depth)}`);
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/gs)) {
    if (token === '}' || token === ']') {
      depth -= 1;
      // What is empty stays in one line.
      if (before === '{' || before === '[') parts.pop();
      else line();
    }
    parts.push(token === ':' ? ': ' : token);
    if (token === '{' || token === '[') depth += 1;
    if (token === '{' || token === '[' || token === ',') line();
    before = token;
  }
  return parts.join('');
}

// pretty gives JSON text indented, and null when it is no JSON.
export function pretty(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === 'object' ? indent(text) : null;
  } catch {
    return null;
  }
}

// oneLine is a value as JSON in one line, cut where it is long.
export function oneLine(value, most = 160) {
  const text = value === undefined ? '' : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most)} …` : text;
}
