// Observations by month, as bars; and a code's values by month, as median and middle half.
import { useMemo } from "preact/hooks";
import uPlot from "uplot";
import { number, whole } from "../format";
import { Figures } from "../parts";
import type { CodeValues } from "../types";
import { axis, monthName, monthRange, monthSeconds, Plot } from "./plot";

const kSmall = new Intl.NumberFormat("en-US", { notation: "compact" });
const monthValue = (_: uPlot, value: number | null) => (value === null ? "–" : monthName(value));

export function MonthBars(props: { months: { month: string; count: number }[] }) {
  const data = useMemo<uPlot.AlignedData>(() => {
    const known = new Map(props.months.map((one) => [one.month, one.count]));
    const all = monthRange(props.months.map((one) => one.month));
    return [all.map(monthSeconds), all.map((month) => known.get(month) ?? 0)];
  }, [props.months]);
  const most = props.months.reduce((best, one) => (one.count > best.count ? one : best), props.months[0]);
  return (
    <figure>
      <Plot
        label={`Observations by month, from ${props.months[0].month} to ${props.months.at(-1)!.month}; the most were ${whole(most.count)} in ${most.month}`}
        data={data} height={250}
        build={(colors) => ({
          scales: { x: { time: true }, y: { range: (_, __, high) => [0, high * 1.05] } },
          axes: [axis(colors, { grid: { show: false } }), axis(colors, { size: 48, values: (_, ticks) => ticks.map((tick) => kSmall.format(tick)) })],
          series: [
            { label: "Month", value: monthValue },
            { label: "Observations", fill: colors.accent, stroke: colors.accent, width: 0, points: { show: false },
              paths: uPlot.paths.bars!({ size: [0.82, 28], radius: 0.15 }), value: (_, value) => (value === null ? "–" : whole(value)) },
          ],
        })}
      />
      <Figures title="Observations by month" head={["Month", "Observations"]} rows={Array.from(data[0], (at, i) => [monthName(at), whole(data[1][i] ?? 0)])} />
    </figure>
  );
}

export function Trend(props: { values: CodeValues }) {
  const { months, unit, display, code } = props.values;
  const data = useMemo<uPlot.AlignedData>(
    () => [months.map((one) => monthSeconds(one.month)), months.map((one) => one.p75), months.map((one) => one.p25), months.map((one) => one.median)],
    [months]);
  const value = (_: uPlot, one: number | null) => (one === null ? "–" : `${number(one)} ${unit ?? ""}`);
  return (
    <figure>
      <Plot
        label={`${display ?? code} by month: the median was ${number(months[0].median)} in ${months[0].month} and ${number(months.at(-1)!.median)} in ${months.at(-1)!.month}`}
        data={data} height={250}
        build={(colors) => ({
          scales: { x: { time: true } },
          axes: [axis(colors, { grid: { show: false } }), axis(colors, { size: 52 })],
          bands: [{ series: [1, 2], fill: colors.soft }],
          series: [
            { label: "Month", value: monthValue },
            { label: "75%", stroke: "transparent", points: { show: false }, value },
            { label: "25%", stroke: "transparent", points: { show: false }, value },
            { label: "Median", stroke: colors.accent, width: 2, points: { show: months.length < 40, size: 5, fill: colors.accent }, value },
          ],
        })}
      />
      <Figures title="Trend" head={["Month", "Values", "25%", "Median", "75%"]}
        rows={months.map((one) => [monthName(monthSeconds(one.month)), whole(one.count), number(one.p25), number(one.median), number(one.p75)])} />
    </figure>
  );
}

// So that the first samples are not drawn as if they were minutes.
const kLeastSeconds = 10;

// Rows a second while a load runs.
export function RateLine(props: { samples: { at: number; rate: number }[] }) {
  const data = useMemo<uPlot.AlignedData>(() => [props.samples.map((one) => one.at), props.samples.map((one) => one.rate)], [props.samples]);
  return (
    <Plot
      label="Rows a second since this page was opened" data={data} height={150}
      build={(colors) => ({
        scales: { x: { time: false, range: (_, low, high) => [low, Math.max(high, low + kLeastSeconds)] }, y: { range: (_, __, high) => [0, Math.max(1, high * 1.1)] } },
        axes: [axis(colors, { grid: { show: false }, values: (_, ticks) => ticks.map((tick) => `${Math.round(tick)} s`) }),
          axis(colors, { size: 48, values: (_, ticks) => ticks.map((tick) => kSmall.format(tick)) })],
        series: [
          { label: "Second", value: (_, one) => (one === null ? "–" : `${Math.round(one)}`) },
          { label: "Rows/s", stroke: colors.accent, fill: colors.soft, width: 2, points: { show: false }, value: (_, one) => (one === null ? "–" : whole(one)) },
        ],
      })}
    />
  );
}
