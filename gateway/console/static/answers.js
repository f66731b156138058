// Answers as JSON text: tokens stay as the server wrote them (1.0, 1e-7, the order of members), which JSON.parse forgets;
// and what a page shows of them, as the server's result.py says.

import { numberText } from './numbers.js';

const MOST_BARS = 10;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/gs;

// Lay a JSON text out with two blanks a level; empty objects and lists stay in one line.
export function pretty(text) {
  let out = '';
  let indent = '\n';
  let last = '';
  for (const [token] of text.matchAll(TOKEN)) {
    if ('}]'.includes(token)) {
      indent = indent.slice(0, -2);
      if (!'{['.includes(last)) out += indent;
    } else if ('{['.includes(last) && last) out += indent;
    out += token;
    if ('{['.includes(token)) indent += '  ';
    else if (token === ',') out += indent;
    else if (token === ':') out += ' ';
    last = token;
  }
  return out;
}

// Members of an object as [name, JSON text], items of a list as ['', JSON text]; nothing of a scalar.
export function members(text) {
  const found = [];
  let depth = 0;
  let name = '';
  let start = 0;
  let string = '';
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const closes = '}]'.includes(token);
    if (closes) depth -= 1;
    if ((depth === 1 && token === ',') || (depth === 0 && closes)) {
      const value = text.slice(start, index).trim();
      if (value) found.push([name, value]);
    }
    if (depth === 1 && token === ':') name = JSON.parse(string);
    if ('{['.includes(token)) depth += 1;
    if (depth === 1 && (',:'.includes(token) || '{['.includes(token))) start = index + 1;
    if (token.startsWith('"')) string = token;
  }
  return found;
}

// A scalar as people read it: texts without quotes, numbers as they were written.
export const plain = token => (token.startsWith('"') ? JSON.parse(token) : token);

const isNumber = token => /^-?\d/.test(token);
const isList = token => token.startsWith('[');

function text(token, output) {
  if (token === 'null') return numberText(null);
  if (output.kind !== 'classification' && isNumber(token)) return numberText(Number(token), output.decimals);
  if (isList(token)) return members(token).map(([, one]) => text(one, output)).join(', ');
  return plain(token);
}

function barsOf(token) {
  if (!token?.startsWith('{')) return { bars: [], more: 0 };
  const bars = members(token).map(([label, share]) => ({ label, share: Number(share) || 0 }));
  if (bars.length <= MOST_BARS) return { bars, more: 0 };
  return { bars: bars.sort((one, other) => other.share - one.share).slice(0, MOST_BARS), more: bars.length - MOST_BARS };
}

function multiLabel(name, token, shares) {
  const share = shares.get(name);
  const bars = share === undefined ? [] : [{ label: name, share: Number(share) || 0 }];
  return { name, text: token === '0' || token === 'false' ? 'no' : 'yes', unit: '', bars, more: 0 };
}

// Outputs of a detailed answer, from its JSON text; none for an answer that is other JSON.
export function viewsOf(detail, output) {
  const found = new Map(members(detail));
  const prediction = found.get('prediction');
  const probabilities = found.get('probabilities');
  if (prediction === undefined) return [];
  if (output.kind === 'classification') return [{ name: '', text: text(prediction, output), unit: '', ...barsOf(probabilities) }];
  if (output.kind === 'multi_label' || output.kind === 'multi_output') {
    const shares = new Map(probabilities?.startsWith('{') ? members(probabilities) : []);
    const named = members(prediction).map(([name, token], at) => [isList(prediction) ? String(at + 1) : name, token]);
    if (output.kind === 'multi_label') return named.map(([name, token]) => multiLabel(name, token, shares));
    return named.map(([name, token]) =>
      ({ name, text: text(token, output), unit: output.unit ?? '', ...barsOf(shares.get(name)) }));
  }
  if (isList(prediction) || prediction.startsWith('{')) return [];
  return [{ name: '', text: text(prediction, output), unit: output.unit ?? '', bars: [], more: 0 }];
}
