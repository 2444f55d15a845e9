//! Named queues, and the jobs that process all emails of a queue.

#![expect(dead_code, reason = "the fields of requests are described here and read elsewhere")]

use domain::cause::Cause;
use domain::limits;
use domain::record::Priority;
use domain::wire::queue_api::{JobView, QueueView, QueuesView};
use manage::queues::{Deleted, JobStarted};
use schemars::JsonSchema;
use serde_json::json;

use crate::operation::Operation;
use crate::times::When;

pub(crate) fn operations() -> Vec<Operation> {
    let queue = |method, path, name, summary| Operation::new(method, path, name, summary);
    vec![
        queue("get", "/queues", "list_queues", "Lists the queues")
            .for_operator()
            .answers::<QueuesView>(200, "All queues; `default` is always among them."),
        queue("post", "/queues", "create_queue", "Makes a queue")
            .body::<NewQueue>(json!({"name": "news", "priority": "low", "rate_per_second": 20}))
            .answers::<QueueView>(201, "The queue.")
            .refuses(&[400, 409, 413, 422]),
        queue("get", "/queues/{name}", "get_queue", "Shows a queue")
            .for_operator()
            .answers::<QueueView>(200, "The queue, with counts that are a minute old at most.")
            .refuses(&[404]),
        queue(
            "patch",
            "/queues/{name}",
            "change_queue",
            "Changes the settings of a queue",
        )
        .details("For the emails that wait in it as well. A null takes a setting away.")
        .body::<QueueChange>(json!({"rate_per_second": 50}))
        .answers::<QueueView>(200, "The queue.")
        .refuses(&[400, 404, 413, 422]),
        queue("delete", "/queues/{name}", "delete_queue", "Deletes a queue")
            .details("Refused while emails wait in it, unless they are to be canceled. `default` cannot be deleted. Answered after four seconds: nothing is accepted for it then.")
            .query::<DeleteQuery>()
            .answers::<Deleted>(200, "The queue is deleted.")
            .refuses(&[404, 409, 422]),
        queue("post", "/queues/{name}/pause", "pause_queue", "Pauses a queue")
            .for_operator()
            .details("Within five seconds nothing of it is claimed any more. What is being sent is sent.")
            .optional_body::<Pause>(json!({"reason": "the shop is closed", "until": "in 2 hours"}))
            .answers::<QueueView>(200, "The queue.")
            .refuses(&[400, 404, 413, 422]),
        queue("post", "/queues/{name}/resume", "resume_queue", "Resumes a queue")
            .for_operator()
            .answers::<QueueView>(200, "The queue.")
            .refuses(&[404]),
        queue(
            "post",
            "/queues/{name}/purge",
            "purge_queue",
            "Cancels every email that waits in a queue",
        )
        .for_operator()
        .details("Seen at once, and undone by restoring the queue until retention. Answered after four seconds: no email that is accepted then is concerned. Not with a key that is limited to From domains.")
        .answers::<JobStarted>(202, "The job that does it.")
        .refuses(&[404]),
        queue(
            "post",
            "/queues/{name}/restore",
            "restore_queue",
            "Undoes the purges of a queue",
        )
        .details("Not with a key that is limited to From domains.")
        .answers::<JobStarted>(202, "The job that does it.")
        .refuses(&[404]),
        queue(
            "post",
            "/queues/{name}/retry",
            "redrive_queue",
            "Sends again what has failed in a queue",
        )
        .details("Only emails from the domains that the tenant and the key may send from.")
        .optional_body::<Redrive>(json!({"cause": "rejected", "since": "2026-11-24T09:30:00Z"}))
        .answers::<JobStarted>(202, "The job that does it.")
        .refuses(&[400, 404, 413, 422]),
        queue("get", "/queues/{name}/jobs/{id}", "get_job", "Shows a job")
            .for_operator()
            .answers::<JobView>(200, "How far it is.")
            .refuses(&[404]),
    ]
}

/// A queue as it is to be.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewQueue {
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    name: String,
    /// Of its emails, where they have none of their own; `normal` when it is absent.
    priority: Option<Priority>,
    #[schemars(flatten)]
    settings: Settings,
}

/// Other settings of a queue. What is absent stays as it is.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = Vec::<String>::new()))]
struct QueueChange {
    /// Of its emails, where they have none of their own.
    priority: Priority,
    #[schemars(flatten)]
    settings: Settings,
}

#[derive(JsonSchema)]
struct Settings {
    /// Recipients per second at most; no limit but the account's when it is absent. A change binds within a minute. While
    /// emails wait for the rate, `promote` releases them minute by minute.
    #[schemars(range(min = 1, max = limits::QUEUE_RATE_MAX))]
    rate_per_second: Option<u32>,
    /// After how many seconds a transient failure is tried again, one wait for each retry; the
    /// deployment's waits when it is absent.
    #[schemars(length(max = limits::RETRY_WAITS_MAX), inner(range(min = 1, max = limits::RETRY_WAIT_MAX)))]
    retry_waits_seconds: Option<Vec<u32>>,
    /// How many seconds after they are due its emails expire; the deployment's time when it is absent.
    #[schemars(range(min = 60, max = limits::QUEUE_EXPIRY_MAX))]
    default_expires_in_seconds: Option<u64>,
}

/// Why a queue is paused, and until when.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Pause {
    /// Shown with the queue. Without control characters.
    #[schemars(length(max = limits::REASON_MAX))]
    reason: Option<String>,
    /// Until it is resumed when this is absent.
    until: Option<When>,
}

/// Which failures are tried again; all when nothing is said.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Redrive {
    /// Only what failed for this.
    cause: Option<Cause>,
    /// Only what failed since then.
    #[schemars(extend("format" = "date-time"))]
    since: Option<String>,
}

#[derive(JsonSchema)]
struct DeleteQuery {
    /// Cancels the emails that wait in it.
    cancel: Option<bool>,
}
