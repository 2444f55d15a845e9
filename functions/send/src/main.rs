//! Entry point of `send`: settings, AWS clients, the runtime.

use aws::batch::time_left;
use aws::bodies::BodyStore;
use aws::clients::{Clients, Service};
use aws::lanes::{DeadLetterQueue, LaneQueues};
use aws::records::Table;
use aws::ses::Ses;
use aws::settings;
use aws::system::System;
use aws::table::within;
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use send::pacer::Pacer;
use send::queues::KnownQueues;
use send::suppressed::Suppressed;
use send::{Send, Sending, handler, memory};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::telemetry::start();
    let (table, bucket, lanes, dead_letter_url, ses, policy) = settings::read(&settings::of_process(), |read| {
        let (table, bucket, lanes) = (read.table(), read.bucket(), read.lanes());
        let (dead_letter_url, ses, policy) = (read.dead_letter_url(), read.ses(), read.policy());
        Some((table?, bucket?, lanes?, dead_letter_url?, ses?, policy?))
    })?;
    let clients = Clients::connect()?;
    let (records, sqs) = (Table::new(clients.dynamodb(), &table), clients.sqs());
    let lanes = LaneQueues::new(&sqs, &lanes);
    let send = Send {
        bodies: BodyStore::new(records.clone(), clients.s3(), &bucket),
        dead_letters: DeadLetterQueue::new(&sqs, &dead_letter_url),
        provider: Ses::new(clients.ses(), &ses),
        records,
        system: System,
        with: Sending {
            policy,
            attempt_timeout: ses.attempt_timeout,
        },
        memory: memory(),
        pacer: Pacer::default(),
        known: KnownQueues::default(),
        suppressed: Suppressed::default(),
    };
    futures::future::join(send.records.warm(), clients.warm(&[Service::Ses])).await;
    let (send, lanes) = (&send, &lanes);
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let time = time_left(event.context.deadline);
        let handled = within(time, handler::handle(send, lanes, event.payload, time));
        handled.await.map_err(Error::from)
    }))
    .await
}
