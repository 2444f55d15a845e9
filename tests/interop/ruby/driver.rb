# frozen_string_literal: true

# The part that all Ruby drivers share: it loads the clone, runs one case and prints its result; see ../README.md.

$LOAD_PATH.unshift("#{ENV.fetch('INTEROP_SOURCES')}/resend-ruby/lib")
require "json"

TO = ENV.fetch("INTEROP_TO")
ID = ENV.fetch("INTEROP_ID")
DOMAIN = ENV.fetch("INTEROP_DOMAIN")
FROM = "shop@mailqueue.example"
NOTE = "Grüße\n".b
BINARY = (0..255).to_a.pack("C*")
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==".unpack1("m")
MAIL_HEADERS = {
  "Date" => "Thu, 01 Jan 2026 00:00:00 +0000",
  "Message-ID" => "<interop@mailqueue.example>",
  "Return-Path" => "<bounces@mailqueue.example>"
}.freeze

class NotOffered < StandardError; end

def run(cases)
  found = cases[ARGV[0]] || raise(NotOffered, "The client has no such call.")
  puts JSON.generate(answer: found.call)
rescue NotOffered => e
  puts JSON.generate(na: e.message)
rescue StandardError => e
  puts JSON.generate(error: "#{e.class}: #{e.message}")
end
