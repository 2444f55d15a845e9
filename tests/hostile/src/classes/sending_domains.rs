//! Names of sending domains that nobody owns, or that would write into a DNS zone.

use serde_json::json;

use crate::answer::bad;
use crate::class::{Class, Endpoint, refused};
use crate::rule::Rule;

fn name(text: &str) -> String {
    json!({ "name": text }).to_string()
}

fn return_path(text: &str) -> String {
    json!({"name": "example.com", "custom_return_path": text}).to_string()
}

pub(super) fn classes() -> Vec<Class> {
    let no_domain = || bad("name: must be a domain such as example.com");
    let good = || name("mail.example.com");
    let no_label = || bad("custom_return_path: must be one label, such as send: letters, digits and dashes");
    let classes = vec![
        refused(
            Rule::SendingDomain,
            "a second line of a zone file in a name",
            "RFC 1035, 5.1",
            name("example.com\n* IN MX 1 mx.example.org."),
            no_domain(),
            good(),
        ),
        refused(
            Rule::SendingDomain,
            "a wildcard as a sending domain",
            "RFC 4592",
            name("*.example.com"),
            no_domain(),
            good(),
        ),
        refused(
            Rule::SendingDomain,
            "an address in place of a domain",
            "RFC 5321, 4.1.2",
            name("a@example.com"),
            no_domain(),
            good(),
        ),
        refused(
            Rule::OwnDomain,
            "a public suffix",
            "Public Suffix List",
            name("co.uk"),
            bad("name: must be a domain that you own"),
            name("example.co.uk"),
        ),
        refused(
            Rule::DomainDepth,
            "a name with many labels",
            "RFC 1035, 2.3.4",
            name(&format!("{}example.com", "a.".repeat(60))),
            bad("name: has too many labels"),
            good(),
        ),
        refused(
            Rule::ReturnPath,
            "a whole host as return path",
            "RFC 1035, 2.3.4",
            return_path("send.example.org"),
            no_label(),
            return_path("send"),
        ),
        refused(
            Rule::ReturnPath,
            "a quote and a space as return path",
            "RFC 1035, 5.1",
            return_path("send\" IN"),
            no_label(),
            return_path("send"),
        ),
    ];
    let through = |class: Class| class.through(Endpoint::Domain);
    classes.into_iter().map(through).collect()
}
