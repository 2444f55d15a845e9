//! Entry point of `promote`: settings, AWS clients, the runtime.

use aws::runtime::clients::{Clients, Service};
use aws::runtime::settings;
use aws::runtime::system::System;
use aws::ses::account::SesAccount;
use aws::sqs::batch::time_left;
use aws::sqs::priority_queues::{DeadLetterQueue, SqsPriorityQueues};
use aws::storage::bodies::BodyStore;
use aws::storage::evidence::EvidenceQueue;
use aws::storage::records::Table;
use aws::storage::table::within;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use promote::{PromoteFunction, handler};
use serde::de::IgnoredAny;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::runtime::telemetry::start();
    let (table, bucket, priority_queues, queues, timings) = settings::read(&settings::of_process(), |read| {
        let (table, bucket, priority_queues) = (read.table(), read.bucket(), read.priority_queues());
        let (dead_letter_url, feedback_url) = (read.dead_letter_url(), read.feedback_url());
        let (policy, expires_after) = (read.policy(), read.expires());
        let (queues, timings) = ((dead_letter_url?, feedback_url?), (policy?, expires_after?));
        Some((table?, bucket?, priority_queues?, queues, timings))
    })?;
    let ((dead_letter_url, feedback_url), (policy, expires_after)) = (queues, timings);
    let clients = Clients::connect()?;
    let (records, sqs) = (Table::new(clients.dynamodb(), &table), clients.sqs());
    let promote = &PromoteFunction {
        priority_queues: SqsPriorityQueues::new(&sqs, &priority_queues),
        dead_letters: DeadLetterQueue::new(&sqs, &dead_letter_url),
        evidence: EvidenceQueue::new(&sqs, &feedback_url, records.clone()),
        account: SesAccount::new(clients.ses()),
        bodies: BodyStore::new(records.clone(), clients.s3(), &bucket),
        records,
        system: System,
        policy,
        expires_after,
        retention: table.retention,
        most_messages: domain::delivery::priority_queue::MOST_MESSAGES,
    };
    futures::future::join(promote.records.warm(), clients.warm(&[Service::Sqs])).await;
    run(service_fn(|event: LambdaEvent<IgnoredAny>| async move {
        let time = time_left(event.context.deadline);
        within(time, handler::handle(promote, time)).await.map_err(Error::from)
    }))
    .await
}
