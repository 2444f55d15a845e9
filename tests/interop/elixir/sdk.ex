defmodule Interop.Http do
  # The HTTP client of the SDK: the SDK takes another module in the option `client`.
  @behaviour Resend.Client

  def request(client, options) do
    parameters = get_in(options, [:opts, :path_params]) || []
    replace = fn {name, value}, path -> String.replace(path, ":#{name}", URI.encode_www_form(value)) end
    path = Enum.reduce(parameters, options[:url], replace)
    body = options[:body] && Jason.encode!(options[:body])
    headers = [{"authorization", "Bearer #{client.api_key}"}]

    with {:ok, status, text} <- Interop.http(options[:method], client.base_url <> path, headers, body) do
      {:ok, %{status: status, body: decoded(text)}}
    end
  end

  defp decoded(text) do
    case Jason.decode(text) do
      {:ok, value} -> value
      {:error, _} -> text
    end
  end
end

defmodule Interop.Sdk do
  # The Elixir SDK. A client is passed to each call: the configuration of an application takes only keys with re_.
  import Interop

  def client, do: Resend.client(api_key: key(), base_url: url(), client: Interop.Http)

  def plain(fields \\ %{}) do
    Map.merge(%{from: from(), to: to(), subject: "Hello", text: "Hello"}, fields)
  end

  def send_email(fields \\ %{}) do
    with {:ok, email} <- Resend.Emails.send(client(), plain(fields)), do: {:ok, %{id: email.id}}
  end

  def all_fields do
    send_email(%{
      from: "Ada's Bücher <#{from()}>",
      to: [to()],
      cc: ["cc@example.com"],
      bcc: ["bcc@example.com"],
      reply_to: "help@mailqueue.example",
      subject: "Ihre Bestellung ✓",
      html: "<p>Danke für alles!</p>",
      text: "Danke für alles!",
      headers: %{"X-Order" => "4711"},
      tags: [%{name: "kind", value: "order"}]
    })
  end

  def inline do
    image = %{filename: "logo.png", content: Base.encode64(png()), content_type: "image/png", content_id: "logo"}
    send_email(%{html: ~s(<img src="cid:logo">), attachments: [image]})
  end

  def batch do
    with {:ok, sent} <- Resend.Emails.send_batch(client(), [plain(), plain(%{to: "second-#{to()}"})]) do
      {:ok, %{ids: Enum.map(sent.data, & &1.id)}}
    end
  end

  def list do
    with {:ok, listed} <- Resend.Emails.list(client()), do: {:ok, %{ids: Enum.map(listed.data, & &1.id)}}
  end

  def get do
    with {:ok, email} <- Resend.Emails.get(client(), id()), do: {:ok, %{id: email.id, subject: email.subject}}
  end

  def update do
    time = System.fetch_env!("INTEROP_TIME")
    with {:ok, email} <- Resend.Emails.update(client(), id(), scheduled_at: time), do: {:ok, %{id: email.id}}
  end

  def cancel do
    with {:ok, email} <- Resend.Emails.cancel(client(), id()), do: {:ok, %{id: email.id}}
  end

  def api_keys do
    with {:ok, key} <- Resend.ApiKeys.create(client(), name: "interop"),
         {:ok, listed} <- Resend.ApiKeys.list(client()),
         {:ok, _} <- Resend.ApiKeys.remove(client(), key.id) do
      {:ok, %{id: key.id, token: key.token, listed: Enum.map(listed.data, & &1.id)}}
    end
  end

  def domains do
    with {:ok, domain} <- Resend.Domains.create(client(), name: System.fetch_env!("INTEROP_DOMAIN")),
         {:ok, listed} <- Resend.Domains.list(client()),
         {:ok, got} <- Resend.Domains.get(client(), domain.id),
         {:ok, _} <- Resend.Domains.verify(client(), domain.id),
         {:ok, _} <- Resend.Domains.update(client(), domain.id, open_tracking: false),
         {:ok, _} <- Resend.Domains.remove(client(), domain.id) do
      records = Enum.map(domain.records, &Map.from_struct/1)
      {:ok, %{id: domain.id, name: got.name, records: records, listed: Enum.map(listed.data, & &1.id)}}
    end
  end

  def domain_verified do
    with {:ok, listed} <- Resend.Domains.list(client()) do
      {:ok, %{verified: for(domain <- listed.data, domain.status == "verified", do: domain.name)}}
    end
  end

  def main do
    data = %{filename: "data.bin", content: Base.encode64(binary())}

    Interop.run(%{
      "send" => &send_email/0,
      "all_fields" => &all_fields/0,
      "display_name" => fn -> send_email(%{from: "Acme, Inc. <#{from()}>"}) end,
      "mail_headers" => fn -> send_email(%{subject: "Headers", headers: mail_headers()}) end,
      "scheduled" => fn -> send_email(%{scheduled_at: System.fetch_env!("INTEROP_TIME")}) end,
      "attachment_base64" => fn -> send_email(%{attachments: [data]}) end,
      "attachment_inline" => &inline/0,
      "batch" => &batch/0,
      "list" => &list/0,
      "get" => &get/0,
      "update" => &update/0,
      "cancel" => &cancel/0,
      "api_keys" => &api_keys/0,
      "domains" => &domains/0,
      "domain_verified" => &domain_verified/0,
      "bad_address" => fn -> send_email(%{to: "nobody"}) end,
      "wrong_key" => &send_email/0,
      "cancel_too_late" => &cancel/0,
      "gateway_429" => &send_email/0
    })
  end
end
