//! The modules of the inbox's pages, and the parts that they share with the console.
//!
//! **Invariant:** the parts are the console's own files, so both show an email alike. None of them knows a key, the
//! API or the console's pages.

use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::inbox::no_file;

/// A name and its content.
type File = (&'static str, &'static str);

/// The modules of the inbox's pages, at `/inbox/<name>`.
const MODULES: &[File] = &[
    ("actions.js", include_str!("page/actions.js")),
    ("delivery.js", include_str!("page/delivery.js")),
    ("list.js", include_str!("page/list.js")),
    ("message.js", include_str!("page/message.js")),
    ("shown.js", include_str!("page/shown.js")),
];

/// A file of the console at the same path below `/console-kit/`.
macro_rules! shared {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../functions/console/assets/", $path)))),*]
    };
}

/// The shared files, at `/console-kit/<path>`.
const KIT: &[File] = shared![
    "kit/badge.js",
    "kit/copy.js",
    "kit/dom.js",
    "kit/empty.js",
    "kit/format.js",
    "kit/time.js",
    "kit/toast.js",
    "parts/attachments.js",
    "parts/content.js",
    "parts/headers.js",
    "parts/recipients.js",
    "parts/timeline.js",
    "style.css",
];

/// `GET /inbox/{name}`.
pub async fn module(Path(name): Path<String>) -> Response {
    answer(MODULES, &name)
}

/// `GET /console-kit/{path}`.
pub async fn kit(Path(path): Path<String>) -> Response {
    answer(KIT, &path)
}

fn answer(files: &[File], path: &str) -> Response {
    let Some((name, content)) = files.iter().find(|(name, _)| *name == path) else {
        return no_file();
    };
    let media_type = if name.ends_with(".css") {
        "text/css; charset=utf-8"
    } else {
        "text/javascript; charset=utf-8"
    };
    ([(CONTENT_TYPE, media_type)], *content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the path of a module that another one imports.
    fn resolved(importer: &str, imported: &str) -> String {
        let mut parts: Vec<&str> = importer.split('/').collect();
        parts.pop();
        for part in imported.split('/') {
            match part {
                "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        parts.join("/")
    }

    fn imports(content: &str) -> impl Iterator<Item = &str> {
        content.lines().filter_map(|line| {
            let (_, rest) = line.split_once(" from '").or_else(|| line.split_once("import '"))?;
            rest.split_once('\'').map(|(path, _)| path)
        })
    }

    /// One missing module, and the browser runs none.
    #[test]
    fn each_imported_module_is_served() {
        let pages = [
            ("inbox.js", include_str!("page/inbox.js")),
            ("webhooks.js", include_str!("page/webhooks.js")),
        ];
        let served = |folder: &str, files: &[File]| -> Vec<(String, &'static str)> {
            let path = |(name, content): &File| (format!("{folder}{name}"), *content);
            files.iter().map(path).collect()
        };
        let all = [
            served("", &pages),
            served("inbox/", MODULES),
            served("console-kit/", KIT),
        ]
        .concat();
        let mut seen = 0;
        for (importer, content) in &all {
            for imported in imports(content) {
                let wanted = resolved(importer, imported);
                assert!(
                    all.iter().any(|(path, _)| *path == wanted),
                    "{importer} imports {wanted}"
                );
                seen += 1;
            }
        }
        assert!(seen > 10, "{seen} imports were found");
    }

    #[test]
    fn no_module_has_a_sink_of_html_or_a_foreign_address() {
        for (path, content) in MODULES.iter().chain(KIT) {
            for part in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
            ] {
                assert!(!content.contains(part), "{path} has {part}");
            }
        }
    }
}
