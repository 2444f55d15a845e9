//! Entry point of `webhooks`: settings, AWS clients, the runtime.

use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use lambda_runtime::Error;
use webhooks::WebhooksFunction;
use webhooks::settings::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::runtime::telemetry::start();
    let settings = Settings::from_env()?;
    let function = WebhooksFunction::connect(&settings).await?;
    let authenticator = Authenticator::new(settings.key);
    gateway::run(|request| endpoint::handle(&function, &authenticator, request)).await
}
