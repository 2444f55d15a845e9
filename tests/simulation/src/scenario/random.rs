//! Random scenarios.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::priority_queue::MOST_MESSAGES;
use domain::delivery::record::Priority;
use domain::id::TenantId;
use fastrand::Rng;
use memory::fault_model::{Broken, Odds};

use super::{EmailCommand, NEWS, Order, QueueCommand, Scenario, Timings};

impl Scenario {
    /// Returns the scenario of a seed. Each kind of fault is absent, rare or frequent, so that runs show each one
    /// alone, and all together.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut timings = if rng.u32(0..4) == 0 {
            Timings::standard()
        } else {
            Timings::quick()
        };
        let zombies = rng.u32(0..6) == 0;
        if zombies {
            // Shorter than the template allows: senders outlive their leases, and other senders replace them.
            timings.policy.lease = timings.attempt_timeout / 2;
        }
        let chaos = Duration::from_secs(rng.u64(60..=1_500));
        let count = match rng.u32(0..10) {
            0..5 => rng.usize(2..=6),
            5..9 => rng.usize(5..=15),
            _ => rng.usize(15..=30),
        };
        let queues = rng.u32(0..10) < 4;
        let orders = (0..count).map(|_| order(&mut rng, &timings, chaos, queues)).collect();
        let mut odds = odds(&mut rng);
        if zombies {
            odds.slow = odds.slow.max(1_500);
            odds.unavailable = odds.unavailable.max(1_000);
            odds.reject = odds.reject.max(1_000);
        }
        let mut scenario = Self {
            name: format!("seed {seed}"),
            seed,
            timings,
            orders,
            odds,
            plan: BTreeMap::new(),
            script: BTreeMap::new(),
            chaos,
            senders: rng.usize(2..=4),
            skew_ms: if rng.bool() { rng.i64(1..=1_000) } else { 0 },
            doubled_promotes: if rng.bool() { 30 } else { 0 },
            rate_per_second: [1, 5, 14, 100][rng.usize(0..4)],
            shards: rng.u16(1..=2),
            most_receives: if rng.u32(0..4) == 0 { 3 } else { 1_000 },
            held: 0,
            waiting: 0,
            most_in_flight: 120_000,
            most_messages: MOST_MESSAGES,
            outage: Duration::ZERO,
            limit: (queues && rng.bool()).then(|| rng.u32(1..=3)),
            restore: None,
            hooks: None,
            broken: Broken::Nothing,
        };
        // Drawn last, so that older seeds still give the same scenario.
        if rng.u32(0..20) == 0 {
            scenario.forget_early(&mut rng);
        }
        scenario
    }

    /// Finished emails are forgotten after hours, while the last email of a batch still waits.
    fn forget_early(&mut self, rng: &mut Rng) {
        const HOUR: Duration = Duration::from_secs(3600);
        let hours = |rng: &mut Rng, most| HOUR * rng.u32(1..=most) + up_to(rng, HOUR);
        self.timings.retention = HOUR * 4;
        let command = |rng: &mut Rng| {
            let command = if rng.u32(0..4) == 0 {
                EmailCommand::Reschedule(hours(rng, 6))
            } else {
                EmailCommand::Repeat
            };
            (hours(rng, 11), command)
        };
        self.orders.push(Order {
            emails: rng.usize(2..=4),
            batch: true,
            last_scheduled_in: Some(HOUR * 10),
            large: rng.bool(),
            writer: sometimes(rng, 50, |rng| hours(rng, 12)),
            commands: (0..rng.usize(1..=3)).map(|_| command(rng)).collect(),
            ..Order::plain()
        });
    }
}

fn sometimes<T>(rng: &mut Rng, percent: u32, draw: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    (rng.u32(0..100) < percent).then(|| draw(rng))
}

fn up_to(rng: &mut Rng, most: Duration) -> Duration {
    Duration::from_millis(rng.u64(0..=u64::try_from(most.as_millis()).unwrap_or(u64::MAX).max(1)))
}

fn order(rng: &mut Rng, timings: &Timings, chaos: Duration, queues: bool) -> Order {
    let batch = rng.u32(0..100) < 15;
    let key = rng.u32(0..100) < 75;
    let at = up_to(rng, chaos);
    let guard = timings.policy.guard;
    let commands = (0..rng.usize(0..=4))
        .map(|_| {
            // Half of the actions come soon, and meet emails in progress.
            let longest = if rng.bool() { Duration::from_secs(2) } else { guard * 3 };
            let command = if queues && rng.u32(0..100) < 35 {
                EmailCommand::Queue(random_queue_command(rng, guard))
            } else {
                random_email_command(rng, guard)
            };
            (up_to(rng, longest), command)
        })
        .collect();
    let scheduled_in = sometimes(rng, 30, |rng| {
        let far = rng.u32(0..100) < 25;
        up_to(
            rng,
            if far {
                Duration::from_secs(2_400)
            } else {
                Duration::from_secs(40)
            },
        )
    });
    let expires_in = sometimes(rng, 20, |rng| {
        scheduled_in.unwrap_or_default() + Duration::from_secs(1) + up_to(rng, guard * 2)
    });
    Order {
        tenant: TenantId::main(),
        at,
        emails: if batch { rng.usize(1..=6) } else { 1 },
        batch,
        key,
        writer: if key {
            sometimes(rng, 10, |rng| at + up_to(rng, Duration::from_secs(5)))
        } else {
            None
        },
        hold: rng.u32(0..100) < 30,
        scheduled_in,
        last_scheduled_in: None,
        expires_in,
        large: rng.u32(0..100) < 15,
        queue: (queues && rng.bool()).then_some(NEWS),
        priority: sometimes(rng, 30, |rng| Priority::ALL[rng.usize(0..Priority::ALL.len())]),
        commands,
    }
}

fn random_email_command(rng: &mut Rng, guard: Duration) -> EmailCommand {
    match rng.u32(0..100) {
        0..25 => EmailCommand::Cancel,
        25..45 => {
            let longest = if rng.bool() {
                Duration::from_secs(20)
            } else {
                guard * 10
            };
            EmailCommand::Reschedule(up_to(rng, longest))
        }
        45..80 => EmailCommand::Retry {
            force: rng.u32(0..3) == 0,
        },
        80..84 => EmailCommand::Read,
        84..88 => EmailCommand::Suppress,
        88..91 => EmailCommand::Release,
        91..95 => EmailCommand::Erase,
        _ => EmailCommand::Repeat,
    }
}

fn random_queue_command(rng: &mut Rng, guard: Duration) -> QueueCommand {
    match rng.u32(0..100) {
        0..25 => QueueCommand::Pause,
        25..32 => QueueCommand::PauseFor(up_to(rng, guard * 2)),
        32..52 => QueueCommand::Resume,
        52..67 => QueueCommand::Purge,
        67..82 => QueueCommand::Restore,
        82..94 => QueueCommand::Redrive,
        94..96 => QueueCommand::Delete,
        _ => QueueCommand::Make,
    }
}

fn odds(rng: &mut Rng) -> Odds {
    // The severity of the run: it multiplies the largest probability of each fault.
    let scale = [1, 3, 10][rng.usize(0..3)];
    let mut share = |most: u32| {
        if rng.u32(0..100) < 55 {
            0
        } else {
            rng.u32(1..=most * scale)
        }
    };
    Odds {
        before: share(60),
        after: share(60),
        repeated: share(60),
        late: share(40),
        die_before: share(30),
        die_after: share(30),
        detached: share(500),
        slow: share(60),
        slow_ms: 12_000,
        delay_ms: u64::from(share(20)) + 5,
        stale_ms: u64::from(share(300)) * 10,
        partly: share(200),
        doubled: share(200),
        seen_again: share(200),
        delete_lost: share(200),
        throttle: share(250),
        quota: share(40),
        pause: share(30),
        reject: share(150),
        unavailable: share(250),
        unreached: share(100),
        lost_before: share(300),
        lost_after: share(300),
        accepts_late: share(300),
        hangs: share(60),
        event_doubled: share(300),
        event_late: share(400),
        event_lost: if share(1) > 0 { share(300) } else { 0 },
        conflict: share(150),
        throttled: share(60),
    }
}
