<?php
// Laravel's Mailer, as a Laravel application sends emails. INTEROP_TRANSPORT is the class of the transport: Laravel's
// own one, or the one of the package resend-laravel.

require __DIR__ . '/driver.php';

use Illuminate\Contracts\View\Factory;
use Illuminate\Mail\Mailer;
use Illuminate\Mail\Message;
use Illuminate\Support\HtmlString;
use Symfony\Component\Mailer\Header\MetadataHeader;

require getenv('INTEROP_SOURCES') . '/' . getenv('INTEROP_PHP_SDK') . '/src/Resend.php';
require getenv('INTEROP_SOURCES') . '/laravel-framework/src/Illuminate/Support/functions.php';
require getenv('INTEROP_SOURCES') . '/laravel-framework/src/Illuminate/Support/helpers.php';
require getenv('INTEROP_SOURCES') . '/laravel-framework/src/Illuminate/Collections/functions.php';
require getenv('INTEROP_SOURCES') . '/laravel-framework/src/Illuminate/Collections/helpers.php';

// The emails here need no template.
final class NoViews implements Factory
{
    public function exists($view): bool
    {
        return false;
    }

    public function file($path, $data = [], $mergeData = [])
    {
        throw new LogicException('There are no views.');
    }

    public function make($view, $data = [], $mergeData = [])
    {
        throw new LogicException('There are no views.');
    }

    public function share($key, $value = null)
    {
    }

    public function composer($views, $callback): array
    {
        return [];
    }

    public function creator($views, $callback): array
    {
        return [];
    }

    public function addNamespace($namespace, $hints)
    {
        return $this;
    }

    public function replaceNamespace($namespace, $hints)
    {
        return $this;
    }
}

define('PACKAGE', str_starts_with(getenv('INTEROP_TRANSPORT'), 'Resend'));

$class = getenv('INTEROP_TRANSPORT');
$transport = new $class(Resend::client(getenv('RESEND_API_KEY')));
$mailer = new Mailer('resend', new NoViews(), $transport);

$send = function (?callable $change = null, string $text = 'Hello', ?string $html = null) use ($mailer): array {
    $parts = ['raw' => $text] + ($html === null ? [] : ['html' => new HtmlString($html)]);
    $sent = $mailer->send($parts, [], function (Message $message) use ($change) {
        $message->from(FROM)->to(to())->subject('Hello');
        if ($change) {
            $change($message);
        }
    });
    return ['id' => $sent->getOriginalMessage()->getHeaders()->get('X-Resend-Email-ID')?->getBodyAsString()];
};

run([
    'send' => $send,
    'all_fields' => fn () => $send(function (Message $message) {
        $message->from(FROM, "Ada's Bücher")->cc('cc@example.com')->bcc('bcc@example.com')
            ->replyTo('help@mailqueue.example')->subject('Ihre Bestellung ✓');
        $message->getHeaders()->addTextHeader('X-Order', '4711')->add(new MetadataHeader('kind', 'order'));
    }, 'Danke für alles!', '<p>Danke für alles!</p>') + ['without' => PACKAGE ? [] : ['tags']],
    'display_name' => fn () => $send(fn (Message $message) => $message->from(FROM, 'Acme, Inc.')),
    'mail_headers' => fn () => $send(function (Message $message) {
        $message->subject('Headers')->returnPath('bounces@mailqueue.example');
        $message->date(new DateTimeImmutable('2026-01-01'));
        $message->getHeaders()->addIdHeader('Message-ID', 'interop@mailqueue.example');
    }),
    'attachment_bytes' => fn () => $send(fn (Message $message) => $message
        ->attachData(NOTE, 'note.txt', ['mime' => 'text/plain'])
        ->attachData(binary(), 'data.bin', ['mime' => 'application/octet-stream'])),
    'attachment_calendar' => fn () => $send(fn (Message $message) => $message
        ->attachData(INVITE, 'invite.ics', ['mime' => 'text/calendar'])),
    'attachment_inline' => fn () => $send(
        fn (Message $message) => $message->html(
            '<img src="' . $message->embedData(base64_decode(PNG), 'logo.png', 'image/png') . '">'
        )
    ),
    'idempotency' => function () use ($send) {
        PACKAGE || throw new NotOffered('The transport has no idempotency key.');
        $keyed = fn (string $subject) => fn (Message $message) => $message->subject($subject)
            ->getHeaders()->addTextHeader('Resend-Idempotency-Key', getenv('INTEROP_IDEMPOTENCY_KEY'));
        $first = $send($keyed('Hello'))['id'];
        $second = $send($keyed('Hello'))['id'];
        try {
            $send($keyed('Other'));
            $raised = false;
        } catch (Symfony\Component\Mailer\Exception\TransportException) {
            $raised = true;
        }
        return ['first' => $first, 'second' => $second, 'third_raised' => $raised];
    },
    'bad_address' => fn () => $send(fn (Message $message) => $message->to('nobody', null, true)),
    'wrong_key' => $send,
    'gateway_429' => $send,
]);
