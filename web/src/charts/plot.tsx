// uPlot in the page's colours: lines, bands, bars over months. It draws anew when width, data or theme change.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useTheme, useWidth } from "../data";

export interface PlotProps {
  label: string;  // for who does not see it
  data: uPlot.AlignedData;
  height?: number;
  build: (colors: Colors) => Pick<uPlot.Options, "series" | "bands" | "axes" | "scales">;
}

export interface Colors {
  accent: string;
  soft: string;
  text: string;
  line: string;
}

function colors(): Colors {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return { accent: read("--accent"), soft: read("--accent-soft"), text: read("--faint"), line: read("--line") };
}

export function axis(of: Colors, more: Partial<uPlot.Axis> = {}): uPlot.Axis {
  return {
    stroke: of.text, font: `12px ${getComputedStyle(document.body).fontFamily}`, gap: 6,
    grid: { stroke: of.line, width: 1 }, ticks: { show: false }, ...more,
  };
}

export function Plot(props: PlotProps) {
  const theme = useTheme();
  const [attach, width] = useWidth<HTMLDivElement>();
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const height = props.height ?? 220;
  const shape = props.data.length;
  useEffect(() => {
    if (width === 0 || !place.current) return;
    const options: uPlot.Options = {
      width, height, legend: { show: true, live: true }, cursor: { points: { size: 7 }, drag: { x: true, y: false } },
      padding: [8, 8, 0, 0], ...props.build(colors()),
    };
    plot.current = new uPlot(options, props.data, place.current);
    return () => plot.current?.destroy();
  }, [width, height, theme, shape, props.label]);
  useEffect(() => plot.current?.setData(props.data), [props.data]);
  return (
    <div class="plot" ref={attach} role="img" aria-label={props.label}>
      <div ref={place} />
    </div>
  );
}

// 2025-11 as the seconds that uPlot counts in.
export function monthSeconds(month: string): number {
  return Date.parse(`${month}-01T00:00:00Z`) / 1000;
}

const kMonth = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: "UTC" });
export function monthName(seconds: number): string {
  return kMonth.format(new Date(seconds * 1000));
}

// Every month from the first to the last, those without a value too.
export function monthRange(months: string[]): string[] {
  if (months.length === 0) return [];
  const [first, last] = [months[0], months[months.length - 1]].map((month) => {
    const [year, number] = month.split("-").map(Number);
    return year * 12 + number - 1;
  });
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const month = first + i;
    return `${String(Math.floor(month / 12)).padStart(4, "0")}-${String((month % 12) + 1).padStart(2, "0")}`;
  });
}
