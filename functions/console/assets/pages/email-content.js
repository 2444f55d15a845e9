// The content of an email: HTML in a sandboxed frame, plain text, and downloads of the attachments.
//
// The frame's address and the downloads need no key and are valid for a short time. So they are requested on demand,
// and again when they have expired.

import { actionButton } from '../kit/action.js';
import { h, replace } from '../kit/dom.js';
import { time } from '../kit/time.js';
import { attachments } from '../parts/attachments.js';
import { contentFrame } from '../parts/content.js';

/** @param {{expires_at: string} | null} address */
function isValid(address) {
  return address !== null && Date.parse(address.expires_at) > Date.now();
}

/**
 * The HTML. The frame stays until the reader hides it; showing it again asks for a new address if the old one has
 * expired.
 *
 * @param {import('../kit/router.js').Context['api']} api
 * @param {any} email
 */
function html(api, email) {
  const frame = h('div');
  const bar = h('div', { class: 'toolbar' });
  /** @type {{url: string, expires_at: string} | null} */
  let address = null;
  /** @param {string} label  @param {() => void} click */
  const button = (label, click) =>
    h('button', { class: 'button', type: 'button', data: { key: 'content' }, on: { click } }, label);

  /** @param {any} answer */
  function show(answer) {
    address = answer;
    // The policy allows frames of this origin only, and the API may name the same host in another way.
    const { pathname } = new URL(answer.url, location.href);
    replace(frame, contentFrame(pathname, `Content of ${email.subject || 'the email'}`));
    replace(bar, button('Hide content', hide));
  }

  function hide() {
    replace(frame);
    replace(bar, isValid(address) ? button('Show content', again) : request());
  }

  function again() {
    if (isValid(address)) show(address);
    else hide();
  }

  const request = () =>
    actionButton({
      label: 'Show content',
      call: () => api.call('POST', `/emails/${email.id}/preview`, {}),
      success: 'The content is shown.',
      done: show,
    });

  replace(bar, request());
  return h('div', {}, bar, frame);
}

/**
 * The attachments. Their addresses are requested on demand, because the API copies each file for its address.
 *
 * @param {import('../kit/router.js').Context['api']} api
 * @param {any} email
 */
function files(api, email) {
  const list = h(
    'div',
    {},
    attachments(email.attachments, () => null),
  );
  const note = h('p', { class: 'muted', role: 'status' });
  const button = actionButton({
    label: 'Get download links',
    call: () => api.call('GET', `/emails/${email.id}/attachments`, { query: { limit: 100 } }),
    success: 'The links are ready.',
    done: (answer) => {
      replace(
        list,
        attachments(answer.data, (/** @type {any} */ file) => file.download_url),
      );
      replace(note, 'The links need no key. They are valid until ', time(answer.data[0].expires_at), '.');
    },
  });
  return h('section', { class: 'card' }, h('h2', {}, 'Attachments'), list, button, note);
}

/**
 * @param {import('../kit/router.js').Context} context
 * @param {any} email
 * @returns {any[]}
 */
export function content({ api, session }, email) {
  const heading = h('h2', {}, 'Content');
  if (!session.may('read_content') || email.recipients === undefined) {
    return [h('section', { class: 'card' }, heading, h('p', {}, 'Your key may not read the content of emails.'))];
  }
  if (email.html === null && email.text === null) {
    const gone = 'The content is deleted. Its retention has ended, or the email was erased.';
    return [h('section', { class: 'card' }, heading, h('p', {}, gone))];
  }
  const plain = h(
    'details',
    { open: email.html === null },
    h('summary', {}, 'Plain text'),
    h('pre', { class: 'mono' }, email.text),
  );
  return [
    h(
      'section',
      { class: 'card' },
      heading,
      email.html === null ? null : html(api, email),
      email.text === null ? h('p', { class: 'muted' }, 'The email has no plain text of its own.') : plain,
    ),
    email.attachments?.length ? files(api, email) : null,
  ];
}
