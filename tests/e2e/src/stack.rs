//! The stack that `make test` started.

use std::io::Write as _;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws::runtime::clients::Clients;
use aws::runtime::settings::{Environment, of_process};
use reqwest::Client;
use tokio::sync::{Notify, OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit};

use crate::{Account, Api, CallFaults, Dns, Faults, Functions, HookBox, Inbox, Senders, StackQueue};

/// The lock of the stack: most tests share it, and a few need it alone.
static TURNS: RwLock<()> = RwLock::const_new(());

/// Tests that share the stack at the same time. They use all of two cores, so more tests would only make every answer
/// slower, until the gateway gives up.
static PLACES: Semaphore = Semaphore::const_new(12);

/// The number of tests that share the stack or wait to share it.
static SHARING: AtomicUsize = AtomicUsize::new(0);

/// The signal that [`SHARING`] is zero.
static NOBODY_SHARES: Notify = Notify::const_new();

/// The time in which every test has started.
const BEGUN: Duration = Duration::from_secs(1);

/// The message after which the machine is mostly idle. `local/test` and `.ci/run` wait for it.
pub const ONLY_WAITING_TESTS_ARE_LEFT: &str = "All tests that share the stack have ended.";

/// Prints that message once.
static SAY_IT: Once = Once::new();

/// The mark that the stack is ready for the tests.
static READY: OnceCell<()> = OnceCell::const_new();

/// The limit of one answer, even on a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A running stack, and the test's lock on it.
#[derive(Debug)]
pub struct Stack {
    /// The API.
    pub api: Api,
    /// The API with the deployer's key.
    pub deployer: Api,
    /// The messages that SES accepted.
    pub inbox: Inbox,
    /// Faults at SES.
    pub faults: Faults,
    /// Faults at the other AWS services.
    pub call_faults: CallFaults,
    /// The account at SES.
    pub account: Account,
    /// The records of domains.
    pub dns: Dns,
    /// The functions.
    pub functions: Functions,
    /// The processes of `send`.
    pub senders: Senders,
    name: String,
    hooks: HookBox,
    turn: Turn,
}

#[derive(Debug)]
enum Turn {
    Shared {
        _guard: RwLockReadGuard<'static, ()>,
        _place: Option<Place>,
    },
    Alone {
        guard: RwLockWriteGuard<'static, ()>,
    },
}

/// A place among the tests that share the stack.
#[derive(Debug)]
struct Place {
    _permit: SemaphorePermit<'static>,
    _sharing: Sharing,
}

/// A test that shares the stack or waits to share it.
#[derive(Debug)]
struct Sharing;

impl Sharing {
    fn begin() -> Self {
        SHARING.fetch_add(1, Ordering::SeqCst);
        Self
    }

    /// Returns when no test shares the stack.
    async fn ended() {
        loop {
            let notification = NOBODY_SHARES.notified();
            if SHARING.load(Ordering::SeqCst) == 0 {
                return;
            }
            notification.await;
        }
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        if SHARING.fetch_sub(1, Ordering::SeqCst) == 1 {
            NOBODY_SHARES.notify_waiters();
        }
    }
}

impl Stack {
    /// Returns the stack, shared with other tests.
    ///
    /// # Panics
    /// Never: the places are never closed.
    pub async fn shared() -> Self {
        let sharing = Sharing::begin();
        let place = Place {
            _permit: PLACES.acquire().await.expect("the places are never closed"),
            _sharing: sharing,
        };
        let guard = TURNS.read().await;
        let turn = Turn::Shared {
            _guard: guard,
            _place: Some(place),
        };
        Self::connect(turn).ready().await
    }

    /// Returns the stack while no other test uses it. It first waits for all sharing tests, because a test that waits
    /// for the lock blocks all others.
    pub async fn alone() -> Self {
        tokio::time::sleep(BEGUN).await;
        Sharing::ended().await;
        // A failure to print must not fail the test.
        SAY_IT.call_once(|| drop(writeln!(std::io::stderr(), "{ONLY_WAITING_TESTS_ARE_LEFT}")));
        let guard = TURNS.write().await;
        Self::connect(Turn::Alone { guard }).ready().await
    }

    /// Raises the account's limits before the first test.
    async fn ready(self) -> Self {
        READY
            .get_or_init(async || {
                self.account.ordinary().await;
                self.functions.promote().await;
            })
            .await;
        self
    }

    /// Lets other tests share the stack again.
    #[must_use]
    pub fn share(self) -> Self {
        let turn = match self.turn {
            Turn::Alone { guard } => Turn::Shared {
                _guard: guard.downgrade(),
                _place: None,
            },
            shared @ Turn::Shared { .. } => shared,
        };
        Self { turn, ..self }
    }

    fn connect(turn: Turn) -> Self {
        let environment = of_process();
        let setting = |name| required(&environment, name);
        let http = Client::builder()
            .no_proxy()
            .timeout(ANSWER_TIMEOUT)
            .pool_max_idle_per_host(0)
            .build();
        let http = http.expect("an HTTP client can be made");
        let inbox_url = setting("INBOX_URL");
        let state = environment.get("MAILQUEUE_STATE").map_or(".local", String::as_str);
        let api = Api::new(http.clone(), setting("MAILQUEUE_URL"), setting("MAILQUEUE_API_KEY"));
        Self {
            deployer: api.with_key(&setting("MAILQUEUE_DEPLOYER_KEY")),
            api,
            hooks: HookBox::new(http.clone(), &inbox_url),
            inbox: Inbox::new(http.clone(), inbox_url.clone()),
            faults: Faults::new(http.clone(), inbox_url.clone()),
            call_faults: CallFaults::new(http.clone(), &setting("FAULT_PROXY_URL"), &setting("MAILQUEUE_STACK")),
            account: Account::new(http.clone(), inbox_url),
            dns: Dns::new(http.clone(), setting("DNS_URL")),
            functions: Functions::new(http, setting("AWS_ENDPOINT_URL"), setting("MAILQUEUE_STACK")),
            senders: Senders::of(&root().join(state)),
            name: setting("MAILQUEUE_STACK"),
            turn,
        }
    }

    /// Returns a new receiver of webhooks.
    #[must_use]
    pub fn hook_box(&self) -> HookBox {
        self.hooks.another()
    }

    /// Returns a queue by its logical id in the template.
    ///
    /// # Panics
    /// When there is no such queue.
    pub async fn queue(&self, logical_id: &str) -> StackQueue {
        let clients = Clients::connect().expect("clients can be made");
        StackQueue::find(clients.sqs(), &self.name, logical_id).await
    }
}

fn required(environment: &Environment, name: &str) -> String {
    let value = environment.get(name).cloned();
    value.unwrap_or_else(|| panic!("{name} is not set: this test needs a local stack: run `make test`"))
}

/// Returns the repository's top directory.
#[must_use]
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}
