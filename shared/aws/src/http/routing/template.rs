//! The template of a route's path, such as `/emails/{id}`, and the values of its parameters in a path.
//!
//! **Role:** called by [`super::find`].
//! **Invariant:** pure. A path is compared literally except for the parameters.
//! **Start reading at** [`values`].

/// Values of the parameters in a path.
pub trait Parameters: Default + Send {
    /// Reads the parameter `{name}`; `None` if the segment cannot be its value.
    #[must_use]
    fn read(&mut self, name: &str, segment: &str) -> Option<()>;

    /// Returns the sentence about a path of this template with a segment that cannot be the value of the parameter
    /// `{name}`.
    #[must_use]
    fn unreadable(template: &str, name: &str) -> Option<&'static str>;

    /// Returns the object of the request for the audit log; never data that identifies a recipient.
    fn object(&self) -> Option<String>;
}

/// A function without parameters in its paths.
impl Parameters for () {
    fn read(&mut self, _: &str, _: &str) -> Option<()> {
        None
    }

    fn unreadable(_: &str, _: &str) -> Option<&'static str> {
        None
    }

    fn object(&self) -> Option<String> {
        None
    }
}

/// Returns the first parameter of a template whose segment cannot be its value.
pub(super) fn first_unreadable<T: Parameters>(template: &'static str, path: &str) -> Option<&'static str> {
    let segments = template.split('/').map(parameter).zip(path.split('/'));
    let mut parameters = segments.filter_map(|(name, segment)| Some((name?, segment)));
    let unreadable = parameters.find(|(name, segment)| T::default().read(name, segment).is_none());
    unreadable.map(|(name, _)| name)
}

/// Returns the name of the parameter that a part of a template stands for.
fn parameter(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

/// Parameters that take every value.
#[derive(Default)]
pub(super) struct AnyValue;

impl Parameters for AnyValue {
    fn read(&mut self, _: &str, _: &str) -> Option<()> {
        Some(())
    }

    fn unreadable(_: &str, _: &str) -> Option<&'static str> {
        None
    }

    fn object(&self) -> Option<String> {
        None
    }
}

/// Returns the values of a path; `None` if it has another form.
pub(super) fn values<T: Parameters>(template: &str, path: &str) -> Option<T> {
    let mut values = T::default();
    let mut segments = path.split('/');
    for part in template.split('/') {
        let segment = segments.next()?;
        match parameter(part) {
            Some(name) => values.read(name, segment)?,
            None if part == segment => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(values)
}
