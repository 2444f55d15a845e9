//! Proxies that the environment names.

use std::env::{current_exe, var_os};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::thread;

use outgoing::dns::SystemResolver;
use outgoing::{Caller, Policy, Target};

/// The name of the test, for the process that it starts.
const TEST: &str = "calls::proxies::a_proxy_of_the_environment_is_not_asked";

/// The variable that has the URL for that process.
const URL: &str = "OUTGOING_TEST_URL";

/// The variables from which other clients read a proxy.
const PROXIES: [&str; 6] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
];

/// Calls the URL; returns the status of the answer.
fn status(url: &str) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let call = async {
        let caller = Caller::new(SystemResolver::connect(Some(nobody)).unwrap()).unwrap();
        let target = Target::parse(url, Policy::Any).unwrap();
        caller.post(&target, &[], b"{}".to_vec()).await.unwrap().status
    };
    runtime.unwrap().block_on(call)
}

fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// A process cannot change its own environment safely. So the test starts itself once more, and the second process calls.
#[test]
fn a_proxy_of_the_environment_is_not_asked() {
    if let Some(url) = var_os(URL) {
        assert_eq!(status(url.to_str().unwrap()), 204);
        return;
    }
    let (endpoint, proxy) = (listener(), listener());
    let url = format!("http://{}/hook", endpoint.local_addr().unwrap());
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = endpoint.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n{}") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        String::from_utf8(head).unwrap()
    });
    let mut caller = Command::new(current_exe().unwrap());
    caller.args(["--exact", TEST]).env(URL, &url);
    for name in PROXIES {
        caller.env(name, &proxy_url);
    }
    let output = caller.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("1 passed"), "{said}");
    let head = server.join().unwrap();
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    proxy.set_nonblocking(true).unwrap();
    assert_eq!(proxy.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}
