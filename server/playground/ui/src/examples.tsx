import { useEffect, useState } from 'react';
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useTurkishLetters } from './letters';

interface Example {
  name: string;
  title: string;
  query: string;
  variables?: unknown;
  headers?: unknown;
}

const asJSON = (value: unknown) => (value === undefined ? '' : JSON.stringify(value, null, 2));

/** Menu of ready queries; a chosen one opens in a new tab of the editor. */
export function Examples() {
  useTurkishLetters();
  const [examples, setExamples] = useState<Example[]>([]);
  const { addTab } = useGraphiQLActions();
  const query = useGraphiQL((state) => state.queryEditor);
  const variables = useGraphiQL((state) => state.variableEditor);
  const headers = useGraphiQL((state) => state.headerEditor);

  useEffect(() => {
    fetch(`${import.meta.env.BASE_URL}examples.json`)
      .then((response) => response.json())
      .then(setExamples)
      .catch((error: unknown) => console.error('examples', error));
  }, []);

  function open(name: string) {
    const example = examples.find((e) => e.name === name);
    if (!example || !query) return;
    // The editor keeps its tabs by listening to these three.
    if (query.getValue().trim() !== '') addTab();
    query.setValue(example.query);
    variables?.setValue(asJSON(example.variables));
    headers?.setValue(asJSON(example.headers));
    query.focus();
  }

  // The value stays empty, so the same example can be opened twice.
  return (
    <select value="" disabled={!query} aria-label="Örnekler / Examples" onChange={(e) => open(e.target.value)}>
      <option value="" disabled hidden>Örnekler / Examples</option>
      {examples.map((e) => <option key={e.name} value={e.name}>{e.title}</option>)}
    </select>
  );
}
