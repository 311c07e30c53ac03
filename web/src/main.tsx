// The dashboard: header, key, and the page that the address names.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { applyTheme, chooseTheme, currentTheme, usePlace, useSession, useTheme, type Place } from "./data";
import { KeyDialog } from "./key";
import markAddress from "./mark.svg";
import { Overview } from "./pages/overview";
import { PatientPage } from "./pages/patient";
import { Patients } from "./pages/patients";
import { RunPage } from "./pages/run";
import { Runs } from "./pages/runs";
import { TablePage } from "./pages/table";
import { Tables } from "./pages/tables";
import { ZipcodePage } from "./pages/zipcode";
import { Empty, Head } from "./parts";
import "./style/base.css";
import "./style/parts.css";
import "./style/charts.css";

function pageOf({ parts, query }: Place) {
  const [kind, id, more] = parts;
  if (kind === undefined) return { title: "Zip codes", page: <Overview /> };
  if (kind === "runs" && id === undefined) return { title: "Runs", page: <Runs zipcode={query.get("zipcode") ?? ""} state={query.get("state") ?? ""} /> };
  if (kind === "runs" && /^\d+$/.test(id)) return { title: `Run ${id}`, page: <RunPage key={id} run={Number(id)} /> };
  if (kind === "zip" && /^\d{5}$/.test(id ?? "")) {
    if (more === "patients") return { title: `Patients of ${id}`, page: <Patients key={id} zipcode={id} query={query} /> };
    if (more === undefined) return { title: `Zip code ${id}`, page: <ZipcodePage key={id} zipcode={id} code={query.get("code") ?? ""} unit={query.get("unit") ?? ""} /> };
  }
  if (kind === "patients" && id !== undefined) return { title: "Patient", page: <PatientPage key={id} id={id} /> };
  if (kind === "tables" && id === undefined) return { title: "Tables", page: <Tables /> };
  if (kind === "tables" && more === undefined) return { title: `Table ${id}`, page: <TablePage key={id} name={id} query={query} /> };
  return { title: "Nothing here", page: <Nowhere /> };
}

function Nowhere() {
  return (
    <>
      <Head title="There is nothing at this address" />
      <Empty><p>The <a href="#/">zip codes</a> and the <a href="#/runs">runs</a> are where to begin.</p></Empty>
    </>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const other = theme === "dark" ? "light" : "dark";
  return (
    <button type="button" class="quiet icon" onClick={() => chooseTheme(other)} aria-label={`Switch to ${other} colours`} title={`Switch to ${other} colours`}>
      <svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="6.5" /><path class="solid" d="M10 3.500a6.500 6.500 0 0 1 0 13z" /></svg>
    </button>
  );
}

function Page() {
  const place = usePlace();
  const { key, wanted } = useSession();
  const [asking, setAsking] = useState(false);
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const path = place.parts.join("/");
  const { title, page } = pageOf(place);
  useEffect(() => {
    document.title = `${title} · Wellhead`;
    // A new page begins at its heading, for who reads by ear or keyboard.
    if (!first.current) {
      window.scrollTo(0, 0);
      main.current?.querySelector("h1")?.focus({ preventScroll: true });
    }
    first.current = false;
  }, [path]);
  const current = (kind: string) => ((place.parts[0] ?? "") === kind || (kind === "" && place.parts[0] === "zip") ? "page" : undefined);
  return (
    <>
      <a class="skip" href="#content" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to the content</a>
      <header class="top">
        <a class="brand" href="#/"><img src={markAddress} alt="" width="28" height="28" />Wellhead</a>
        <nav aria-label="Main">
          <a href="#/" aria-current={current("")}>Zip codes</a>
          <a href="#/runs" aria-current={current("runs")}>Runs</a>
          <a href="#/tables" aria-current={current("tables")}>Tables</a>
          <a href="docs">API</a>
        </nav>
        <div class="actions">
          <button type="button" class="quiet" onClick={() => setAsking(true)}>{key ? "Key set" : "Key"}</button>
          <ThemeButton />
        </div>
      </header>
      <main id="content" ref={main} tabIndex={-1}>{page}</main>
      {(wanted || asking) && <KeyDialog close={() => setAsking(false)} />}
    </>
  );
}

applyTheme(currentTheme());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => applyTheme(currentTheme()));
if (!location.hash) history.replaceState(null, "", "#/");
render(<Page />, document.getElementById("page")!);
