// The sign-in page.

import { h, replace } from './kit/dom.js';
import { signIn } from './kit/session.js';

/**
 * Creates the sign-in page.
 * @param {{reason: string, onSignedIn: () => Promise<void>}} options `reason` says why the session ended, or is
 *   empty.
 * @returns {HTMLElement}
 */
export function signInPage({ reason, onSignedIn }) {
  const alert = h('div', { role: 'alert', id: 'sign-in-error', class: 'problem', hidden: !reason }, reason);
  const input = h('input', {
    id: 'api-key',
    type: 'password',
    required: true,
    autocomplete: 'off',
    spellcheck: 'false',
    autocapitalize: 'none',
    'aria-describedby': 'sign-in-error api-key-hint',
  });
  const button = h('button', { type: 'submit', class: 'button button-primary' }, 'Sign in');

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    if (button.getAttribute('aria-busy')) return;
    button.setAttribute('aria-busy', 'true');
    try {
      await signIn(input.value.trim());
      await onSignedIn();
    } catch (error) {
      replace(alert, signInProblem(error));
      alert.hidden = false;
      if (error instanceof Error && 'status' in error) input.setAttribute('aria-invalid', 'true');
      input.focus();
      input.select();
    } finally {
      button.removeAttribute('aria-busy');
    }
  }

  return h(
    'main',
    { class: 'sign-in', id: 'main' },
    h('h1', { tabindex: '-1' }, 'Sign in to mailqueue'),
    alert,
    h(
      'form',
      { class: 'card', on: { submit } },
      h(
        'div',
        { class: 'field' },
        h('label', { for: 'api-key' }, 'API key'),
        input,
        h(
          'p',
          { id: 'api-key-hint', class: 'muted' },
          'The key stays in this tab until you close it or sign out. It is in no cookie and in no address.',
        ),
      ),
      button,
    ),
    h(
      'section',
      { class: 'muted' },
      h('h2', {}, 'Without a key to paste'),
      h(
        'p',
        {},
        h('code', {}, 'make console'),
        ' opens this page with a one-time code, which is valid for 60 seconds. ',
        'The page exchanges it for a key of 12 hours.',
      ),
      h(
        'p',
        {},
        'On the local stack, ',
        h('code', {}, '.local/env'),
        ' has a key as ',
        h('code', {}, 'MAILQUEUE_API_KEY'),
        '. A key with ',
        h('code', {}, 'read_access'),
        ' sees everything and changes nothing.',
      ),
    ),
  );
}

/**
 * Returns the message for a failed sign-in.
 * @param {unknown} error
 * @returns {string}
 */
export function signInProblem(error) {
  if (!(error instanceof Error)) return String(error);
  if ('name_' in error && error.name_ === 'restricted_api_key') {
    return 'This API key may only send emails. The console needs a key that may read.';
  }
  return error.message.replace(/^Authorization: /, '');
}
