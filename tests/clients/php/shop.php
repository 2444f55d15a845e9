<?php

/**
 * The calls of a PHP site: sends an order's confirmation, handles refusals, reads the status.
 *
 * Nothing but PHP itself: no Composer, no extension. Environment: MAILQUEUE_URL,
 * MAILQUEUE_API_KEY, and RECIPIENT, an address that nobody else uses. Prints {"single": id}
 * when all went well.
 */

declare(strict_types=1);

const PATIENCE_SECS = 400;

/** @return array{status: int, headers: array<string, string>, body: array<string, mixed>} */
function call(string $method, string $path, ?array $body = null, array $headers = []): array
{
    $headers += [
        'Authorization' => 'Bearer ' . getenv('MAILQUEUE_API_KEY'),
        'Content-Type' => 'application/json',
    ];
    $lines = array_map(fn ($name, $value) => "$name: $value", array_keys($headers), $headers);
    $context = stream_context_create(['http' => [
        'method' => $method,
        'header' => implode("\r\n", $lines),
        'content' => $body === null ? '' : json_encode($body, JSON_THROW_ON_ERROR),
        // A refusal also has a body, which names the fault.
        'ignore_errors' => true,
        'timeout' => 30,
    ]]);
    $text = file_get_contents(getenv('MAILQUEUE_URL') . $path, false, $context);
    if ($text === false) {
        throw new RuntimeException("$method $path: no answer");
    }
    $answer = ['status' => 0, 'headers' => [], 'body' => json_decode($text, true, 512, JSON_THROW_ON_ERROR)];
    foreach ($http_response_header as $line) {
        if (preg_match('#^HTTP/\S+ (\d+)#', $line, $match)) {
            $answer['status'] = (int) $match[1];
        } elseif (str_contains($line, ':')) {
            [$name, $value] = explode(':', $line, 2);
            $answer['headers'][strtolower($name)] = trim($value);
        }
    }
    return $answer;
}

function same(mixed $expected, mixed $found, string $what): void
{
    if ($expected !== $found) {
        throw new RuntimeException("$what: expected " . json_encode($expected) . ', found ' . json_encode($found));
    }
}

function confirmOrder(string $order, string $recipient): string
{
    $email = [
        'from' => 'Ada\'s Bücher <shop@mailqueue.example>',
        'to' => $recipient,
        'subject' => "Ihre Bestellung $order ✓",
        'html' => '<p>Danke!</p>',
        // PHP encodes an empty map as [].
        'headers' => [],
        'tags' => [['name' => 'order', 'value' => $order]],
    ];
    // A reload of the page, or a retry after a timeout, must not send it twice.
    $key = ['Idempotency-Key' => "order-$order-$recipient"];
    $first = call('POST', '/emails', $email, $key);
    same(200, $first['status'], 'the first answer');
    same(false, isset($first['headers']['idempotent-replayed']), 'a first answer is marked as replayed');

    $again = call('POST', '/emails', $email, $key);
    same($first['body']['id'], $again['body']['id'], 'the id of the reloaded page');
    same('true', $again['headers']['idempotent-replayed'] ?? null, 'the header of the reloaded page');
    return $first['body']['id'];
}

function handleRefusal(string $recipient): void
{
    $email = ['from' => 'shop@mailqueue.example', 'to' => [$recipient, "x@example.com\r\nBcc: y@example.com"], 'subject' => 'Hi', 'text' => 'Hi'];
    $answer = call('POST', '/emails', $email);
    same(422, $answer['status'], 'the status of a refusal');
    same(422, $answer['body']['statusCode'], 'the status in the body');
    same('validation_error', $answer['body']['name'], 'the name of a refusal');
    same(true, str_starts_with($answer['body']['message'], 'to[1]: '), 'the path of a refusal');
}

function waitForDelivery(string $id): void
{
    $deadline = microtime(true) + PATIENCE_SECS;
    do {
        $answer = call('GET', "/emails/$id");
        same(200, $answer['status'], "GET /emails/$id");
        if ($answer['body']['last_event'] === 'delivered') {
            return;
        }
        usleep(200_000);
    } while (microtime(true) < $deadline);
    throw new RuntimeException("$id is still {$answer['body']['last_event']}");
}

$recipient = getenv('RECIPIENT');
$id = confirmOrder('4711', $recipient);
handleRefusal($recipient);
waitForDelivery($id);
echo json_encode(['single' => $id]), "\n";
