//! `make listen` forwards the events of a webhook to a program on this machine, also if the program is down at first.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use e2e::{Api, Stack, root};
use reqwest::Url;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, copy_bidirectional};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, ChildStdout, Command};

use super::emails::email_to;
use super::hooked::{Marked, check_one_id_each};

/// The limit of the wait for a line.
const PATIENCE: Duration = Duration::from_secs(400);

/// A program that has a port and is down: connections are refused.
struct Program {
    socket: TcpSocket,
    port: u16,
}

impl Program {
    fn down() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().unwrap()).expect("a free port");
        let port = socket.local_addr().expect("a bound socket").port();
        Self { socket, port }
    }

    /// Starts the program, which passes each connection on to `receiver`.
    fn start(self, receiver: &Url) {
        let listener = self.socket.listen(16).expect("the port is free");
        let target = receiver.socket_addrs(|| None).expect("the inbox has an address");
        tokio::spawn(async move {
            while let Ok((mut theirs, _)) = listener.accept().await {
                let target = target.clone();
                tokio::spawn(async move {
                    let mut ours = TcpStream::connect(&target[..]).await.expect("the inbox listens");
                    // The end of a connection may come as an error.
                    drop(copy_bidirectional(&mut theirs, &mut ours).await);
                });
            }
        });
    }
}

/// A running `make listen`.
struct Listening {
    make: Child,
    group: String,
    lines: Lines<BufReader<ChildStdout>>,
    printed: Vec<String>,
}

impl Listening {
    fn start(api: &Api, forward: &Url) -> Self {
        let mut make = Command::new("make");
        make.args(["--silent", "--no-print-directory", "listen"])
            .arg(format!("FORWARD={forward}"))
            .current_dir(root())
            .env("MAILQUEUE_URL", api.url())
            .env("MAILQUEUE_API_KEY", api.key())
            .stdout(Stdio::piped())
            // `make` and the script behind it, for one signal.
            .process_group(0);
        // `make test` leaves its own flags.
        for variable in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
            make.env_remove(variable);
        }
        let mut make = make.spawn().expect("make can be run");
        let id = make.id().expect("it has just started");
        let output = make.stdout.take().expect("its output is piped");
        Self {
            make,
            group: format!("-{id}"),
            lines: BufReader::new(output).lines(),
            printed: Vec::new(),
        }
    }

    /// Returns the next line; none at the end.
    async fn next_line(&mut self) -> Option<String> {
        let read = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let read = read.unwrap_or_else(|_| panic!("no further line after {:#?}", self.printed));
        let line = read.expect("its output is text")?;
        self.printed.push(line.clone());
        Some(line)
    }

    /// Waits for a line that contains `part`.
    async fn line_with(&mut self, part: &str) -> String {
        while let Some(line) = self.next_line().await {
            if line.contains(part) {
                return line;
            }
        }
        panic!("it ended without {part:?}: {:#?}", self.printed)
    }

    /// Ends it; returns after its last line.
    async fn end(mut self) {
        self.signal("-TERM");
        self.line_with("The webhook is deleted.").await;
        while self.next_line().await.is_some() {}
        self.make.wait().await.expect("it has ended");
    }

    fn signal(&self, signal: &str) {
        let sent = std::process::Command::new("kill")
            .args([signal, "--", &self.group])
            .output();
        sent.expect("kill can be run");
    }
}

impl Drop for Listening {
    /// A failed test leaves no script behind.
    fn drop(&mut self) {
        if self.make.id().is_some() {
            self.signal("-KILL");
        }
    }
}

#[tokio::test]
async fn make_listen_repeats_events_until_they_are_taken() {
    let stack = Stack::shared().await;
    let owner = Marked::new(&stack).await;
    let (program, receiver) = (Program::down(), stack.hook_box());
    let inbox: Url = receiver.endpoint().parse().unwrap();
    let mut forward = inbox.clone();
    forward.set_port(Some(program.port)).unwrap();
    let mut listening = Listening::start(&owner.api, &forward);
    let line = listening.line_with("Signing secret").await;
    receiver.verify_with(&[line.split_whitespace().last().unwrap()]).await;

    let to = owner.address("listened");
    owner.api.send(&email_to(&to)).await;
    let refused = listening.line_with("no answer").await;
    assert!(refused.contains("; again in "), "{refused}");
    // The program is there now, and refuses one event itself.
    receiver
        .strike(&json!([{"kind": "status", "status": 500, "count": 1}]))
        .await;
    program.start(&inbox);
    listening.line_with(" 500; again in ").await;
    let wanted = [("email.sent", to.as_str()), ("email.delivered", &to)];
    receiver.wait_for(&wanted).await;
    listening.end().await;

    let all = receiver.received().await;
    owner.check(&all);
    check_one_id_each(&all, &wanted);
    let (refused, taken): (Vec<_>, Vec<_>) = all.iter().partition(|each| each.fault.is_some());
    let taken: Vec<_> = taken.iter().map(|each| each.event_id()).collect();
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len(), "taken twice");
    let [refused] = &refused[..] else {
        panic!("one refusal: {refused:?}")
    };
    assert!(
        taken.contains(&refused.event_id()),
        "the refused event was not repeated"
    );
    let left = owner.api.get("/webhooks").await.ok();
    assert_eq!(left["data"], json!([]));
}
