<?php
// The WordPress plugin resend-email-wordpress, with the PHP SDK of its own lock file. The plugin's classes run as they
// are; this driver stands in for WordPress: its options, hooks and mail function, and the plugin's table of emails.

namespace Resend_Email_Integration {
    // The table in which the plugin keeps the emails that it has read.
    class Resend_DB
    {
        public static array $emails = [];

        public static function bulk_save_emails(array $emails): int
        {
            self::$emails = $emails;
            return count($emails);
        }

        public static function save_email(array $email): void
        {
            self::$emails[] = $email;
        }

        public static function get_email(string $id): ?array
        {
            return array_column(self::$emails, null, 'id')[$id] ?? null;
        }
    }
}

namespace {
    require __DIR__ . '/driver.php';
    require getenv('INTEROP_SOURCES') . '/' . getenv('INTEROP_PHP_SDK') . '/src/Resend.php';

    const ABSPATH = '/';
    const MINUTE_IN_SECONDS = 60;
    const OPTIONS = ['resend_from_email' => FROM, 'resend_from_name' => 'Shop'];

    // An answer of the plugin to its own page in the browser. WordPress ends the request with it, so it is no Exception:
    // the plugin would catch that.
    class Answered extends Error
    {
        public function __construct(public bool $success, public array $data)
        {
            parent::__construct($data['message'] ?? '');
        }
    }

    class WP_Error
    {
        public function __construct(public string $code, public string $message)
        {
        }
    }

    $hooks = [];

    function add_filter(string $name, callable $hook): void
    {
        global $hooks;
        $hooks[$name] = $hook;
    }

    function add_action(string $name, callable $hook): void
    {
        add_filter($name, $hook);
    }

    function get_option(string $name, mixed $default = false): mixed
    {
        return $name === 'resend_api_key' ? getenv('RESEND_API_KEY') : OPTIONS[$name] ?? $default;
    }

    function get_bloginfo(string $name): string
    {
        return 'Shop';
    }

    function get_transient(string $name): mixed
    {
        return $GLOBALS['transients'][$name] ?? false;
    }

    function set_transient(string $name, mixed $value): void
    {
        $GLOBALS['transients'][$name] = $value;
    }

    function delete_transient(string $name): void
    {
        unset($GLOBALS['transients'][$name]);
    }

    function is_email(string $address): bool
    {
        return str_contains($address, '@');
    }

    function check_ajax_referer(): void
    {
    }

    function current_user_can(): bool
    {
        return true;
    }

    function sanitize_text_field(string $text): string
    {
        return $text;
    }

    function wp_unslash(string $text): string
    {
        return $text;
    }

    function esc_html(string $text): string
    {
        return $text;
    }

    function __(string $text): string
    {
        return $text;
    }

    function _n(string $one, string $many, int $number): string
    {
        return $number === 1 ? $one : $many;
    }

    function wp_send_json_success(array $data): never
    {
        throw new Answered(true, $data);
    }

    function wp_send_json_error(array $data): never
    {
        throw new Answered(false, $data);
    }

    // WordPress asks the hook of the plugin before it sends an email itself.
    function wp_mail(array $headers = [], string $subject = 'Hello', string $message = 'Hello', array $more = []): array
    {
        $headers = [...$headers, 'Content-Type: ' . ($message === 'Hello' ? 'text/plain' : 'text/html')];
        $email = $more + compact('subject', 'message', 'headers') + ['to' => to(), 'attachments' => []];
        if ($GLOBALS['hooks']['pre_wp_mail'](null, $email) !== true) {
            throw new RuntimeException('wp_mail returned false.');
        }
        return [];
    }

    // The data that a page of the plugin gets for a click.
    function click(string $action, array $fields = []): array
    {
        $_POST = $fields;
        try {
            $GLOBALS['hooks']["wp_ajax_$action"]();
        } catch (Answered $answer) {
            return $answer->success ? $answer->data : throw new RuntimeException($answer->getMessage());
        }
        throw new LogicException('The plugin did not answer.');
    }

    foreach (['compat', 'client-helper', 'admin-settings', 'logs-page', 'mailer'] as $part) {
        require getenv('INTEROP_SOURCES') . "/resend-email-wordpress/includes/class-resend-$part.php";
    }

    use Resend_Email_Integration\Resend_Admin_Settings;
    use Resend_Email_Integration\Resend_Client_Helper;
    use Resend_Email_Integration\Resend_DB;
    use Resend_Email_Integration\Resend_Logs_Page;
    use Resend_Email_Integration\Resend_Mailer;

    $settings = new Resend_Admin_Settings();
    new Resend_Logs_Page();
    new Resend_Mailer();

    run([
        'send' => fn () => wp_mail(),
        'all_fields' => fn () => wp_mail([
            "From: Ada's Bücher <" . FROM . '>',
            'Cc: cc@example.com',
            'Bcc: bcc@example.com',
            'Reply-To: help@mailqueue.example',
        ], 'Ihre Bestellung ✓', '<p>Danke für alles!</p>') + ['without' => ['text', 'headers', 'tags']],
        'display_name' => fn () => wp_mail(['From: "Acme, Inc." <' . FROM . '>']),
        'attachment_bytes' => function () {
            $folder = sys_get_temp_dir() . '/' . to();
            mkdir($folder);
            file_put_contents("$folder/note.txt", NOTE);
            file_put_contents("$folder/data.bin", binary());
            try {
                return wp_mail(more: ['attachments' => ["$folder/note.txt", "$folder/data.bin"]]);
            } finally {
                array_map(unlink(...), glob("$folder/*"));
                rmdir($folder);
            }
        },
        // The page of the logs: the button that imports the last emails, and a click on one of them.
        'list' => function () {
            click('resend_import_emails');
            return ['ids' => array_column(Resend_DB::$emails, 'id')];
        },
        'get' => fn () => click('resend_get_email_details', ['email_id' => id()])['email'],
        // The page of the settings: the button that tests the key, and the check of a new sender.
        'domain_verified' => function () use ($settings) {
            click('resend_test_api_key', ['api_key' => getenv('RESEND_API_KEY')]);
            $checked = $settings->validate_from_email('shop@' . getenv('INTEROP_DOMAIN'));
            if ($checked instanceof WP_Error) {
                throw new RuntimeException($checked->message);
            }
            return ['verified' => Resend_Client_Helper::get_verified_domains()];
        },
        'bad_address' => fn () => wp_mail(more: ['to' => 'nobody']),
        'wrong_key' => fn () => click('resend_test_api_key', ['api_key' => getenv('RESEND_API_KEY')]),
        'gateway_429' => fn () => wp_mail(),
    ]);
}
