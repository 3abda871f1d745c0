// D: administrators search the trail without end, by many filters, and turn pages from
// the front and from the back. Each keeps below the limit of 300 operations a minute.
import { sleep } from 'k6';
import exec from 'k6/execution';
import { ask, begin, between, operation, options as opts, pick, port, seconds, span, summary } from '../lib/port.js';

const search = operation('audit_search', 'list', 'auditEvents');
const admins = port.admins.length;
const least = { audit_search: admins * seconds(60) * 1.5 };

export const options = opts(
  { d_audit: { executor: 'constant-vus', vus: admins, duration: span(60), gracefulStop: '30s' } },
  ['list'],
  least,
);

export const setup = () => begin(least);
export const handleSummary = summary;

const filters = [
  () => null,
  () => ({ createdAt: { from: new Date(Date.now() - between(1, 30) * 86400e3).toISOString() } }),
  () => ({ users: [pick(port.actors)] }),
  () => ({ actions: [pick(['update', 'approve', 'create', 'gate_entry', 'login'])] }),
  () => ({ resource: 'work_order', actions: ['approve', 'cancel'] }),
  () => ({ entityId: pick(port.orders) }),
  () => ({ outcomes: ['DENIED', 'FAILED'] }),
  () => ({ pathPrefix: '/graphql#C' }),
];

export default function () {
  const token = port.admins[(exec.vu.idInTest - 1) % admins];
  const filter = pick(filters)();
  const fromTheBack = Math.random() < 0.3;
  let cursor = null;
  for (let pages = 1 + Math.floor(Math.random() * 8); pages > 0; pages--) {
    const page = ask(search, token, fromTheBack ? { filter, last: 50, before: cursor } : { filter, first: 50, after: cursor });
    sleep(between(0.2, 0.35));
    if (!page || !page(fromTheBack ? 'pageInfo.hasPreviousPage' : 'pageInfo.hasNextPage')) {
      return;
    }
    cursor = page(fromTheBack ? 'pageInfo.startCursor' : 'pageInfo.endCursor');
  }
}
