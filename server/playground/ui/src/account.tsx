import { useEffect, useState, type FormEvent } from 'react';
import { useGraphiQLActions } from '@graphiql/react';
import { ask, token } from './api';

interface Message {
  message: string;
}

interface LoginPayload {
  accessToken: string | null;
  user: { fullName: string; email: string } | null;
  userErrors: Message[];
}

const login = `mutation Login($input: LoginInput!) {
  login(input: $input) { accessToken user { fullName email } userErrors { code message } }
}`;

const viewer = 'query Viewer { viewer { email } }';

/** Sign-in form, or who is signed in. */
export function Account() {
  const [email, setEmail] = useState<string>();
  const [fault, setFault] = useState('');
  const [busy, setBusy] = useState(false);
  const { introspect } = useGraphiQLActions();

  useEffect(() => {
    if (!token.get()) return;
    ask<{ viewer: { email: string } | null }>({ query: viewer, operationName: 'Viewer' })
      .then(({ data }) => {
        // A token the server no longer takes would make every query fail.
        if (data?.viewer) setEmail(data.viewer.email);
        else token.forget();
      })
      .catch((error: unknown) => setFault(String(error)));
  }, []);

  async function signIn(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const input = { email: form.get('email'), password: form.get('password') };
    setBusy(true);
    setFault('');
    token.forget();
    try {
      const { data, errors = [] } = await ask<{ login: LoginPayload | null }>({
        query: login,
        operationName: 'Login',
        variables: { input },
      });
      if (data?.login?.accessToken) {
        token.keep(data.login.accessToken);
        setEmail(data.login.user?.email ?? String(input.email));
        void introspect();
      } else {
        const refused: Message[] = [...(data?.login?.userErrors ?? []), ...errors];
        setFault(refused.map((e) => e.message).join(' ') || 'Oturum açılamadı / Sign-in failed');
      }
    } catch (error) {
      setFault(String(error));
    } finally {
      setBusy(false);
    }
  }

  function signOut() {
    token.forget();
    setEmail(undefined);
  }

  return (
    <div className="account">
      {fault && <span className="fault" role="alert">{fault}</span>}
      {email ? (
        <>
          <span className="email">{email}</span>
          <button type="button" onClick={signOut}>Çıkış / Sign out</button>
        </>
      ) : (
        <form onSubmit={signIn}>
          <input name="email" type="email" required autoComplete="username"
            placeholder="E-posta / E-mail" aria-label="E-posta / E-mail" />
          <input name="password" type="password" required autoComplete="current-password"
            placeholder="Parola / Password" aria-label="Parola / Password" />
          <button type="submit" disabled={busy}>Giriş / Sign in</button>
        </form>
      )}
    </div>
  );
}
