/** The way in: person id and password, with the error at the field it belongs to. */

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api.ts";
import { useDesk } from "../desk.ts";
import { sentence, useCommand } from "../hooks.ts";
import { failureIn } from "../sessions.ts";
import { t } from "../texts.ts";
import { LanguageChoice } from "./LanguageChoice.tsx";

export function LoginPage({ ended }: { ended: boolean }) {
  const desk = useDesk();
  const command = useCommand();
  const [missing, setMissing] = useState<"person" | "password" | null>(null);
  const person = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);

  const submit = async (event: Event) => {
    event.preventDefault();
    const who = person.current?.value.trim() ?? "";
    const secret = password.current?.value ?? "";
    command.forget();
    const lacks = who === "" ? "person" : secret === "" ? "password" : null;
    setMissing(lacks);
    if (lacks) return (lacks === "person" ? person : password).current?.focus();
    if (!(await command.run(() => desk.login(who, secret)))) password.current?.focus();
  };

  const { personError, passwordError, general } = errorsOf(missing, command.error);
  return (
    <main class="login">
      <form class="card" onSubmit={submit} noValidate>
        <div class="login-top">
          <p class="brand">
            <img src="/ringside.svg" alt="" width="36" height="36" />
            {t.product}
          </p>
          <LanguageChoice />
        </div>
        <h1>{t.login.title}</h1>
        {ended && <p class="note">{t.login.ended}</p>}
        <Entry id="person" label={t.login.person} error={personError} inputRef={person} autocomplete="username" />
        <Entry
          id="password"
          label={t.login.password}
          error={passwordError}
          inputRef={password}
          autocomplete="current-password"
        />
        {general && (
          <p class="error" role="alert">
            {general}
          </p>
        )}
        <button type="submit" class="button primary wide" disabled={command.busy}>
          {command.busy ? t.login.busy : t.login.button}
        </button>
        <Provider />
      </form>
    </main>
  );
}

/** Logging in by the company's identity provider, where one is set up; and why that has just failed. */
function Provider() {
  const { api } = useDesk();
  const [name, setName] = useState<string | null>(null);
  const [failure] = useState(() => failureIn(location.hash));
  useEffect(() => {
    // The password works without this: a server that does not answer now is told of when somebody logs in.
    api.ways().then((ways) => setName(ways.oidc?.name ?? null), () => setName(null));
    if (failure) history.replaceState(null, "", location.pathname);
  }, []);
  return (
    <>
      {failure && (
        <p class="error" role="alert">
          {t.sessions.failures[failure] ?? t.errors.unknown}
        </p>
      )}
      {name !== null && (
        <>
          <p class="login-or">{t.sessions.or}</p>
          <a class="button wide" href="/api/login/oidc">
            {t.sessions.oidc(name)}
          </a>
        </>
      )}
    </>
  );
}

function errorsOf(missing: "person" | "password" | null, error: ApiError | null) {
  return {
    personError: missing === "person" ? t.login.personMissing : error?.field === "person" ? sentence(error) : "",
    passwordError:
      missing === "password"
        ? t.login.passwordMissing
        : error && error.field !== "person" && error.code === "wrong_login"
          ? t.login.wrong
          : "",
    general: error && error.field !== "person" && error.code !== "wrong_login" ? sentence(error) : "",
  };
}

interface EntryProps {
  id: "person" | "password";
  label: string;
  error: string;
  inputRef: { current: HTMLInputElement | null };
  autocomplete: "username" | "current-password";
}

function Entry({ id, label, error, inputRef, autocomplete }: EntryProps) {
  const common = {
    id,
    name: id,
    ref: inputRef,
    autocomplete,
    "aria-invalid": error !== "",
    "aria-describedby": error ? `${id}-error` : undefined,
  };
  return (
    <div class="entry">
      <label for={id}>{label}</label>
      {id === "password" ? (
        <input {...common} type="password" />
      ) : (
        <input {...common} autocapitalize="none" spellcheck={false} />
      )}
      {error && (
        <p class="error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}
