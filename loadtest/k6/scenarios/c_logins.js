// C: 30 sign-ins a second for a minute from one address with right passwords. The
// limit lets 10 a minute through, five of them at once; its refusals are no errors, but
// they must come, and nothing else may.
import { begin, note, operation, options as opts, port, seconds, send, span, summary, turn } from '../lib/port.js';

const login = operation('login', 'login', 'login');
const refused = { op: 'refused_login' };
const rate = 30;
const passing = 5 + Math.floor((seconds(60) * 5) / 60) - 1;
const least = { login: passing, refused_login: rate * seconds(60) * 0.97 - passing - 3 };

export const options = opts(
  {
    c_logins: {
      executor: 'constant-arrival-rate', rate, timeUnit: '1s', duration: span(60),
      preAllocatedVUs: 60, maxVUs: 300, gracefulStop: '30s',
    },
  },
  ['login', 'refused_login'],
  least,
);
options.thresholds['done{op:login}'].push(`count<=${passing + 3}`);

export const setup = () => begin(least);
export const handleSummary = summary;

export default function () {
  const answer = send(login, null, { input: port.people[turn() % port.people.length] });
  if (answer.error === 'RATE_LIMITED') {
    note(refused, 'refused_login', { ms: answer.ms, error: null, userError: null });
  } else {
    note(login, 'login', answer);
  }
}
