// npm run e2e -- <base-url> <token>
// Opens the playground of a running server in Chromium and runs the board example.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const [base, token] = process.argv.slice(2);
if (!base || !token) {
  console.error('usage: npm run e2e -- <base-url> <token>');
  process.exit(2);
}
const { origin } = new URL(base);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
try {
  const page = await browser.newPage({ locale: 'tr-TR', viewport: { width: 1280, height: 800 } });
  const faults = [];
  const requests = [];
  page.on('console', (m) => m.type() === 'error' && faults.push(`console: ${m.text()} ${m.location().url}`));
  page.on('pageerror', (e) => faults.push(`uncaught: ${e.message}`));
  page.on('requestfailed', (r) => faults.push(`failed: ${r.url()} ${r.failure()?.errorText}`));
  // The context sees the requests of workers too.
  page.context().on('request', (r) => requests.push(r.url()));

  await page.goto(new URL(`/playground#token=${token}`, base).href);
  await page.locator('.graphiql-query-editor .monaco-editor').waitFor();
  assert.equal(new URL(page.url()).hash, '', 'the token is still in the address bar');

  const menu = page.locator('#bar select');
  await menu.locator('option[value="01_board"]').waitFor({ state: 'attached' });
  await menu.selectOption('01_board');
  await page.getByText('query Board').first().waitFor();

  const answered = page.waitForResponse((r) => r.request().postData()?.includes('query Board') ?? false);
  await page.locator('.graphiql-execute-button').click();
  const response = await answered;
  // Compared by hand, so that a failure does not print the token.
  const sent = await response.request().headerValue('Authorization');
  assert.ok(sent === `Bearer ${token}`, sent ? 'another token was sent' : 'no token was sent: the server did not take it');
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  assert.ok(Array.isArray(data.workOrders.edges), JSON.stringify(data));
  await page.locator('.graphiql-response').getByText('"workOrders"').first().waitFor();

  // Monaco checks the query against the schema in its workers.
  await page.waitForLoadState('networkidle');
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });

  const away = requests.filter((url) => /^(https?|wss?):/.test(url) && new URL(url).origin !== origin);
  assert.deepEqual(away, [], 'requests left the origin');
  assert.deepEqual(faults, []);
  console.log(`ok: ${data.workOrders.edges.length} work orders, ${requests.length} requests, all to ${origin}`);
} finally {
  await browser.close();
}
