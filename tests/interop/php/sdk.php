<?php
// The official PHP SDK. It reads RESEND_BASE_URL itself.

require __DIR__ . '/driver.php';
require getenv('INTEROP_SOURCES') . '/' . getenv('INTEROP_PHP_SDK') . '/src/Resend.php';

$resend = Resend::client(getenv('RESEND_API_KEY'));

function plain(array $fields = []): array
{
    return $fields + ['from' => FROM, 'to' => to(), 'subject' => 'Hello', 'text' => 'Hello'];
}

function ids(object $collection): array
{
    return array_map(fn ($item) => $item['id'], $collection->toArray()['data']);
}

$send = fn (array $fields = [], array $options = []) => $resend->emails->send(plain($fields), $options)->toArray();

run([
    'send' => $send,
    'all_fields' => fn () => $send([
        'from' => "Ada's Bücher <" . FROM . '>',
        'to' => [to()],
        'cc' => ['cc@example.com'],
        'bcc' => 'bcc@example.com',
        'reply_to' => 'help@mailqueue.example',
        'subject' => 'Ihre Bestellung ✓',
        'html' => '<p>Danke für alles!</p>',
        'text' => 'Danke für alles!',
        'headers' => ['X-Order' => '4711'],
        'tags' => [['name' => 'kind', 'value' => 'order']],
    ]),
    'display_name' => fn () => $send(['from' => 'Acme, Inc. <' . FROM . '>']),
    'mail_headers' => fn () => $send(['subject' => 'Headers', 'headers' => MAIL_HEADERS]),
    'scheduled' => fn () => $send(['scheduled_at' => getenv('INTEROP_TIME')]),
    'attachment_bytes' => fn () => throw new NotOffered('PHP has no type for bytes; the SDK takes base64.'),
    'attachment_base64' => fn () => $send(['attachments' => [
        ['filename' => 'data.bin', 'content' => base64_encode(binary())],
    ]]),
    'attachment_inline' => fn () => $send(['html' => '<img src="cid:logo">', 'attachments' => [
        ['filename' => 'logo.png', 'content' => PNG, 'content_type' => 'image/png', 'content_id' => 'logo'],
    ]]),
    'batch' => fn () => ['ids' => ids($resend->batch->send([plain(), plain(['to' => 'second-' . to()])]))],
    'batch_permissive' => function () use ($resend) {
        $options = ['batch_validation' => 'permissive'];
        $answer = $resend->batch->send([plain(), plain(['to' => 'nobody'])], $options);
        return ['ids' => ids($answer), 'refused' => array_column($answer->toArray()['errors'] ?? [], 'index')];
    },
    'idempotency' => function () use ($send) {
        $options = ['idempotency_key' => getenv('INTEROP_IDEMPOTENCY_KEY')];
        $first = $send([], $options)['id'];
        $second = $send([], $options)['id'];
        try {
            $send(['subject' => 'Other'], $options);
            $raised = false;
        } catch (Resend\Exceptions\ErrorException) {
            $raised = true;
        }
        return ['first' => $first, 'second' => $second, 'third_raised' => $raised];
    },
    'list' => fn () => ['ids' => ids($resend->emails->list(['limit' => 100]))],
    'attachment_download' => function () use ($resend) {
        $first = ids($resend->emails->attachments->list(id()))[0];
        $file = $resend->emails->attachments->get(id(), $first);
        return ['filename' => $file->filename, 'url' => $file->download_url];
    },
    'get' => fn () => $resend->emails->get(id())->toArray(),
    'update' => fn () => $resend->emails->update(id(), ['scheduled_at' => getenv('INTEROP_TIME')])->toArray(),
    'cancel' => fn () => $resend->emails->cancel(id())->toArray(),
    'suppressions' => function () use ($resend) {
        $resend->suppressions->add(['email' => to()]);
        $got = $resend->suppressions->get(to())->email;
        $listed = $resend->suppressions->list(['limit' => 100])->toArray()['data'];
        $resend->suppressions->remove(to());
        return ['got' => $got, 'listed' => array_map(fn ($entry) => $entry['email'], $listed)];
    },
    'api_keys' => function () use ($resend) {
        $key = $resend->apiKeys->create(['name' => 'interop']);
        $listed = ids($resend->apiKeys->list());
        $resend->apiKeys->remove($key->id);
        return ['id' => $key->id, 'token' => $key->token, 'listed' => $listed];
    },
    'domains' => function () use ($resend) {
        $domain = $resend->domains->create(['name' => getenv('INTEROP_DOMAIN')]);
        $listed = ids($resend->domains->list());
        $name = $resend->domains->get($domain->id)->name;
        $resend->domains->verify($domain->id);
        $resend->domains->update($domain->id, ['open_tracking' => false]);
        $resend->domains->remove($domain->id);
        return ['id' => $domain->id, 'name' => $name, 'records' => $domain->records, 'listed' => $listed];
    },
    // The only call that the WordPress plugin resend-email-wordpress makes before it lets a sender pass.
    'domain_verified' => function () use ($resend) {
        $domains = $resend->domains->list()->toArray()['data'];
        $verified = array_filter($domains, fn ($domain) => $domain['status'] === 'verified');
        return ['verified' => array_values(array_map(fn ($domain) => $domain['name'], $verified))];
    },
    'bad_address' => fn () => $send(['to' => 'nobody']),
    'wrong_key' => $send,
    'cancel_too_late' => fn () => $resend->emails->cancel(id())->toArray(),
    'gateway_429' => $send,
]);
