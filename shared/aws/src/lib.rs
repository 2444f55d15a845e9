//! Adapters of the ports of `domain`: DynamoDB, S3, SQS, SES, CloudWatch, and the glue to Lambda.
//!
//! **Role:** every function connects here once, at its start, and passes the adapters to its use case.
//! **Invariant:** no decision is made here. An adapter translates: a condition to one condition expression, an
//! answer of SES to one of three outcomes.
//! **Deliberately absent:** SDK types in any public signature but the constructors'.
//! **Map:** [`storage`] is DynamoDB and S3. [`sqs`], [`ses`] and [`cloudwatch`] are the services of these names, [`http`]
//! is the HTTP API, and [`runtime`] is the start of a function. [`probe`] shows the mappings to the fuzz targets.
//! **Start reading at** [`storage::records`], then [`ses::classify`].

pub mod cloudwatch;
pub mod http;
pub mod probe;
pub mod runtime;
pub mod ses;
pub mod sqs;
pub mod storage;
