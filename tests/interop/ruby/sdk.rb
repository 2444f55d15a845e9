# frozen_string_literal: true

# The official Ruby SDK. It reads RESEND_BASE_URL itself.

require_relative "driver"
require "resend"

Resend.api_key = ENV.fetch("RESEND_API_KEY")

def plain(**fields)
  { from: FROM, to: TO, subject: "Hello", text: "Hello" }.merge(fields)
end

def send_email(options: {}, **fields)
  Resend::Emails.send(plain(**fields), options: options).to_h
end

def all_fields
  send_email(
    from: "Ada's Bücher <#{FROM}>", to: [TO], cc: ["cc@example.com"], bcc: "bcc@example.com",
    reply_to: "help@mailqueue.example", subject: "Ihre Bestellung ✓", html: "<p>Danke für alles!</p>",
    text: "Danke für alles!", headers: { "X-Order" => "4711" }, tags: [{ name: "kind", value: "order" }]
  )
end

def attachment_inline
  image = { filename: "logo.png", content: PNG.bytes, content_type: "image/png", content_id: "logo" }
  send_email(html: '<img src="cid:logo">', attachments: [image])
end

def ids(answer)
  answer[:data].map { |item| item["id"] }
end

def batch_permissive
  answer = Resend::Batch.send([plain, plain(to: "nobody")], options: { batch_validation: "permissive" })
  { ids: ids(answer), refused: answer[:errors].map { |error| error["index"] } }
end

def idempotency
  options = { idempotency_key: ENV.fetch("INTEROP_IDEMPOTENCY_KEY") }
  first, second = Array.new(2) { send_email(options: options)[:id] }
  begin
    send_email(options: options, subject: "Other")
    raised = false
  rescue Resend::Error
    raised = true
  end
  { first: first, second: second, third_raised: raised }
end

def attachment_download
  first = ids(Resend::Emails::Attachments.list(email_id: ID)).first
  file = Resend::Emails::Attachments.get(id: first, email_id: ID)
  { filename: file[:filename], url: file[:download_url] }
end

def suppressions
  Resend::Suppressions.add(email: TO)
  got = Resend::Suppressions.get(TO)[:email]
  listed = Resend::Suppressions.list(limit: 100)[:data].map { |entry| entry["email"] }
  Resend::Suppressions.remove(TO)
  { got: got, listed: listed }
end

def api_keys
  key = Resend::ApiKeys.create(name: "interop")
  listed = ids(Resend::ApiKeys.list)
  Resend::ApiKeys.remove(key[:id])
  { id: key[:id], token: key[:token], listed: listed }
end

def domains
  domain = Resend::Domains.create(name: DOMAIN)
  listed = ids(Resend::Domains.list)
  name = Resend::Domains.get(domain[:id])[:name]
  Resend::Domains.verify(domain[:id])
  Resend::Domains.update(id: domain[:id], open_tracking: false)
  Resend::Domains.remove(domain[:id])
  { id: domain[:id], name: name, records: domain[:records], listed: listed }
end

def domain_verified
  verified = Resend::Domains.list[:data].select { |domain| domain["status"] == "verified" }
  { verified: verified.map { |domain| domain["name"] } }
end

run(
  "send" => -> { send_email },
  "all_fields" => -> { all_fields },
  "display_name" => -> { send_email(from: "Acme, Inc. <#{FROM}>") },
  "mail_headers" => -> { send_email(subject: "Headers", headers: MAIL_HEADERS) },
  "scheduled" => -> { send_email(scheduled_at: ENV.fetch("INTEROP_TIME")) },
  "attachment_bytes" => lambda {
    send_email(attachments: [{ filename: "note.txt", content: NOTE.bytes }, { filename: "data.bin", content: BINARY.bytes }])
  },
  "attachment_base64" => -> { send_email(attachments: [{ filename: "data.bin", content: [BINARY].pack("m0") }]) },
  "attachment_inline" => -> { attachment_inline },
  "batch" => -> { { ids: ids(Resend::Batch.send([plain, plain(to: "second-#{TO}")])) } },
  "batch_permissive" => -> { batch_permissive },
  "idempotency" => -> { idempotency },
  "list" => -> { { ids: ids(Resend::Emails.list(limit: 100)) } },
  "get" => -> { Resend::Emails.get(ID).to_h },
  "attachment_download" => -> { attachment_download },
  "update" => -> { Resend::Emails.update(email_id: ID, scheduled_at: ENV.fetch("INTEROP_TIME")).to_h },
  "cancel" => -> { Resend::Emails.cancel(ID).to_h },
  "suppressions" => -> { suppressions },
  "api_keys" => -> { api_keys },
  "domains" => -> { domains },
  "domain_verified" => -> { domain_verified },
  "bad_address" => -> { send_email(to: "nobody") },
  "wrong_key" => -> { send_email },
  "cancel_too_late" => -> { Resend::Emails.cancel(ID).to_h },
  "gateway_429" => -> { send_email }
)
