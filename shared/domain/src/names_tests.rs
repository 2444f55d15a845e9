//! Each name is the same in JSON, in logs and in query strings.

use std::fmt::Debug;
use std::str::FromStr;

use serde::Serialize;
use strum::VariantArray;

use crate::api::error::ErrorName;
use crate::api::webhook_api::Only;
use crate::delivery::cause::Cause;
use crate::delivery::email_status::EmailStatus;
use crate::delivery::record::Priority;
use crate::delivery::suppression::Origin;
use crate::tenant::domains::Verification;
use crate::tenant::domains::identity::IdentityStatus;
use crate::tenant::key::Permission;
use crate::webhook::delivery::DeliveryState;
use crate::webhook::event_type::EventType;

fn check<T>()
where
    T: VariantArray + Copy + Debug + PartialEq + Serialize + FromStr + Into<&'static str>,
{
    for &value in T::VARIANTS {
        let name: &str = value.into();
        assert_eq!(serde_json::to_value(value).unwrap(), name);
        assert_eq!(name.parse().ok(), Some(value), "{name}");
        for bad in [name.to_uppercase(), format!("{name} ")] {
            assert!(bad.parse::<T>().is_err(), "{bad}");
        }
    }
    assert!("".parse::<T>().is_err());
}

#[test]
fn a_value_has_one_name_everywhere() {
    check::<Cause>();
    check::<EmailStatus>();
    check::<ErrorName>();
    check::<IdentityStatus>();
    check::<Origin>();
    check::<Permission>();
    check::<Priority>();
    check::<Verification>();
    check::<EventType>();
    check::<DeliveryState>();
    check::<Only>();
}
