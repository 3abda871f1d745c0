// Vehicles that pass the gate.
import exec from 'k6/execution';
import { ask, operation, port } from './port.js';

const entering = operation('gate_entry', 'gate', 'gateEntry');
const leaving = operation('gate_exit', 'gate', 'gateExit');

// A plate of its own for every vehicle of a run.
const plate = (n) => `${String(1 + (Math.floor(n / 90000) % 81)).padStart(2, '0')} K ${10000 + (n % 90000)}`;

const officer = (n) => port.officers[n % port.officers.length];

const now = () => new Date().toISOString();

function enter(vehicle, n) {
  return ask(entering, officer(n), {
    input: {
      vehiclePlate: plate(vehicle),
      vehicleType: 'TRUCK',
      woNumber: port.approved[n % port.approved.length],
      deviceTime: now(),
      idempotencyKey: `${port.run}-${exec.scenario.name}-${n}`,
    },
  });
}

function leave(vehicle, n) {
  return ask(leaving, officer(n), { input: { vehiclePlate: plate(vehicle), deviceTime: now(), idempotencyKey: `${port.run}-${exec.scenario.name}-${n}` } });
}

// scan is an entry and an exit by turns: vehicle v comes with scan 2v, and leaves when
// `stay` others have come after it. Until then, exits are entries of vehicles that stay.
export function scan(n, stay) {
  const vehicle = Math.floor(n / 2);
  if (n % 2 === 0) {
    enter(vehicle, n);
  } else if (vehicle < stay) {
    enter(4000000 + vehicle, n);
  } else {
    leave(vehicle - stay, n);
  }
}

// pass lets one vehicle come and go before the next one: an even number is an entry, the
// next one its exit. Vehicles of a scan are never among them.
export function pass(n) {
  const vehicle = 1000000 + Math.floor(n / 2);
  return n % 2 === 0 ? enter(vehicle, n) : leave(vehicle, n);
}
