import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './style.css';

import { createPortal } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { GraphiQL } from 'graphiql';
import { Account } from './account';
import { ask, takeTokenFromAddress } from './api';
import { Examples } from './examples';

const welcome = `# Bir örnek seçin ya da sorgunuzu yazın. Ctrl-Enter çalıştırır, Ctrl-Space tamamlar.
# Choose an example or write a query. Ctrl-Enter runs it, Ctrl-Space completes.
`;

function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`#${id} is missing from the page`);
  return element;
}

takeTokenFromAddress();

// The bar stands above the editor in the page, but within it in React: it
// drives the editor through GraphiQL's hooks.
createRoot(byId('editor')).render(
  <GraphiQL
    fetcher={(request, options) => ask(request, options?.headers)}
    defaultQuery={welcome}
    defaultEditorToolsVisibility="variables"
    shouldPersistHeaders={false}
    showPersistHeadersSettings={false}
  >
    <GraphiQL.Logo>Aliaport</GraphiQL.Logo>
    {createPortal(
      <>
        <Examples />
        <Account />
      </>,
      byId('bar'),
    )}
  </GraphiQL>,
);
