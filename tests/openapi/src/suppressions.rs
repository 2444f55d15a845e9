//! Addresses that get no emails.

#![expect(dead_code, reason = "the fields of requests are described here and read elsewhere")]

use aws::http::query::{LIMIT_DEFAULT, LIMIT_MAX};
use domain::api::suppressions::{AddedView, ManyView, RemovedView, SuppressionView, SuppressionsView};
use domain::delivery::suppression::Origin;
use domain::limits;
use schemars::JsonSchema;
use serde_json::json;

use crate::operation::Operation;

pub(crate) fn operations() -> Vec<Operation> {
    let one = "/suppressions/{suppression}";
    vec![
        Operation::new(
            "get",
            "/suppressions",
            "list_suppressions",
            "Lists suppressions, newest first",
        )
        .query::<SuppressionQuery>()
        .answers::<SuppressionsView>(200, "A page of the list.")
        .refuses(&[422]),
        Operation::new("post", "/suppressions", "add_suppression", "Suppresses an address")
            .details(
                "An existing suppression stays unchanged. Every sender applies the suppression within about five seconds.",
            )
            .body::<NewSuppression>(json!({"email": "ada@example.com"}))
            .answers::<AddedView>(201, "The address is suppressed.")
            .refuses(&[400, 413, 422]),
        Operation::new(
            "post",
            "/suppressions/batch/add",
            "add_suppressions",
            "Suppresses addresses",
        )
        .details("After a 5xx response, some addresses may be suppressed. The same request completes the batch.")
        .body::<NewSuppressions>(json!({"emails": ["ada@example.com"]}))
        .answers::<ManyView<AddedView>>(201, "The suppressions, in the order of the request.")
        .refuses(&[400, 413, 422]),
        Operation::new(
            "post",
            "/suppressions/batch/remove",
            "remove_suppressions",
            "Removes suppressions",
        )
        .body::<OldSuppressions>(json!({"emails": ["ada@example.com"]}))
        .answers::<ManyView<RemovedView>>(200, "The removed suppressions, in the order of the request.")
        .refuses(&[400, 413, 422]),
        Operation::new("get", one, "get_suppression", "Shows a suppression")
            .answers::<SuppressionView>(200, "The suppression.")
            .refuses(&[404]),
        Operation::new("delete", one, "remove_suppression", "Removes a suppression")
            .details("Takes effect immediately: the next email to the address is sent.")
            .answers::<RemovedView>(200, "The deletion is done.")
            .refuses(&[404, 422]),
    ]
}

/// An address without a name: `ada@example.com`.
#[derive(JsonSchema)]
#[schemars(transparent, example = "ada@example.com")]
struct Address(#[schemars(length(min = 3), regex(pattern = "@"))] String);

/// A new suppression of an address.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewSuppression {
    email: Address,
}

/// New suppressions of several addresses.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewSuppressions {
    #[schemars(length(min = 1, max = limits::SUPPRESSIONS_BATCH))]
    emails: Vec<Address>,
}

/// The suppressions to remove: by their addresses or by their ids, not both.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct OldSuppressions {
    #[schemars(length(min = 1, max = limits::SUPPRESSIONS_BATCH))]
    emails: Option<Vec<Address>>,
    #[schemars(length(min = 1, max = limits::SUPPRESSIONS_BATCH))]
    ids: Option<Vec<String>>,
}

#[derive(JsonSchema)]
struct SuppressionQuery {
    /// The maximum number of suppressions on the page.
    #[schemars(range(min = 1, max = LIMIT_MAX), extend("default" = LIMIT_DEFAULT))]
    limit: Option<u32>,
    /// The id of a suppression. The page starts after it, with older suppressions.
    #[schemars(extend("format" = "uuid"))]
    after: Option<String>,
    /// The id of a suppression. The page ends before it, with newer suppressions. Not allowed together with `after`.
    #[schemars(extend("format" = "uuid"))]
    before: Option<String>,
    /// Only suppressions of this origin.
    origin: Option<Origin>,
}
