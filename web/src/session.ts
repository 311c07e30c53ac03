// The API key of this tab, and who wants to know when it changes. It lives in sessionStorage alone: gone with the tab,
// never in an address.

const kKey = "wellhead.key";
type Listener = () => void;
const listeners = new Set<Listener>();

export interface SessionState {
  key: string;
  // The server has refused the last request for want of a good key.
  wanted: boolean;
  // The reader has closed the question: it is not put again by itself.
  declined: boolean;
  // Counts changes of the key, so that pages ask again.
  version: number;
}

let state: SessionState = { key: sessionStorage.getItem(kKey) ?? "", wanted: false, declined: false, version: 0 };

function change(next: Partial<SessionState>): void {
  state = { ...state, ...next };
  for (const listener of listeners) listener();
}

export function session(): SessionState {
  return state;
}

export function onSession(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function setKey(key: string): void {
  if (key) sessionStorage.setItem(kKey, key);
  else sessionStorage.removeItem(kKey);
  change({ key, wanted: false, declined: false, version: state.version + 1 });
}

// asked: by the reader, not by an answer of the server.
export function wantKey(asked = false): void {
  if (!state.wanted && (asked || !state.declined)) change({ wanted: true });
}

export function keepWithoutKey(): void {
  if (state.wanted) change({ wanted: false, declined: true });
}
