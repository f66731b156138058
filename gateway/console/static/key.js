// The key of this tab: kept in its sessionStorage, gone with the tab, sent with every request of a page.

const NAME = "gateway-key";
// A browser may refuse storage: then the key lasts as long as the page.
let here = null;

function stored(work) {
  try {
    return work(sessionStorage);
  } catch {
    return null;
  }
}

export const key = () => here ?? stored((storage) => storage.getItem(NAME));

export function keep(text) {
  here = text;
  stored((storage) => storage.setItem(NAME, text));
}

export function forget() {
  here = null;
  stored((storage) => storage.removeItem(NAME));
}

// Headers that say who asks; none where the gateway asks for no key.
export const headers = () => (key() ? { Authorization: `Bearer ${key()}` } : {});

// Fetch with the key.
export const fetchWithKey = (url, options = {}) => fetch(url, { ...options, headers: { ...options.headers, ...headers() } });
