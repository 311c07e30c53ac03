// State that lives longer than a render: what was asked of the API, the address, the theme.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, type Problem } from "./api";
import { onSession, session, type SessionState } from "./session";

export function useSession(): SessionState {
  const [state, setState] = useState(session());
  useEffect(() => onSession(() => setState(session())), []);
  return state;
}

export interface Data<T> {
  data?: T;
  problem?: Problem;
  loading: boolean;
  reload: () => void;
}

export function asProblem(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  return { status: 0, code: "page", detail: (error as Error).message };
}

interface Asked<T> {
  path: string | null;
  data?: T;
  problem?: Problem;
}

// path null: nothing is asked. every: again after so many milliseconds, while the page is seen. What is shown stays
// until the new answer is there, unless it is of another path.
export function useData<T>(path: string | null, every = 0): Data<T> {
  const [asked, setAsked] = useState<Asked<T>>({ path: null });
  const [turn, setTurn] = useState(0);
  const { version } = useSession();
  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let timer = 0;
    const ask = async () => {
      if (document.hidden && every > 0) return void (timer = window.setTimeout(ask, every));
      try {
        const data = await get<T>(path, abort.signal);
        setAsked({ path, data });
      } catch (error) {
        if (abort.signal.aborted) return;
        const problem = asProblem(error);
        setAsked((before) => ({ path, data: before.path === path ? before.data : undefined, problem }));
      }
      if (every > 0 && !abort.signal.aborted) timer = window.setTimeout(ask, every);
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, every, turn, version]);
  const current = asked.path === path ? asked : undefined;
  return {
    data: current?.data,
    problem: current?.problem,
    loading: path !== null && !current,
    reload: useCallback(() => setTurn((before) => before + 1), []),
  };
}

// Whether the reader sees this tab.
export function useSeen(): boolean {
  const [seen, setSeen] = useState(!document.hidden);
  useEffect(() => {
    const change = () => setSeen(!document.hidden);
    document.addEventListener("visibilitychange", change);
    return () => document.removeEventListener("visibilitychange", change);
  }, []);
  return seen;
}

// ---- the address: #/zip/02139?code=4548-4

export interface Place {
  parts: string[];
  query: URLSearchParams;
}

function readPlace(): Place {
  const [path, search] = location.hash.replace(/^#\/?/, "").split("?", 2) as [string, string?];
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(search ?? "") };
}

export function usePlace(): Place {
  const [place, setPlace] = useState(readPlace());
  useEffect(() => {
    const change = () => setPlace(readPlace());
    window.addEventListener("hashchange", change);
    return () => window.removeEventListener("hashchange", change);
  }, []);
  return place;
}

export function go(path: string): void {
  location.hash = path;
}

// ---- the width that a chart has

export function useWidth<T extends HTMLElement>(): [(element: T | null) => void, number] {
  const [width, setWidth] = useState(0);
  const observer = useRef<ResizeObserver>();
  const attach = useCallback((element: T | null) => {
    observer.current?.disconnect();
    if (!element) return;
    setWidth(element.clientWidth);
    observer.current = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.current.observe(element);
  }, []);
  return [attach, width];
}

// ---- light or dark

export type Theme = "light" | "dark";
const kTheme = "wellhead.theme";

export function systemTheme(): Theme {
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function currentTheme(): Theme {
  return (localStorage.getItem(kTheme) as Theme | null) ?? systemTheme();
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  window.dispatchEvent(new Event("wellhead-theme"));
}

export function chooseTheme(theme: Theme): void {
  if (theme === systemTheme()) localStorage.removeItem(kTheme);
  else localStorage.setItem(kTheme, theme);
  applyTheme(theme);
}

export function useTheme(): Theme {
  const [theme, setTheme] = useState(currentTheme());
  useEffect(() => {
    const change = () => setTheme(currentTheme());
    window.addEventListener("wellhead-theme", change);
    return () => window.removeEventListener("wellhead-theme", change);
  }, []);
  return theme;
}
