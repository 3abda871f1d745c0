// A: work orders are made, looked at, changed, handed in and released by 50 users at
// once, each with an account of its own and with pauses as people make them.
import { sleep } from 'k6';
import exec from 'k6/execution';
import { day, operations } from '../lib/orders.js';
import { begin, between, options as opts, port, seconds, span, summary, turn } from '../lib/port.js';

const users = port.clerks.length;
// A round takes about 2.5 seconds; fewer than half of the rounds expected is no load.
const least = Object.fromEntries(operations.map((op) => [op, (users * seconds(90)) / 2.5 / 2]));

export const options = opts(
  { a_users: { executor: 'constant-vus', vus: users, duration: span(90), gracefulStop: '30s' } },
  ['crud', 'list'],
  least,
);

export const setup = () => begin(least);
export const handleSummary = summary;

export default function () {
  const me = (exec.vu.idInTest - 1) % users;
  if (exec.vu.iterationInScenario === 0) {
    sleep(between(0, 2)); // people do not begin at the same moment
  }
  day(port.clerks[me], port.clerks[(me + 1) % users], turn(), () => sleep(between(0.2, 0.8)));
  sleep(between(0.2, 0.8));
}
