// A clerk's work with work orders: make one, look at the board, change it, hand it in;
// another clerk releases it.
import exec from 'k6/execution';
import { ask, between, operation, pick, port } from './port.js';

const create = operation('create_work_order', 'crud', 'createWorkOrder');
const board = operation('board', 'list', 'workOrders');
const update = operation('update_work_order', 'crud', 'updateWorkOrder');
const submit = operation('submit_work_order', 'crud', 'submitWorkOrder');
const approve = operation('approve_work_order', 'crud', 'approveWorkOrder');

export const operations = ['create_work_order', 'board', 'update_work_order', 'submit_work_order', 'approve_work_order'];

let after = null; // the board's next page, of each clerk

// look asks for a page of 50: mostly the next one, so that no two are alike, at times
// the newest or those of a status or a customer.
export function look(token) {
  const dice = Math.random();
  if (dice < 0.1) {
    after = null;
  }
  const variables = { first: 50, after };
  if (dice > 0.85) {
    variables.after = null;
    variables.filter = { status: [pick(['DRAFT', 'SUBMITTED', 'APPROVED', 'IN_PROGRESS', 'COMPLETED', 'CLOSED'])] };
  } else if (dice > 0.7) {
    variables.after = null;
    variables.filter = { cariCode: pick(port.customers) };
  }
  const page = ask(board, token, variables);
  if (page && !variables.filter) {
    after = page('pageInfo.hasNextPage') ? page('pageInfo.endCursor') : null;
  }
}

export function make(token, key) {
  const order = ask(create, token, {
    input: {
      cariCode: pick(port.customers),
      type: 'SERVICE',
      priority: pick(['LOW', 'MEDIUM', 'HIGH']),
      subject: `Yük deneyi ${key}`,
      currency: 'TRY',
      items: [
        { serviceCode: pick(port.services), quantity: between(1, 9).toFixed(1) },
        { serviceCode: pick(port.services), quantity: '2', unitPrice: between(100, 900).toFixed(2) },
      ],
      idempotencyKey: `${port.run}-${exec.scenario.name}-${key}`,
    },
  });
  return order && { id: order('workOrder.id'), version: order('workOrder.version') };
}

export function change(token, order) {
  ask(update, token, { input: { id: order.id, version: order.version, priority: pick(['LOW', 'URGENT']), notes: 'Değişti.' } });
}

export function handIn(token, order) {
  return ask(submit, token, { input: { id: order.id } });
}

export function release(token, order) {
  return ask(approve, token, { input: { id: order.id, note: 'Uygun.' } });
}

// day is the whole of it. rest is called between two requests.
export function day(clerk, other, key, rest) {
  const order = make(clerk, key);
  rest();
  look(clerk);
  rest();
  if (!order) {
    return;
  }
  change(clerk, order);
  rest();
  if (handIn(clerk, order)) {
    rest();
    release(other, order);
  }
}
