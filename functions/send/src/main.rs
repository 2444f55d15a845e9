//! Entry point of `send`: settings, AWS clients, the runtime.

use aws::runtime::clients::{Clients, Service};
use aws::runtime::settings;
use aws::runtime::system::System;
use aws::ses::Ses;
use aws::sqs::batch::time_left;
use aws::sqs::priority_queues::{DeadLetterQueue, SqsPriorityQueues};
use aws::storage::bodies::BodyStore;
use aws::storage::records::Table;
use aws::storage::table::within;
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use send::queues::QueueCache;
use send::rate_limiter::RateLimiter;
use send::suppression_filter::Suppressed;
use send::{SendFunction, SendSettings, handler, memory};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::runtime::telemetry::start();
    let (table, bucket, priority_queues, dead_letter_url, ses, policy) =
        settings::read(&settings::of_process(), |read| {
            let (table, bucket, priority_queues) = (read.table(), read.bucket(), read.priority_queues());
            let (dead_letter_url, ses, policy) = (read.dead_letter_url(), read.ses(), read.policy());
            Some((table?, bucket?, priority_queues?, dead_letter_url?, ses?, policy?))
        })?;
    let clients = Clients::connect()?;
    let (records, sqs) = (Table::new(clients.dynamodb(), &table), clients.sqs());
    let priority_queues = SqsPriorityQueues::new(&sqs, &priority_queues);
    let send = SendFunction {
        bodies: BodyStore::new(records.clone(), clients.s3(), &bucket),
        dead_letters: DeadLetterQueue::new(&sqs, &dead_letter_url),
        provider: Ses::new(clients.ses(), &ses),
        records,
        system: System,
        with: SendSettings {
            policy,
            attempt_timeout: ses.attempt_timeout,
        },
        memory: memory(),
        rate_limiter: RateLimiter::default(),
        known: QueueCache::default(),
        suppressed: Suppressed::default(),
    };
    futures::future::join(send.records.warm(), clients.warm(&[Service::Ses])).await;
    let (send, priority_queues) = (&send, &priority_queues);
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let time = time_left(event.context.deadline);
        let handled = within(time, handler::handle(send, priority_queues, event.payload, time));
        handled.await.map_err(Error::from)
    }))
    .await
}
