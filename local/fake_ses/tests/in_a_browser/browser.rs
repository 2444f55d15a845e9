//! Debian's headless Chromium, controlled over its DevTools protocol.
//!
//! **Role:** opens tabs, clicks in them, and records every sign of a script or a request.
//! **Why a pipe and no library:** a dozen commands suffice, and a pipe needs neither a port nor another protocol. No
//! other task reads the pipe: events are recorded during the wait for an answer.
//! **Invariant:** the browser attaches to every document before it starts, so that no sign is missed.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

/// The limit of every wait; longer than any step here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The names of Chromium's program, in Debian and elsewhere.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The function that the scripts of every document can call.
const CANARY: &str = "canary";

const FLAGS: [&str; 11] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-startup-window",
    "--no-first-run",
    // By default a sandboxed frame gets its own process. Without one the sandbox is the same, in half the time.
    "--disable-features=IsolateSandboxedIframes",
    "--window-size=1280,900",
    // The sandbox starts neither as root nor in most containers, and the corpus is our own.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    // The browser's own requests to its maker stay on this machine. Names below `localhost` resolve as usual: they
    // have this machine's address.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *.localhost",
];

/// The signs since they were last taken.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Signs {
    /// The canary's arguments, and the texts of dialogs.
    pub(crate) scripts: Vec<String>,
    /// The names of offered downloads.
    pub(crate) downloads: Vec<String>,
    /// The addresses of tabs that a page opened.
    pub(crate) popups: Vec<String>,
}

impl Signs {
    /// Tells whether a script of that message ran.
    pub(crate) fn ran(&self, message: &str) -> bool {
        self.scripts.iter().any(|said| said == message)
    }
}

/// A running browser with its own profile.
pub(crate) struct Browser {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    partial: Vec<u8>,
    sent: u64,
    attached: Vec<Tab>,
    /// The sessions that have loaded since the last navigation.
    loaded: Vec<String>,
    signs: Signs,
    directory: PathBuf,
    /// The lock that lets one browser run at a time. Each has several processes, so that this is faster than all at
    /// once.
    _turn: MutexGuard<'static, ()>,
}

/// The lock of all browsers.
static TURN: Mutex<()> = Mutex::const_new(());

/// A tab, or another target that the browser attached to.
#[derive(Debug, Clone)]
pub(crate) struct Tab {
    target: String,
    session: String,
}

impl Browser {
    /// Starts the browser; `None` without Chromium.
    pub(crate) async fn start(purpose: &str) -> Option<Self> {
        let program = find().await?;
        let turn = TURN.lock().await;
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{purpose}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let mut child = Command::new("sh")
            // Chromium reads commands from descriptor 3 and writes answers to descriptor 4.
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>&2"#, program])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", directory.join("profile").display()))
            .arg(format!("--log-net-log={}", directory.join("network").display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(directory.join("stderr")).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (commands, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut browser = Self {
            child,
            commands,
            answers: BufReader::new(answers),
            partial: Vec::new(),
            sent: 0,
            attached: Vec::new(),
            loaded: Vec::new(),
            signs: Signs::default(),
            directory,
            _turn: turn,
        };
        let denied = json!({"behavior": "deny", "eventsEnabled": true});
        browser.command("", "Browser.setDownloadBehavior", denied).await;
        browser.command("", "Target.setAutoAttach", attaching()).await;
        Some(browser)
    }

    /// Opens a new empty tab.
    pub(crate) async fn open(&mut self) -> Tab {
        let created = self
            .command("", "Target.createTarget", json!({"url": "about:blank"}))
            .await;
        let target = created["targetId"].as_str().unwrap().to_owned();
        let tab = loop {
            match self.attached.iter().find(|tab| tab.target == target) {
                Some(tab) => break tab.clone(),
                None => self.wait(Duration::from_millis(5)).await,
            }
        };
        // The blank page is no popup.
        self.signs.popups.clear();
        tab
    }

    /// Returns the newest tab, whether a test or a page opened it.
    pub(crate) fn newest(&self) -> Tab {
        self.attached.last().unwrap().clone()
    }

    /// Brings a tab to the front, opens an address in it, and waits until the page has loaded.
    pub(crate) async fn go(&mut self, tab: &Tab, url: &str) {
        self.command(&tab.session, "Page.bringToFront", json!({})).await;
        self.loaded.clear();
        self.command(&tab.session, "Page.navigate", json!({"url": url})).await;
        let end = Instant::now() + PATIENCE;
        while !self.loaded.contains(&tab.session) {
            let message = self.next(end).await.unwrap_or_else(|| panic!("{url} does not load"));
            self.note(&message).await;
        }
    }

    /// Evaluates an expression in a tab's page.
    pub(crate) async fn value(&mut self, tab: &Tab, expression: &str) -> Value {
        let request =
            json!({"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true});
        let answer = self.command(&tab.session, "Runtime.evaluate", request).await;
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression has the expected value.
    pub(crate) async fn until(&mut self, tab: &Tab, expression: &str, expected: &Value) {
        let end = Instant::now() + PATIENCE;
        loop {
            let value = self.value(tab, expression).await;
            if value == *expected {
                return;
            }
            assert!(Instant::now() < end, "{expression} is {value}, not {expected}");
            self.wait(Duration::from_millis(10)).await;
        }
    }

    /// Returns the address of a tab, as the browser knows it. The page could lie.
    pub(crate) async fn address(&mut self, tab: &Tab) -> String {
        let history = self.command(&tab.session, "Page.getNavigationHistory", json!({})).await;
        let current = usize::try_from(history["currentIndex"].as_u64().unwrap()).unwrap();
        history["entries"][current]["url"].as_str().unwrap().to_owned()
    }

    /// Presses and releases the mouse at a position in a tab.
    pub(crate) async fn click(&mut self, tab: &Tab, x: u64, y: u64) {
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.command(&tab.session, "Input.dispatchMouseEvent", event).await;
        }
    }

    /// Waits for a time, and records the signs in it.
    pub(crate) async fn wait(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Some(message) = self.next(end).await {
            self.note(&message).await;
        }
    }

    /// Waits for a sign, at most for [`PATIENCE`].
    pub(crate) async fn wait_for(&mut self, seen: impl Fn(&Signs) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !seen(&self.signs) && Instant::now() < end {
            self.wait(Duration::from_millis(10)).await;
        }
    }

    /// Returns the signs that are not yet taken.
    pub(crate) fn signs(&self) -> &Signs {
        &self.signs
    }

    /// Takes the signs since the last call.
    pub(crate) fn take_signs(&mut self) -> Signs {
        std::mem::take(&mut self.signs)
    }

    /// Ends the browser, and returns its network log: every lookup and every connection.
    pub(crate) async fn end(mut self) -> String {
        self.send("", "Browser.close", json!({})).await;
        self.child.wait().await.unwrap();
        let record = fs::read_to_string(self.directory.join("network")).unwrap();
        fs::remove_dir_all(&self.directory).unwrap();
        record
    }

    async fn command(&mut self, session: &str, method: &str, parameters: Value) -> Value {
        let id = self.send(session, method, parameters).await;
        let end = Instant::now() + PATIENCE;
        loop {
            let Some(message) = self.next(end).await else {
                panic!("no answer to {method}; see {}", self.directory.display());
            };
            if message["id"] == id {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.note(&message).await;
        }
    }

    async fn send(&mut self, session: &str, method: &str, parameters: Value) -> u64 {
        self.sent += 1;
        let mut command = json!({"id": self.sent, "method": method, "params": parameters});
        if !session.is_empty() {
            command["sessionId"] = json!(session);
        }
        let text = format!("{command}\0");
        self.commands.write_all(text.as_bytes()).await.unwrap();
        self.sent
    }

    /// Returns the next message, if one arrives before `end`.
    async fn next(&mut self, end: Instant) -> Option<Value> {
        let reading = self.answers.read_until(0, &mut self.partial);
        timeout_at(end, reading).await.ok()?.unwrap();
        let text = std::mem::take(&mut self.partial);
        let text = text.strip_suffix(&[0]);
        let text = text.unwrap_or_else(|| panic!("Chromium has ended; see {}", self.directory.display()));
        Some(serde_json::from_slice(text).unwrap())
    }

    async fn note(&mut self, message: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (session, event) = (text(&message["sessionId"]), &message["params"]);
        match message["method"].as_str().unwrap_or_default() {
            "Target.attachedToTarget" => {
                let tab = Tab {
                    target: text(&event["targetInfo"]["targetId"]),
                    session: text(&event["sessionId"]),
                };
                if event["targetInfo"]["type"] == "page" {
                    self.signs.popups.push(text(&event["targetInfo"]["url"]));
                }
                for (method, parameters) in [
                    ("Page.enable", json!({})),
                    ("Runtime.enable", json!({})),
                    ("Runtime.addBinding", json!({"name": CANARY})),
                    ("Target.setAutoAttach", attaching()),
                    ("Runtime.runIfWaitingForDebugger", json!({})),
                ] {
                    self.send(&tab.session, method, parameters).await;
                }
                self.attached.push(tab);
            }
            "Page.loadEventFired" => self.loaded.push(session),
            "Runtime.bindingCalled" => self.signs.scripts.push(text(&event["payload"])),
            "Page.javascriptDialogOpening" => {
                self.signs.scripts.push(text(&event["message"]));
                let accepted = json!({"accept": true});
                self.send(&session, "Page.handleJavaScriptDialog", accepted).await;
            }
            "Browser.downloadWillBegin" => self.signs.downloads.push(text(&event["suggestedFilename"])),
            _ => {}
        }
    }
}

/// Tells whether the network log shows a lookup of, connection to, or request to a message's host.
pub(crate) fn reached(record: &str, name: &str) -> bool {
    ["http", "https"]
        .iter()
        .any(|scheme| record.contains(&format!("\"{scheme}://{name}.localhost")))
}

/// Attaches to every document with its own process, and pauses it until it may run.
fn attaching() -> Value {
    json!({"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true})
}

async fn find() -> Option<&'static str> {
    for name in NAMES {
        let request = Command::new(name).arg("--version").output().await;
        if request.is_ok_and(|output| output.status.success()) {
            return Some(name);
        }
    }
    None
}
