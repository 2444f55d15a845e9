<?php
// The cases of Symfony Mime, which both Symfony and Laravel use.

use Symfony\Component\Mime\Address;
use Symfony\Component\Mime\Email;

function message(): Email
{
    return (new Email())->from(FROM)->to(to())->subject('Hello')->text('Hello');
}

function mime_cases(callable $send, array $without): array
{
    return [
        'send' => fn () => $send(message()),
        'all_fields' => fn () => $send(all_fields()) + ['without' => $without],
        'display_name' => fn () => $send(message()->from(new Address(FROM, 'Acme, Inc.'))),
        'mail_headers' => fn () => $send(mail_headers()),
        'attachment_bytes' => fn () => $send(
            message()->attach(NOTE, 'note.txt', 'text/plain')->attach(binary(), 'data.bin', 'application/octet-stream')
        ),
        'attachment_calendar' => fn () => $send(message()->attach(INVITE, 'invite.ics', 'text/calendar')),
        'attachment_inline' => fn () => $send(
            message()->html('<img src="cid:logo.png">')->embed(base64_decode(PNG), 'logo.png', 'image/png')
        ),
        'bad_address' => fn () => $send(message()->to('nobody')),
        'wrong_key' => fn () => $send(message()),
        'gateway_429' => fn () => $send(message()),
    ];
}

function all_fields(): Email
{
    $email = message()
        ->from(new Address(FROM, "Ada's Bücher"))
        ->cc('cc@example.com')
        ->bcc('bcc@example.com')
        ->replyTo('help@mailqueue.example')
        ->subject('Ihre Bestellung ✓')
        ->html('<p>Danke für alles!</p>')
        ->text('Danke für alles!');
    $email->getHeaders()->addTextHeader('X-Order', '4711');
    return $email;
}

function mail_headers(): Email
{
    $email = message()->subject('Headers')->date(new DateTimeImmutable('2026-01-01'))->sender(FROM)
        ->returnPath('bounces@mailqueue.example');
    $email->getHeaders()->addIdHeader('Message-ID', 'interop@mailqueue.example');
    return $email;
}
