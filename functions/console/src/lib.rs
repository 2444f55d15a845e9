//! Serves the console: a web page for people, which calls the API with a key that its user pastes.
//!
//! **Role:** answers `/console` of the HTTP API with the files of `assets/`, which `build.rs` embeds.
//! **Invariant:** the same files for everybody. The function takes no key, calls no service, and sees no data.
//! **Map:** [`assets`] has the files, [`negotiation`] reads the headers of a request, and [`headers`] writes those of
//! a response. [`settings`] reads the environment.
//! **Start reading at** [`ConsoleFunction::handle`]. Why a function of its own: docs/adr/0058.

pub mod assets;
pub mod headers;
pub mod negotiation;
pub mod settings;

use aws::http::auth::check_origin;
use aws::http::{self, endpoint};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};

use crate::assets::{Asset, find, page};
use crate::headers::{Caching, text};
use crate::settings::Settings;

/// Address of the page, without the slash at its end.
const ROOT: &str = "/console";

/// Length of a hash in an address.
const HASH_DIGITS: usize = 16;

/// The function and its settings.
#[derive(Debug, Clone)]
pub struct ConsoleFunction {
    settings: Settings,
}

impl ConsoleFunction {
    /// Creates the function.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Answers one request, and writes its line of the log.
    #[must_use]
    pub fn handle(&self, request: &Request) -> Response<Body> {
        if let Err(refusal) = check_origin(&self.settings.origins, request.headers()) {
            return endpoint::answer_anybody("none", || http::refuse(&refusal));
        }
        let target = Target::of(request.uri().path());
        endpoint::answer_anybody(target.route(), || {
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                return headers::not_allowed();
            }
            let mut response = target.response(request);
            if request.method() == Method::HEAD {
                *response.body_mut() = Body::Empty;
            }
            response
        })
    }
}

/// The meaning of a path.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// The path of the page without its slash: relative addresses of the page would miss a folder.
    Root,
    Page,
    Asset(&'static Asset),
    /// A file, or the page, of another version.
    OtherVersion {
        is_page: bool,
    },
    Unknown,
}

impl Target {
    fn of(path: &str) -> Self {
        let Some(rest) = path.strip_prefix(ROOT) else {
            return Self::Unknown;
        };
        let Some(rest) = rest.strip_prefix('/') else {
            return if rest.is_empty() { Self::Root } else { Self::Unknown };
        };
        if matches!(rest, "" | "index.html") {
            return Self::Page;
        }
        let (hash, file) = rest.split_once('/').unwrap_or((rest, ""));
        if hash == assets::HASH {
            return find(file).map_or(Self::Unknown, Self::Asset);
        }
        if hash.len() == HASH_DIGITS && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            let is_page = matches!(file, "" | "index.html");
            return Self::OtherVersion { is_page };
        }
        Self::Unknown
    }

    /// The name of the route in the log.
    fn route(self) -> &'static str {
        match self {
            Self::Root | Self::Page => "console",
            Self::Asset(_) => "console_file",
            Self::OtherVersion { .. } => "console_other_version",
            Self::Unknown => "none",
        }
    }

    fn response(self, request: &Request) -> Response<Body> {
        match self {
            Self::Root | Self::OtherVersion { is_page: true } => headers::redirect_to_page(),
            Self::Page => headers::file(page(), Caching::Page, request.headers()),
            Self::Asset(asset) => headers::file(asset, Caching::Version, request.headers()),
            Self::OtherVersion { is_page: false } => text(
                StatusCode::NOT_FOUND,
                "This file belongs to another version of the console. Reload the page /console/.\n",
            ),
            Self::Unknown => text(
                StatusCode::NOT_FOUND,
                "The console has no such file. Open the page /console/.\n",
            ),
        }
    }
}
