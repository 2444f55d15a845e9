//! Entry point of `domains`: settings, AWS clients, the runtime.

use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use domains::DomainsFunction;
use domains::settings::Settings;
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::runtime::telemetry::start();
    let settings = Settings::from_env()?;
    let function = DomainsFunction::connect(&settings).await?;
    let authenticator = Authenticator::new(settings.key);
    gateway::run(|request| endpoint::handle(&function, &authenticator, request)).await
}
