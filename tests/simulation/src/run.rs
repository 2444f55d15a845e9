//! One run, from its scenario to its end.
//!
//! **Start reading at** [`run`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::id::{EmailId, TenantId};
use domain::index;
use domain::pacing::{Account, Rate};
use domain::ports::EmailKey;
use domain::row::{BodyPlace, BodyRef, Lane, Row, Status};
use domain::timestamp::Timestamp;
use world::World;
use world::nature::Nature;
use world::trace::Trace;

use crate::client::Client;
use crate::judge::{Bounds, Judge, Violation};
use crate::scenario::Scenario;
use crate::system::System;

/// When every run begins.
pub const START: Timestamp = Timestamp::from_millis(1_795_512_600_000);

/// By then everything has ended: two days are more than the whole retry schedule and the longest life.
const LONGEST: Duration = Duration::from_secs(2 * 86_400);

/// How often it is looked whether everything has ended.
const LOOK: Duration = Duration::from_secs(15);

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The first rule that was broken.
    pub violation: Option<Violation>,
    /// What happened.
    pub trace: Trace,
    /// Calls of ports.
    pub calls: u64,
    /// Emails that were accepted with a 2xx.
    pub emails: usize,
    /// Copies that SES accepted.
    pub copies: usize,
    /// How often each kind of fault has struck.
    pub struck: BTreeMap<&'static str, u64>,
    /// How often each edge between two statuses was gone.
    pub edges: HashMap<(Option<Status>, Status), u64>,
    /// How many emails ended so.
    pub ends: BTreeMap<&'static str, u64>,
    /// The rows at the end.
    pub rows: Vec<Row>,
    /// What SES accepted, as (email, claim).
    pub accepted: Vec<(EmailId, u32)>,
}

impl Outcome {
    /// What a person needs to see of a violation.
    #[must_use]
    pub fn report(&self, name: &str) -> Option<String> {
        let violation = self.violation.as_ref()?;
        let history = violation.email.map_or_else(String::new, |email| {
            format!("email {email}:\n{}", self.trace.of(email, START.as_millis()))
        });
        Some(format!(
            "{name}: rule {}: {}\n{history}",
            violation.rule, violation.what
        ))
    }
}

/// Carries out a scenario until everything has ended, or a rule is broken.
///
/// # Panics
/// When tokio cannot make a runtime.
#[must_use]
pub fn run(scenario: &Scenario) -> Outcome {
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

async fn live(scenario: &Scenario) -> Outcome {
    let world = World::default();
    let judge = Judge::new(bounds(scenario));
    world.state().nature = Some(nature(scenario, &judge));
    set_account(&world, scenario);
    let mut system = System::new(world.clone(), scenario.timings.clone(), scenario.seed);
    system.skew_ms = scenario.skew_ms;
    system.doubled_promotes = scenario.doubled_promotes;
    let system = Arc::new(system);
    let clients = clients(scenario, &system, &judge);
    system.start(scenario.senders);
    let mut asking: Vec<_> = clients.into_iter().map(|client| tokio::spawn(client.run())).collect();

    let began = tokio::time::Instant::now();
    let mut calm = scenario.chaos.is_zero();
    set_calm(&world, calm);
    loop {
        tokio::time::sleep(LOOK).await;
        if judge.violation().is_some() {
            break;
        }
        asking.retain(|client| !client.is_finished());
        if !calm && asking.is_empty() && began.elapsed() >= scenario.chaos {
            calm = true;
            set_calm(&world, true);
        }
        if asking.is_empty() && has_ended(&world) {
            judge.end(&world);
            break;
        }
        if began.elapsed() > LONGEST {
            judge.end(&world);
            judge.object(1, None, "it does not come to an end".to_owned());
            break;
        }
    }
    outcome(&world, &judge)
}

fn outcome(world: &World, judge: &Judge) -> Outcome {
    let (emails, copies) = judge.numbers();
    let mut state = world.state();
    let mut ends = BTreeMap::new();
    for row in state.rows.values() {
        *ends.entry(end(row.status)).or_default() += 1;
    }
    let nature = state.nature.take();
    let (trace, struck, calls) = nature.map_or_else(Default::default, |nature| {
        let calls = nature.calls();
        (nature.trace, nature.struck, calls)
    });
    Outcome {
        violation: judge.violation(),
        trace,
        calls,
        emails,
        copies,
        struck,
        edges: judge.seen().edges.clone(),
        ends,
        rows: state.rows.values().cloned().collect(),
        accepted: state.accepted.clone(),
    }
}

const fn end(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::Sending => "sending",
        Status::Failing => "failing",
        Status::Uncertain => "uncertain",
        Status::Sent => "sent",
        Status::Failed => "failed",
        Status::Unknown => "unknown",
        Status::Canceled => "canceled",
        Status::Expired => "expired",
    }
}

/// Every email has ended, and nothing is on its way that says anything of one.
fn has_ended(world: &World) -> bool {
    let state = world.state();
    let heard = state
        .nature
        .as_ref()
        .is_none_or(|nature| nature.travelling() == 0 && nature.events.is_empty());
    heard && state.rows.values().all(|row| row.status.is_final())
}

fn bounds(scenario: &Scenario) -> Bounds {
    let timings = &scenario.timings;
    let attempts = u32::try_from(timings.policy.retry.waits.len()).unwrap_or(u32::MAX);
    Bounds {
        attempts: attempts.saturating_add(1),
        skew: Duration::from_millis(scenario.skew_ms.unsigned_abs()),
        // A call, its answer, and the SDK's repetition, each as slow as can be; or one that arrives late.
        under_way: Duration::from_millis(scenario.odds.slow_ms * 3) + Duration::from_secs(31),
        sender: timings.send_timeout,
    }
}

fn nature(scenario: &Scenario, judge: &Judge) -> Nature {
    let mut nature = Nature::new(scenario.seed, scenario.odds, START);
    nature.plan.clone_from(&scenario.plan);
    nature.script.clone_from(&scenario.script);
    nature.shards = scenario.shards;
    nature.broken = scenario.broken;
    nature.witness = Some(Box::new(judge.clone()));
    for lane in &mut nature.lanes {
        lane.visibility = scenario.timings.visibility;
        lane.most_receives = scenario.most_receives;
    }
    nature
}

fn set_account(world: &World, scenario: &Scenario) {
    let rate = Rate::from_millis(scenario.rate_per_second * 1000);
    let mut state = world.state();
    state.account = Some(Account {
        rate,
        quota_spent: false,
        paused: false,
    });
    state.pace.rate = rate.map(Rate::kept_to);
}

fn set_calm(world: &World, calm: bool) {
    if let Some(nature) = &mut world.state().nature {
        nature.calm = calm;
    }
}

fn clients(scenario: &Scenario, system: &Arc<System>, judge: &Judge) -> Vec<Client> {
    let mut clients = Vec::new();
    for (number, order) in scenario.orders.iter().enumerate() {
        let client = Client {
            system: Arc::clone(system),
            judge: judge.clone(),
            number,
            order: order.clone(),
            is_rival: false,
            accepted: None,
        };
        if let Some(lane) = order.planted {
            clients.push(plant(client, lane));
            continue;
        }
        if let Some(at) = order.rival {
            let mut rival = client.clone();
            rival.is_rival = true;
            rival.order.at = at;
            rival.order.deeds.clear();
            clients.push(rival);
        }
        clients.push(client);
    }
    clients
}

/// An email that is there from the beginning: the API has no word for its lane yet.
fn plant(mut client: Client, lane: Lane) -> Client {
    let Some(email) = client.first_email() else {
        return client;
    };
    let id = EmailId::from_random(u128::try_from(client.number).unwrap_or(0).to_be_bytes());
    let body = BodyRef {
        sha256: email.hash(),
        place: BodyPlace::Table,
        bytes: u64::try_from(email.bytes()).unwrap_or(0),
    };
    let timings = &client.system.timings;
    let expires_at = START.after(timings.expires_after);
    let (due, _) = index::queued(START, expires_at, timings.policy.guard, START);
    let row = Row {
        lane,
        on_uncertain: client.on_uncertain(),
        expires_at,
        due: Some(due),
        ..Row::new(TenantId::main(), id, body, 1, START)
    };
    let world = &client.system.world;
    let content = (EmailKey::of(&row), email.hash());
    world.state().bodies.insert(content, email.to_body());
    world.state().plant(row);
    let contents: Vec<_> = client.contents().into_iter().take(1).collect();
    client.judge.answered(world, None, &client.name(), &[id], &contents);
    client.accepted = Some(vec![id]);
    client
}
