//! A fake SES with messages, submitted as SES's own clients do, and with events of webhooks.

use std::net::SocketAddr;

use fake_ses::settings::Settings;
use serde_json::{Value, json};

pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    http: reqwest::Client,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let settings = Settings {
            port: 0,
            region: "us-east-1".to_owned(),
            seed: Some(1),
            verified: vec!["example.com".to_owned()],
            dns: None,
            events: None,
            api: None,
        };
        let server = fake_ses::bind(settings).await.unwrap();
        let address = server.address();
        tokio::spawn(server.serve(std::future::pending()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { address, http }
    }

    /// Submits an email and returns the id of the accepted message.
    pub(crate) async fn send(&self, email: &Value) -> String {
        let url = format!("http://{}/v2/email/outbound-emails", self.address);
        let answer = self.http.post(url).json(email).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let id = answer["MessageId"].as_str();
        id.unwrap_or_else(|| panic!("{email} is refused: {answer}")).to_owned()
    }

    /// Returns the number of messages.
    pub(crate) async fn kept(&self) -> usize {
        self.get("/messages").await.as_array().unwrap().len()
    }

    /// Posts a body to a box of the receiver of webhooks, with these headers.
    pub(crate) async fn receive(&self, name: &str, headers: &[(&'static str, String)], body: &str) {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("box", name)
            .finish();
        let url = format!("http://{}/webhook-inbox?{query}", self.address);
        let mut request = self.http.post(url).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, value.as_str());
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{headers:?}");
    }

    /// Sets the signing secret of the receiver's unnamed box.
    pub(crate) async fn set_secret(&self, secret: &str) {
        let url = format!("http://{}/webhook-inbox", self.address);
        let secrets = json!({"secrets": [secret]});
        let answer = self.http.put(url).json(&secrets).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let url = format!("http://{}{path}", self.address);
        let answer = self.http.get(url).send().await.unwrap();
        answer.json().await.unwrap()
    }
}
