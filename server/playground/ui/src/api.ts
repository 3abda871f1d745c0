// One way to the API for everything on the page: the editor, its schema and the sign-in bar.

export interface Answer<Data> {
  data?: Data | null;
  errors?: { message: string }[];
}

export interface Request {
  query: string;
  operationName?: string | null;
  variables?: unknown;
}

const endpoint = document.querySelector<HTMLMetaElement>('meta[name="graphql-endpoint"]')?.content ?? '/graphql';

const tokenKey = 'aliaport.accessToken';

export const token = {
  get: () => sessionStorage.getItem(tokenKey),
  keep: (value: string) => sessionStorage.setItem(tokenKey, value),
  forget: () => sessionStorage.removeItem(tokenKey),
};

/** Takes a token handed over as #token=… and leaves no trace of it in the address bar or the history. */
export function takeTokenFromAddress(): void {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given === null) return;
  if (given !== '') token.keep(given);
  history.replaceState(null, '', location.pathname + location.search);
}

/** Headers given by the user win over the page's own, so that another token can be tried in one tab. */
export async function ask<Data>(request: Request, headers?: HeadersInit): Promise<Answer<Data>> {
  const sent = new Headers(headers);
  sent.set('Content-Type', 'application/json');
  if (!sent.has('Accept')) sent.set('Accept', 'application/graphql-response+json, application/json;q=0.9');
  const current = token.get();
  if (current && !sent.has('Authorization')) sent.set('Authorization', `Bearer ${current}`);

  const response = await fetch(endpoint, { method: 'POST', headers: sent, body: JSON.stringify(request) });
  const text = await response.text();
  try {
    return JSON.parse(text) as Answer<Data>;
  } catch {
    throw new Error(`HTTP ${response.status}: ${text.slice(0, 500)}`);
  }
}
