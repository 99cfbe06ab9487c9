/** Sign in or create an account. */

import { t } from "../i18n.js";
import { html, useState } from "../preact.js";
import { signIn, signUp } from "../session.js";
import { useSelect } from "../store.js";
import { Field, FormError, useSubmit } from "./parts.js";

export function Auth({ onSignedIn }) {
  const [isNew, setNew] = useState(false);
  const notice = useSelect((state) => state.notice);
  return html`<main class="auth">
    <section class="auth-card">
      <header>
        <img src="icons/app.svg" alt="" width="56" height="56" />
        <h1>Chat4All</h1>
        <p>${t("app.tagline")}</p>
      </header>
      ${notice ? html`<p class="form-note" role="status">${notice}</p>` : null}
      ${isNew ? html`<${SignUp} key="up" onSignedIn=${onSignedIn} />` : html`<${SignIn} key="in" onSignedIn=${onSignedIn} />`}
      <p class="auth-switch">
        ${t(isNew ? "auth.haveAccount" : "auth.noAccount")}${" "}
        <button type="button" class="link" data-testid=${isNew ? "show-signin" : "show-signup"} onClick=${() => setNew(!isNew)}>
          ${t(isNew ? "auth.signIn" : "auth.signUp")}
        </button>
      </p>
    </section>
  </main>`;
}

function SignIn({ onSignedIn }) {
  const { error, isBusy, submit } = useSubmit();
  const onSubmit = (event) => {
    const { username, password } = event.currentTarget.elements;
    return submit(async () => {
      await signIn(username.value.trim(), password.value);
      await onSignedIn();
    })(event);
  };
  return html`<form class="form" data-testid="signin-form" aria-label=${t("auth.signIn")} onSubmit=${onSubmit}>
    <${Field} id="signin-username" name="username" label=${t("auth.username")} data-testid="signin-username"
      autocomplete="username" autocapitalize="none" spellcheck=${false} required />
    <${Field} id="signin-password" name="password" label=${t("auth.password")} type="password"
      data-testid="signin-password" autocomplete="current-password" required />
    <${FormError} error=${error} />
    <button class="primary" data-testid="signin-submit" disabled=${isBusy}>${t("auth.signIn")}</button>
  </form>`;
}

function SignUp({ onSignedIn }) {
  const { error, isBusy, submit } = useSubmit();
  const onSubmit = (event) => {
    const { username, password, displayName } = event.currentTarget.elements;
    const account = { username: username.value.trim(), password: password.value, displayName: displayName.value.trim() };
    return submit(async () => {
      await signUp(account);
      await onSignedIn();
    })(event);
  };
  return html`<form class="form" data-testid="signup-form" aria-label=${t("auth.signUp")} onSubmit=${onSubmit}>
    <${Field} id="signup-display-name" name="displayName" label="${t("auth.displayName")} (${t("auth.optional")})"
      data-testid="signup-display-name" autocomplete="name" maxlength="100" />
    <${Field} id="signup-username" name="username" label=${t("auth.username")} data-testid="signup-username"
      autocomplete="username" autocapitalize="none" spellcheck=${false} required />
    <${Field} id="signup-password" name="password" label=${t("auth.password")} type="password" minlength="8"
      hint=${t("auth.passwordHint")} data-testid="signup-password" autocomplete="new-password" required />
    <${FormError} error=${error} />
    <button class="primary" data-testid="signup-submit" disabled=${isBusy}>${t("auth.signUp")}</button>
  </form>`;
}
