# frozen_string_literal: true

# Rails' ActionMailer with the delivery method of the Ruby SDK, as a Rails application sends emails.

require_relative "driver"
require "logger"
require "action_mailer"
require "resend"
require "resend/mailer"

Resend.api_key = ENV.fetch("RESEND_API_KEY")
ActionMailer::Base.add_delivery_method(:resend, Resend::Mailer)
ActionMailer::Base.delivery_method = :resend

class ShopMailer < ActionMailer::Base
  def order(html: nil, text: "Hello", files: {}, inline: {}, **fields)
    files.each { |name, content| attachments[name] = content }
    inline.each { |name, content| attachments.inline[name] = content }
    mail({ from: FROM, to: TO, subject: "Hello" }.merge(fields)) do |format|
      format.text { render plain: text } if text
      format.html { render html: (html.respond_to?(:call) ? html.call(attachments) : html).html_safe } if html
    end
  end
end

def deliver(**fields)
  message = ShopMailer.order(**fields)
  message.deliver_now
  { id: message.message_id }
end

def all_fields
  deliver(
    from: "Ada's Bücher <#{FROM}>", cc: "cc@example.com", bcc: "bcc@example.com", reply_to: "help@mailqueue.example",
    subject: "Ihre Bestellung ✓", html: "<p>Danke für alles!</p>", text: "Danke für alles!",
    headers: { "X-Order" => "4711" }, tags: [{ name: "kind", value: "order" }]
  )
end

def idempotency
  options = { idempotency_key: ENV.fetch("INTEROP_IDEMPOTENCY_KEY") }
  first, second = Array.new(2) { deliver(options: options)[:id] }
  begin
    deliver(options: options, subject: "Other")
    raised = false
  rescue Resend::Error
    raised = true
  end
  { first: first, second: second, third_raised: raised }
end

run(
  "send" => -> { deliver },
  "all_fields" => -> { all_fields },
  "display_name" => -> { deliver(from: ShopMailer.email_address_with_name(FROM, "Acme, Inc.")) },
  "mail_headers" => lambda {
    deliver(subject: "Headers", "Message-ID" => "<interop@mailqueue.example>", date: Time.utc(2026), return_path: "bounces@mailqueue.example")
  },
  "attachment_bytes" => -> { deliver(files: { "note.txt" => NOTE, "data.bin" => BINARY }) },
  "attachment_inline" => lambda {
    deliver(text: nil, html: ->(files) { %(<img src="#{files['logo.png'].url}">) }, inline: { "logo.png" => PNG })
  },
  "idempotency" => -> { idempotency },
  "bad_address" => -> { deliver(to: "nobody") },
  "wrong_key" => -> { deliver },
  "gateway_429" => -> { deliver }
)
