//! Lists with too many entries.

use serde_json::json;

use crate::answer::{bad, bad_file};
use crate::class::{Class, Endpoint, carried, refused};
use crate::request::{addresses, with};
use crate::rule::Rule;

pub(super) fn classes() -> Vec<Class> {
    let quota = "Amazon SES, service quotas";
    let headers = |count: usize| {
        let headers = (0..count).map(|at| (format!("X-{at}"), json!("v")));
        with(json!({"headers": headers.collect::<serde_json::Map<_, _>>()}))
    };
    let tags = |count: usize| {
        let tags = (0..count).map(|at| json!({"name": format!("t{at}"), "value": "v"}));
        with(json!({"tags": tags.collect::<Vec<_>>()}))
    };
    let files = |count: usize| {
        let upload = json!({"id": "01010101-0101-4101-8101-010101010101"});
        with(json!({"attachments": vec![upload; count]}))
    };
    let uploads = |counts: &[usize]| {
        let email = |count: &usize| {
            let upload = json!({"id": "01010101-0101-4101-8101-010101010101"});
            let email = with(json!({"attachments": vec![upload; *count]}));
            String::from_utf8(email).unwrap_or_default()
        };
        format!("[{}]", counts.iter().map(email).collect::<Vec<_>>().join(","))
    };
    vec![
        refused(
            Rule::ListLength,
            "51 addresses in cc",
            quota,
            with(json!({"cc": addresses(51)})),
            bad("cc: has 51 entries; at most 50 are allowed"),
            with(json!({"cc": addresses(49)})),
        ),
        refused(
            Rule::ListLength,
            "100,000 addresses",
            "GHSA-2x7j-588g-ccc2 (nodemailer)",
            with(json!({"to": vec!["a@b.co"; 100_000]})),
            bad("to: has 100000 entries; at most 50 are allowed"),
            with(json!({"to": addresses(50)})),
        ),
        refused(
            Rule::ListLength,
            "51 reply-to addresses",
            "CWE-770",
            with(json!({"reply_to": addresses(51)})),
            bad("reply_to: has 51 entries; at most 50 are allowed"),
            with(json!({"reply_to": addresses(50)})),
        ),
        refused(
            Rule::Recipients,
            "51 recipients in three fields",
            quota,
            with(json!({"to": addresses(30), "cc": addresses(15), "bcc": addresses(6)})),
            bad("to: to, cc and bcc have 51 recipients together"),
            with(json!({"to": addresses(30), "cc": addresses(15), "bcc": addresses(5)})),
        ),
        refused(
            Rule::HeadersCount,
            "15 headers",
            "Amazon SES API, Message.Headers",
            headers(15),
            bad("headers: has 15 entries; at most 14 are allowed"),
            headers(14),
        ),
        refused(
            Rule::TagsCount,
            "47 tags",
            "Amazon SES, event publishing",
            tags(47),
            bad("tags: has 47 entries; at most 46 are allowed"),
            tags(46),
        ),
        refused(
            Rule::FilesCount,
            "51 files",
            "CWE-770",
            files(51),
            bad_file("attachments: has 51 entries; at most 50 are allowed"),
            files(50),
        ),
        refused(
            Rule::BatchUploads,
            "a batch with 1,001 uploads",
            "CWE-770",
            uploads(&[50; 21]),
            bad_file("[20].attachments: the emails up to this one have 1050 attachments by id"),
            uploads(&[50; 20]),
        )
        .through(Endpoint::Batch),
        carried(
            Rule::Recipients,
            "the same recipient 50 times",
            quota,
            with(json!({"to": vec!["a@example.com"; 50]})),
        ),
    ]
}
