//! Entry point of `access`: settings, AWS clients, the runtime.

use access::AccessFunction;
use access::settings::Settings;
use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::runtime::telemetry::start();
    let settings = Settings::from_env()?;
    let function = AccessFunction::connect(&settings).await?;
    let authenticator = Authenticator::new(settings.key);
    gateway::run(|request| endpoint::handle(&function, &authenticator, request)).await
}
