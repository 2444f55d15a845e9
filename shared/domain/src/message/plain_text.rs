//! Makes the text part of an email from its HTML.
//!
//! **Role:** called by [`crate::message::email`] when SES gets an email without a text. The text is stored nowhere.
//! **Invariant:** the same HTML always gives the same text, or none. Time and memory grow with the length of the HTML
//! and with its tokens, and both have a limit. The tokens are read one after the other, and nothing is called for each
//! level of nesting. So the depth needs no limit.
//! **Start reading at** [`of_html`]. Why this parser: docs/adr/0038.

mod links;
mod writer;

use std::panic;

use html5gum::emitters::default::{DefaultEmitter, StartTag, Token};
use html5gum::{HtmlString, Tokenizer};

use crate::limits;
use links::Link;
use writer::{Gap, Writer};

/// The text of some HTML. `None` if it is too long, has too many tokens, or shows no text.
#[must_use]
pub(super) fn of_html(html: &str) -> Option<String> {
    if html.len() > limits::HTML_FOR_TEXT_MAX {
        return None;
    }
    // The parser reads hostile input. A panic of the parser would leave the email claimed, and each further attempt
    // would end the same way. The email is sent without this text instead.
    let text = panic::catch_unwind(|| convert(html)).ok().flatten()?;
    Some(text).filter(|text| !text.is_empty())
}

fn convert(html: &str) -> Option<String> {
    let mut emitter = DefaultEmitter::default();
    // Reads the content of elements such as `style` as one text.
    emitter.naively_switch_states(true);
    let mut text = Text::default();
    let mut left = limits::HTML_STEPS_MAX;
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        left = left.checked_sub(steps(&token))?;
        match token {
            Token::StartTag(tag) => text.start(&tag),
            Token::EndTag(tag) => text.end(&tag.name),
            Token::String(shown) => text.show(&shown),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    text.close_link();
    Some(text.writer.finish())
}

/// The work for a token: one step for itself, and one for each of its attributes.
fn steps(token: &Token) -> usize {
    match token {
        Token::StartTag(tag) => 1 + tag.attributes.len(),
        Token::EndTag(_) | Token::String(_) | Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => 1,
    }
}

/// The effect of an element on the lines of the text.
#[derive(Clone, Copy)]
enum Element {
    /// In a line, like `b`.
    Inline,
    /// An element whose content is not shown.
    Unseen,
    /// Apart from the text around it by this gap.
    Block(Gap),
    /// A cell of a table.
    Cell,
    /// A list, with the number of its first item if it is numbered.
    List(Option<u32>),
    Item,
    Break,
    Rule,
    Image,
    Anchor,
    Preformatted,
}

impl Element {
    fn of(name: &[u8]) -> Self {
        match name {
            b"a" => Self::Anchor,
            b"br" => Self::Break,
            b"hr" => Self::Rule,
            b"img" => Self::Image,
            b"li" => Self::Item,
            b"ol" => Self::List(Some(1)),
            b"pre" => Self::Preformatted,
            b"td" | b"th" => Self::Cell,
            b"menu" | b"ul" => Self::List(None),
            b"blockquote" | b"dl" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"p" => Self::Block(Gap::Blank),
            b"address" | b"article" | b"aside" | b"body" | b"caption" | b"center" | b"dd" | b"details" | b"div"
            | b"dt" | b"fieldset" | b"figcaption" | b"figure" | b"footer" | b"form" | b"header" | b"main" | b"nav"
            | b"section" | b"summary" | b"table" | b"tbody" | b"tfoot" | b"thead" | b"tr" => Self::Block(Gap::Line),
            b"iframe" | b"math" | b"noembed" | b"noframes" | b"noscript" | b"object" | b"script" | b"select"
            | b"style" | b"svg" | b"template" | b"textarea" | b"title" => Self::Unseen,
            _ => Self::Inline,
        }
    }
}

/// Elements without content and without an end tag.
///
/// Source: HTML Living Standard, 13.1.2, "Void elements".
const VOID: [&[u8]; 13] = [
    b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"source", b"track", b"wbr",
];

/// An element whose content is not shown, and the number of its open elements of the same name.
struct Unseen {
    name: HtmlString,
    open: usize,
}

/// The text up to the current token.
#[derive(Default)]
struct Text {
    writer: Writer,
    unseen: Option<Unseen>,
    link: Option<Link>,
    /// The next number of each open list.
    lists: Vec<Option<u32>>,
}

impl Text {
    fn start(&mut self, tag: &StartTag<()>) {
        let name = &tag.name;
        if let Some(unseen) = &mut self.unseen {
            unseen.open += usize::from(unseen.name == *name);
            return;
        }
        let element = Element::of(name);
        if matches!(element, Element::Unseen) || is_hidden(tag) {
            // Only `svg` and `math` may end in their start tag.
            let is_closed = tag.self_closing && [b"svg".as_slice(), b"math"].contains(&name.as_slice());
            if !is_closed && !VOID.contains(&name.as_slice()) {
                let (name, open) = (name.clone(), 1);
                self.unseen = Some(Unseen { name, open });
            }
            return;
        }
        self.writer.gap(self.gap(element));
        match element {
            Element::List(first) => self.lists.push(first),
            Element::Item => {
                let marker = self.marker();
                self.writer.mark(marker);
            }
            Element::Break => self.writer.line_break(),
            Element::Rule => {
                self.writer.show("---");
                self.writer.gap(Gap::Blank);
            }
            Element::Image => self.show_text(&attribute(tag, b"alt").unwrap_or_default()),
            Element::Anchor => {
                self.close_link();
                self.link = attribute(tag, b"href").and_then(|target| Link::to(&target));
            }
            Element::Preformatted => self.writer.preformatted(true),
            Element::Inline | Element::Unseen | Element::Block(_) | Element::Cell => {}
        }
    }

    fn end(&mut self, name: &HtmlString) {
        if let Some(unseen) = &mut self.unseen {
            unseen.open -= usize::from(unseen.name == *name);
            if unseen.open == 0 {
                self.unseen = None;
            }
            return;
        }
        let element = Element::of(name);
        match element {
            Element::List(_) => drop(self.lists.pop()),
            Element::Anchor => self.close_link(),
            Element::Preformatted => self.writer.preformatted(false),
            // Browsers read `</br>` as `<br>`.
            Element::Break => self.writer.line_break(),
            Element::Inline
            | Element::Unseen
            | Element::Block(_)
            | Element::Cell
            | Element::Item
            | Element::Rule
            | Element::Image => {}
        }
        self.writer.gap(self.gap(element));
    }

    /// The gap before and after an element.
    fn gap(&self, element: Element) -> Gap {
        match element {
            Element::Block(gap) => gap,
            Element::Rule | Element::Preformatted => Gap::Blank,
            Element::List(_) if self.lists.is_empty() => Gap::Blank,
            Element::List(_) | Element::Item => Gap::Line,
            Element::Cell => Gap::Space,
            Element::Inline | Element::Unseen | Element::Break | Element::Image | Element::Anchor => Gap::None,
        }
    }

    /// The marker of the next item.
    fn marker(&mut self) -> String {
        let Some(Some(number)) = self.lists.last_mut() else {
            return "- ".to_owned();
        };
        let marker = format!("{number}. ");
        *number = number.saturating_add(1);
        marker
    }

    fn show(&mut self, shown: &[u8]) {
        if self.unseen.is_none() {
            self.show_text(&String::from_utf8_lossy(shown));
        }
    }

    fn show_text(&mut self, text: &str) {
        self.writer.show(text);
        if let Some(link) = &mut self.link {
            link.shows(text);
        }
    }

    /// Shows the target of a link behind its text, unless the text is the target.
    fn close_link(&mut self) {
        if let Some(target) = self.link.take().and_then(Link::target) {
            self.writer.show_apart(&target);
        }
    }
}

fn attribute(tag: &StartTag<()>, name: &[u8]) -> Option<String> {
    let value = tag.attributes.get(name)?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// True for elements that mail clients hide, and for the preview texts of React Email.
fn is_hidden(tag: &StartTag<()>) -> bool {
    let is_named = |name: &[u8]| tag.attributes.contains_key(name);
    let hides = |style: String| {
        let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
        style.to_ascii_lowercase().contains("display:none")
    };
    is_named(b"hidden") || is_named(b"data-skip-in-text") || attribute(tag, b"style").is_some_and(hides)
}

#[cfg(test)]
#[path = "plain_text_tests.rs"]
mod tests;
