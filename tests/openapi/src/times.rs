//! Times as they are asked for.

use domain::limits;
use schemars::JsonSchema;

/// A point in time, a wait from now, or a day and a time: `2026-11-24T09:30:00Z`, `in 5 minutes`, `Friday at 3pm ET`.
#[derive(JsonSchema)]
#[schemars(transparent, example = "in 1 hour")]
#[expect(dead_code, reason = "it is described here and read elsewhere")]
pub(crate) struct When(#[schemars(length(min = 1, max = limits::TIME_MAX))] String);
