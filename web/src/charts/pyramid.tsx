// Patients by age and sex, as a population pyramid.
import { useWidth } from "../data";
import { plural, whole } from "../format";
import { Figures } from "../parts";
import type { Counts } from "../types";

const kHeight = 24;
const kMiddle = 56;

interface Group {
  age: string;
  female: number;
  male: number;
}

export function groupsOf(counts: Counts): { groups: Group[]; others: number; withoutAge: number } {
  const byAge = new Map<string, Group>();
  let others = 0;
  let withoutAge = 0;
  for (const item of counts.items) {
    if (!item.age_group) withoutAge += item.count;
    else if (item.gender !== "female" && item.gender !== "male") others += item.count;
    if (!item.age_group) continue;
    const group = byAge.get(item.age_group) ?? { age: item.age_group, female: 0, male: 0 };
    if (item.gender === "female") group.female += item.count;
    if (item.gender === "male") group.male += item.count;
    byAge.set(item.age_group, group);
  }
  const ages = [...Array.from({ length: 9 }, (_, i) => `${i}0-${i}9`), "90+"];
  return { groups: ages.map((age) => byAge.get(age) ?? { age, female: 0, male: 0 }), others, withoutAge };
}

// 0–9 for 00-09.
const ageName = (age: string): string => age.replace(/\b0(?=\d)/g, "").replace("-", "–");

function labelOf(groups: Group[]): string {
  const sum = (of: (group: Group) => number) => groups.reduce((all, group) => all + of(group), 0);
  const largest = groups.reduce((best, group) => (group.female + group.male > best.female + best.male ? group : best));
  return `Patients by age and sex: ${whole(sum((group) => group.female))} female, ${whole(sum((group) => group.male))} male; the largest age group is ${ageName(largest.age)}`;
}

export function Pyramid(props: { counts: Counts }) {
  const [attach, width] = useWidth<HTMLElement>();
  const { groups, others, withoutAge } = groupsOf(props.counts);
  const half = ((width || 500) - kMiddle) / 2;
  const most = Math.max(1, ...groups.flatMap((group) => [group.female, group.male]));
  const length = (count: number) => (count === 0 ? 0 : Math.max(1.5, (count / most) * (half - 46)));
  const rows = [...groups].reverse();
  const rest = [others > 0 && `${plural(others, "patient")} of another or unknown sex`, withoutAge > 0 && `${plural(withoutAge, "patient")} without a birth date`].filter(Boolean).join(" and ");
  return (
    <figure ref={attach}>
      <div class="legend" aria-hidden="true"><span class="dot female" /> female <span class="dot male" /> male</div>
      <svg class="chart" viewBox={`0 0 ${2 * half + kMiddle} ${rows.length * kHeight}`} role="img" aria-label={labelOf(groups)}>
        {rows.map((group, row) => (
          <g key={group.age} transform={`translate(0 ${row * kHeight})`}>
            <rect class="female" x={half - length(group.female)} y="3" width={length(group.female)} height={kHeight - 6} rx="3" />
            <text x={half - length(group.female) - 6} y={kHeight / 2} text-anchor="end" class="count">{group.female > 0 && whole(group.female)}</text>
            <text x={half + kMiddle / 2} y={kHeight / 2} text-anchor="middle">{ageName(group.age)}</text>
            <rect class="male" x={half + kMiddle} y="3" width={length(group.male)} height={kHeight - 6} rx="3" />
            <text x={half + kMiddle + length(group.male) + 6} y={kHeight / 2} class="count">{group.male > 0 && whole(group.male)}</text>
          </g>
        ))}
      </svg>
      {rest && <figcaption class="note">Not shown: {rest}.</figcaption>}
      <Figures title="Patients by age and sex" head={["Age", "Female", "Male"]} rows={groups.map((group) => [ageName(group.age), whole(group.female), whole(group.male)])} />
    </figure>
  );
}
