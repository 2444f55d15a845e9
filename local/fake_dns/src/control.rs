//! The state that all queries share, and the routes by which tests control the server.
//!
//! **Invariant:** no lock is held across an `await`. A bad request changes nothing; the answer is 400 with one
//! sentence.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query as Params, State as Shared};
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, put};
use axum::{Json, Router};
use hickory_proto::op::Message;
use hyper::body::Incoming;
use local_server::json::{read, refused};
use local_server::server::{Closed, Ends, Program};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::answer::{Transport, answer};
use crate::faults::FaultPlan;
use crate::zone::{Kind, Record, Zone, key};

/// The number of queries that the server remembers.
const REMEMBERED: usize = 1000;

/// One query of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The name in lower case.
    pub name: String,
    /// The type, such as `MX`.
    #[serde(rename = "type")]
    pub record: String,
    /// True if the query came by TCP.
    pub tcp: bool,
}

/// The records, the faults and the latest queries.
#[derive(Debug)]
pub struct State {
    address: SocketAddr,
    zone: Mutex<Zone>,
    faults: Mutex<FaultPlan>,
    asked: Mutex<VecDeque<Asked>>,
}

impl State {
    /// Creates a server without records and without faults.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            zone: Mutex::default(),
            faults: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// Returns the response to a message; `None` when no response may come.
    pub fn answer(&self, message: &[u8], transport: Transport) -> Option<Vec<u8>> {
        self.remember(message, transport);
        answer(message, transport, &self.zone(), &mut self.faults())
    }

    fn remember(&self, message: &[u8], transport: Transport) {
        let Ok(request) = Message::from_vec(message) else {
            return;
        };
        let mut asked = lock(&self.asked);
        for query in &request.queries {
            if asked.len() == REMEMBERED {
                asked.pop_front();
            }
            asked.push_back(Asked {
                name: key(&query.name),
                record: query.query_type.to_string(),
                tcp: transport == Transport::Tcp,
            });
        }
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        lock(&self.zone)
    }

    fn faults(&self) -> MutexGuard<'_, FaultPlan> {
        lock(&self.faults)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The control behind its HTTP server. Queries are answered as long as it lives.
#[derive(Debug)]
pub struct FakeDns {
    routes: Router,
    _answering: JoinSet<()>,
}

impl FakeDns {
    /// Creates the routes; `answering` are the tasks of the sockets.
    #[must_use]
    pub fn new(state: Arc<State>, answering: JoinSet<()>) -> Self {
        Self {
            routes: routes(state),
            _answering: answering,
        }
    }
}

impl Program for FakeDns {
    type Client = ();

    const GRACE: Duration = Duration::from_secs(1);

    async fn client(&self, _: Ends) {}

    async fn answer(&self, (): &(), request: Request<Incoming>) -> Result<Response<Body>, Closed> {
        let Ok(response) = self.routes.clone().oneshot(request.map(Body::new)).await;
        Ok(response)
    }
}

fn routes(state: Arc<State>) -> Router {
    Router::new()
        .route("/server", get(server))
        .route("/records", get(list_records).post(add_records).delete(remove_records))
        .route("/faults", put(put_faults).get(get_faults).delete(delete_faults))
        .route("/queries", get(list_queries))
        .with_state(state)
}

/// `GET /server`: the address for queries.
async fn server(Shared(state): Shared<Arc<State>>) -> impl IntoResponse {
    Json(json!({"address": state.address.to_string()}))
}

/// `GET /records`: all records.
async fn list_records(Shared(state): Shared<Arc<State>>) -> impl IntoResponse {
    let records: Vec<Record> = state.zone().records().cloned().collect();
    Json(records)
}

/// `POST /records`: adds a list of records, all or none.
async fn add_records(Shared(state): Shared<Arc<State>>, body: Bytes) -> impl IntoResponse {
    let records: Vec<Record> = match read(&body) {
        Ok(records) => records,
        Err(sentence) => return refused(sentence),
    };
    let mut zone = state.zone();
    let mut changed = zone.clone();
    for record in records {
        if let Err(sentence) = changed.add(record) {
            return refused(sentence);
        }
    }
    *zone = changed;
    StatusCode::NO_CONTENT.into_response()
}

/// The records to remove; without a parameter, all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Removed {
    name: Option<String>,
    #[serde(rename = "type")]
    record: Option<Kind>,
}

/// `DELETE /records?name=&type=`: the answer has the number of removed records.
async fn remove_records(Shared(state): Shared<Arc<State>>, Params(removed): Params<Removed>) -> impl IntoResponse {
    let count = state.zone().remove(removed.name.as_deref(), removed.record);
    Json(json!({"removed": count}))
}

/// `PUT /faults`: replaces all faults.
async fn put_faults(Shared(state): Shared<Arc<State>>, body: Bytes) -> impl IntoResponse {
    let plan: FaultPlan = match read(&body) {
        Ok(plan) => plan,
        Err(sentence) => return refused(sentence),
    };
    state.faults().clone_from(&plan);
    Json(plan).into_response()
}

/// `GET /faults`: the faults with their remaining counts.
async fn get_faults(Shared(state): Shared<Arc<State>>) -> impl IntoResponse {
    Json(state.faults().clone())
}

/// `DELETE /faults`.
async fn delete_faults(Shared(state): Shared<Arc<State>>) -> impl IntoResponse {
    *state.faults() = FaultPlan::default();
    StatusCode::NO_CONTENT
}

/// `GET /queries`: the latest queries, oldest first.
async fn list_queries(Shared(state): Shared<Arc<State>>) -> impl IntoResponse {
    let asked: Vec<Asked> = lock(&state.asked).iter().cloned().collect();
    Json(asked)
}
