//! The stack that `make test` has started.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws::clients::Clients;
use aws::settings::{Environment, of_process};
use reqwest::Client;
use tokio::sync::{Notify, OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit};

use crate::{Account, Api, CallFaults, Faults, Functions, Inbox, Queue, Senders};

/// Most tests share the stack; a few need it for themselves.
static TURNS: RwLock<()> = RwLock::const_new(());

/// So many tests share it at once: with more of them the emulator answers too late.
static PLACES: Semaphore = Semaphore::const_new(24);

/// How many tests share it, or are about to.
static SHARING: AtomicUsize = AtomicUsize::new(0);

/// Told when [`SHARING`] is none.
static NOBODY_SHARES: Notify = Notify::const_new();

/// By then every test has begun that was to begin.
const BEGUN: Duration = Duration::from_secs(1);

/// Whether the stack was made ready for the tests.
static READY: OnceCell<()> = OnceCell::const_new();

/// Patience with one answer, also of a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A running stack, and a test's turn with it.
#[derive(Debug)]
pub struct Stack {
    /// The API.
    pub api: Api,
    /// The same, with the key that the stack was deployed with.
    pub deployer: Api,
    /// What SES has accepted.
    pub inbox: Inbox,
    /// What goes wrong at SES.
    pub faults: Faults,
    /// What goes wrong at the rest of AWS.
    pub call_faults: CallFaults,
    /// The account at SES.
    pub account: Account,
    /// The functions.
    pub functions: Functions,
    /// The processes of `send`.
    pub senders: Senders,
    name: String,
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

/// The place of a test that shares the stack.
#[derive(Debug)]
struct Place {
    _permit: SemaphorePermit<'static>,
    _sharing: Sharing,
}

/// A test that shares the stack, or is about to.
#[derive(Debug)]
struct Sharing;

impl Sharing {
    fn begin() -> Self {
        SHARING.fetch_add(1, Ordering::SeqCst);
        Self
    }

    /// Returns when nobody does.
    async fn ended() {
        loop {
            let told = NOBODY_SHARES.notified();
            if SHARING.load(Ordering::SeqCst) == 0 {
                return;
            }
            told.await;
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
    /// The stack, shared with other tests.
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

    /// The stack, while no other test uses it: after all that share it, for whoever is alone keeps everybody waiting,
    /// and has to wait until nobody is left.
    pub async fn alone() -> Self {
        tokio::time::sleep(BEGUN).await;
        Sharing::ended().await;
        let guard = TURNS.write().await;
        Self::connect(Turn::Alone { guard }).ready().await
    }

    /// Before the first test of all: the account may send what the tests send.
    async fn ready(self) -> Self {
        READY
            .get_or_init(async || {
                self.account.ordinary().await;
                self.functions.promote().await;
            })
            .await;
        self
    }

    /// Lets the others in again.
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
            inbox: Inbox::new(http.clone(), inbox_url.clone()),
            faults: Faults::new(http.clone(), inbox_url.clone()),
            call_faults: CallFaults::new(http.clone(), &setting("FAULT_PROXY_URL"), &setting("MAILQUEUE_STACK")),
            account: Account::new(http.clone(), inbox_url),
            functions: Functions::new(http, setting("AWS_ENDPOINT_URL"), setting("MAILQUEUE_STACK")),
            senders: Senders::of(&root().join(state)),
            name: setting("MAILQUEUE_STACK"),
            turn,
        }
    }

    /// A queue, by its logical id in the template.
    ///
    /// # Panics
    /// When there is no such queue.
    pub async fn queue(&self, logical_id: &str) -> Queue {
        let clients = Clients::connect().expect("clients can be made");
        Queue::find(clients.sqs(), &self.name, logical_id).await
    }
}

fn required(environment: &Environment, name: &str) -> String {
    let value = environment.get(name).cloned();
    value.unwrap_or_else(|| panic!("{name} is not set: this test needs a local stack: run `make test`"))
}

/// The repository's top directory.
#[must_use]
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}
