// A text with its tokens marked by what they add to an answer; gateway/console/marked_text.py marks the same.

const MOST_TOKENS = 200, LEVELS = 4;
const WORD = '[\\p{L}\\p{N}\\p{M}_]', GAP = '[^\\p{L}\\p{N}\\p{M}_]+';

const escaped = text => text.replace(/[.*+?^${}()|[\]\\\/-]/g, '\\$&');
const length = text => [...text].length;

function pattern(tokens) {
  const longest = [...tokens].sort((one, other) => length(other) - length(one) || (one < other ? -1 : 1));
  const words = longest.map(token => token.split(/\s+/u).filter(Boolean).map(escaped).join(GAP));
  return new RegExp(`(?<!${WORD})(?:${words.join('|')})(?!${WORD})`, 'giu');
}

// Return [text, sign, level, part] for each piece; a piece that is not marked has level 0.
export function marked(text, tokens) {
  const strongest = [...tokens].sort(([, one], [, other]) => Math.abs(other) - Math.abs(one)).slice(0, MOST_TOKENS);
  const parts = new Map(strongest.filter(([token, part]) => part && token.trim()).map(([token, part]) => [token.toLowerCase(), part]));
  if (!parts.size) return text ? [[text, '', 0]] : [];
  const most = Math.max(...[...parts.values()].map(Math.abs));
  const found = [];
  let at = 0;
  for (const { 0: match, index } of text.matchAll(pattern(parts.keys()))) {
    const word = match.toLowerCase();
    const part = parts.get(word.split(new RegExp(GAP, 'u')).join(' ')) || parts.get(word);
    if (part === undefined) continue;
    if (index > at) found.push([text.slice(at, index), '', 0]);
    found.push([match, part > 0 ? 'plus' : 'minus', Math.max(1, Math.round(LEVELS * Math.abs(part) / most)), part]);
    at = index + match.length;
  }
  if (at < text.length) found.push([text.slice(at), '', 0]);
  return found;
}
