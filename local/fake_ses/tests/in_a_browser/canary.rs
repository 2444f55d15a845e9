//! A listener that stands for a foreign host; the inbox must never contact it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nAccess-Control-Allow-Origin: *\r\n\
    Content-Length: 22\r\nConnection: close\r\n\r\n<title>Outside</title>";

/// A listener that records every connection and the head of its request.
pub(crate) struct Canary {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Canary {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = {
                    let mut heads = kept.lock().unwrap();
                    heads.push(String::new());
                    heads.len() - 1
                };
                tokio::spawn(answer(stream, number, Arc::clone(&kept)));
            }
        });
        Self { address, heads }
    }

    /// One text for each connection: empty without a request.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// Tells whether a request named this host.
    pub(crate) fn was_asked_as(&self, name: &str) -> bool {
        let host = format!("\r\nhost: {name}.localhost:");
        self.heads()
            .iter()
            .any(|head| head.to_ascii_lowercase().contains(&host))
    }
}

async fn answer(stream: TcpStream, number: usize, heads: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        if let Some(head) = heads.lock().unwrap().get_mut(number) {
            head.push_str(&line);
        }
        if line == "\r\n" {
            stream.write_all(ANSWER).await.ok();
            return;
        }
        line.clear();
    }
}
