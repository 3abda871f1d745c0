// What the scenarios share: who asks, what is asked, and what counts as an error.
//
// The program in this folder seeds the database and hands over whom and what it made
// in a file (PORT_DATA); it reads the measures from the summary (PORT_SUMMARY).
import http from 'k6/http';
import exec from 'k6/execution';
import { Counter, Rate, Trend } from 'k6/metrics';

export const port = JSON.parse(open(__ENV.PORT_DATA));

const scale = Number(__ENV.PORT_SCALE || 1);

// A length of time in seconds as the scale shortens it, and the same for k6.
export const seconds = (full) => Math.max(4, Math.round(full * scale));
export const span = (full) => `${seconds(full)}s`;

// Every answer is timed under its kind (what the thresholds speak of) and its operation.
const took = new Trend('took', true);
const done = new Counter('done'); // by operation; an error is not done
const failed = new Rate('failed'); // whatever did not do what was asked
const graphqlErrors = new Counter('graphql_errors'); // by code; they come with status 200 too
const userErrors = new Counter('user_errors'); // by code

// The limits of the plan first, then our own, five times stricter. A kind without
// limits of its own in the plan has those of what it is most like.
const limits = {
  crud: ['p(95)<300', 'p(95)<60'],
  gate: ['p(95)<300', 'p(95)<60'],
  look_up: ['p(95)<300', 'p(95)<60'],
  list: ['p(95)<400', 'p(95)<80'],
  login: ['p(95)<200'],
  refused_login: ['p(95)<200', 'p(95)<40'],
};

// thresholds for kinds of answers and the least number of each operation. k6 passes
// over a threshold on a metric without values, so `begin` gives every one a zero.
export function thresholds(kinds, least) {
  const all = {
    failed: ['rate<0.01', 'rate<0.002'],
    dropped_iterations: ['count==0'],
  };
  for (const kind of kinds) {
    all[`took{kind:${kind}}`] = limits[kind];
  }
  for (const [op, n] of Object.entries(least)) {
    all[`done{op:${op}}`] = [`count>=${Math.max(1, Math.floor(n))}`];
  }
  return all;
}

export function begin(least) {
  for (const op of Object.keys(least)) {
    done.add(0, { op });
  }
}

export const options = (scenarios, kinds, least) => ({
  scenarios,
  thresholds: thresholds(kinds, least),
  setupTimeout: '30s',
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max', 'count'],
  systemTags: ['scenario', 'status'],
});

export function summary(data) {
  return { [__ENV.PORT_SUMMARY]: JSON.stringify(data) };
}

// operation is a document with the root field whose answer counts, and its kind.
export function operation(op, kind, field) {
  const document = open(import.meta.resolve(`../queries/${op}.graphql`));
  const name = /(?:query|mutation)\s+(\w+)/.exec(document)[1];
  return { op, kind, field, document, name };
}

// send asks and returns the response with the codes of what was wrong.
export function send(o, token, variables) {
  const headers = { 'Content-Type': 'application/json' };
  if (token) {
    headers.Authorization = `Bearer ${token}`;
  }
  const body = JSON.stringify({ query: o.document, operationName: o.name, variables });
  const res = http.post(`${__ENV.PORT_URL}/graphql`, body, { headers, timeout: '30s', tags: { op: o.op } });
  const answer = { res, ms: res.timings.duration, error: null, userError: null };
  if (res.status === 0) {
    answer.error = `no answer: ${res.error_code}`;
  } else if (res.json('errors.0')) {
    answer.error = res.json('errors.0.extensions.code') || 'without a code';
  } else if (!res.json(`data.${o.field}`)) {
    answer.error = `${res.status} without data`;
  } else {
    answer.userError = res.json(`data.${o.field}.userErrors.0.code`) || null;
  }
  return answer;
}

// note counts an answer of a kind.
export function note(o, kind, answer) {
  const tags = { kind, op: o.op };
  took.add(answer.ms, tags);
  const bad = answer.error !== null || answer.userError !== null;
  failed.add(bad, { op: o.op });
  if (answer.error !== null) {
    graphqlErrors.add(1, { op: o.op, code: answer.error });
  } else if (answer.userError !== null) {
    userErrors.add(1, { op: o.op, code: answer.userError });
  } else {
    done.add(1, { op: o.op });
  }
  return bad;
}

// ask sends, counts, and returns a function that reads below the root field; null
// when anything was wrong.
export function ask(o, token, variables) {
  const answer = send(o, token, variables);
  if (note(o, o.kind, answer)) {
    return null;
  }
  return (path) => answer.res.json(`data.${o.field}.${path}`);
}

export const pick = (from) => from[Math.floor(Math.random() * from.length)];
export const between = (low, high) => low + Math.random() * (high - low);

// number of this iteration in its scenario, from 0 on.
export const turn = () => exec.scenario.iterationInTest;
