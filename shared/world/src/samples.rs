//! Emails and rows to begin a test with.

use std::time::Duration;

use domain::api_error::ApiError;
use domain::email::Email;
use domain::id::{EmailId, TenantId};
use domain::ports::EmailKey;
use domain::row::{BodyPlace, BodyRef, Due, DueKind, Row};
use domain::timestamp::Timestamp;
use domain::wire::api;

use crate::World;

/// When the sample rows are born.
pub const BORN: Timestamp = Timestamp::from_millis(1_000_000);

/// A small email, parsed as a caller's request is.
///
/// # Errors
/// Never, unless the parser is broken.
pub fn email() -> Result<Email, ApiError> {
    let body = br#"{"from":"a@example.com","to":"b@example.com","subject":"Hello","text":"Hi"}"#;
    Ok(api::parse_email(body)?.email)
}

/// The id of the `n`th sample.
#[must_use]
pub fn id(n: u8) -> EmailId {
    EmailId::from_random([n; 16])
}

/// The key of the `n`th sample.
#[must_use]
pub fn key(n: u8) -> EmailKey {
    EmailKey {
        tenant: TenantId::main(),
        id: id(n),
    }
}

/// The `n`th sample: a queued row for an email, born at [`BORN`].
#[must_use]
pub fn row(n: u8, email: &Email) -> Row {
    let body = BodyRef {
        sha256: email.hash(),
        place: BodyPlace::Table,
        bytes: 100,
    };
    Row {
        expires_at: BORN.after(Duration::from_secs(86_400)),
        due: Some(Due {
            kind: DueKind::Check,
            at: BORN,
        }),
        ..Row::new(TenantId::main(), id(n), body, 1, BORN)
    }
}

/// A world at [`BORN`] with the samples 1 to `count`, queued and due, and their contents.
///
/// # Errors
/// Never, unless the parser is broken.
pub fn world(count: u8) -> Result<World, ApiError> {
    let (world, email) = (World::default(), email()?);
    {
        let mut state = world.state();
        state.now_ms = BORN.as_millis();
        for n in 1..=count {
            state.rows.insert(key(n), row(n, &email));
            state.bodies.insert((key(n), email.hash()), email.to_body());
        }
    }
    Ok(world)
}
