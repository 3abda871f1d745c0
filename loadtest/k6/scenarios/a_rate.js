// A at a constant rate of arrival: 15 rounds of five requests begin every second,
// whatever became of those before, so that a server that stalls cannot hide it.
import { day, operations } from '../lib/orders.js';
import { begin, options as opts, port, seconds, span, summary, turn } from '../lib/port.js';

const rate = 15;
const users = port.clerks.length;
const least = Object.fromEntries(operations.map((op) => [op, rate * seconds(60) * 0.98]));

export const options = opts(
  {
    a_rate: {
      executor: 'constant-arrival-rate', rate, timeUnit: '1s', duration: span(60),
      preAllocatedVUs: 50, maxVUs: 200, gracefulStop: '30s',
    },
  },
  ['crud', 'list'],
  least,
);

export const setup = () => begin(least);
export const handleSummary = summary;

export default function () {
  const n = turn();
  day(port.clerks[n % users], port.clerks[(n + 1) % users], n, () => {});
}
