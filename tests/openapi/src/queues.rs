//! Named queues, and the jobs that process all emails of a queue.

#![expect(dead_code, reason = "the fields of requests are described here and read elsewhere")]

use domain::api::queue_api::{JobView, QueueView, QueuesView};
use domain::delivery::cause::Cause;
use domain::delivery::record::Priority;
use domain::limits;
use manage::queue_commands::{Deleted, JobStarted};
use schemars::JsonSchema;
use serde_json::json;

use crate::operation::Operation;
use crate::times::When;

pub(crate) fn operations() -> Vec<Operation> {
    let queue = |method, path, name, summary| Operation::new(method, path, name, summary);
    vec![
        queue("get", "/queues", "list_queues", "Lists the queues")
            .for_operator()
            .answers::<QueuesView>(200, "All queues, always including `default`."),
        queue("post", "/queues", "create_queue", "Creates a queue")
            .body::<NewQueue>(json!({"name": "news", "priority": "low", "rate_per_second": 20}))
            .answers::<QueueView>(201, "The queue.")
            .refuses(&[400, 409, 413, 422]),
        queue("get", "/queues/{name}", "get_queue", "Shows a queue")
            .for_operator()
            .answers::<QueueView>(200, "The queue, with counts that are at most one minute old.")
            .refuses(&[404]),
        queue(
            "patch",
            "/queues/{name}",
            "change_queue",
            "Changes the settings of a queue",
        )
        .details("Also applies to waiting emails. A null removes a setting.")
        .body::<QueueChange>(json!({"rate_per_second": 50}))
        .answers::<QueueView>(200, "The queue.")
        .refuses(&[400, 404, 413, 422]),
        queue("delete", "/queues/{name}", "delete_queue", "Deletes a queue")
            .details("A queue with waiting emails is deleted only with `cancel=true`. `default` cannot be deleted. The response takes four seconds; after it, the queue accepts no emails.")
            .query::<DeleteQuery>()
            .answers::<Deleted>(200, "The queue is deleted.")
            .refuses(&[404, 409, 422]),
        queue("post", "/queues/{name}/pause", "pause_queue", "Pauses a queue")
            .for_operator()
            .details("Takes effect within five seconds. Emails that are already being sent are not stopped.")
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
            "Cancels all waiting emails of a queue",
        )
        .for_operator()
        .details("GET requests show the purge at once. The response takes four seconds, and sending stops within five seconds after it. Emails accepted after the response are not affected. Until the retention ends, a restore of the queue can undo the purge. Not allowed with a key that is limited to From domains.")
        .answers::<JobStarted>(202, "The started job.")
        .refuses(&[404]),
        queue(
            "post",
            "/queues/{name}/restore",
            "restore_queue",
            "Restores the purged emails of a queue",
        )
        .details("Not allowed with a key that is limited to From domains.")
        .answers::<JobStarted>(202, "The started job.")
        .refuses(&[404]),
        queue(
            "post",
            "/queues/{name}/retry",
            "redrive_queue",
            "Retries the failed emails of a queue",
        )
        .details("Retries only emails from domains that the tenant and the key may send from.")
        .optional_body::<Redrive>(json!({"cause": "rejected", "since": "2026-11-24T09:30:00Z"}))
        .answers::<JobStarted>(202, "The started job.")
        .refuses(&[400, 404, 413, 422]),
        queue("get", "/queues/{name}/jobs/{id}", "get_job", "Shows a job")
            .for_operator()
            .answers::<JobView>(200, "The job with its progress.")
            .refuses(&[404]),
    ]
}

/// A new queue.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewQueue {
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    name: String,
    /// The priority of emails without their own priority. Default: `normal`.
    priority: Option<Priority>,
    #[schemars(flatten)]
    settings: Settings,
}

/// The changed settings of a queue. Absent settings stay unchanged.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = Vec::<String>::new()))]
struct QueueChange {
    /// The priority of emails without their own priority.
    priority: Priority,
    #[schemars(flatten)]
    settings: Settings,
}

#[derive(JsonSchema)]
struct Settings {
    /// The maximum recipients per second. Default: the queue has no rate limit of its own. A change takes effect
    /// within a minute. While emails wait for the rate, mailqueue releases them every minute.
    #[schemars(range(min = 1, max = limits::QUEUE_RATE_MAX))]
    rate_per_second: Option<u32>,
    /// The seconds to wait before each retry after a transient failure. Default: the setting of the deployment.
    #[schemars(length(max = limits::RETRY_WAITS_MAX), inner(range(min = 1, max = limits::RETRY_WAIT_MAX)))]
    retry_waits_seconds: Option<Vec<u32>>,
    /// The seconds from the due time of an email to its expiry. Default: the setting of the deployment.
    #[schemars(range(min = 60, max = limits::QUEUE_EXPIRY_MAX))]
    default_expires_in_seconds: Option<u64>,
}

/// The reason and the end of a pause.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Pause {
    /// The reason, shown with the queue. Without control characters.
    #[schemars(length(max = limits::REASON_MAX))]
    reason: Option<String>,
    /// The end of the pause. Default: until the queue is resumed.
    until: Option<When>,
}

/// A filter for the failures to retry. Default: all failures.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Redrive {
    /// Retries only emails with this cause.
    cause: Option<Cause>,
    /// Retries only emails that failed at or after this time.
    #[schemars(extend("format" = "date-time"))]
    since: Option<String>,
}

#[derive(JsonSchema)]
struct DeleteQuery {
    /// Cancels the waiting emails of the queue.
    cancel: Option<bool>,
}
