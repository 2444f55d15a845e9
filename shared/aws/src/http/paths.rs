//! Spellings of a path: the normal one, and the route that a misspelt path means.
//!
//! **Invariant:** pure, and bounded by the length of the path.
//! **Start reading at** [`normalized`].

use std::borrow::Cow;

use domain::api::spelling::nearest;

/// Returns a path with single slashes, none at its end, and `/emails` for `/email`.
///
/// Clients join a base URL and a path in different ways, and SDKs for Node before 1.0 send to `/email`.
#[must_use]
pub fn normalized(path: &str) -> Cow<'_, str> {
    let is_normal = !path.contains("//") && (path == "/" || !path.ends_with('/'));
    if !path.starts_with('/') || (is_normal && path != "/email" && !path.starts_with("/email/")) {
        return Cow::Borrowed(path);
    }
    let mut normal = String::with_capacity(path.len() + 1);
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let is_alias = normal.is_empty() && segment == "email";
        normal.push('/');
        normal.push_str(if is_alias { "emails" } else { segment });
    }
    Cow::Owned(if normal.is_empty() { "/".to_owned() } else { normal })
}

/// Returns the route whose path is nearest to a path: behind a prefix such as `/v1`, or with a spelling mistake.
pub(super) fn nearest_route(templates: impl Iterator<Item = &'static str> + Clone, path: &str) -> Option<&'static str> {
    let routes = || templates.clone();
    let is_behind_a_prefix = |route: &&str| !route.contains('{') && path.ends_with(route);
    let behind_a_prefix = routes().filter(is_behind_a_prefix).max_by_key(|route| route.len());
    behind_a_prefix
        .or_else(|| misspelt_route(routes(), path))
        .or_else(|| nearest_of(routes(), path))
}

/// Returns the route that a misspelt path means, among the routes without parameters.
pub(super) fn misspelt_route(templates: impl Iterator<Item = &'static str>, path: &str) -> Option<&'static str> {
    nearest_of(templates.filter(|route| !route.contains('{')), path)
}

/// Returns the route whose spelling is nearest to a path, among the routes with as many segments as the path.
fn nearest_of(templates: impl Iterator<Item = &'static str>, path: &str) -> Option<&'static str> {
    let same_length = templates.filter(|route| route.split('/').count() == path.split('/').count());
    let candidates: Vec<_> = same_length.map(|route| (route, with_values(route, path))).collect();
    let found = nearest(path, candidates.iter().map(|(_, filled)| filled.as_str()))?;
    let (route, _) = candidates.iter().find(|(_, filled)| filled == found)?;
    Some(*route)
}

/// Returns a template with the segments of a path in place of its parameters.
fn with_values(template: &str, path: &str) -> String {
    let segments = template.split('/').zip(path.split('/'));
    let filled = segments.map(|(part, segment)| if part.starts_with('{') { segment } else { part });
    filled.collect::<Vec<_>>().join("/").to_lowercase()
}
