// How the values of a code are spread, with the middle half marked.
import { useWidth } from "../data";
import { number, percent, whole } from "../format";
import { Figures } from "../parts";
import type { CodeValues } from "../types";

const kHeight = 190;
const kFoot = 22;

export function Histogram(props: { values: CodeValues }) {
  const { bins, summary, unit } = props.values;
  const [attach, measured] = useWidth<HTMLElement>();
  if (!summary || bins.length === 0) return null;
  const width = measured || 520;
  const low = bins[0].from;
  const high = bins.at(-1)!.to;
  const most = Math.max(...bins.map((bin) => bin.count));
  const x = (value: number) => ((value - low) / (high - low || 1)) * width;
  const y = (count: number) => (count / most) * (kHeight - 8);
  const marks = Array.from({ length: 5 }, (_, i) => low + ((high - low) * i) / 4);
  const outside = summary.count - bins.reduce((sum, bin) => sum + bin.count, 0);
  return (
    <figure ref={attach}>
      <svg class="chart" viewBox={`0 0 ${width} ${kHeight + kFoot}`} role="img"
        aria-label={`${whole(summary.count)} values from ${number(summary.minimum)} to ${number(summary.maximum)} ${unit ?? ""}; half of them between ${number(summary.p25)} and ${number(summary.p75)}, median ${number(summary.median)}`}>
        <rect class="middle" x={x(summary.p25)} y="0" width={Math.max(1, x(summary.p75) - x(summary.p25))} height={kHeight} />
        {bins.map((bin) => (
          <rect key={bin.from} class="column" x={x(bin.from) + 0.5} width={Math.max(1, x(bin.to) - x(bin.from) - 1)} y={kHeight - y(bin.count)} height={y(bin.count)}>
            <title>{`${number(bin.from)} to ${number(bin.to)}: ${whole(bin.count)}`}</title>
          </rect>
        ))}
        <line class="median" x1={x(summary.median)} x2={x(summary.median)} y1="0" y2={kHeight} />
        <line class="base" x1="0" x2={width} y1={kHeight} y2={kHeight} />
        {marks.map((mark, i) => (
          <text key={mark} x={x(mark)} y={kHeight + kFoot - 4} text-anchor={i === 0 ? "start" : i === 4 ? "end" : "middle"}>{number(mark)}</text>
        ))}
      </svg>
      <figcaption class="note">
        Median {number(summary.median)}{unit && ` ${unit}`}; half of the values lie between {number(summary.p25)} and {number(summary.p75)}.
        {outside > 0 && ` ${percent(outside, summary.count)} lie outside of the chart, down to ${number(summary.minimum)} and up to ${number(summary.maximum)}.`}
      </figcaption>
      <Figures title="Distribution" head={["From", "To", "Values"]} rows={bins.map((bin) => [number(bin.from), number(bin.to), whole(bin.count)])} />
    </figure>
  );
}
