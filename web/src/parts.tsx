// Small parts that all pages are made of.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { getText, type Problem } from "./api";
import { asProblem, type Data } from "./data";
import { ago, clock, full } from "./format";
import { wantKey } from "./session";
import type { RunState } from "./types";

export function Card(props: { title?: string; note?: ComponentChildren; actions?: ComponentChildren; children: ComponentChildren; wide?: boolean }) {
  return (
    <section class={props.wide ? "card wide" : "card"} aria-label={props.title}>
      {props.title && (
        <header class="card-head">
          <div>
            <h2>{props.title}</h2>
            {props.note && <p class="note">{props.note}</p>}
          </div>
          {props.actions && <div class="actions">{props.actions}</div>}
        </header>
      )}
      {props.children}
    </section>
  );
}

export function Head(props: { title: ComponentChildren; above?: ComponentChildren; note?: ComponentChildren; actions?: ComponentChildren }) {
  return (
    <header class="page-head">
      <div>
        {props.above && <nav class="trail" aria-label="Where this is">{props.above}</nav>}
        <h1 tabIndex={-1}>{props.title}</h1>
        {props.note && <p class="note">{props.note}</p>}
      </div>
      {props.actions && <div class="actions">{props.actions}</div>}
    </header>
  );
}

export function Failure(props: { problem: Problem; retry?: () => void }) {
  const { status, detail } = props.problem;
  return (
    <div class="message failure" role="alert">
      <p>{detail}.</p>
      <div class="actions">
        {status === 401 && <button type="button" onClick={() => wantKey(true)}>Enter a key</button>}
        {props.retry && <button type="button" class="quiet" onClick={props.retry}>Try again</button>}
      </div>
    </div>
  );
}

export function Empty(props: { children: ComponentChildren }) {
  return <div class="message">{props.children}</div>;
}

export function Loading(props: { lines?: number }) {
  return (
    <div class="loading" role="status">
      <span class="hidden">Loading</span>
      {Array.from({ length: props.lines ?? 3 }, (_, line) => <div key={line} class="bone" />)}
    </div>
  );
}

// What an answer is shown by, with its waiting and its failure.
export function Shown<T>(props: { of: Data<T>; lines?: number; children: (data: T) => ComponentChildren }) {
  const { data, problem, loading, reload } = props.of;
  if (data !== undefined) return <>{problem && <Failure problem={problem} retry={reload} />}{props.children(data)}</>;
  if (problem) return <Failure problem={problem} retry={reload} />;
  return loading ? <Loading lines={props.lines} /> : null;
}

export function State(props: { state: RunState | string; paused?: boolean }) {
  const word = props.paused && (props.state === "running" || props.state === "queued") ? "paused" : props.state;
  return <span class={`state ${word}`}>{word}</span>;
}

export function Moment(props: { at?: string; relative?: boolean }) {
  if (!props.at) return <span class="faint">–</span>;
  const words = props.relative ? ago(Math.max(0, (Date.now() - Date.parse(props.at)) / 1000)) : clock(props.at);
  return <time dateTime={props.at} title={full(props.at)}>{words}</time>;
}

export function Tiles(props: { of: { label: string; value: ComponentChildren; note?: ComponentChildren; tone?: "bad" | "good" }[] }) {
  return (
    <dl class="tiles">
      {props.of.map((tile) => (
        <div key={tile.label} class="tile">
          <dt>{tile.label}</dt>
          <dd class={tile.tone}>{tile.value}{tile.note && <small>{tile.note}</small>}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Dialog(props: { title: string; close: () => void; children: ComponentChildren; wide?: boolean }) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current!;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  return (
    <dialog ref={element} class={props.wide ? "wide" : ""} aria-label={props.title} onClose={props.close}
      onClick={(event) => event.target === element.current && props.close()}>
      <div class="dialog-body">
        <header class="card-head">
          <h2>{props.title}</h2>
          <button type="button" class="quiet" onClick={props.close}>Close</button>
        </header>
        {props.children}
      </div>
    </dialog>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;  // as it was received: it may be no JSON
  }
}

// The resource as it was received.
export function RawDialog(props: { title: string; path: string; close: () => void }) {
  const [text, setText] = useState<string>();
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    const abort = new AbortController();
    getText(props.path, abort.signal).then((raw) => setText(pretty(raw)), (error) => {
      if (!abort.signal.aborted) setProblem(asProblem(error));
    });
    return () => abort.abort();
  }, [props.path]);
  return (
    <Dialog title={props.title} close={props.close} wide>
      {problem && <Failure problem={problem} />}
      {!problem && text === undefined && <Loading lines={6} />}
      {text !== undefined && <pre class="raw" tabIndex={0} aria-label={props.title}>{text}</pre>}
      {text !== undefined && (
        <p class="note">As it was received, indented. <button type="button" class="link" onClick={() => void navigator.clipboard?.writeText(text)}>Copy</button></p>
      )}
    </Dialog>
  );
}

export function RawButton(props: { title: string; path: string; label?: string }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="link" onClick={() => setOpen(true)} aria-label={`${props.label ?? "FHIR"}: ${props.title}`}>{props.label ?? "FHIR"}</button>
      {open && <RawDialog title={props.title} path={props.path} close={() => setOpen(false)} />}
    </>
  );
}

// A table that scrolls sideways where it does not fit.
export function Table(props: { label: string; head: { text: string; number?: boolean; hide?: boolean; class?: string; title?: string }[]; children: ComponentChildren }) {
  return (
    <div class="table" role="region" aria-label={props.label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {props.head.map((column) => (
              <th key={column.text} scope="col" title={column.title} class={column.class ?? (column.number ? "number" : "")}>
                {column.hide ? <span class="hidden">{column.text}</span> : column.text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </div>
  );
}

// What a chart shows, in figures: for who does not see it, and for who wants to know.
export function Figures(props: { title: string; head: string[]; rows: (string | number)[][] }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="figures" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {open && (
        <Table label={props.title} head={props.head.map((text, i) => ({ text, number: i > 0 }))}>
          {props.rows.map((row) => (
            <tr key={row[0]}>{row.map((cell, i) => (i === 0 ? <th key={i} scope="row">{cell}</th> : <td key={i} class="number">{cell}</td>))}</tr>
          ))}
        </Table>
      )}
    </details>
  );
}
