//! The driver of resend-rs 0.31.0.

use resend_rs_0_31 as resend_rs;

include!("../driver.rs");
