import { useEffect } from 'react';
import { useGraphiQL } from '@graphiql/react';

/** Keeps the editor from boxing ı, a letter of Turkish, as one easily taken for another. */
export function useTurkishLetters() {
  const query = useGraphiQL((state) => state.queryEditor);
  const variables = useGraphiQL((state) => state.variableEditor);
  const response = useGraphiQL((state) => state.responseEditor);

  useEffect(() => {
    for (const editor of [query, variables, response]) {
      editor?.updateOptions({ unicodeHighlight: { ambiguousCharacters: false } });
    }
  }, [query, variables, response]);
}
