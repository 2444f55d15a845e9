// Invented answers of the API, valid by openapi.json (answers.test.js). Each function makes one object, and takes
// `overrides` for its fields.

/** @typedef {Record<string, any>} Json */

/** Returns a time, `seconds` from now, as the API writes it. @param {number} [seconds] */
export const at = (seconds = 0) => new Date(Date.now() + seconds * 1000).toISOString();

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The id of number `n`, always the same. @param {number} [n] */
export const uuid = (n = 1) => `0199c0de-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

/** The id of an event of a webhook. @param {number} [n] */
export const eventId = (n = 1) => `msg_${String(n).padStart(27, '0')}`;

/** @param {Json} [overrides] */
export const emailItem = (overrides = {}) => ({
  id: uuid(1),
  to: ['ada@customer.example'],
  from: 'Shop <shop@mailqueue.example>',
  created_at: at(-10 * MINUTE),
  subject: 'Your order 1042',
  bcc: null,
  cc: null,
  reply_to: null,
  last_event: 'delivered',
  scheduled_at: null,
  status: 'sent',
  attempts: 1,
  cause: null,
  detail: null,
  advice: null,
  next_attempt_at: null,
  expires_at: at(3 * DAY),
  on_uncertain: 'hold',
  maybe_duplicate: false,
  duplicate: false,
  queue: 'default',
  sent_at: at(-9 * MINUTE),
  delivered_at: at(-8 * MINUTE),
  ses_message_id: '0102018f-ses-1',
  message_id: '<0102018f-ses-1@email.amazonses.com>',
  ...overrides,
});

/** The fields of an email that failed because its recipient is wrong. */
export const FAILED = {
  status: 'failed',
  last_event: 'failed',
  cause: 'invalid_recipient',
  detail: 'MessageRejected: Missing final ‘@domain’',
  advice: 'Correct the address and send the email again.',
  sent_at: null,
  delivered_at: null,
  ses_message_id: null,
  message_id: null,
};

/** The fields of an email that waits. */
export const WAITING = {
  status: 'queued',
  last_event: 'queued',
  attempts: 0,
  sent_at: null,
  delivered_at: null,
  ses_message_id: null,
  message_id: null,
};

/** @param {Json} [overrides] */
export const email = (overrides = {}) => ({
  object: 'email',
  ...emailItem(),
  html: '<p>Thank you, Ada.</p>',
  text: 'Thank you, Ada.',
  recipients: [{ address: 'ada@customer.example', last_event: 'delivered' }],
  attachments: [attachmentView()],
  tags: [{ name: 'kind', value: 'order' }],
  headers: [{ name: 'X-Order', value: '1042' }],
  ...overrides,
});

/** @param {Json} [overrides] */
export const attachmentView = (overrides = {}) => ({
  id: uuid(70),
  filename: 'invoice.pdf',
  content_type: 'application/pdf',
  content_disposition: 'attachment',
  content_id: null,
  size: 20480,
  ...overrides,
});

/** @param {Json} [overrides] */
export const attachment = (overrides = {}) => ({
  ...attachmentView(),
  download_url: 'https://bucket.example/invoice.pdf?signature=1',
  expires_at: at(HOUR),
  ...overrides,
});

/** The email as the deployer's key sees it. @param {Json} [overrides] */
export const emailMetadata = (overrides = {}) => ({
  object: 'email',
  id: uuid(1),
  created_at: at(-10 * MINUTE),
  last_event: 'delivered',
  scheduled_at: null,
  status: 'sent',
  attempts: 1,
  cause: null,
  advice: null,
  next_attempt_at: null,
  expires_at: at(3 * DAY),
  on_uncertain: 'hold',
  maybe_duplicate: false,
  duplicate: false,
  queue: 'default',
  sent_at: at(-9 * MINUTE),
  delivered_at: at(-8 * MINUTE),
  ses_message_id: '0102018f-ses-1',
  recipient_count: 1,
  ...overrides,
});

/** @param {Json} [overrides] */
export const event = (overrides = {}) => ({ type: 'sent', created_at: at(-9 * MINUTE), attempt: 1, ...overrides });

/** The timeline of a delivered email. */
export const events = () =>
  whole([
    event({ type: 'accepted', created_at: at(-10 * MINUTE), attempt: null }),
    event({ ses_message_id: '0102018f-ses-1' }),
    event({
      type: 'delivered',
      created_at: at(-8 * MINUTE),
      recipient: 'ada@customer.example',
      diagnostic: '250 2.0.0 OK',
    }),
  ]);

/** @param {Json} [overrides] */
export const queueCounts = (overrides = {}) => ({
  held: 0,
  queued: 3,
  retry: 1,
  scheduled: 2,
  sending: 1,
  ...overrides,
});

/** @param {Json} [overrides] */
export const queue = (overrides = {}) => ({
  object: 'queue',
  name: 'default',
  priority: 'normal',
  rate_per_second: null,
  retry_waits_seconds: null,
  default_expires_in_seconds: null,
  paused: false,
  pause_reason: null,
  paused_at: null,
  paused_until: null,
  suspended: false,
  held_keys: [],
  held_domains: [],
  lost_domains_held: false,
  purged_before: null,
  created_at: at(-30 * DAY),
  counts: queueCounts(),
  ...overrides,
});

/** @param {Json} [overrides] */
export const job = (overrides = {}) => ({ object: 'job', id: uuid(80), done: true, emails: 4, ...overrides });

/** @param {Json} [overrides] */
export const failure = (overrides = {}) => ({
  queue: 'default',
  cause: 'rejected',
  count: 4,
  advice: 'Look at the words of Amazon SES, correct the email, and retry it.',
  latest_at: at(-HOUR),
  latest_email_id: uuid(2),
  retry: { method: 'POST', path: '/queues/default/retry', body: { cause: 'rejected' } },
  ...overrides,
});

/** Two causes of failure. */
export const failures = () =>
  list([
    failure(),
    failure({
      cause: 'budget_spent',
      count: 2,
      advice: 'Amazon SES did not accept the email in time. Retry it.',
      latest_email_id: uuid(3),
      retry: { method: 'POST', path: '/queues/default/retry', body: { cause: 'budget_spent' } },
    }),
  ]);

/** The totals of all metrics of the console. */
const TOTALS = /** @type {Record<string, number>} */ ({
  accepted: 200,
  sent: 190,
  delivered: 180,
  delivery_delayed: 2,
  bounced: 6,
  bounced_permanent: 4,
  complained: 1,
  failed: 10,
  suppressed: 3,
  bounce_rate: 0.0316,
  complaint_rate: 0.0053,
});

/**
 * The answer of `GET /emails/metrics`: the metrics that the query names, by default by hour.
 * @param {Json} [overrides]
 * @param {Record<string, string>} [query]
 */
export const metrics = (overrides = {}, query = { dimensions: 'period' }) => {
  const hour = Math.floor(Date.now() / (HOUR * 1000)) * HOUR * 1000;
  const names = query['metrics']?.split(',') ?? Object.keys(TOTALS);
  const byPeriod = query['dimensions'] === 'period';
  const periods = Array.from({ length: 24 }, (_, index) => ({
    period: new Date(hour - (23 - index) * HOUR * 1000).toISOString(),
    ...Object.fromEntries(names.map((name, column) => [name, (index * 7 + column * 3) % 12])),
  }));
  return {
    object: 'metrics',
    start_date: new Date(hour - 23 * HOUR * 1000).toISOString(),
    end_date: at(),
    granularity: query['granularity'] ?? 'hourly',
    dimensions: byPeriod ? ['period'] : [],
    metrics: names,
    totals: Object.fromEntries(names.map((name) => [name, TOTALS[name] ?? 0])),
    ...(byPeriod ? { data: periods } : {}),
    failures: [{ cause: 'rejected', count: 4 }],
    cost: {
      recipients: 190,
      thousand_recipients_usd: 0.1,
      attachment_bytes: 1024,
      attachment_gigabyte_usd: 0.12,
      cost_usd: 0.019,
    },
    ...overrides,
  };
};

/** @param {Json} [overrides] */
export const breaker = (overrides = {}) => ({
  state: 'closed',
  cause: null,
  advice: null,
  next_probe_at: null,
  ...overrides,
});

/** The key of the session, in the answer of `GET /account`. @param {Json} [overrides] */
export const accountKey = (overrides = {}) => ({
  id: uuid(40),
  name: 'console',
  permission: 'full_access',
  tenant: 'shop',
  from_domains: null,
  expires_at: at(12 * HOUR),
  ...overrides,
});

/** The answer of `GET /account` for a tenant's key. @param {Json} [overrides] */
export const account = (overrides = {}) => ({
  object: 'account',
  tenant: 'shop',
  generated_at: at(),
  unfinished: queueCounts(),
  oldest_due_at: at(-2 * MINUTE),
  waiting_since: { high: null, normal: at(-2 * MINUTE), low: null },
  ses: null,
  breaker: null,
  feedback: null,
  table_throttles_last_hour: null,
  key: accountKey(),
  ...overrides,
});

/** The answer of `GET /account` for the deployer's key. @param {Json} [overrides] */
export const deployerAccount = (overrides = {}) =>
  account({
    tenant: null,
    ses: {
      sandbox: false,
      sending_enabled: true,
      rate_per_second: 14,
      daily_quota: 50000,
      sent_last_24_hours: 1200,
    },
    breaker: breaker(),
    feedback: { lag_seconds: 2, newest_event_at: at(-5) },
    table_throttles_last_hour: 0,
    key: accountKey({ id: null, name: null, permission: 'deployer', tenant: null, expires_at: null }),
    ...overrides,
  });

/** @param {Json} [overrides] */
export const webhook = (overrides = {}) => ({ object: 'webhook', ...webhookSummary(), ...overrides });

/** @param {Json} [overrides] */
export const webhookSummary = (overrides = {}) => ({
  id: uuid(50),
  endpoint: 'https://shop.example/hooks/mail',
  events: ['email.delivered', 'email.bounced'],
  delivery: 'push',
  status: 'enabled',
  state: 'ok',
  disabled_by: null,
  disables_at: null,
  expires_at: null,
  failing_since: null,
  created_at: at(-20 * DAY),
  ...overrides,
});

/** @param {Json} [overrides] */
export const webhookEventSummary = (overrides = {}) => ({
  id: eventId(1),
  type: 'email.delivered',
  status: 'success',
  created_at: at(-8 * MINUTE),
  ...overrides,
});

/** @param {Json} [overrides] */
export const webhookEvent = (overrides = {}) => ({
  object: 'webhook_event',
  id: eventId(1),
  type: 'email.delivered',
  status: 'success',
  created_at: at(-8 * MINUTE),
  next_attempt_at: null,
  payload: { type: 'email.delivered', created_at: at(-8 * MINUTE), data: { email_id: uuid(1) } },
  ...overrides,
});

/** @param {Json} [overrides] */
export const webhookAttempt = (overrides = {}) => ({
  id: `${eventId(1)}_1`,
  http_status_code: 200,
  response: 'ok',
  sent_at: at(-8 * MINUTE),
  ...overrides,
});

/** @param {Json} [overrides] */
export const domainSummary = (overrides = {}) => ({
  id: uuid(60),
  name: 'mail.shop.example',
  status: 'pending',
  verified: 'never',
  region: 'us-east-1',
  tls: 'opportunistic',
  click_tracking: false,
  open_tracking: false,
  capabilities: { sending: 'enabled', receiving: 'disabled' },
  created_at: at(-2 * DAY),
  hint: null,
  ...overrides,
});

/** @param {Json} [overrides] */
export const domainRecord = (overrides = {}) => ({
  record: 'DKIM',
  type: 'CNAME',
  name: 'abc._domainkey.mail',
  host: 'abc._domainkey.mail.shop.example',
  value: 'abc.dkim.amazonses.com',
  ttl: 'Auto',
  status: 'pending',
  dns: { status: 'missing', found: [], hint: 'The name has no CNAME record.' },
  ...overrides,
});

/** @param {Json} [overrides] */
export const domain = (overrides = {}) => ({
  object: 'domain',
  ...domainSummary(),
  records: [
    domainRecord(),
    domainRecord({
      record: 'SPF',
      type: 'MX',
      name: 'send.mail',
      host: 'send.mail.shop.example',
      value: 'feedback-smtp.us-east-1.amazonses.com',
      priority: 10,
      status: 'verified',
      dns: { status: 'found', found: ['10 feedback-smtp.us-east-1.amazonses.com'], hint: null },
    }),
  ],
  dmarc: domainRecord({
    record: 'DMARC',
    type: 'TXT',
    name: '_dmarc.mail',
    host: '_dmarc.mail.shop.example',
    value: 'v=DMARC1; p=none;',
  }),
  ...overrides,
});

/** @param {Json} [overrides] */
export const suppression = (overrides = {}) => ({
  object: 'suppression',
  id: uuid(30),
  email: 'gone@customer.example',
  origin: 'bounce',
  source_id: uuid(1),
  created_at: at(-3 * DAY),
  expires_at: null,
  ...overrides,
});

/** @param {Json} [overrides] */
export const apiKey = (overrides = {}) => ({
  object: 'api_key',
  id: uuid(20),
  name: 'shop',
  permission: 'sending_access',
  tenant: 'shop',
  from_domains: null,
  created_by: 'deployer',
  created_at: at(-9 * DAY),
  expires_at: null,
  last_used_at: at(-HOUR),
  ...overrides,
});

/** @param {Json} [overrides] */
export const tenant = (overrides = {}) => ({
  object: 'tenant',
  name: 'shop',
  from_domains: ['mailqueue.example'],
  rate: null,
  daily_cap: null,
  suspended: false,
  suspended_at: null,
  created_at: at(-40 * DAY),
  ...overrides,
});

const unused = () => ({ limit: null, used: 0 });

/** @param {Json} [overrides] */
export const usage = (overrides = {}) => ({
  object: 'usage',
  generated_at: at(),
  emails: {
    daily: { limit: null, received: 0, sent: 190, used: 190, resets_at: at(5 * HOUR) },
    monthly: { limit: null, received: 0, sent: 4100, used: 4100, resets_at: at(9 * DAY) },
  },
  rate_limit: { duration: '10000ms', limit: null },
  domains: { limit: null, used: 1 },
  contacts: unused(),
  segments: unused(),
  broadcasts: unused(),
  ai_credits: { limit: null, used: 0, next_increase_at: null },
  automation_runs: { limit: null, used: 0, resets_at: at(9 * DAY) },
  ...overrides,
});

/** A page of a list. @param {Json[]} [data] @param {Json} [more] has_more and next */
export const list = (data = [], more = {}) => ({ object: 'list', data, has_more: false, ...more });

/** The events of an email: a list without pages. @param {Json[]} [data] */
export const whole = (data = []) => ({ object: 'list', data });

/** @param {number} status @param {string} name @param {string} message @param {Record<string, string>} [headers] */
export const refusal = (status, name, message, headers = {}) => ({
  status,
  headers,
  body: { statusCode: status, name, message },
});

/** The errors of the API. */
export const errors = {
  /** @param {number} [seconds] until the next try */
  tooMany: (seconds = 1) =>
    refusal(429, 'rate_limit_exceeded', 'Too many requests. Try again later.', { 'retry-after': String(seconds) }),
  failed: () => refusal(500, 'internal_server_error', 'An internal error occurred. Try again later.'),
  overloaded: () => refusal(503, 'internal_server_error', 'The table is overloaded.', { 'retry-after': '1' }),
  missing: () => refusal(404, 'not_found', 'Not found. See /openapi.json for the available endpoints.'),
  /** @param {string} field @param {string} problem */
  invalid: (field, problem) => refusal(422, 'validation_error', `${field}: ${problem}`),
  /** @param {string} [message] */
  conflict: (message = 'It is too late: the email is sent.') => refusal(409, 'validation_error', message),
  noKey: () => refusal(401, 'missing_api_key', 'The Authorization header is missing.'),
  badKey: () => refusal(403, 'invalid_api_key', 'The API key is invalid.'),
  restricted: () => refusal(401, 'restricted_api_key', 'The API key has no permission for this request.'),
};
