//! An upstream that accepts everything and records the calls that took effect.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response, Uri};
use tokio::net::TcpListener;

/// The calls that reached it: path and body.
pub(crate) type Effects = Arc<Mutex<Vec<(String, String)>>>;

/// Starts an upstream; returns its address and its recorded calls.
pub(crate) async fn start() -> (String, Effects) {
    let effects = Effects::default();
    let memory = Arc::clone(&effects);
    let answer = move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let body = String::from_utf8_lossy(&body).into_owned();
        let number = {
            let mut memory = memory.lock().unwrap();
            memory.push((uri.to_string(), body.clone()));
            memory.len()
        };
        let host = headers.get("host").map(|host| host.to_str().unwrap().to_owned());
        Response::builder()
            .status(if body.contains("refuse") { 400 } else { 200 })
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-host", host.unwrap_or_default())
            .header("x-amz-crc32", "7")
            .body(Body::from(format!("{{\"Successful\":[],\"number\":{number}}}")))
            .unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, effects)
}
