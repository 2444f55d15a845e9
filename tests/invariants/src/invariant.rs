//! The invariants.

use std::fmt;

use strum::{EnumMessage, IntoStaticStr, VariantArray};

use crate::first_line;

/// A guarantee that holds in every state of the queue, at every step, under every fault.
///
/// The words `always` and `eventually` of the formal statements are those of `stateright`.
/// They mean in every reachable state, and on every path on which faults stop.
/// The doc comment of a variant is its sentence for customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, EnumMessage, IntoStaticStr, VariantArray)]
pub enum Invariant {
    /// An accepted email is stored with its content before the API answers, and it is never lost.
    Durability,
    /// Every accepted email reaches a final status: `sent`, `failed`, `canceled`, `expired` or `unknown`.
    Completion,
    /// An email that Amazon SES accepts twice carries a duplicate flag, and the flag is never cleared.
    Duplicates,
    /// With `on_uncertain: hold`, an email that SES may have accepted is not submitted again unless a caller forces it.
    Hold,
    /// An email with a lost answer is sent again only after SES's events of that time are read, or after six hours.
    Evidence,
    /// `sent` means that SES accepted the email; `failed`, `canceled` and `expired` mean that it did not.
    Truth,
    /// After a cancel is answered with 200, SES gets no copy of the email until a caller asks for a retry.
    Cancellation,
    /// Each submission has a claim of its own, between the due time and the expiry, and within the attempts of the email.
    Claims,
    /// A status changes only along the documented transitions, and an email is given up only for a reason.
    Transitions,
    /// SES gets exactly the content that the accepted request asked for.
    Content,
    /// A repeated request with the same idempotency key gets the same answer and creates no second email, as long as the first one is stored.
    Idempotency,
    /// From a few seconds after the answer to a pause or a purge, no email that it covers is sent.
    QueueCommands,
    /// Within any minute a queue sends no more emails than its rate limit allows.
    RateLimit,
    /// After an erasure is answered with 200, record and content of the email are deleted.
    Erasure,
    /// A bad input is refused alone: its error repeats no content, and no other email changes.
    Refusal,
    /// The reports count each accepted recipient and each sent recipient exactly once.
    Counts,
    /// After a restore, an older email goes out only when a person releases it, and then it carries the duplicate flag.
    Restoration,
    /// Every fact that a webhook asks for is told, with one id for ever, and no fact is told before it is stored.
    Telling,
    /// After an erasure is answered with 200, the facts and the stored events of the email are deleted, also while they are told.
    EventErasure,
}

impl Invariant {
    /// Every invariant, in the order of the ids.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The id, for example `I3`.
    #[must_use]
    pub fn id(self) -> String {
        format!("I{}", self as usize + 1)
    }

    /// The name, for example `Duplicates`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The guarantee in one sentence, for customers.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        first_line(&self)
    }

    /// The formal statements. docs/INVARIANTS.md defines their terms.
    #[must_use]
    pub fn formal(self) -> &'static [&'static str] {
        match self {
            Self::Durability => &[
                "always: kept(e) => record(e) exists and (content(e) exists or expired(e))",
                "always: record(e) exists => place(e) in the due index is the place of status(e)",
            ],
            Self::Completion => &["eventually: kept(e) => status(e) in final"],
            Self::Duplicates => &[
                "always: copies(e) > 1 => maybe_duplicate(e) or duplicate(e)",
                "always: maybe_duplicate(e) => maybe_duplicate(e) in the next state",
                "always: maybe_duplicate(e) => status(e) not in unsent + {failing}",
            ],
            Self::Hold => {
                &["always: hold(e) and submitted(e, c) => every earlier claim was refused by SES, or forced(e)"]
            }
            Self::Evidence => {
                &["always: promote settles e => no unread event proves copies(e) > 0, or uncertain_for(e) >= 6 h"]
            }
            Self::Truth => &[
                "always: status(e) = sent => copies(e) > 0",
                "always: status(e) in unsent and copies(e) > 0 => an answer or event of SES is still to be read",
                "always: known_accepted(e) => status(e) = sent",
                "always: delivery status of a recipient = highest one of the events that were read",
            ],
            Self::Cancellation => &["always: canceled(e) => not submitted(e, c) and status(e) = canceled"],
            Self::Claims => &[
                "always: claim numbers of e rise by one, and each is submitted at most once",
                "always: submitted(e, c) => not_before(e) <= claimed_at(c) + 1 s and claimed_at(c) < expires_at(e)",
                "always: attempts(e) <= attempts of the retry policy",
                "always: lease(e) runs => only its holder settles e without proof",
            ],
            Self::Transitions => &[
                "always: (status(e), status(e) in the next state) in transitions",
                "always: status(e) becomes failing, unknown or expired => refused for good, attempts spent, time over, or held",
            ],
            Self::Content => {
                &["always: submitted(e, c) => content of the submission = content of the answered request"]
            }
            Self::Idempotency => &[
                "always: same key and same request => same answer",
                "always: same key and another request => refused, and nothing of it is stored",
                "always: two requests have no email in common",
            ],
            Self::QueueCommands => &[
                "always: paused(q) for 5 s and e in q => e is not claimed",
                "always: purged(e) for 5 s => e is not submitted",
                "always: a purge cancels e => e was accepted before the purge, and the purge stands",
                "eventually: restored(q) => no email of q has the cause purged",
            ],
            Self::RateLimit => &["always: submissions of q within 60 s <= rate(q) * (60 s + lateness)"],
            Self::Erasure => &["always: erased(e) => record(e) and content(e) do not exist"],
            Self::Refusal => &[
                "always: input is not readable => error, without content of the input, and no write",
                "always: input is readable => every limit of the API holds for it",
                "always: an event or message of e changes no other email",
            ],
            Self::Counts => &[
                "eventually: accepted in the reports = recipients of all records",
                "eventually: sent in the reports = recipients of sent records",
            ],
            Self::Restoration => &[
                "always: older(e) and claimed(e, c) => released(e) and maybe_duplicate(e)",
                "always: older(e) and not released(e) => status(e) does not become canceled or expired",
            ],
            Self::EventErasure => {
                &["always: erased(e) and no writer of e is at work => facts(e) is empty and no event of e is stored"]
            }
            Self::Telling => &[
                "always: facts(e) is a subset of facts(e) in the next state",
                "always: status(e) becomes final => facts(e) grows",
                "always: fact f of e is told => f in facts(e)",
                "always: id(f) = id(g) => f = g, and the same fact has the same id whenever it is told",
                "always: an event of a tenant is stored under this tenant only, and sent to its endpoints only",
                "eventually: fact f of e is in facts(e) => f is told",
            ],
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id(), self.name())
    }
}
