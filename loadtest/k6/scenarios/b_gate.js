// B: 100 scans a second at the gate for five minutes, entries and exits by turns. A
// vehicle leaves four seconds after it came.
import { scan } from '../lib/gate.js';
import { begin, options as opts, seconds, span, summary, turn } from '../lib/port.js';

const rate = 100;
const stay = 200; // vehicles that come in four seconds
const scans = rate * seconds(300);
const least = { gate_entry: scans * 0.49, gate_exit: (scans / 2 - stay) * 0.98 };

export const options = opts(
  {
    b_gate: {
      executor: 'constant-arrival-rate', rate, timeUnit: '1s', duration: span(300),
      preAllocatedVUs: 100, maxVUs: 400, gracefulStop: '30s',
    },
  },
  ['gate'],
  least,
);

export const setup = () => begin(least);
export const handleSummary = summary;

export default function () {
  scan(turn(), stay);
}
