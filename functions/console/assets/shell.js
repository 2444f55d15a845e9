// The frame of the console: navigation, tenant, key, and the place of the pages.

import { h } from './kit/dom.js';
import { chooseTenant, signOut } from './kit/session.js';
import { statusLine } from './kit/status.js';
import { ago } from './kit/time.js';
import { ENTRIES } from './routes.js';

/** @typedef {import('./kit/session.js').Session} Session */
/** @typedef {import('./kit/api.js').Api} Api */

/** @type {Record<string, string>} */
const PERMISSIONS = {
  full_access: 'full access',
  read_access: 'read only',
  sending_access: 'sending only',
  deployer: 'deployer',
};

/**
 * Creates the frame.
 * @param {{session: Session, api: Api, onTenant: () => void}} options
 * @returns {{element: HTMLElement, outlet: HTMLElement, setCurrent: (first: string) => void}}
 */
export function createShell({ session, api, onTenant }) {
  const outlet = h('div', { class: 'outlet' });
  const main = h('main', { id: 'main', tabindex: '-1' }, outlet, statusLine());
  const links = ENTRIES.filter(({ needs }) => !needs || session.may(needs)).map(({ path, label }) => ({
    path,
    anchor: h('a', { href: `#/${path}` }, label),
  }));
  const nav = h(
    'nav',
    { 'aria-label': 'Pages', id: 'pages' },
    h(
      'ul',
      {},
      links.map(({ anchor }) => h('li', {}, anchor)),
    ),
  );
  const menu = h(
    'button',
    {
      type: 'button',
      class: 'button menu',
      'aria-expanded': 'false',
      'aria-controls': 'pages',
      on: { click: () => openMenu(menu.getAttribute('aria-expanded') !== 'true') },
    },
    'Menu',
  );
  const header = h(
    'header',
    { class: 'bar' },
    h('div', { class: 'bar-top' }, h('a', { class: 'brand', href: '#/now' }, 'mailqueue'), menu),
    h(
      'div',
      { class: 'bar-body' },
      nav,
      h(
        'div',
        { class: 'key' },
        session.isDeployer && tenantChooser(session, api, onTenant),
        keyFacts(session),
        h('button', { type: 'button', class: 'button', on: { click: () => signOut() } }, 'Sign out'),
      ),
    ),
  );

  /** @param {boolean} isOpen */
  function openMenu(isOpen) {
    menu.setAttribute('aria-expanded', String(isOpen));
    header.classList.toggle('bar-open', isOpen);
  }
  header.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || menu.getAttribute('aria-expanded') !== 'true') return;
    openMenu(false);
    menu.focus();
  });

  return {
    element: h('div', { class: 'shell' }, skipLink(main), header, main),
    outlet,
    setCurrent(first) {
      openMenu(false);
      for (const { path, anchor } of links) {
        if (path === first) anchor.setAttribute('aria-current', 'page');
        else anchor.removeAttribute('aria-current');
      }
    },
  };
}

/** @param {HTMLElement} main */
function skipLink(main) {
  const skip = (/** @type {Event} */ event) => {
    // The fragment of the address names the page, so it must not change.
    event.preventDefault();
    main.focus();
  };
  return h('a', { class: 'skip', href: '#main', on: { click: skip } }, 'Skip to content');
}

/** @param {Session} session */
function keyFacts(session) {
  const { key } = session.account;
  const permission = PERMISSIONS[key?.permission] ?? 'unknown permission';
  return h(
    'p',
    { class: 'key-facts' },
    h('span', { class: 'key-name' }, key?.name ?? 'API key'),
    ' ',
    h('span', { class: 'badge badge-muted' }, permission),
    key?.expires_at && h('span', { class: 'muted' }, ' Expires ', ago(key.expires_at)),
  );
}

/**
 * @param {Session} session
 * @param {Api} api
 * @param {() => void} onTenant
 */
function tenantChooser(session, api, onTenant) {
  const chosen = session.tenant ?? 'main';
  const select = h('select', { id: 'tenant' }, h('option', { value: chosen, selected: true }, chosen));
  select.addEventListener('change', () => {
    chooseTenant(select.value);
    onTenant();
  });
  void addTenants(select, api);
  // A tenant may be new since then.
  select.addEventListener('focus', () => void addTenants(select, api));
  return h('div', { class: 'field' }, h('label', { for: 'tenant' }, 'Tenant'), select);
}

/**
 * @param {HTMLSelectElement} select
 * @param {Api} api
 */
async function addTenants(select, api) {
  let tenants;
  try {
    ({ data: tenants } = await api.get('/tenants'));
  } catch {
    // The chosen tenant stays usable, and the page Tenants shows the error.
    return;
  }
  const names = ['main', ...tenants.map((/** @type {{name: string}} */ tenant) => tenant.name)].sort();
  const known = new Set([...select.options].map((option) => option.value));
  // The list may be open, so its options stay where they are.
  select.append(...names.filter((name) => !known.has(name)).map((name) => h('option', { value: name }, name)));
}
