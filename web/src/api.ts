// The REST API as the pages use it: JSON, problems (RFC 9457), server-sent events, downloads.
import { session, wantKey } from "./session";

export interface Problem {
  status: number;
  code: string;
  detail: string;
  retryAfter?: number;   // seconds, if the server says when to come again
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

// Paths are below this page, wherever a proxy put it; `next` of a list begins with a slash.
export function address(path: string): string {
  const relative = path.replace(/^\//, "");
  return new URL(/^(v1\/|openapi\.json)/.test(relative) ? relative : `v1/${relative}`, document.baseURI).href;
}

function headers(more: Record<string, string> = {}): Record<string, string> {
  const { key } = session();
  return key ? { ...more, Authorization: `Bearer ${key}` } : more;
}

async function problemOf(response: Response): Promise<ApiError> {
  let detail = `The server answered ${response.status} ${response.statusText}`;
  let code = "";
  try {
    const body = await response.json();
    detail = body.detail ?? detail;
    code = body.code ?? "";
  } catch {
    // No problem document: a proxy's page, for example.
  }
  if (response.status === 401) wantKey();
  const retryAfter = Number(response.headers.get("Retry-After")) || undefined;
  return new ApiError({ status: response.status, code, detail, retryAfter });
}

async function request(path: string, options: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address(path), options);
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    throw new ApiError({ status: 0, code: "unreachable", detail: "The server cannot be reached" });
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

const kRetries = 5;

// A server with too many long answers under way, or too many requests a second, says when to come again.
async function ask(path: string, options: RequestInit): Promise<Response> {
  for (let tries = 0; ; ++tries) {
    try {
      return await request(path, options);
    } catch (error) {
      const seconds = error instanceof ApiError ? error.problem.retryAfter : undefined;
      if (seconds === undefined || tries === kRetries) throw error;
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await ask(path, { headers: headers({ Accept: "application/json" }), signal });
  return (await response.json()) as T;
}

export async function getText(path: string, signal?: AbortSignal): Promise<string> {
  return (await request(path, { headers: headers(), signal })).text();
}

// Sent again by a browser that lost the answer, it is done once.
function newIdempotencyKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function post<T>(path: string, body?: unknown): Promise<T> {
  const more: Record<string, string> = { "Idempotency-Key": newIdempotencyKey() };
  if (body !== undefined) more["Content-Type"] = "application/json";
  const options = { method: "POST", headers: headers(more), body: body === undefined ? undefined : JSON.stringify(body) };
  return (await (await request(path, options)).json()) as T;
}

export interface ServerEvent {
  id: string;
  name: string;
  data: string;
}

// One event of the stream's text (WHATWG HTML §9.2.6), nothing of a comment.
export function parseEvent(block: string): ServerEvent | null {
  const event: ServerEvent = { id: "", name: "message", data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    const field = line.slice(0, colon);
    if (field === "id") event.id = value;
    if (field === "event") event.name = value;
    if (field === "data") event.data += (event.data ? "\n" : "") + value;
  }
  return event.data ? event : null;
}

// EventSource sends no headers, so no key; this reads the same stream by fetch. Resolves when the server ends it.
async function follow(path: string, lastId: string, signal: AbortSignal, take: (event: ServerEvent) => void): Promise<void> {
  const more: Record<string, string> = { Accept: "text/event-stream" };
  if (lastId) more["Last-Event-ID"] = lastId;
  const response = await request(path, { headers: headers(more), signal, cache: "no-store" });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event) take(event);
    }
  }
}

const kReconnect = 2000;

// Follows until an event `end`, the signal, or a refusal; comes back where it was when the connection is lost.
// lost: told true while it is away.
export async function watch(
  path: string, signal: AbortSignal, take: (event: ServerEvent) => void, lost: (away: boolean) => void,
): Promise<void> {
  let ended = false;
  let lastId = "";
  while (!ended && !signal.aborted) {
    try {
      await follow(path, lastId, signal, (event) => {
        lost(false);
        lastId = event.id || lastId;
        ended = event.name === "end";
        take(event);
      });
    } catch (error) {
      if (signal.aborted) return;
      const { problem } = error as ApiError;
      if (problem && problem.status >= 400 && problem.status < 500) throw error;
      lost(true);
    }
    if (!ended && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, kReconnect));
  }
}

// To a file of the reader's. With a key by way of memory, because a link cannot send one.
export async function download(path: string, name: string): Promise<void> {
  if (!session().key) return saveAddress(address(path), name);
  const blob = await (await request(path, { headers: headers() })).blob();
  saveBlob(blob, name);
}

export function saveBlob(blob: Blob, name: string): void {
  const made = URL.createObjectURL(blob);
  saveAddress(made, name);
  setTimeout(() => URL.revokeObjectURL(made), 60_000);
}

function saveAddress(target: string, name: string): void {
  const link = document.createElement("a");
  link.href = target;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

// Query with the values that are there.
export function query(values: Record<string, string | string[] | number | undefined>): string {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== "") out.append(name, String(one));
    }
  }
  const text = out.toString();
  return text ? `?${text}` : "";
}
