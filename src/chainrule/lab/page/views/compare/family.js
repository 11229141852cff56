// Many runs: in which settings they differ, which of them are alike but for some settings, and
// which differ in nothing but the seed.

const ORDER = ["hidden", "loss", "optimizer", "learning_rate", "batch_size", "steps"];
const UNASKED = ["epochs", "more", "data"]; // what these say is in others, too

// What may differ between two runs, by name. How long a run is to be is told by its steps.
function fieldsOf(run) {
  const { patience = null, ...settings } = run.settings;
  const known = { ...settings, patience, digits: run.digits };
  known.steps = patience === null ? run.length : settings.steps;
  known.changes = run.changes ?? [];
  known.engines = run.engines ?? [];
  for (const name of UNASKED) delete known[name];
  return known;
}

const textOf = (run, name) => JSON.stringify(fieldsOf(run)[name] ?? null);

// The names of what is not the same in all of these runs, the most telling first, the seed last.
export function differing(runs) {
  const names = new Set(runs.flatMap((run) => Object.keys(fieldsOf(run))));
  const place = (name) => (name === "seed" ? 99 : (ORDER.indexOf(name) + 20) % 20);
  return [...names]
    .filter((name) => new Set(runs.map((run) => textOf(run, name))).size > 1)
    .sort((a, b) => place(a) - place(b));
}

// Those of these runs that differ from one of them in these names alone.
export function family(runs, one, names) {
  return runs.filter((run) => differing([run, one]).every((name) => names.includes(name)));
}

// The runs that differ in nothing but the seed together, ordered by their settings.
export function groups(runs) {
  const names = differing(runs).filter((name) => name !== "seed");
  const found = new Map();
  for (const run of runs) {
    const key = names.map((name) => textOf(run, name)).join();
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(run);
  }
  const valued = [...found.values()].map((own) => {
    const fields = fieldsOf(own[0]);
    return {
      values: names.map((name) => [name, fields[name] ?? null]),
      runs: own.toSorted((a, b) => a.settings.seed - b.settings.seed),
    };
  });
  const pairs = (a, b) => a.values.map(([, value], k) => order(value, b.values[k][1]));
  return valued.sort((a, b) => firstOf(pairs(a, b)));
}

const firstOf = (orders) => orders.find((each) => each !== 0) ?? 0;

// Numbers by size, lists by their first difference, then by their length; null is the largest.
function order(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) {
    const both = a.slice(0, b.length).map((each, k) => order(each, b[k]));
    return firstOf([...both, a.length - b.length]);
  }
  if (a === null || b === null) return (a === null) - (b === null);
  return a < b ? -1 : Number(a > b);
}

// What a run's history says at the step of the network that stands for it.
export function standing(run, column) {
  const { step, [column]: values } = run.history;
  return values[step.indexOf(run.kept)] ?? values.at(-1);
}

// One scale for all: from the least to the largest of what these columns have after the first tenth
// of their rows, where a training has not yet begun to tell, and a little more.
export function scaleOf(columns) {
  const late = columns.map((y) => y.slice(Math.floor(y.length / 10))).flat();
  const known = late.filter((value) => Number.isFinite(value));
  if (!known.length) return [0, 1];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const more = 0.05 * (high - low) || 0.01;
  return [Math.max(0, low - more), high + more];
}

// The mean and the standard deviation (n - 1) of some numbers; no deviation of a single one.
export function spreadOf(values) {
  const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
  const squares = values.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : null };
}
