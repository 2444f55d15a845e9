// The official Rust SDK, which reads RESEND_BASE_URL itself.
// Both binaries include this file, each with another version as `resend_rs`.
// It runs one case and prints its result; see ../../README.md.

use std::env;

use resend_rs::list_opts::ListOptions;
use resend_rs::types::{
    AddSuppressionOptions, BatchValidation, CreateApiKeyOptions, CreateAttachment, CreateDomainOptions,
    CreateEmailBaseOptions, DomainChanges, DomainStatus, GetEmailMetricsOptions, Tag, UpdateEmailOptions,
};
use resend_rs::{Error, Resend};
use serde_json::{Value, json};

const FROM: &str = "shop@mailqueue.example";
const PNG: &[u8] = &[
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 31, 21, 196,
    137, 0, 0, 0, 13, 73, 68, 65, 84, 120, 218, 99, 100, 96, 248, 95, 15, 0, 2, 135, 1, 128, 235, 71, 186, 146, 0, 0,
    0, 0, 73, 69, 78, 68, 174, 66, 96, 130,
];

struct Driver {
    resend: Resend,
    to: String,
    id: String,
}

type Answer = Result<Value, Error>;

impl Driver {
    fn plain(&self) -> CreateEmailBaseOptions {
        email(FROM, &self.to, "Hello")
    }

    fn send(&self, email: CreateEmailBaseOptions) -> Answer {
        Ok(json!({ "id": self.resend.emails.send(email)?.id.to_string() }))
    }

    fn all_fields(&self) -> Answer {
        self.send(
            CreateEmailBaseOptions::new(
                format!("Ada's Bücher <{FROM}>"),
                [self.to.as_str()],
                "Ihre Bestellung ✓",
            )
            .with_cc("cc@example.com")
            .with_bcc("bcc@example.com")
            .with_reply("help@mailqueue.example")
            .with_html("<p>Danke für alles!</p>")
            .with_text("Danke für alles!")
            .with_header("X-Order", "4711")
            .with_tag(Tag::new("kind", "order")),
        )
    }

    fn mail_headers(&self) -> Answer {
        self.send(
            email(FROM, &self.to, "Headers")
                .with_header("Date", "Thu, 01 Jan 2026 00:00:00 +0000")
                .with_header("Message-ID", "<interop@mailqueue.example>")
                .with_header("Return-Path", "<bounces@mailqueue.example>"),
        )
    }

    fn attachment_bytes(&self) -> Answer {
        let note = CreateAttachment::from_content("Grüße\n".as_bytes().to_vec()).with_filename("note.txt");
        let data = CreateAttachment::from_content((0..=255).collect()).with_filename("data.bin");
        self.send(
            self.plain()
                .with_attachment(note.with_content_type("text/plain"))
                .with_attachment(data),
        )
    }

    fn attachment_inline(&self) -> Answer {
        let image = CreateAttachment::from_content(PNG.to_vec())
            .with_filename("logo.png")
            .with_content_type("image/png")
            .with_content_id("logo");
        self.send(self.plain().with_html("<img src=\"cid:logo\">").with_attachment(image))
    }

    fn batch(&self) -> Answer {
        let second = format!("second-{}", self.to);
        let sent = self
            .resend
            .batch
            .send(vec![self.plain(), email(FROM, &second, "Hello")])?;
        Ok(json!({ "ids": sent.iter().map(|email| email.id.to_string()).collect::<Vec<_>>() }))
    }

    fn batch_permissive(&self) -> Answer {
        let emails = vec![self.plain(), email(FROM, "nobody", "Hello")];
        let sent = self
            .resend
            .batch
            .send_with_batch_validation(emails, BatchValidation::Permissive)?;
        Ok(json!({
            "ids": sent.data.iter().map(|email| email.id.to_string()).collect::<Vec<_>>(),
            "refused": sent.errors.iter().map(|error| error.index).collect::<Vec<_>>(),
        }))
    }

    fn idempotency(&self) -> Answer {
        let key = variable("INTEROP_IDEMPOTENCY_KEY");
        let send = |email: CreateEmailBaseOptions| self.resend.emails.send(email.with_idempotency_key(&key));
        let (first, second) = (send(self.plain())?.id.to_string(), send(self.plain())?.id.to_string());
        let third = send(email(FROM, &self.to, "Other"));
        Ok(json!({ "first": first, "second": second, "third_raised": third.is_err() }))
    }

    fn list(&self) -> Answer {
        let listed = self.resend.emails.list(ListOptions::default().with_limit(100))?;
        Ok(json!({ "ids": listed.data.iter().map(|email| email.id.to_string()).collect::<Vec<_>>() }))
    }

    fn get(&self) -> Answer {
        let email = self.resend.emails.get(&self.id)?;
        Ok(json!({ "id": email.id.to_string(), "subject": email.subject }))
    }

    fn attachment_download(&self) -> Answer {
        let listed = self.resend.emails.list_attachments(&self.id, ListOptions::default())?;
        let first = listed.data.first().map(|file| file.id.to_string()).unwrap_or_default();
        let file = self.resend.emails.get_attachment(&self.id, &first)?;
        Ok(json!({ "filename": file.filename, "url": file.download_url }))
    }

    fn metrics(&self) -> Answer {
        drop(self.resend.emails.metrics(GetEmailMetricsOptions::default())?);
        Ok(json!({}))
    }

    fn update(&self) -> Answer {
        let options = UpdateEmailOptions::new().with_scheduled_at(&variable("INTEROP_TIME"));
        self.resend.emails.update(&self.id, options)?;
        Ok(json!({}))
    }

    fn cancel(&self) -> Answer {
        Ok(json!({ "id": self.resend.emails.cancel(&self.id)?.id.to_string() }))
    }

    fn suppressions(&self) -> Answer {
        let suppressions = &self.resend.suppressions;
        drop(suppressions.add(AddSuppressionOptions::new().with_email(&self.to))?);
        let got = suppressions.get(&self.to)?.email;
        let listed = suppressions.list(ListOptions::default().with_limit(100))?;
        drop(suppressions.remove(&self.to)?);
        Ok(json!({ "got": got, "listed": listed.data.iter().map(|entry| &entry.email).collect::<Vec<_>>() }))
    }

    fn api_keys(&self) -> Answer {
        let key = self.resend.api_keys.create(CreateApiKeyOptions::new("interop"))?;
        let listed = self.resend.api_keys.list(ListOptions::default())?;
        self.resend.api_keys.delete(&key.id)?;
        let listed = listed.data.iter().map(|entry| entry.id.to_string()).collect::<Vec<_>>();
        Ok(json!({ "id": key.id.to_string(), "token": key.token, "listed": listed }))
    }

    fn domains(&self) -> Answer {
        let domains = &self.resend.domains;
        let domain = domains.create(CreateDomainOptions::new(&variable("INTEROP_DOMAIN")))?;
        let listed = domains.list(ListOptions::default())?;
        let name = domains.get(&domain.id)?.name;
        drop(domains.verify(&domain.id)?);
        drop(domains.update(&domain.id, DomainChanges::new().with_open_tracking(false))?);
        drop(domains.delete(&domain.id)?);
        let listed = listed.data.iter().map(|entry| entry.id.to_string()).collect::<Vec<_>>();
        Ok(json!({ "id": domain.id.to_string(), "name": name, "records": domain.records, "listed": listed }))
    }

    fn domain_verified(&self) -> Answer {
        let listed = self.resend.domains.list(ListOptions::default())?;
        let verified = listed
            .data
            .iter()
            .filter(|domain| matches!(domain.status, DomainStatus::Verified));
        Ok(json!({ "verified": verified.map(|domain| &domain.name).collect::<Vec<_>>() }))
    }

    fn run(&self, case: &str) -> Option<Answer> {
        Some(match case {
            "send" | "wrong_key" | "gateway_429" => self.send(self.plain()),
            "all_fields" => self.all_fields(),
            "display_name" => self.send(email(&format!("Acme, Inc. <{FROM}>"), &self.to, "Hello")),
            "mail_headers" => self.mail_headers(),
            "scheduled" => self.send(self.plain().with_scheduled_at(&variable("INTEROP_TIME"))),
            "attachment_bytes" => self.attachment_bytes(),
            "attachment_inline" => self.attachment_inline(),
            "batch" => self.batch(),
            "batch_permissive" => self.batch_permissive(),
            "idempotency" => self.idempotency(),
            "list" => self.list(),
            "get" => self.get(),
            "attachment_download" => self.attachment_download(),
            "metrics" => self.metrics(),
            "update" => self.update(),
            "cancel" | "cancel_too_late" => self.cancel(),
            "suppressions" => self.suppressions(),
            "api_keys" => self.api_keys(),
            "domains" => self.domains(),
            "domain_verified" => self.domain_verified(),
            "bad_address" => self.send(email(FROM, "nobody", "Hello")),
            _ => return None,
        })
    }
}

fn email(from: &str, to: &str, subject: &str) -> CreateEmailBaseOptions {
    CreateEmailBaseOptions::new(from, [to], subject).with_text("Hello")
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn main() {
    let driver = Driver {
        resend: Resend::new(&variable("RESEND_API_KEY")),
        to: variable("INTEROP_TO"),
        id: variable("INTEROP_ID"),
    };
    let result = match driver.run(&env::args().nth(1).unwrap_or_default()) {
        None => json!({ "na": "The client has no such call." }),
        Some(Ok(answer)) => json!({ "answer": answer }),
        Some(Err(error)) => json!({ "error": error.to_string() }),
    };
    println!("{result}");
}
