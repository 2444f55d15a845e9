//! All functions over one world in memory, and the time that passes.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use aws::http::Caller;
use domain::id::EmailId;
use domain::lifecycle::Policy;
use domain::pacing::{Account, Rate};
use domain::ports::Wake;
use domain::row::{Lane, Row, Status};
use domain::wire::api::RescheduleRequest;
use domain::wire::ses_event::SesEvent;
use domain::wire::times::When;
use domain::wire::wake_up::WakeUp;
use enqueue::{Accepting, Enqueue};
use feedback::Feedback;
use manage::{Manage, Managing};
use promote::Promote;
use send::pacer::Pacer;
use send::{Send, Sending};
use world::{World, samples};

/// Minutes in which everything has ended: the whole retry schedule, and then some.
const MINUTES: usize = 24 * 60;

/// Minutes that SES's events are under way: longer than the evidence window.
const EVENTS_TAKE: usize = 7;

/// What became of the work that was not to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was carried out.
    Done,
    /// The caller was told that the email is canceled.
    Canceled,
    /// It failed; whoever asked asks again.
    Failed,
}

/// Who calls the API.
pub(super) fn caller() -> Caller {
    let mut headers = lambda_http::http::HeaderMap::new();
    headers.insert("authorization", "Bearer mq_secret".parse().unwrap());
    let key = aws::settings::KeySettings {
        sha256: aws::http::key_hash(b"mq_secret"),
    };
    aws::http::authenticate(&headers, &key).unwrap()
}

fn policy() -> Policy {
    Policy::standard()
}

/// The world, and what of it was seen.
pub(super) struct System {
    pub(super) world: World,
    /// Events that SES will not publish any more.
    told: std::cell::RefCell<HashSet<(EmailId, u32)>>,
}

impl System {
    /// A system without emails.
    pub(super) fn empty() -> Self {
        Self::of(World::default())
    }

    /// A system over a world, whose account has a rate.
    fn of(world: World) -> Self {
        {
            let mut state = world.state();
            state.now_ms = samples::BORN.as_millis();
            state.account = Some(Account {
                rate: Rate::from_millis(14_000),
                quota_spent: false,
                paused: false,
            });
            state.pace.rate = Rate::from_millis(13_300);
        }
        Self {
            world,
            told: std::cell::RefCell::default(),
        }
    }

    /// A system with one email, which is so.
    pub(super) fn new(email: fn(&mut Row)) -> Self {
        let system = Self::of(samples::world(1).expect("the samples parse"));
        if let Some(row) = system.world.state().rows.get_mut(&samples::key(1)) {
            email(row);
        }
        system
    }

    pub(super) fn row(&self) -> Row {
        self.world.row(&samples::key(1)).expect("the email")
    }

    pub(super) fn enqueue(&self) -> Enqueue<World, World, World, World> {
        Enqueue {
            rows: self.world.clone(),
            bodies: self.world.clone(),
            lanes: self.world.clone(),
            system: self.world.clone(),
            with: Accepting {
                guard: policy().guard,
                expires_after: Duration::from_secs(86_400),
                retention: Duration::from_secs(86_400),
            },
        }
    }

    fn sender(&self) -> Send<World, World, World, World, World> {
        Send {
            rows: self.world.clone(),
            bodies: self.world.clone(),
            dead_letters: self.world.clone(),
            provider: self.world.clone(),
            system: self.world.clone(),
            with: Sending {
                policy: policy(),
                attempt_timeout: Duration::from_secs(10),
            },
            memory: send::memory(),
            pacer: Pacer::default(),
        }
    }

    fn manager(&self) -> Manage<World, World, World, World> {
        Manage {
            rows: self.world.clone(),
            bodies: self.world.clone(),
            lanes: self.world.clone(),
            system: self.world.clone(),
            with: Managing {
                policy: policy(),
                expires_after: Duration::from_secs(86_400),
                retention: Duration::from_secs(86_400),
            },
        }
    }

    fn wake_up(&self) -> WakeUp {
        WakeUp::of(&self.row())
    }

    /// A wake-up arrives for the email.
    pub(super) async fn wake(&self) -> Outcome {
        self.arrive(self.wake_up()).await
    }

    async fn arrive(&self, wake_up: WakeUp) -> Outcome {
        let sender = self.sender();
        let leaves = sender
            .book(Lane::Normal, std::slice::from_ref(&wake_up), Duration::from_secs(60))
            .await;
        let Some(leave) = leaves.first().copied() else {
            return Outcome::Failed;
        };
        let woken = sender.wake(wake_up.clone(), leave).await;
        match woken {
            Ok(send::Woken::Done) => Outcome::Done,
            Ok(send::Woken::Later(delay)) => {
                let lane = Lane::Normal;
                self.world.state().wakes.push(Wake { lane, wake_up, delay });
                Outcome::Done
            }
            // SQS shows it again.
            Err(_) => {
                let delay = Duration::from_secs(360);
                let lane = Lane::Normal;
                self.world.state().wakes.push(Wake { lane, wake_up, delay });
                Outcome::Failed
            }
        }
    }

    pub(super) async fn promote(&self) -> Outcome {
        let promote = Promote {
            rows: self.world.clone(),
            lanes: self.world.clone(),
            dead_letters: self.world.clone(),
            evidence: self.world.clone(),
            account: self.world.clone(),
            system: self.world.clone(),
            policy: policy(),
        };
        match promote.run(Instant::now() + Duration::from_secs(60)).await {
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Failed,
        }
    }

    /// A hand-over of the email arrives.
    pub(super) async fn bury(&self) -> Outcome {
        let message = domain::wire::hand_over::HandOver::of(&self.row()).to_json();
        self.bury_message(&message).await
    }

    async fn bury_message(&self, message: &str) -> Outcome {
        let now = domain::ports::Clock::now(&self.world);
        match dead_letter::bury(&self.world, message, now).await {
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Failed,
        }
    }

    /// SES has accepted this claim, and says so.
    pub(super) async fn hear_of_claim(&self, claim_no: u32) -> Outcome {
        let id = samples::id(1);
        self.world.state().accepted.push((id, claim_no));
        self.hear(id, claim_no).await
    }

    async fn hear(&self, id: EmailId, claim_no: u32) -> Outcome {
        let key = domain::ports::EmailKey {
            tenant: domain::id::TenantId::main(),
            id,
        };
        let Some(row) = self.world.row(&key) else {
            return Outcome::Done;
        };
        let born = row.born.as_millis();
        let event = format!(
            r#"{{"eventType":"Send","mail":{{"timestamp":"1970-01-01T00:16:41.000Z","messageId":"ses-{claim_no}",
            "destination":["b@example.com"],
            "tags":{{"mq_tenant":["main"],"mq_id":["{id}"],"mq_claim":["{claim_no}"],"mq_born":["{born}"]}}}},"send":{{}}}}"#
        );
        let feedback = Feedback {
            rows: self.world.clone(),
            system: self.world.clone(),
            said: std::sync::Mutex::default(),
        };
        match feedback.hear(&key, &[SesEvent::parse(&event).expect("an event")]).await {
            Ok(_) => {
                self.told.borrow_mut().insert((id, claim_no));
                Outcome::Done
            }
            Err(_) => Outcome::Failed,
        }
    }

    /// What SES has accepted and `feedback` has not heard of.
    fn untold(&self) -> Vec<(EmailId, u32)> {
        let told = self.told.borrow();
        let accepted = self.world.state().accepted.clone();
        accepted.into_iter().filter(|claim| !told.contains(claim)).collect()
    }

    /// What SES has said until now arrives nowhere.
    pub(super) fn lose_events(&self) {
        let accepted = self.world.state().accepted.clone();
        self.told.borrow_mut().extend(accepted);
    }

    pub(super) async fn cancel(&self) -> Outcome {
        match self.manager().cancel(&caller(), samples::id(1)).await {
            Ok(_) => Outcome::Canceled,
            Err(_) => Outcome::Failed,
        }
    }

    pub(super) async fn reschedule(&self) -> Outcome {
        let request = RescheduleRequest {
            id: None,
            scheduled_at: When::In(Duration::from_secs(3600)),
            expires_at: None,
        };
        match self.manager().reschedule(&caller(), samples::id(1), request).await {
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Failed,
        }
    }

    pub(super) async fn retry(&self) -> Outcome {
        match self.manager().retry(&caller(), samples::id(1), false).await {
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Failed,
        }
    }

    /// Lets a minute pass again and again, in which everything that lies in a queue arrives, until
    /// every email has ended.
    pub(super) async fn settle(&self, what: &str) {
        let mut under_way = Vec::new();
        for minute in 0..MINUTES {
            for claim in self.untold() {
                if !under_way.iter().any(|(_, other)| *other == claim) {
                    under_way.push((minute + EVENTS_TAKE, claim));
                }
            }
            for (arrives, (id, claim_no)) in &under_way {
                if *arrives <= minute && self.untold().contains(&(*id, *claim_no)) {
                    self.hear(*id, *claim_no).await;
                }
            }
            self.world.state().events_waiting = u32::try_from(self.untold().len()).unwrap_or(u32::MAX);
            let wakes = std::mem::take(&mut self.world.state().wakes);
            for wake in wakes {
                match wake.delay.checked_sub(Duration::from_secs(60)) {
                    Some(delay) if delay > Duration::ZERO => self.world.state().wakes.push(Wake { delay, ..wake }),
                    _ => drop(self.arrive(wake.wake_up).await),
                }
            }
            let handed_over = std::mem::take(&mut self.world.state().handed_over);
            for hand_over in handed_over {
                self.bury_message(&hand_over.to_json()).await;
            }
            self.promote().await;
            let final_rows = self.world.state().rows.values().all(|row| row.status.is_final());
            if final_rows && self.untold().is_empty() {
                return;
            }
            self.world.state().now_ms += 60_000;
        }
        panic!("{what}: not ended: {:?}", self.world.state().rows);
    }

    /// What is promised of every email that has ended.
    pub(super) fn judge(&self, what: &str) {
        let row = self.row();
        let copies = self
            .world
            .state()
            .accepted
            .iter()
            .filter(|(id, _)| *id == row.id)
            .count();
        let marked = row.maybe_duplicate || row.duplicate;
        assert!(row.status.is_final() && row.due.is_none(), "{what}: {row:?}");
        assert!(copies <= 1 || marked, "{what}: {copies} copies unmarked");
        assert_eq!(
            row.status == Status::Sent,
            copies > 0,
            "{what}: {copies} copies of {row:?}"
        );
        assert!(
            row.status != Status::Failed || row.cause.is_some(),
            "{what}: failed without a cause"
        );
    }
}
