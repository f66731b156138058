// The request of the page as curl, Python and JavaScript. The server's snippets.py writes the same texts.

const WIDTH = 76;
const MAX_ARGUMENT = 2000;
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Zs}]/gu;
const PYTHON = { null: 'None', true: 'True', false: 'False' };

function escaped(character) {
  if (character === ' ') return character;
  return character.split('').map(unit => '\\u' + unit.charCodeAt(0).toString(16).padStart(4, '0')).join('');
}

// A JSON text that is safe in a terminal: characters that nobody sees are escaped.
const seen = token => token.replace(UNSEEN, escaped);
const width = text => [...text].length;
const quoted = text => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

function object(tokens, indent, comma = '') {
  const parts = tokens.map(([name, value]) => `${name}: ${value}`);
  const line = `{${parts.join(', ')}}`;
  if (width(line) <= WIDTH) return line;
  return `{\n${parts.map(part => ' '.repeat(indent) + part).join(',\n')}${comma}\n}`;
}

function curl(url, body, hasKey) {
  const key = hasKey ? '-H "Authorization: Bearer $GATEWAY_KEY" \\\n  ' : '';
  const head = `curl ${quoted(url)} \\\n  ${key}-H 'Content-Type: application/json' \\\n  `;
  if (body.includes("'") || width(body) > MAX_ARGUMENT) return `${head}--data-binary @- <<'JSON'\n${body}\nJSON`;
  return `${head}-d '${body}'`;
}

function python(url, tokens, hasKey) {
  const instance = object(tokens.map(([name, value]) => [name, PYTHON[value] ?? value]), 4, ',');
  const more = hasKey ? ', "Authorization": "Bearer " + os.environ["GATEWAY_KEY"]' : '';
  return `import json\n${hasKey ? 'import os\n' : ''}from urllib.request import Request, urlopen\n\n`
    + `url = ${JSON.stringify(url)}\ninstance = ${instance}\n`
    + `request = Request(url, json.dumps(instance).encode(), {"Content-Type": "application/json"${more}})\n`
    + 'with urlopen(request) as response:\n    print(response.read().decode())';
}

// An object literal would round a long whole number, and take __proto__ for something else.
function isExact([name, value]) {
  return name !== '"__proto__"' && !(/^-?\d+$/.test(value) && !Number.isSafeInteger(Number(value)));
}

function javascript(url, tokens, hasKey) {
  const more = hasKey ? ', Authorization: `Bearer ${process.env.GATEWAY_KEY}`' : '';
  const body = tokens.every(isExact) ? `JSON.stringify(${object(tokens, 2, ',')})` : JSON.stringify(object(tokens, 2));
  return `const instance = ${body};\nfetch(${JSON.stringify(url)}, {\n  method: "POST",\n`
    + `  headers: { "Content-Type": "application/json"${more} },\n  body: instance,\n`
    + '}).then((response) => response.text()).then((answer) => console.log(answer));';
}

// `pairs` are [name, JSON text of the value]: numbers stay as they were typed. A key is read from GATEWAY_KEY.
export function snippets(url, pairs, hasKey = false) {
  const tokens = pairs.map(([name, value]) => [seen(JSON.stringify(name)), seen(value)]);
  return { curl: curl(url, object(tokens, 2), hasKey), python: python(url, tokens, hasKey), javascript: javascript(url, tokens, hasKey) };
}
