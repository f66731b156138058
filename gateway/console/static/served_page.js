// What the gateway says now of the route of this page: asked for as JSON, it answers also where the route does not serve.

import { fetchWithKey } from './key.js';

const island = JSON.parse(document.getElementById('route')?.textContent ?? '{}');

export const contract = island.contract ?? '';

// Return status, contract, state and generation; null where nobody answers.
export async function readPage() {
  try {
    const answer = await fetchWithKey(island.page ?? location.pathname, { cache: 'no-store', headers: { Accept: 'application/json' } });
    if (answer.status >= 500) return null;
    const said = answer.ok ? await answer.json() : {};
    const generation = answer.headers.get('X-Gateway-Generation') ?? said.generation;
    return { status: answer.status, contract: said.contract ?? '', state: said.state ?? '', generation };
  } catch {
    return null;
  }
}

// Return the page once two looks agree: while workers change over, an old one may still answer.
export async function readSettledPage() {
  const first = await readPage();
  await new Promise((after) => setTimeout(after, 1000));
  const second = await readPage();
  return first && second && first.contract === second.contract && first.status === second.status ? second : null;
}

// Let the head of this page name what is served now.
export function writeHead({ generation, state }) {
  document.getElementById('generation').textContent = generation.slice(0, 12);
  const badge = document.getElementById('route-state');
  if (badge && state) Object.assign(badge, { textContent: state.toLowerCase() }).dataset.state = state;
}
