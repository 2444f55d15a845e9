//! A careless page: it shows each message as if everything in it were the page's own.
//!
//! **Role:** shows that the corpus is hostile and that the browser detects its signs. Only then does the absence of
//! signs in the inbox prove anything.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::hostile::{File, Hostile, Part};

/// A document with its media type.
type Document = (String, String);
type Documents = HashMap<String, Vec<Document>>;

/// Serves every message at `/{name}`, with its documents in frames.
pub(crate) async fn serve(corpus: &[Hostile], port: u16) -> SocketAddr {
    let documents: Documents = corpus
        .iter()
        .map(|message| (message.name.to_owned(), documents(message, port)))
        .collect();
    let router = Router::new()
        .route("/{name}", get(page))
        .route("/{name}/{number}", get(document))
        .with_state(Arc::new(documents));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn page(State(all): State<Arc<Documents>>, Path(name): Path<String>) -> Html<String> {
    let count = all.get(&name).map_or(0, Vec::len);
    let frames = (0..count).map(|number| format!("<iframe width=400 height=300 src='/{name}/{number}'></iframe>"));
    Html(format!("<!doctype html>{}", frames.collect::<String>()))
}

async fn document(State(all): State<Arc<Documents>>, Path((name, number)): Path<(String, usize)>) -> Response {
    match all.get(&name).and_then(|documents| documents.get(number)) {
        Some((media_type, content)) => ([(CONTENT_TYPE, media_type.clone())], content.clone()).into_response(),
        None => ().into_response(),
    }
}

fn documents(message: &Hostile, port: u16) -> Vec<Document> {
    let armed = |text| message.armed(text, port);
    let html = |content| ("text/html".to_owned(), content);
    let placed = |text: &str| {
        html(format!(
            "<title>{text}</title><textarea>{text}</textarea><pre>{text}</pre><input value='{text}'>"
        ))
    };
    let shown = |File {
                     name,
                     media_type,
                     content,
                     ..
                 }: File| {
        vec![
            (armed(media_type), armed(content)),
            placed(&armed(name)),
            placed(&armed(media_type)),
        ]
    };
    match message.part {
        Part::Body(text) | Part::Click(text) | Part::Link(text) => {
            vec![html(armed(text)), html(read_again(&armed(text)))]
        }
        Part::Picture(text, file) => {
            let data = format!("data:{};base64,", armed(file.media_type));
            vec![html(armed(text).replace(&format!("cid:{}", file.content_id), &data))]
        }
        Part::Attachment(file) => shown(file),
        Part::Subject(_) | Part::EncodedSubject(_) => vec![placed(&message.subject(port))],
        Part::Text(text) | Part::From(text) | Part::To(text) | Part::Raw(text) => vec![placed(&armed(text))],
        Part::Header(name, value) => vec![placed(&armed(name)), placed(&armed(value))],
    }
}

/// Markup that is parsed, serialized and parsed again, as many sanitizers do.
fn read_again(markup: &str) -> String {
    // Within a script, only a character that could end it needs an escape.
    let text = serde_json::to_string(markup).unwrap().replace('<', "\\u003c");
    format!(
        "<p id=first><p id=second><script>\
        const once = document.createElement('template'); once.innerHTML = {text};\
        document.getElementById('second').innerHTML = once.innerHTML;</script>"
    )
}
