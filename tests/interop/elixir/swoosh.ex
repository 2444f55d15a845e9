defmodule Interop.ApiClient do
  # The HTTP client of Swoosh, which takes a module as `api_client`.
  @behaviour Swoosh.ApiClient

  def post(url, headers, body, _email) do
    with {:ok, status, text} <- Interop.http(:post, IO.iodata_to_binary(url), headers, body) do
      {:ok, status, [], text}
    end
  end
end

defmodule Interop.Swoosh do
  # Swoosh with its Resend adapter, as a Phoenix application sends emails.
  import Interop
  import Swoosh.Email

  def plain, do: new() |> from(Interop.from()) |> to(Interop.to()) |> subject("Hello") |> text_body("Hello")

  def deliver(email) do
    Swoosh.Adapters.Resend.deliver(email, api_key: key(), base_url: url())
  end

  def all_fields do
    new()
    |> from({"Ada's Bücher", Interop.from()})
    |> to(Interop.to())
    |> cc("cc@example.com")
    |> bcc("bcc@example.com")
    |> reply_to("help@mailqueue.example")
    |> subject("Ihre Bestellung ✓")
    |> html_body("<p>Danke für alles!</p>")
    |> text_body("Danke für alles!")
    |> header("X-Order", "4711")
    |> put_provider_option(:tags, [%{name: "kind", value: "order"}])
    |> deliver()
  end

  def attachments do
    plain()
    |> attachment(Swoosh.Attachment.new({:data, note()}, filename: "note.txt", content_type: "text/plain"))
    |> attachment(Swoosh.Attachment.new({:data, binary()}, filename: "data.bin"))
    |> deliver()
  end

  def inline do
    options = [filename: "logo.png", content_type: "image/png", type: :inline, cid: "logo"]

    plain()
    |> html_body(~s(<img src="cid:logo">))
    |> attachment(Swoosh.Attachment.new({:data, png()}, options))
    |> deliver()
  end

  def batch do
    emails = [plain(), to(%{plain() | to: []}, "second-#{Interop.to()}")]

    with {:ok, sent} <- Swoosh.Adapters.Resend.deliver_many(emails, api_key: key(), base_url: url()) do
      {:ok, %{ids: Enum.map(sent, & &1.id)}}
    end
  end

  def idempotency do
    keyed = put_provider_option(plain(), :idempotency_key, System.fetch_env!("INTEROP_IDEMPOTENCY_KEY"))

    with {:ok, first} <- deliver(keyed), {:ok, second} <- deliver(keyed) do
      {outcome, _} = keyed |> subject("Other") |> deliver()
      {:ok, %{first: first.id, second: second.id, third_raised: outcome == :error}}
    end
  end

  def main do
    Application.put_env(:swoosh, :api_client, Interop.ApiClient)
    Application.put_env(:swoosh, :json_library, Jason)
    headers = fn email -> Enum.reduce(mail_headers(), email, fn {name, value}, sum -> header(sum, name, value) end) end

    Interop.run(%{
      "send" => fn -> deliver(plain()) end,
      "all_fields" => &all_fields/0,
      "display_name" => fn -> deliver(from(plain(), {"Acme, Inc.", Interop.from()})) end,
      "mail_headers" => fn -> plain() |> subject("Headers") |> headers.() |> deliver() end,
      "attachment_bytes" => &attachments/0,
      "attachment_inline" => &inline/0,
      "batch" => &batch/0,
      "idempotency" => &idempotency/0,
      "bad_address" => fn -> deliver(to(%{plain() | to: []}, "nobody")) end,
      "wrong_key" => fn -> deliver(plain()) end,
      "gateway_429" => fn -> deliver(plain()) end
    })
  end
end
