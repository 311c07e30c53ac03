// One code in a zip code: how its values are spread, how they go over time, in which units, and what is missing.
import { query } from "../api";
import { Histogram } from "../charts/histogram";
import { Trend } from "../charts/months";
import { go, useData } from "../data";
import { number, percent, plural, whole } from "../format";
import { Card, Empty, Shown, Tiles } from "../parts";
import type { CodeValues } from "../types";

function Shares(props: { title: string; of: { name: string; count: number; chosen?: boolean; href?: string }[]; all: number }) {
  if (props.of.length === 0) return null;
  return (
    <div>
      <h3>{props.title}</h3>
      <ul class="shares">
        {props.of.map((one) => (
          <li key={one.name} class={one.chosen ? "chosen" : ""}>
            {one.href ? <a href={one.href}>{one.name}</a> : <span>{one.name}</span>}
            <span class="number">{whole(one.count)} <span class="faint">{percent(one.count, props.all)}</span></span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Numbers(props: { values: CodeValues; zipcode: string }) {
  const { values } = props;
  const units = values.units.filter((one) => one.count > 0);
  return (
    <>
      {units.length > 1 && (
        <label class="field narrow">
          <span>Unit</span>
          <select value={values.unit ?? ""} onChange={(event) => go(`/zip/${props.zipcode}${query({ code: values.code, unit: event.currentTarget.value })}`)}>
            {units.map((one) => <option key={one.unit ?? ""} value={one.unit ?? ""}>{`${one.unit ?? "no unit"} (${whole(one.count)})`}</option>)}
          </select>
        </label>
      )}
      <div class="pair flat">
        <div><h3>Distribution{values.unit && <span class="faint"> in {values.unit}</span>}</h3><Histogram values={values} /></div>
        <div><h3>Trend<span class="faint"> median and middle half by month</span></h3>{values.months.length > 0 ? <Trend values={values} /> : <Empty><p>No value has a date.</p></Empty>}</div>
      </div>
    </>
  );
}

export function CodePanel(props: { zipcode: string; code: string; unit: string }) {
  const asked = useData<CodeValues>(`stats/values${query({ zipcode: props.zipcode, code: props.code, unit: props.unit })}`);
  const title = asked.data?.display ?? props.code;
  return (
    <Card title={title} note={<>Code <span class="code">{props.code}</span></>}>
      <Shown of={asked} lines={8}>
        {(values) => (
          <div class="stack">
            <Tiles of={[
              { label: "Observations", value: whole(values.observations), note: `of ${plural(values.patients, "patient")}` },
              { label: "Without a value", value: percent(values.missing, values.observations), note: whole(values.missing) },
              ...(values.summary ? [{ label: "Median", value: number(values.summary.median), note: values.unit }, { label: "90% lie in", value: `${number(values.summary.p5)} – ${number(values.summary.p95)}`, note: values.unit }] : []),
            ]} />
            {values.summary ? <Numbers values={values} zipcode={props.zipcode} /> : values.observations > 0 && values.components.length === 0 && values.coded.length === 0 && <Empty><p>None of these observations has a number.</p></Empty>}
            <div class="columns">
              <Shares title="Parts of it" all={values.observations} of={values.components.map((one) => ({ name: one.display ?? one.code, count: one.count, href: `#/zip/${props.zipcode}${query({ code: one.code })}` }))} />
              <Shares title="Coded values" all={values.observations} of={values.coded.map((one) => ({ name: one.value, count: one.count }))} />
              <Shares title="Units" all={values.numbers} of={values.units.map((one) => ({ name: one.unit ?? "no unit", count: one.count, chosen: one.unit === values.unit }))} />
              <Shares title="Why there is no value" all={values.observations} of={values.absent.map((one) => ({ name: one.reason ?? "not said", count: one.count }))} />
            </div>
          </div>
        )}
      </Shown>
    </Card>
  );
}
