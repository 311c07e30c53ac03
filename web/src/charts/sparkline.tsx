// A patient's values over time in the height of a line.
import { number } from "../format";

const kWidth = 160;
const kHeight = 30;
const kEdge = 3;

export function Sparkline(props: { points: { at: number; value: number }[]; low?: number; high?: number }) {
  const { points } = props;
  if (points.length === 0) return null;
  const values = points.map((point) => point.value);
  const bottom = Math.min(...values, props.low ?? Infinity);
  const top = Math.max(...values, props.high ?? -Infinity);
  const first = points[0].at;
  const length = points.at(-1)!.at - first || 1;
  const x = (at: number) => (points.length === 1 ? kWidth / 2 : kEdge + ((at - first) / length) * (kWidth - 2 * kEdge));
  const y = (value: number) => (top === bottom ? kHeight / 2 : kHeight - kEdge - ((value - bottom) / (top - bottom)) * (kHeight - 2 * kEdge));
  const last = points.at(-1)!;
  return (
    <svg class="sparkline" viewBox={`0 0 ${kWidth} ${kHeight}`} width={kWidth} height={kHeight} role="img"
      aria-label={points.length === 1 ? `one value, ${number(last.value)}` : `${points.length} values from ${number(Math.min(...values))} to ${number(Math.max(...values))}, the last ${number(last.value)}`}>
      {props.low !== undefined && props.high !== undefined && (
        <rect class="middle" x="0" width={kWidth} y={y(props.high)} height={Math.max(1, y(props.low) - y(props.high))} />
      )}
      <polyline points={points.map((point) => `${x(point.at).toFixed(1)},${y(point.value).toFixed(1)}`).join(" ")} />
      <circle cx={x(last.at)} cy={y(last.value)} r="2.5" />
    </svg>
  );
}
