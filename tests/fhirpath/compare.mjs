// compare.mjs SOURCE WORK: reads what path_runner wrote and evaluates the same paths with npm's fhirpath.
import fs from 'node:fs';
import {createRequire} from 'node:module';

const require = createRequire(import.meta.url);
const fhirpath = require('fhirpath');
const r4 = require('fhirpath/fhir-context/r4');

const [source, work] = process.argv.slice(2);
const lines = (file) => fs.readFileSync(file, 'utf8').split('\n').filter((line) => line !== '');
const resources = lines(`${work}/resources.ndjson`).map((line) => JSON.parse(line));
const explained = JSON.parse(fs.readFileSync(`${source}/explained.json`, 'utf8'));
const ours = lines(`${work}/ours.txt`);

// Numbers agree to 12 digits: the package calculates in binary floating point. Dates and quantities are compared as texts.
const plain = (value) => {
  if (value !== null && typeof value === 'object' && value.constructor !== Object && !Array.isArray(value)) return value.toString();
  if (typeof value === 'number' || typeof value === 'bigint') return Number(Number(value).toPrecision(12));
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.keys(value).filter((key) => key !== '__path__').sort().map((key) => [key, plain(value[key])]));
  }
  return value;
};

const theirs = (path, resource) => {
  try {
    return path(resource, {resource});
  } catch {
    return {error: 'error'};
  }
};

let at = 0, agreeing = 0, all = 0;
const differing = new Map();
for (const line of lines(`${source}/paths.txt`)) {
  const [type, path] = line.split('\t');
  let compiled;
  try {
    compiled = fhirpath.compile(path, r4);
  } catch {
    compiled = () => ({error: 'error'});
  }
  for (const resource of resources.filter((candidate) => candidate.resourceType === type)) {
    const mine = JSON.parse(ours[at++]);
    const other = theirs(compiled, resource);
    const a = mine.error ? 'error' : JSON.stringify(plain(mine));
    const b = other.error ? 'error' : JSON.stringify(plain(other));
    ++all;
    if (a === b) {
      ++agreeing;
    } else if (!differing.has(path)) {
      differing.set(path, {count: 1, mine: mine.error ?? a, other: b, id: resource.id});
    } else {
      ++differing.get(path).count;
    }
  }
}
if (at !== ours.length || all === 0) throw new Error('the two do not see the same paths and resources');

let unexplained = 0;
for (const [path, {count, mine, other, id}] of differing) {
  const why = explained[path];
  unexplained += why ? 0 : 1;
  console.log(`${why ? 'explained' : 'DIFFERENT'} (${count}): ${path}\n    ours ${mine.slice(0, 200)}\n    npm  ${other.slice(0, 200)}  (${id})`);
  if (why) console.log(`    ${why}`);
}
for (const path of Object.keys(explained)) {
  if (differing.has(path)) continue;
  console.log(`explained, but it agrees: ${path}`);
  ++unexplained;
}
console.log(`${agreeing} of ${all} results agree (${(100 * agreeing / all).toFixed(2)} %); ${differing.size} paths differ, ${unexplained} unexplained`);
process.exit(unexplained === 0 ? 0 : 1);
