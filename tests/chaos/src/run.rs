//! The order of the steps: set faults, post and kill at the same time, lift the faults, settle, compare.
//!
//! **Role:** the whole run; it judges no email.
//! **Invariant:** requests and kills wait for each other, so that kills happen from the first email to the last. A
//! webhook that an answer of 410 disables is enabled again soon, so that its receiver fails all the time too.
//! **Start reading at** [`run`].

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{join_all, join4};
use futures::stream::{self, StreamExt};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::Trouble;
use crate::client::{self, Posted};
use crate::deliveries::{count_refused, deliver_all};
use crate::faults;
use crate::history::HistoryInput;
use crate::hooks::compare_events;
use crate::kills::{FUNCTIONS, Kill, Killer};
use crate::oracle::{Accepted, StoredEmail, compare};
use crate::receiver::{self, Receiver};
use crate::report::{Counts, Report, RunSize};
use crate::requests::{Request, requests};
use crate::settings::Settings;
use crate::settling::settle;
use crate::stack::Stack;

/// Simultaneous requests.
const CLIENTS: usize = 8;

/// The queues that must be empty at the end.
const QUEUES: [&str; 5] = ["HighLane", "NormalLane", "LowLane", "DeadLetterQueue", "FeedbackQueue"];

/// The priority queues among them.
const LANES: [&str; 3] = ["HighLane", "NormalLane", "LowLane"];

/// The queues whose visibility timeout the template fixes for production, at six minutes.
const SLOW: [&str; 3] = ["DeadLetterQueue", "FeedbackQueue", "HookQueue"];

/// The shorter visibility timeout of these queues, after which the messages of a killed function return. Their
/// functions finish a batch in much less time here, and a repeated event does no harm.
const HIDDEN_SECS: u32 = 20;

/// The longest time for which a request waits for kills.
const HELD_BACK: Duration = Duration::from_secs(2);

/// The number of messages in the priority queues from which requests wait. The timings are short here, so that the
/// emails of a long backlog would be enqueued repeatedly.
const PRIORITY_QUEUES_FULL: u64 = 300;

/// The longest time for which a request waits for the priority queues.
const CROWDED: Duration = Duration::from_secs(60);

/// The percentage by which requests may be ahead of kills, or kills ahead of requests.
const AHEAD: usize = 15;

/// The pause between two runs of `promote` while faults are active.
const BETWEEN_RUNS: Duration = Duration::from_secs(2);

/// The time without a kill after which the run expects no more of them. It counts once all requests are sent.
const LAST_KILLS: Duration = Duration::from_secs(60);

/// The percentage of unfinished emails at which the faults are lifted.
const FEW: usize = 3;

/// The longest time for that: a large backlog is worked off without faults too.
const LAST_EMAILS: Duration = Duration::from_secs(60);

/// The longest time for which the run waits until the receiver has failed in each way. An endpoint that fails pauses,
/// and gets few calls.
const LAST_FAULTS: Duration = Duration::from_secs(180);

/// The time after which every change is counted: a failed batch of the stream returns at once.
const COUNTED: Duration = Duration::from_secs(180);

/// The state that all tasks share.
struct Course {
    stack: Stack,
    requests: Vec<Request>,
    killers: [Killer; FUNCTIONS.len()],
    /// Ended requests.
    ended: AtomicUsize,
    /// The priority queues, and whether they are full.
    priority_queues: Vec<String>,
    crowded: AtomicBool,
    posted: AtomicBool,
    /// No more kills are expected.
    over: AtomicBool,
    /// The faults are to be lifted.
    accompanied: AtomicBool,
    webhook: String,
    /// The faults of its receiver at the start.
    receiver_faults: Value,
    results: Mutex<ClientResults>,
}

/// The clients' results.
#[derive(Default)]
struct ClientResults {
    accepted: Vec<Accepted>,
    unanswered: usize,
    wrong: Vec<String>,
}

impl Course {
    /// Returns the percentage of kills made by the slowest killer.
    fn killed_percent(&self) -> usize {
        self.killers.iter().map(Killer::percent).min().unwrap_or(100)
    }

    fn ended_percent(&self) -> usize {
        let ended = self.ended.load(Ordering::Relaxed);
        (ended * 100).checked_div(self.requests.len()).unwrap_or(100)
    }

    async fn hold_back(&self, index: usize) {
        let percent = (index * 100).checked_div(self.requests.len()).unwrap_or(100);
        let began = Instant::now();
        let is_ahead = || percent > self.killed_percent() + AHEAD && began.elapsed() < HELD_BACK;
        let is_crowded = || self.crowded.load(Ordering::Relaxed) && began.elapsed() < CROWDED;
        while is_ahead() || is_crowded() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn post(&self) {
        stream::iter(self.requests.iter().enumerate())
            .for_each_concurrent(CLIENTS, |(index, request)| async move {
                self.hold_back(index).await;
                let posted = client::post(&self.stack, request).await;
                self.ended.fetch_add(1, Ordering::Relaxed);
                let mut results = self.results.lock().await;
                match posted {
                    Posted::Accepted(emails) => results.accepted.extend(emails),
                    Posted::Unanswered => results.unanswered += 1,
                    Posted::Wrong(sentence) => results.wrong.push(sentence),
                }
            })
            .await;
        self.posted.store(true, Ordering::Relaxed);
    }

    /// Makes all kills; `over` ends it when no more are expected.
    async fn kill(&self, seed: u64) -> Result<Vec<Kill>, Trouble> {
        let killing = self.killers.iter().zip(seed..).map(|(killer, seed)| {
            let is_over = || self.over.load(Ordering::Relaxed);
            killer.run(&self.stack, seed, || self.ended_percent() + AHEAD, is_over)
        });
        let kills = join_all(killing).await;
        let kills: Result<Vec<_>, _> = kills.into_iter().collect();
        Ok(kills?.into_iter().flatten().collect())
    }

    /// Returns the percentage of accepted emails that are not finished.
    async fn unfinished_percent(&self) -> Result<usize, Trouble> {
        let records = self.stack.records().await?;
        let results = self.results.lock().await;
        let is_unfinished = |email: &&Accepted| records.get(&email.id).is_some_and(|record| !record.is_finished());
        let unfinished = results.accepted.iter().filter(is_unfinished).count();
        Ok((unfinished * 100).div_ceil(results.accepted.len().max(1)))
    }

    async fn receiver_failed_in_each_way(&self) -> Result<bool, Trouble> {
        let rest = self.stack.receiver_faults().await?;
        let deliveries = self.stack.deliveries(&self.webhook).await?;
        Ok(receiver::each_happened(
            &self.receiver_faults,
            &rest,
            count_refused(&deliveries),
        ))
    }

    /// Accompanies the run, and then ends the deaths of the receiver.
    async fn accompany(&self, out: &mut impl Write) -> Result<(), Trouble> {
        let ended = self.accompany_emails(out).await;
        self.accompanied.store(true, Ordering::Relaxed);
        ended
    }

    /// Runs `promote` repeatedly, keeps the webhook enabled, and reports progress. It ends when all requests and kills
    /// are done, nearly all emails have been sent under faults, and the receiver has failed in each way.
    async fn accompany_emails(&self, out: &mut impl Write) -> Result<(), Trouble> {
        let mut engaged = false;
        let mut said = Instant::now();
        let mut last_hit = (0, Instant::now());
        let mut waiting_since = None;
        loop {
            let made: usize = self.killers.iter().map(Killer::kills_made).sum();
            let posted = self.posted.load(Ordering::Relaxed);
            if made != last_hit.0 || !posted {
                last_hit = (made, Instant::now());
            }
            if posted && !engaged {
                engaged = true;
                let events = self.stack.engage().await?;
                report_progress(out, &format!("  {events} events of openings and clicks"));
            }
            let all = self.killers.iter().all(|killer| killer.kills_made() >= killer.wanted);
            if posted && (all || last_hit.1.elapsed() > LAST_KILLS) {
                self.over.store(true, Ordering::Relaxed);
                let since = *waiting_since.get_or_insert_with(Instant::now);
                let emails = since.elapsed() > LAST_EMAILS || self.unfinished_percent().await? <= FEW;
                if emails && (since.elapsed() > LAST_FAULTS || self.receiver_failed_in_each_way().await?) {
                    return Ok(());
                }
            }
            if said.elapsed() > Duration::from_secs(15) {
                said = Instant::now();
                let (ended, requests) = (self.ended.load(Ordering::Relaxed), self.requests.len());
                report_progress(out, &format!("  {ended} of {requests} requests, {made} kills"));
            }
            let crowded = self.stack.depth(&self.priority_queues).await? > PRIORITY_QUEUES_FULL;
            self.crowded.store(crowded, Ordering::Relaxed);
            // A killed run fails, which is its purpose here.
            self.stack.promote().await?;
            self.stack.keep_enabled(&self.webhook).await?;
            tokio::time::sleep(BETWEEN_RUNS).await;
        }
    }
}

/// Reports progress; a closed output does not matter.
fn report_progress(out: &mut impl Write, text: &str) {
    writeln!(out, "{text}").and_then(|()| out.flush()).ok();
}

fn write_error(error: io::Error) -> Trouble {
    Trouble(format!(
        "The result cannot be written or the calls not be read: {error}."
    ))
}

/// Performs the whole run; returns whether it succeeded.
///
/// # Errors
/// The reason for which there is no verdict.
pub async fn run(settings: &Settings, out: &mut impl Write) -> Result<bool, Trouble> {
    let began = Instant::now();
    let Settings {
        emails, kills, seed, ..
    } = *settings;
    let stack = Stack::connect(settings)?;
    let mut receiver = Receiver::start(&settings.ses).await?;
    let planned = receiver::faults(emails);
    let course = Course {
        // Before the first request, so that no cached key hides it.
        webhook: stack.create_webhook(&receiver.url()).await?,
        stack: stack.clone(),
        requests: requests(emails, seed),
        killers: Killer::of_all(kills),
        ended: AtomicUsize::new(0),
        priority_queues: stack.queues(&LANES).await?,
        crowded: AtomicBool::new(false),
        posted: AtomicBool::new(false),
        over: AtomicBool::new(false),
        accompanied: AtomicBool::new(false),
        receiver_faults: planned.clone(),
        results: Mutex::default(),
    };
    let stack = &course.stack;
    let queues = stack.queues(&QUEUES).await?;
    stack.hide_for(&stack.queues(&SLOW).await?, HIDDEN_SECS).await?;
    stack.unlimited_account().await?;
    stack.promote().await?;
    let at_start = stack.counters().await?;

    report_progress(out, &format!("Posting {emails} emails; {kills} kills; seed {seed}."));
    stack.strike(&faults::at_aws(), &faults::at_ses(emails)).await?;
    stack.strike_receiver(&planned).await?;
    let deaths = receiver.die_often(|| course.accompanied.load(Ordering::Relaxed));
    let ((), made, accompanied, ()) = join4(course.post(), course.kill(seed), course.accompany(out), deaths).await;
    let rest = stack.receiver_faults().await?;
    let nothing = serde_json::json!([]);
    stack.strike(&nothing, &nothing).await?;
    stack.strike_receiver(&nothing).await?;
    accompanied?;
    let made = made?;
    let struck = stack.counters().await?;

    report_progress(
        out,
        &format!(
            "Faults are lifted after {} s; waiting until nothing moves.",
            began.elapsed().as_secs()
        ),
    );
    let results = course.results.into_inner();
    let records = settle(stack, &queues, &results.accepted, |sight| {
        report_progress(out, &format!("  {sight}"))
    })
    .await?;
    let counts = counted(stack, &records).await?;
    let copies = stack.copies().await?;
    let mut verdict = compare(&results.accepted, &records, &copies);
    let deliveries = deliver_all(stack, &course.webhook, |sight| {
        report_progress(out, &format!("  {sight}"))
    })
    .await?;
    let hooked = stack.hooked_emails().await?;
    let implied = stack.implied(&hooked).await?;
    compare_events(&mut verdict, &hooked, &implied, &stack.received().await?);

    let mut struck_by_kind = faults::count_faults(&struck.0, &struck.1);
    struck_by_kind.extend(receiver::count_faults(&planned, &rest, count_refused(&deliveries)));
    let mut report = Report {
        kills: course
            .killers
            .iter()
            .map(|killer| (killer.function.to_owned(), killer.kills_made()))
            .collect(),
        faults: struck_by_kind,
        seed,
        kills_by_call: by_call(&made),
        unanswered: results.unanswered,
        counts,
        emulator_unanswered: faults::count_unanswered(&struck.0).saturating_sub(faults::count_unanswered(&at_start.0)),
        seconds: began.elapsed().as_secs(),
        verdict,
        ..Report::default()
    };
    report.find_failures(RunSize { emails, kills }, results.wrong);
    let json = serde_json::to_string_pretty(&report).map_err(io::Error::from);
    json.and_then(|json| std::fs::write(&settings.result, json + "\n"))
        .map_err(write_error)?;

    report_progress(out, &format!("\n{}", report.summary()));
    let known = HistoryInput {
        findings: &report.verdict.findings,
        records: &records,
        copies: &copies,
        kills: &made,
    };
    for line in known.describe(&settings.calls).map_err(write_error)? {
        report_progress(out, &line);
    }
    for sentence in &report.failures {
        report_progress(out, sentence);
    }
    let path = settings.result.display();
    report_progress(
        out,
        &format!(
            "{} Written to {path}.",
            if report.is_good() { "Good." } else { "NOT GOOD." }
        ),
    );
    Ok(report.is_good())
}

/// Returns the recipients that the reports count, as soon as they agree with the records, or at the end of the wait.
async fn counted(stack: &Stack, records: &BTreeMap<String, StoredEmail>) -> Result<Counts, Trouble> {
    let began = Instant::now();
    let accepted = records.values().map(|record| record.recipients).sum();
    let sent = records.values().filter(|record| record.status == "sent");
    let sent = sent.map(|record| record.recipients).sum();
    loop {
        let (accepted_counted, sent_counted) = stack.metrics().await?;
        let counts = Counts {
            accepted,
            accepted_counted,
            sent,
            sent_counted,
        };
        if counts.agree() || began.elapsed() > COUNTED {
            return Ok(counts);
        }
        tokio::time::sleep(BETWEEN_RUNS).await;
    }
}

fn by_call(kills: &[Kill]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for kill in kills {
        *counts
            .entry(format!("{} in {}", kill.function, kill.action))
            .or_default() += 1;
    }
    counts
}
