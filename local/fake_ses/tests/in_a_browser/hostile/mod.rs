//! The corpus: messages that try to make the reader's browser run a script or fetch something.
//!
//! **Invariant:** each message has one hostile part, and names the harm that this part does on an unprotected page.
//! The rest is an ordinary message. In a part, `{run}` is a script that fits into an attribute without quotes, and
//! `{call}` is a shorter one. The placeholder `{out}` is a foreign host with the message's name.

pub(crate) mod bodies;
pub(crate) mod fetching;
pub(crate) mod heads;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The harm of a part on a careless page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// The message runs a script.
    Runs,
    /// The message fetches from another host.
    Fetches,
    /// The message causes a lookup of another host or a connection to it, without a request.
    Hints,
    /// The message writes a file to the disk.
    Downloads,
    /// No harm in this browser; it works in others, worked in older ones, or only deceives.
    Nothing,
}

/// The hostile part of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// The HTML.
    Body(&'static str),
    /// The HTML, whose harm needs a click into it.
    Click(&'static str),
    /// The HTML, a single link that would replace the page under its reader.
    Link(&'static str),
    /// The HTML, and a picture that it references by its content id.
    Picture(&'static str, File),
    /// The plain text.
    Text(&'static str),
    /// The subject as it is.
    Subject(&'static str),
    /// The subject as an encoded word.
    EncodedSubject(&'static str),
    /// The sender's display name.
    From(&'static str),
    /// A recipient's display name.
    To(&'static str),
    /// A header's name and value.
    Header(&'static str, &'static str),
    /// An attachment.
    Attachment(File),
    /// A whole raw message.
    Raw(&'static str),
}

/// A file that belongs to a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) content_id: &'static str,
    pub(crate) content: &'static str,
}

/// A message of the corpus.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hostile {
    /// The name of the message, which is also the first label of its host.
    pub(crate) name: &'static str,
    pub(crate) harm: Harm,
    pub(crate) part: Part,
}

/// Returns all messages.
pub(crate) fn all() -> Vec<Hostile> {
    [bodies::RUNNING, fetching::FETCHING, heads::HEADS]
        .concat()
        .into_iter()
        .map(|(name, harm, part)| Hostile { name, harm, part })
        .collect()
}

impl Hostile {
    /// Fills the script and the host into a part; the host is reachable at `port`.
    pub(crate) fn armed(&self, text: &str, port: u16) -> String {
        text.replace(
            "{run}",
            "alert(`{name}`),{call},document.title=1,fetch(`http://{out}/ran`)",
        )
        .replace("{call}", "canary(`{name}`)")
        .replace("{out}", &format!("{{name}}.localhost:{port}"))
        .replace("{name}", self.name)
    }

    /// Returns the submitted subject; most messages have a plain one.
    pub(crate) fn subject(&self, port: u16) -> String {
        if let Part::Subject(text) | Part::EncodedSubject(text) = self.part {
            return self.armed(text, port);
        }
        format!("About {}", self.name)
    }

    /// Tells whether the HTML is the hostile part.
    pub(crate) fn has_hostile_html(&self) -> bool {
        matches!(
            self.part,
            Part::Body(_) | Part::Click(_) | Part::Link(_) | Part::Picture(..) | Part::Raw(_)
        )
    }

    /// Tells whether the harm needs a click into the HTML.
    pub(crate) fn is_clicked(&self) -> bool {
        matches!(self.part, Part::Click(_) | Part::Link(_))
    }

    /// Tells whether the part is a link elsewhere: the browser connects to its host on a click.
    pub(crate) fn is_link(&self) -> bool {
        matches!(self.part, Part::Link(_))
    }

    /// The body of SES's `SendEmail`.
    pub(crate) fn submission(&self, port: u16) -> Value {
        if let Part::Raw(text) = self.part {
            let head = format!(
                "From: ann@example.com\r\nTo: bob@example.com\r\nSubject: {}\r\n",
                self.subject(port)
            );
            let message = head + &self.armed(text, port);
            return json!({"Content": {"Raw": {"Data": STANDARD.encode(message)}}});
        }
        let mut from = "Ann <ann@example.com>".to_owned();
        let mut to = "bob@example.com".to_owned();
        let mut subject = self.subject(port);
        let mut html = "<p>Hello</p>".to_owned();
        let mut text = "Hello".to_owned();
        let (mut headers, mut files) = (vec![], vec![]);
        let armed = |text| self.armed(text, port);
        match self.part {
            Part::Body(body) | Part::Click(body) | Part::Link(body) => html = armed(body),
            Part::Picture(body, file) => {
                html = armed(body);
                files.push(file);
            }
            Part::Text(body) => text = armed(body),
            Part::Subject(_) | Part::Raw(_) => {}
            Part::EncodedSubject(_) => subject = format!("=?utf-8?b?{}?=", STANDARD.encode(&subject)),
            Part::From(name) => from = format!("{} <ann@example.com>", armed(name)),
            Part::To(name) => to = format!("{} <bob@example.com>", armed(name)),
            Part::Header(name, value) => headers.push(json!({"Name": armed(name), "Value": armed(value)})),
            Part::Attachment(file) => files.push(file),
        }
        let files: Vec<Value> = files
            .iter()
            .map(|file| {
                json!({
                    "RawContent": STANDARD.encode(armed(file.content)),
                    "FileName": armed(file.name),
                    "ContentType": armed(file.media_type),
                    "ContentId": armed(file.content_id),
                })
            })
            .collect();
        json!({
            "FromEmailAddress": from,
            "Destination": {"ToAddresses": [to]},
            "Content": {"Simple": {
                "Subject": {"Data": subject},
                "Body": {"Text": {"Data": text}, "Html": {"Data": html}},
                "Headers": headers,
                "Attachments": files,
            }},
        })
    }
}
