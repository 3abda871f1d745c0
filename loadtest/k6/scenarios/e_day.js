// E: a day at the port in two minutes: a quiet morning, a peak before noon, the
// afternoon, the evening. Clerks, gate officers, finance, field staff, an administrator
// and panels on walls ask side by side; now and then somebody signs in.
import exec from 'k6/execution';
import { pass } from '../lib/gate.js';
import { change, handIn, look, make, release } from '../lib/orders.js';
import { ask, begin, note, operation, options as opts, pick, port, seconds, send, span, summary, turn } from '../lib/port.js';

const login = operation('login', 'login', 'login');
const dashboard = operation('dashboard', 'look_up', 'dashboard');
const inside = operation('inside_now', 'list', 'insideNow');
const workOrder = operation('work_order', 'look_up', 'workOrder');
const searchOrders = operation('search_work_orders', 'list', 'workOrders');
const customers = operation('customers', 'list', 'cariAccounts');
const ofCustomer = operation('orders_of_customer', 'list', 'workOrders');
const uninvoiced = operation('uninvoiced', 'list', 'uninvoicedItems');
const rates = operation('rates', 'look_up', 'latestExchangeRates');
const priceList = operation('price_list', 'look_up', 'activePriceList');
const parameters = operation('parameters', 'look_up', 'parametersByCategory');
const atSea = operation('at_sea', 'list', 'trips');
const auditSearch = operation('audit_search', 'list', 'auditEvents');

const stages = [[20, 15], [15, 40], [25, 40], [30, 25], [15, 25], [15, 5]]; // seconds, rounds a second at their end
const rounds = stages.reduce((sum, [s, to], i) => sum + (seconds(s) * (to + (i ? stages[i - 1][1] : 5))) / 2, 0);
const length = stages.reduce((sum, [s]) => sum + seconds(s), 0);
const every = 15; // seconds between sign-ins

const clerk = () => pick(port.clerks);

// What is done, how often in a hundred rounds, and which operation that does at least.
const work = [
  [22, 'board', () => look(clerk())],
  [10, 'work_order', () => ask(workOrder, clerk(), { woNumber: pick(port.numbers) })],
  [6, 'search_work_orders', () => ask(searchOrders, clerk(), { search: pick(port.words), first: 20 })],
  [4, 'customers', () => ask(customers, clerk(), { first: 50 })],
  [5, 'orders_of_customer', () => ask(ofCustomer, clerk(), { cariCode: pick(port.customers), first: 50 })],
  [6, 'create_work_order', (n) => written(n)],
  [20, 'gate_entry', (n) => pass(n)],
  [8, 'dashboard', () => ask(dashboard, clerk(), {})],
  [3, 'inside_now', (n) => ask(inside, port.officers[n % port.officers.length], { first: 50 })],
  [3, 'uninvoiced', () => ask(uninvoiced, pick(port.finance), { first: 50 })],
  [3, 'rates', () => ask(rates, pick(port.finance), {})],
  [2, 'price_list', () => ask(priceList, pick(port.finance), { currency: 'TRY' })],
  [3, 'parameters', () => ask(parameters, clerk(), { category: pick(['BIRIM', 'PARA_BIRIMI', 'KDV_ORANI']) })],
  [3, 'at_sea', () => ask(atSea, clerk(), { first: 50 })],
  [2, 'audit_search', () => ask(auditSearch, pick(port.admins), { first: 50, filter: { actions: ['approve'] } })],
];

const least = { login: Math.floor(length / every) };
for (const [share, op] of work) {
  least[op] = (rounds * share) / 100 / 4; // chance may give less, but not a quarter
}

export const options = opts(
  {
    e_day: {
      executor: 'ramping-arrival-rate', startRate: 5, timeUnit: '1s', preAllocatedVUs: 60, maxVUs: 300, gracefulStop: '30s',
      stages: stages.map(([s, target]) => ({ duration: span(s), target })),
    },
    e_sign_ins: {
      executor: 'constant-arrival-rate', rate: 1, timeUnit: `${every}s`, duration: `${length}s`,
      preAllocatedVUs: 2, gracefulStop: '30s', exec: 'signIn',
    },
  },
  ['crud', 'gate', 'list', 'look_up', 'login'],
  least,
);

export const setup = () => begin(least);
export const handleSummary = summary;

// written is a work order from the draft to its release.
function written(n) {
  const mine = clerk();
  const order = make(mine, `e${n}`);
  if (order) {
    change(mine, order);
    if (handIn(mine, order)) {
      release(port.clerks[(port.clerks.indexOf(mine) + 1) % port.clerks.length], order);
    }
  }
}

let passed = 0; // every virtual user has vehicles of its own

export default function () {
  let dice = Math.random() * 100;
  for (const [share, op, act] of work) {
    dice -= share;
    if (dice < 0) {
      act(op === 'gate_entry' ? vehicle() : turn());
      return;
    }
  }
}

const vehicle = () => exec.vu.idInTest * 2000 + passed++;

export function signIn() {
  note(login, 'login', send(login, null, { input: port.people[turn() % port.people.length] }));
}
