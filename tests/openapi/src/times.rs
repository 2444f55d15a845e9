//! Times as they are asked for.

use domain::limits;
use schemars::JsonSchema;

/// A point in time, or a wait from now: `2026-11-24T09:30:00Z`, `in 5 minutes`.
#[derive(JsonSchema)]
#[schemars(transparent, example = "in 1 hour")]
#[expect(dead_code, reason = "it is described here and read elsewhere")]
pub(crate) struct When(#[schemars(length(min = 1, max = limits::TIME_MAX), regex(pattern = "[0-9]"))] String);
