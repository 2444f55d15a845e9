//! One-time codes of the console: created for a key, and exchanged for a key of the console.
//!
//! **Invariant:** a code works once within a minute. Its key has the rights of the key that asked for it, or less
//! ([`domain::tenant::console_code`]). The code is used up before the key is created, so no code gives two keys.
//! **After a crash** in between, the code is used up and no key exists: the caller asks for a new code.
//! **Start reading at** [`AccessFunction::create_code`].

use aws::http::auth::{ActsFor, Operator, TenantPrincipal};
use domain::api::access_api::no_such_code;
use domain::api::access_view::{ConsoleCodeView, ConsoleKeyView};
use domain::id::{KeyId, TenantId};
use domain::ports::access::Keys;
use domain::ports::temporary::ConsoleCodes;
use domain::ports::{Clock, Random};
use domain::tenant::console_code::ConsoleCode;
use domain::tenant::key::Actor;
use domain::tenant::temporary::{self, TemporaryToken};
use domain::tenant::token::Token;

use crate::{AccessError, AccessFunction, Ports};

impl<P: Ports> AccessFunction<P> {
    /// Creates a code for the key of a request. `base_url`: the beginning of the console's URL.
    ///
    /// # Errors
    /// A backend call failed.
    pub async fn create_code(&self, caller: &TenantPrincipal, base_url: &str) -> Result<ConsoleCodeView, AccessError> {
        self.code_of(caller.tenant(), Actor::Key(caller.key()), base_url).await
    }

    /// Creates a code for a request with the deployer's key. That key may create every key of the tenant.
    ///
    /// # Errors
    /// A backend call failed.
    pub async fn create_code_for(&self, operator: &Operator, base_url: &str) -> Result<ConsoleCodeView, AccessError> {
        self.code_of(operator.tenant(), Actor::Deployer, base_url).await
    }

    async fn code_of(
        &self,
        tenant: &TenantId,
        asked_by: Actor,
        base_url: &str,
    ) -> Result<ConsoleCodeView, AccessError> {
        let code = ConsoleCode {
            tenant: tenant.clone(),
            asked_by,
            expires_at: temporary::end(self.system.now()),
        };
        let token = TemporaryToken::new(self.system.temporary()?);
        self.records.add_code(token.hash(), &code).await?;
        Ok(ConsoleCodeView::new(base_url, &token, &code))
    }

    /// Exchanges a code for a key. The key's text is in the response, and stored nowhere.
    ///
    /// # Errors
    /// 404 for a wrong, used or late code, and for one of a key that is revoked or expired. 409 when the tenant has too
    /// many keys. Or a backend call failed.
    pub async fn exchange_code(&self, given: &TemporaryToken) -> Result<ConsoleKeyView, AccessError> {
        let (now, id) = (self.system.now(), KeyId::of(self.system.id()?));
        let token = Token::new(id, self.system.secret()?);
        let code = self.records.use_code(given.hash(), id, now).await?;
        let code = code.ok_or_else(no_such_code)?;
        let asking = match code.asked_by {
            Actor::Deployer => None,
            Actor::Key(asked_by) => self.records.key(asked_by).await?,
        };
        let key = code.key(asking.as_ref(), id, &token, now).ok_or_else(no_such_code)?;
        self.check_number_of_keys(&key.tenant).await?;
        self.records.add_console_key(&key).await?;
        Ok(ConsoleKeyView::new(&key, &token))
    }
}
