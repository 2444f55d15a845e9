//! The description of the API: `openapi.json`.

use aws::http;
use lambda_http::{Body, Response};

/// The API description from `make openapi`, compressed by `build.rs`: a cold start loads a tenth of its size.
const DESCRIPTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.zst"));

/// Upper bound of its unpacked size, in bytes.
const DESCRIPTION_MAX: usize = 1 << 20;

/// Answers with the description.
pub(crate) fn describe() -> Response<Body> {
    let unpacked = zstd::bulk::decompress(DESCRIPTION, DESCRIPTION_MAX);
    match unpacked.map(String::from_utf8) {
        Ok(Ok(text)) => http::json_response(200, text),
        Ok(Err(error)) => http::fail(&error),
        Err(error) => http::fail(&error),
    }
}
