<?php
// The part that all PHP drivers share: it loads the clones, runs one case and prints its result; see ../README.md.

const FROM = 'shop@mailqueue.example';
const NOTE = "Grüße\n";
const INVITE = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n";
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const MAIL_HEADERS = [
    'Date' => 'Thu, 01 Jan 2026 00:00:00 +0000',
    'Message-ID' => '<interop@mailqueue.example>',
    'Return-Path' => '<bounces@mailqueue.example>',
];
// The folders of the namespaces in INTEROP_SOURCES. Debian's libraries serve all other classes.
define('CLONES', [
    'Resend\\Laravel\\' => 'resend-laravel/src',
    'Resend\\' => getenv('INTEROP_PHP_SDK') . '/src',
    'Illuminate\\Support\\' => [
        'laravel-framework/src/Illuminate/Support',
        'laravel-framework/src/Illuminate/Collections',
        'laravel-framework/src/Illuminate/Conditionable',
        'laravel-framework/src/Illuminate/Macroable',
        'laravel-framework/src/Illuminate/Reflection',
    ],
    'Illuminate\\' => 'laravel-framework/src/Illuminate',
    'Symfony\\Component\\Mailer\\Bridge\\Resend\\' => 'symfony-resend-mailer',
    'Symfony\\Component\\Mailer\\' => 'symfony-mailer',
    'Symfony\\Component\\Mime\\' => 'symfony-mime',
]);

spl_autoload_register(function (string $class): void {
    $sources = getenv('INTEROP_SOURCES');
    foreach (CLONES as $prefix => $folders) {
        if (!str_starts_with($class, $prefix)) {
            continue;
        }
        $file = str_replace('\\', '/', substr($class, strlen($prefix))) . '.php';
        foreach ((array) $folders as $folder) {
            if (is_file("$sources/$folder/$file")) {
                require_once "$sources/$folder/$file";
                return;
            }
        }
    }
    $file = '/usr/share/php/' . str_replace('\\', '/', $class) . '.php';
    if (is_file($file)) {
        require_once $file;
    }
});
require_once '/usr/share/php/GuzzleHttp/autoload.php';

class NotOffered extends Exception
{
}

function to(): string
{
    return getenv('INTEROP_TO');
}

function id(): string
{
    return getenv('INTEROP_ID');
}

function binary(): string
{
    return implode(array_map(chr(...), range(0, 255)));
}

function run(array $cases): void
{
    global $argv;
    try {
        $case = $cases[$argv[1]] ?? throw new NotOffered('The client has no such call.');
        $result = ['answer' => $case()];
    } catch (NotOffered $reason) {
        $result = ['na' => $reason->getMessage()];
    } catch (Throwable $error) {
        $result = ['error' => $error::class . ': ' . $error->getMessage()];
    }
    echo json_encode($result, JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}
