//! The driver of resend-rs 0.35.1.

use resend_rs_0_35 as resend_rs;

include!("../driver.rs");
