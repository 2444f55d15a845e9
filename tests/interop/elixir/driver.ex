defmodule Interop do
  # The part that both Elixir drivers share: it runs one case and prints its result; see ../README.md.
  # Erlang's own HTTP client replaces the libraries Req and Finch, which come from Hex.

  def from, do: "shop@mailqueue.example"
  def to, do: System.fetch_env!("INTEROP_TO")
  def id, do: System.fetch_env!("INTEROP_ID")
  def key, do: System.fetch_env!("INTEROP_KEY")
  def url, do: System.fetch_env!("INTEROP_URL")
  def note, do: "Grüße\n"
  def binary, do: for(byte <- 0..255, into: <<>>, do: <<byte>>)

  def png do
    Base.decode64!(
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    )
  end

  def mail_headers do
    %{
      "Date" => "Thu, 01 Jan 2026 00:00:00 +0000",
      "Message-ID" => "<interop@mailqueue.example>",
      "Return-Path" => "<bounces@mailqueue.example>"
    }
  end

  # {status, body as text} of an HTTP request.
  def http(method, url, headers, body) do
    {:ok, _} = Application.ensure_all_started(:inets)
    headers = for {name, value} <- headers, do: {to_charlist(name), to_charlist(value)}

    request =
      if body, do: {to_charlist(url), headers, 'application/json', body}, else: {to_charlist(url), headers}

    case :httpc.request(method, request, [timeout: 30_000], body_format: :binary) do
      {:ok, {{_, status, _}, _, text}} -> {:ok, status, text}
      {:error, reason} -> {:error, reason}
    end
  end

  def run(cases) do
    result =
      case Map.fetch(cases, hd(System.argv())) do
        :error ->
          %{na: "The client has no such call."}

        {:ok, selected} ->
          case selected.() do
            {:ok, answer} -> %{answer: answer}
            {:error, error} -> %{error: inspect(error)}
          end
      end

    IO.puts(Jason.encode!(result))
  end
end
