//! Requests: any bytes, as the body of each route that takes one.

use std::time::Duration;

use domain::api::attachments::parse_upload;
use domain::api::email_view::EmailView;
use domain::api::error::ApiError;
use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::{
    BatchRequest, BatchValidation, EmailRequest, parse_batch, parse_email, parse_reschedule, parse_retry,
};
use domain::api::times::{SendOptions, TimeInput};
use domain::delivery::record::{BodyPlace, BodyRef, EmailRecord};
use domain::id::{EmailId, TenantId};
use domain::message::attachment::MediaType;
use domain::message::email::EmailContent;
use domain::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::check::{check, check_eq, violated};
use crate::generators::records::NOW;
use crate::oracle;

/// Reads the bytes as every kind of request.
pub(crate) fn run(data: &[u8]) {
    single(data);
    for validation in [BatchValidation::Strict, BatchValidation::Permissive] {
        match parse_batch(data, validation) {
            Ok(batch) => whole(&batch, validation),
            Err(error) => oracle::refused(&error, data),
        }
    }
    match parse_reschedule(data) {
        Ok(parsed) => [Some(parsed.scheduled_at), parsed.expires_at]
            .into_iter()
            .flatten()
            .for_each(time),
        Err(error) => oracle::refused(&error, data),
    }
    if let Err(error) = parse_retry(data) {
        oracle::refused(&error, data);
    }
    match parse_upload(data) {
        Ok(upload) => oracle::file(
            upload.filename.as_str(),
            upload.content_type.as_ref().map(MediaType::as_str),
        ),
        Err(error) => oracle::refused(&error, data),
    }
    if let Ok(text) = std::str::from_utf8(data) {
        header_values(text);
    }
}

/// Reads the bytes as one email, and as the only one of a batch: both give the same result.
pub(crate) fn single(data: &[u8]) -> Option<EmailRequest> {
    let alone = parse_email(data);
    // A body may begin with a byte order mark, an item of a batch may not.
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let batch: Vec<u8> = [b"[", data, b"]"].concat();
    let strict = parse_batch(&batch, BatchValidation::Strict);
    let permissive = parse_batch(&batch, BatchValidation::Permissive);
    match alone {
        Ok(request) => {
            oracle::accepted(&request.email);
            options(&request.options);
            check_shown_email(&request.email);
            check_eq!(Idempotency, request.hash(), request.hash_with(&request.email.to_body()));
            for batch in [strict, permissive] {
                let items = batch.map(|batch| batch.items.into_iter().map(|item| item.request).collect());
                check_eq!(Refusal, items, Ok(vec![request.clone()]), "a batch of one");
            }
            Some(request)
        }
        Err(error) => {
            oracle::refused(&error, data);
            if error.status() == 422 && near_no_limit(data) {
                in_a_batch(&error, strict, permissive);
            }
            None
        }
    }
}

/// Tells whether two more brackets exceed no limit.
fn near_no_limit(data: &[u8]) -> bool {
    data.len() < 4 * 1024 * 1024 - 2 && data.iter().filter(|b| matches!(b, b'[' | b'{')).count() < 120
}

fn in_a_batch(alone: &ApiError, strict: Result<BatchRequest, ApiError>, permissive: Result<BatchRequest, ApiError>) {
    let Err(strict) = strict else {
        violated!(
            Refusal,
            "a strict batch accepts an email that is refused alone: {alone}"
        );
    };
    check_eq!(Refusal, (strict.status(), strict.name()), (422, alone.name()));
    let message = alone.message();
    let placed = [format!("[0].{message}"), format!("[0]: {message}")];
    check!(
        Refusal,
        placed.iter().any(|placed| placed == strict.message()),
        "{strict} / {alone}"
    );
    let errors = permissive.map(|batch| {
        check!(
            Refusal,
            batch.items.is_empty(),
            "a permissive batch accepts an email that is refused alone"
        );
        batch
            .errors
            .into_iter()
            .map(|error| (error.index, error.message))
            .collect()
    });
    check_eq!(
        Refusal,
        errors,
        Ok(vec![(0, message.to_owned())]),
        "a permissive batch of one"
    );
}

fn whole(batch: &BatchRequest, validation: BatchValidation) {
    for item in &batch.items {
        oracle::accepted(&item.request.email);
        options(&item.request.options);
    }
    let (good, bad) = (
        batch.items.iter().map(|item| item.index),
        batch.errors.iter().map(|bad| bad.index),
    );
    let mut all: Vec<usize> = good.chain(bad).collect();
    all.sort_unstable();
    check!(Refusal, (1..=500).contains(&all.len()), "{} items", all.len());
    check!(Refusal, all.iter().copied().eq(0..all.len()), "each item once: {all:?}");
    check_eq!(Refusal, batch.validation, validation);
    check!(
        Refusal,
        validation == BatchValidation::Permissive || batch.errors.is_empty(),
        "a strict batch is whole"
    );
    check_eq!(Idempotency, batch.hash(), batch.clone().hash());
}

/// The email in an answer to `GET` can be sent again, and is the same email.
fn check_shown_email(email: &EmailContent) {
    let body = BodyRef {
        sha256: email.hash(),
        place: BodyPlace::Table,
        bytes: 1,
    };
    let now = Timestamp::from_millis(NOW);
    let record = EmailRecord::new(TenantId::main(), EmailId::from_random([7; 16]), body, 1, now);
    let view = serde_json::to_value(EmailView::new(&record, Some(email), "us-east-1", now)).unwrap_or_default();
    let mut again = json!({});
    for field in ["from", "to", "cc", "bcc", "reply_to", "subject", "html", "text", "tags"] {
        if let Some(value) = view.get(field) {
            again[field] = value.clone();
        }
    }
    // The answer has the subject as it is sent; only the stored one has the spaces at its ends.
    let stored = serde_json::from_slice::<Value>(&email.to_body()).unwrap_or_default();
    check_eq!(
        Content,
        stored["subject"].as_str().map(str::trim),
        Some(email.subject())
    );
    again["subject"] = stored["subject"].clone();
    // The answer omits the headers.
    let headers = email
        .headers()
        .iter()
        .map(|header| (header.name().to_string(), Value::from(header.value())));
    again["headers"] = Value::Object(headers.collect());
    let again = parse_email(again.to_string().as_bytes()).map(|request| request.email);
    // The answer omits the contents of files.
    let shown = email.clone().with_attachments(Vec::new());
    check_eq!(Content, again.ok(), shown.ok(), "the shown email can be sent again");
}

fn options(options: &SendOptions) {
    let now = Timestamp::from_millis(NOW);
    let fortnight = Duration::from_secs(14 * 86_400);
    let decade = Duration::from_secs(3653 * 86_400);
    if let Ok(wanted) = options.resolve(fortnight, now) {
        check!(Claims, wanted.not_before >= now, "not in the past");
        check!(Claims, wanted.expires_at > wanted.not_before, "it can be sent at all");
        check!(Claims, wanted.not_before <= now.after(decade), "within ten years");
        check!(Claims, wanted.expires_at <= now.after(decade).after(decade));
        check!(Claims, wanted.scheduled_at.is_none_or(|at| at == wanted.not_before));
        check_eq!(
            Claims,
            options.resolve_late(fortnight, now).not_before,
            wanted.not_before,
            "late by nothing"
        );
    }
    let late = options.resolve_late(fortnight, now);
    check!(Claims, late.not_before >= now, "a past time is due at once");
    for when in [options.scheduled_at, options.expires_at].into_iter().flatten() {
        time(when);
    }
}

/// A time can be shown and read again unchanged.
fn time(when: TimeInput) {
    let at = when.at(Timestamp::from_millis(NOW));
    if let TimeInput::At(given) = when {
        check_eq!(Refusal, at, given);
        check_eq!(Refusal, Timestamp::parse_rfc3339(&at.to_string()), Some(at), "{at}");
    }
}

fn header_values(text: &str) {
    match IdempotencyKey::parse(text) {
        Ok(key) => check!(
            Refusal,
            key.as_str() == text && (1..=256).contains(&text.chars().count())
        ),
        Err(error) => check_eq!(
            Refusal,
            (error.status(), error.name().as_str()),
            (400, "invalid_idempotency_key")
        ),
    }
    if let Err(error) = BatchValidation::parse(Some(text)) {
        check_eq!(Refusal, error.status(), 422);
    }
}
