// A button that changes something: it asks, shows its call, runs it, and offers to undo it.

import { copyButton } from './copy.js';
import { curl } from './curl.js';
import { h, replace } from './dom.js';
import { createFields } from './fields.js';
import { adviceOf } from './problem.js';
import { toast } from './toast.js';

/** @typedef {import('./curl.js').Call} Call */
/** @typedef {import('./fields.js').Field} Field */
/** @typedef {import('./fields.js').Values} Values */

/**
 * - `call` describes the call at the time of the click.
 * - `confirm.typed` is a name that the reader has to type.
 * - `withFields` adds the values of the fields to the call. By default they become the body, without empty ones.
 * - `done` may return a node, which a dialog shows: for a token that is shown once.
 * - `undo` returns the call that takes the change back, or null.
 * @typedef {{
 *   label: string,
 *   call: () => Call,
 *   confirm?: {title: string, text: import('./dom.js').Child, typed?: string, label?: string, danger?: boolean},
 *   fields?: Field[],
 *   withFields?: (call: Call, values: Values) => Call,
 *   done?: (answer: any) => Node | void | Promise<void>,
 *   success?: string,
 *   undo?: (answer: any) => Call | null,
 *   undoLabel?: string,
 *   class?: string,
 * }} ActionOptions
 */

/** @type {{run: (call: Call) => Promise<any>}} */
let api;

/**
 * Sets the client that runs the calls of all buttons.
 * @param {{run: (call: Call) => Promise<any>}} given
 */
export function useApi(given) {
  api = given;
}

/**
 * Creates the button of an action.
 *
 * With `confirm` or `fields` it opens a dialog. Otherwise it runs at once, and "Call" beside it shows the call.
 * @param {ActionOptions} options
 * @returns {HTMLElement} The button, or a group of the button and "Call".
 */
export function actionButton(options) {
  const asks = Boolean(options.confirm || options.fields?.length);
  const button = h(
    'button',
    {
      type: 'button',
      class: `button ${options.confirm?.danger ? 'button-danger' : ''} ${options.class ?? ''}`.trim(),
      data: { key: `action:${options.label}` },
      'aria-haspopup': asks && 'dialog',
      on: { click: () => (asks ? openDialog(options) : runAtOnce(button, options)) },
    },
    options.label,
  );
  return asks ? button : h('span', { class: 'action' }, button, callDisclosure(options));
}

/**
 * Shows content in a dialog with a Close button.
 * @param {string} title
 * @param {import('./dom.js').Child} content
 */
export function showDialog(title, content) {
  const dialog = createDialog(title);
  const close = h('button', { type: 'button', class: 'button', on: { click: () => dialog.close() } }, 'Close');
  dialog.append(h('div', {}, content), h('div', { class: 'toolbar' }, close));
  dialog.showModal();
}

/** @param {ActionOptions} options */
function callDisclosure(options) {
  const code = h('code');
  const show = () => {
    code.textContent = curl(options.call());
  };
  return h(
    'details',
    { class: 'call', data: { key: `call:${options.label}` }, on: { toggle: show } },
    h('summary', { 'aria-label': `Call of: ${options.label}` }, 'Call'),
    h(
      'div',
      { class: 'call-body' },
      h('pre', { tabindex: '0' }, code),
      copyButton(() => curl(options.call())),
    ),
  );
}

/**
 * @param {HTMLButtonElement} button
 * @param {ActionOptions} options
 */
async function runAtOnce(button, options) {
  if (button.getAttribute('aria-busy')) return;
  button.setAttribute('aria-busy', 'true');
  try {
    const content = await finish(options, await api.run(options.call()));
    if (content) showDialog(options.label, content);
  } catch (error) {
    toast(`${messageOf(error)} ${adviceOf(error)}`.trim(), { kind: 'bad' });
  } finally {
    button.removeAttribute('aria-busy');
  }
}

/** @param {ActionOptions} options */
function openDialog(options) {
  const { confirm, label } = options;
  const dialog = createDialog(confirm?.title ?? label);
  const first = options.call();
  const fields = createFields(options.fields ?? [], () => update());
  const typed =
    confirm?.typed === undefined ? null : h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' });
  const code = h('code');
  const alert = h('div', { class: 'problem', role: 'alert', hidden: true });
  const submit = h(
    'button',
    {
      type: 'submit',
      class: `button ${confirm?.danger ? 'button-danger' : 'button-primary'}`,
    },
    confirm?.label ?? label,
  );
  const cancel = h('button', { type: 'button', class: 'button', on: { click: () => dialog.close() } }, 'Cancel');

  const described = () => withValues(options, first, fields.values());
  const update = () => {
    code.textContent = curl(described());
    submit.disabled = typed !== null && typed.value.trim() !== confirm?.typed;
  };
  typed?.addEventListener('input', update);

  const form = h(
    'form',
    {
      on: {
        submit: (event) => {
          event.preventDefault();
          void run();
        },
      },
    },
    confirm?.text && h('div', {}, confirm.text),
    fields.element,
    typed && h('label', { class: 'field' }, `Type ${confirm?.typed} to confirm`, typed),
    h(
      'details',
      { open: true, class: 'call-shown' },
      h('summary', {}, 'Call'),
      h('pre', { tabindex: '0' }, code),
      copyButton(() => curl(described())),
    ),
    alert,
    h('div', { class: 'toolbar' }, submit, cancel),
  );

  async function run() {
    if (submit.getAttribute('aria-busy')) return;
    submit.setAttribute('aria-busy', 'true');
    alert.hidden = true;
    fields.clearErrors();
    try {
      const content = await finish(options, await api.run(described()));
      if (!content) return dialog.close();
      replace(form, content, h('div', { class: 'toolbar' }, cancel));
      cancel.textContent = 'Close';
      cancel.focus();
    } catch (error) {
      const field = error instanceof Error && 'field' in error ? String(error.field) : '';
      if (fields.showError(field, messageOf(error))) return;
      replace(alert, h('p', {}, messageOf(error)), h('p', {}, adviceOf(error)));
      alert.hidden = false;
    } finally {
      submit.removeAttribute('aria-busy');
    }
  }

  update();
  dialog.append(form);
  dialog.showModal();
}

/**
 * @param {string} title
 * @returns {HTMLDialogElement}
 */
function createDialog(title) {
  const opener = document.activeElement;
  const openedAt = location.hash;
  const dialog = h('dialog', { 'aria-label': title }, h('h2', {}, title));
  const leave = () => {
    if (location.hash !== openedAt) dialog.close();
  };
  addEventListener('hashchange', leave);
  dialog.addEventListener('close', () => {
    removeEventListener('hashchange', leave);
    dialog.remove();
    returnFocus(opener);
  });
  document.body.append(dialog);
  return dialog;
}

/**
 * Returns the focus to the opener. An update of the page may have replaced it by one with the same key.
 * @param {Element | null} opener
 */
function returnFocus(opener) {
  // The browser returned it already, or another page has it.
  if (document.activeElement && document.activeElement !== document.body) return;
  if (!(opener instanceof HTMLElement) || opener === document.body) return;
  if (opener.isConnected) return opener.focus();
  const key = opener.dataset.key;
  for (const candidate of document.querySelectorAll('[data-key]')) {
    if (candidate instanceof HTMLElement && candidate.dataset.key === key) return candidate.focus();
  }
  document.querySelector('h1')?.focus();
}

/**
 * @param {ActionOptions} options
 * @param {Call} call
 * @param {Values} values
 */
function withValues(options, call, values) {
  if (!options.fields?.length) return call;
  if (options.withFields) return options.withFields(call, values);
  const given = Object.entries(values).filter(([, value]) => value !== '' && value !== null);
  return { ...call, body: Object.fromEntries(given) };
}

/**
 * Tells of a success.
 * @param {ActionOptions} options
 * @param {any} answer
 */
async function finish(options, answer) {
  const undo = options.undo?.(answer) ?? null;
  const content = await options.done?.(answer);
  if (content instanceof Node) return content;
  const action = undo && { label: options.undoLabel ?? 'Undo', run: () => takeBack(options, undo) };
  toast(options.success ?? `${options.label}: done.`, { kind: 'good', action });
  return null;
}

/**
 * @param {ActionOptions} options
 * @param {Call} undo
 */
async function takeBack(options, undo) {
  try {
    const answer = await api.run(undo);
    await options.done?.(answer);
    toast(`${options.label}: undone.`, { kind: 'good' });
  } catch (error) {
    toast(`${messageOf(error)} ${adviceOf(error)}`.trim(), { kind: 'bad' });
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
