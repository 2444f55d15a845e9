//! One run, from its scenario to its end.
//!
//! **Start reading at** [`run`].

mod earlier;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::delivery::account_rate::AccountState;
use domain::delivery::batch::ENDS_WITHIN;
use domain::delivery::cause::Cause;
use domain::delivery::rate::Rate;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::EmailId;
use domain::queue::rate_limit::LATE;
use domain::timestamp::Timestamp;
use invariants::Invariant;
use memory::MemoryBackend;
use memory::fault_model::FaultModel;
use memory::trace::Trace;

use earlier::{plant, plant_waiting};

use crate::client::{Client, change_queue};
use crate::hooks;
use crate::oracle::{Bounds, Oracle, Violation};
use crate::restore::restore;
use crate::scenario::{NEWS, QueueCommand, Scenario};
use crate::system::System;

/// The start of every run.
pub const START: Timestamp = Timestamp::from_millis(1_795_512_600_000);

/// The limit of a run after the last request: two days exceed the whole retry schedule and the longest life of an email.
const LONGEST: Duration = Duration::from_secs(2 * 86_400);

/// The queue that is paused from beginning to end, if [`Scenario::held`] is not 0.
pub const HELD: &str = "held";

/// The time for which a sender uses its cached state of queues. A pause holds within five seconds: docs/API.md.
const REMEMBERED: Duration = Duration::from_secs(5);

/// The interval of the checks whether everything has ended.
const LOOK: Duration = Duration::from_secs(15);

/// The result of a run.
#[derive(Debug)]
pub struct RunOutcome {
    /// The first violation.
    pub violation: Option<Violation>,
    /// The trace of all steps.
    pub trace: Trace,
    /// Calls of ports.
    pub calls: u64,
    /// Emails accepted with a 2xx.
    pub emails: usize,
    /// Copies that SES accepted.
    pub copies: usize,
    /// The number of times that each kind of fault happened.
    pub struck: BTreeMap<&'static str, u64>,
    /// The number of times that each transition was taken.
    pub edges: HashMap<(Option<RecordStatus>, RecordStatus), u64>,
    /// The number of emails by final status.
    pub ends: BTreeMap<&'static str, u64>,
    /// The records at the end.
    pub records: Vec<EmailRecord>,
    /// The submissions that SES accepted, as (email, claim).
    pub accepted: Vec<(EmailId, u32)>,
    /// Send tasks sent to the priority queues.
    pub send_tasks: u64,
    /// Entries read of the emails that wait for slots.
    pub in_line_read: usize,
    /// Events that the endpoints received, and their requests.
    pub told: (usize, usize),
}

impl RunOutcome {
    /// Describes a violation, with the history of its email.
    #[must_use]
    pub fn report(&self, name: &str) -> Option<String> {
        let violation = self.violation.as_ref()?;
        let history = violation
            .email
            .map_or_else(String::new, |email| self.trace.of(email, START.as_millis()));
        Some(format!("{name}: {violation}\n{history}"))
    }
}

/// Runs a scenario until everything has ended or an invariant is broken.
///
/// # Panics
/// When tokio cannot create a runtime.
#[must_use]
pub fn run(scenario: &Scenario) -> RunOutcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    #[expect(
        clippy::expect_used,
        reason = "a runtime with nothing but time needs nothing that could be missing"
    )]
    let runtime = runtime.expect("a runtime");
    runtime.block_on(live(scenario))
}

async fn live(scenario: &Scenario) -> RunOutcome {
    let backend = MemoryBackend::default();
    let oracle = Oracle::new(bounds(scenario));
    if let Some(plan) = scenario.hooks
        && let Err(error) = hooks::prepare(&backend, scenario, plan).await
    {
        oracle.report(
            Invariant::Completion,
            None,
            format!("the webhooks are not created: {error}"),
        );
    }
    backend.state().fault_model = Some(fault_model(scenario, &oracle));
    backend.state().retention = Some(scenario.timings.retention);
    set_account(&backend, scenario);
    // With an even seed, the account's own list decides.
    backend.state().account_list.is_on = scenario.seed.is_multiple_of(2);
    plant(&backend, scenario);
    plant_waiting(&backend, scenario, &oracle);
    let mut system = System::new(backend.clone(), scenario.timings.clone(), scenario.seed);
    system.skew_ms = scenario.skew_ms;
    system.doubled_promotes = scenario.doubled_promotes;
    system.most_messages = scenario.most_messages;
    system.hooks = scenario.hooks;
    system.endpoint.fail(scenario.hooks.map_or(0, |hooks| hooks.failing));
    system.endpoint.watch(&oracle, &backend);
    let system = Arc::new(system);
    let clients = clients(scenario, &system, &oracle);
    system.start(scenario.senders);
    let mut asking: Vec<_> = clients.into_iter().map(|client| tokio::spawn(client.run())).collect();
    if let Some(times) = scenario.restore {
        asking.push(tokio::spawn(restore(Arc::clone(&system), oracle.clone(), times)));
    }

    if let Some(plan) = scenario.hooks.filter(|plan| !plan.created_in.is_zero()) {
        let create = hooks::create_later(backend.clone(), oracle.clone(), scenario.tenants(), plan);
        asking.push(tokio::spawn(create));
    }

    let last_request = scenario.orders.iter().filter_map(|order| order.writer).max();
    let last_request = last_request.unwrap_or_default();
    let began = tokio::time::Instant::now();
    let mut calm = scenario.chaos.is_zero();
    let mut flows = scenario.waiting > 0;
    let mut recovers = scenario.hooks.is_some_and(|hooks| hooks.recovers);
    set_calm(&backend, calm);
    loop {
        tokio::time::sleep(LOOK).await;
        set_quota(&backend, began.elapsed() < scenario.outage);
        backend.state().expire();
        if oracle.violation().is_some() {
            break;
        }
        asking.retain(|client| !client.is_finished());
        if !calm && asking.is_empty() && began.elapsed() >= scenario.chaos {
            calm = true;
            set_calm(&backend, true);
            system.endpoint.fail(0);
        }
        if calm && asking.is_empty() {
            let ask = |(name, command)| tokio::spawn(ask(Arc::clone(&system), oracle.clone(), name, command));
            if std::mem::take(&mut flows) {
                asking.push(ask((NEWS.to_owned(), QueueCommand::Pause)));
            } else if scenario.waiting == 0 {
                // A paused queue holds its emails without end, so that this resumes it.
                let resumed = paused(&backend).into_iter().map(|name| (name, QueueCommand::Resume));
                asking.extend(resumed.map(ask));
            }
        }
        if asking.is_empty() && has_ended(&backend, scenario) && (scenario.hooks.is_none() || hooks::are_idle(&system))
        {
            if std::mem::take(&mut recovers) {
                let now = backend.state().now();
                hooks::recover(&backend, &scenario.tenants(), now).await.ok();
                continue;
            }
            oracle.end(&backend, |record| waits_to_the_end(record, scenario));
            if scenario.hooks.is_some() {
                oracle.end_of_telling(&backend, &system.endpoint.received());
                oracle.end_of_erased_events(&backend);
            }
            break;
        }
        if began.elapsed() > LONGEST + last_request {
            oracle.end(&backend, |record| waits_to_the_end(record, scenario));
            oracle.report(Invariant::Completion, None, "it does not come to an end".to_owned());
            break;
        }
    }
    outcome(&backend, &oracle, &system)
}

fn outcome(backend: &MemoryBackend, oracle: &Oracle, system: &System) -> RunOutcome {
    let (emails, copies) = oracle.numbers();
    let mut state = backend.state();
    let mut ends = BTreeMap::new();
    for record in state.records.values() {
        *ends.entry(end(record.status)).or_default() += 1;
    }
    let fault_model = state.fault_model.take();
    let (trace, struck, calls, send_tasks) = fault_model.map_or_else(Default::default, |fault_model| {
        let (calls, send_tasks) = (
            fault_model.calls(),
            fault_model
                .priority_queues
                .iter()
                .map(memory::queue::SimulatedQueue::sent)
                .sum(),
        );
        (fault_model.trace, fault_model.struck, calls, send_tasks)
    });
    RunOutcome {
        violation: oracle.violation(),
        trace,
        calls,
        emails,
        copies,
        struck,
        edges: oracle.observations().edges.clone(),
        ends,
        records: state.records.values().cloned().collect(),
        accepted: state.accepted.clone(),
        send_tasks,
        in_line_read: state.in_line_read,
        told: (system.endpoint.received().len(), system.endpoint.requests()),
    }
}

const fn end(status: RecordStatus) -> &'static str {
    match status {
        RecordStatus::Queued => "queued",
        RecordStatus::Sending => "sending",
        RecordStatus::Failing => "failing",
        RecordStatus::Uncertain => "uncertain",
        RecordStatus::Sent => "sent",
        RecordStatus::Failed => "failed",
        RecordStatus::Unknown => "unknown",
        RecordStatus::Canceled => "canceled",
        RecordStatus::Expired => "expired",
    }
}

/// Returns the paused queues, except the one that stays paused to the end.
fn paused(backend: &MemoryBackend) -> Vec<String> {
    let state = backend.state();
    let queues = state.queues.values().filter(|queue| queue.is_paused(state.now()));
    let names = queues.map(|queue| queue.key.name.to_string());
    names.filter(|name| name != HELD).collect()
}

async fn ask(system: Arc<System>, oracle: Oracle, name: String, command: QueueCommand) {
    let mut attempt = 1;
    while !change_queue(&system, &oracle, &name, command, attempt).await {
        attempt += 1;
    }
}

/// Tells whether the scenario allows a record to wait to the end of the run.
fn waits_to_the_end(record: &EmailRecord, scenario: &Scenario) -> bool {
    let waits_for_a_slot =
        scenario.waiting > 0 && record.queue.as_str() == NEWS && record.status == RecordStatus::Queued;
    record.queue.as_str() == HELD || waits_for_a_slot
}

/// Tells whether every email has ended, no event about one is in transit, and no job is left. Emails that may wait to
/// the end do not count.
fn has_ended(backend: &MemoryBackend, scenario: &Scenario) -> bool {
    let state = backend.state();
    let heard = state
        .fault_model
        .as_ref()
        .is_none_or(|fault_model| fault_model.events_in_transit() == 0 && fault_model.events.is_empty());
    let mut records = state.records.values();
    heard
        && state.jobs.values().all(|job| job.done)
        && records.all(|record| record.status.is_final() || waits_to_the_end(record, scenario))
}

fn bounds(scenario: &Scenario) -> Bounds {
    let timings = &scenario.timings;
    let attempts = u32::try_from(timings.policy.retry.waits.len()).unwrap_or(u32::MAX);
    // A call, its answer and the SDK's repetition at their slowest; or a call that arrives late.
    let under_way = Duration::from_millis(scenario.odds.slow_ms * 3) + Duration::from_secs(31);
    let skew = Duration::from_millis(scenario.skew_ms.unsigned_abs());
    // Between its check of a queue and its claim a sender reads and writes, and either may be slow.
    let claims_within = if scenario.chaos.is_zero() {
        Duration::from_secs(1)
    } else {
        timings.send_timeout + under_way
    };
    Bounds {
        attempts: attempts.saturating_add(1),
        skew,
        under_way,
        sender: timings.send_timeout,
        heard: REMEMBERED + skew * 2 + claims_within,
        limit: scenario.limit,
        late: if scenario.chaos.is_zero() {
            Duration::from_secs(3)
        } else {
            LATE + skew * 2 + claims_within
        },
        key_lives: timings.expires_after + ENDS_WITHIN + timings.retention,
    }
}

fn fault_model(scenario: &Scenario, oracle: &Oracle) -> FaultModel {
    let mut fault_model = FaultModel::new(scenario.seed, scenario.odds, START);
    fault_model.plan.clone_from(&scenario.plan);
    fault_model.script.clone_from(&scenario.script);
    fault_model.shards = scenario.shards;
    fault_model.broken = scenario.broken;
    if !scenario.outage.is_zero() {
        fault_model.outage = Some((Cause::QuotaExceeded, START.after(scenario.outage).as_millis()));
    }
    fault_model.observer = Some(Box::new(oracle.clone()));
    for priority in &mut fault_model.priority_queues {
        priority.visibility = scenario.timings.visibility;
        priority.most_receives = scenario.most_receives;
        priority.most_in_flight = scenario.most_in_flight;
    }
    fault_model
}

fn set_account(backend: &MemoryBackend, scenario: &Scenario) {
    let rate = Rate::from_millis(scenario.rate_per_second * 1000);
    let mut state = backend.state();
    state.account = Some(AccountState {
        rate,
        quota_spent: !scenario.outage.is_zero(),
        paused: false,
    });
    state.account_rate.rate = rate.map(Rate::kept_to);
}

fn set_quota(backend: &MemoryBackend, spent: bool) {
    if let Some(account) = &mut backend.state().account {
        account.quota_spent = spent;
    }
}

fn set_calm(backend: &MemoryBackend, calm: bool) {
    if let Some(fault_model) = &mut backend.state().fault_model {
        fault_model.calm = calm;
    }
}

fn clients(scenario: &Scenario, system: &Arc<System>, oracle: &Oracle) -> Vec<Client> {
    let mut clients = Vec::new();
    for (number, order) in scenario.orders.iter().enumerate() {
        let client = Client {
            system: Arc::clone(system),
            oracle: oracle.clone(),
            number,
            order: order.clone(),
            is_concurrent: false,
        };
        if let Some(at) = order.writer {
            let mut writer = client.clone();
            writer.is_concurrent = true;
            writer.order.at = at;
            writer.order.commands.clear();
            clients.push(writer);
        }
        clients.push(client);
    }
    clients
}
