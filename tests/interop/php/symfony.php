<?php
// Symfony's Mailer with its Resend bridge. The bridge takes a host and a port, and always asks by https.
// This driver changes the scheme alone.

require __DIR__ . '/driver.php';

use Symfony\Component\HttpClient\HttpClient;
use Symfony\Component\Mailer\Bridge\Resend\Transport\ResendApiTransport;
use Symfony\Component\Mailer\Mailer;
use Symfony\Component\Mime\Address;
use Symfony\Component\Mime\Email;
use Symfony\Contracts\HttpClient\HttpClientInterface;
use Symfony\Contracts\HttpClient\ResponseInterface;
use Symfony\Contracts\HttpClient\ResponseStreamInterface;

final class Plain implements HttpClientInterface
{
    public function __construct(private HttpClientInterface $client)
    {
    }

    public function request(string $method, string $url, array $options = []): ResponseInterface
    {
        return $this->client->request($method, preg_replace('/^https:/', 'http:', $url), $options);
    }

    public function stream($responses, ?float $timeout = null): ResponseStreamInterface
    {
        return $this->client->stream($responses, $timeout);
    }

    public function withOptions(array $options): static
    {
        return new self($this->client->withOptions($options));
    }
}

$url = parse_url(getenv('INTEROP_URL'));
$transport = new ResendApiTransport(getenv('INTEROP_KEY'), new Plain(HttpClient::create()));
$mailer = new Mailer($transport->setHost($url['host'])->setPort($url['port']));

require __DIR__ . '/mime.php';

run(mime_cases(function (Email $email) use ($mailer) {
    $mailer->send($email);
    return [];
}, without: ['tags']));
