//! Routes of keys and tenants: path, method, and kind of key.
//!
//! **Invariant:** pure. A route belongs to the kind of key that it needs, and its function takes a value that
//! only such a key gives. Name and object are defined for every route, so that none is missing in the log by
//! accident.

use aws::http::endpoint::Routed;
use aws::http::routing::{self, Methods, NoRoute, on};
use domain::id::{KeyId, TenantId};
use lambda_http::http::Method;

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// For a tenant's key with full access, or the deployer's key.
    Keys(KeyRoute),
    /// For the deployer's key.
    Deployer(DeployerRoute),
}

/// A route about API keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRoute {
    /// `GET /api-keys`.
    ListKeys,
    /// `POST /api-keys`.
    CreateKey,
    /// `PATCH /api-keys/{id}`.
    ChangeKey(KeyId),
    /// `DELETE /api-keys/{id}`.
    RevokeKey(KeyId),
}

/// A route about tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeployerRoute {
    /// `GET /tenants`.
    ListTenants,
    /// `POST /tenants`.
    CreateTenant,
    /// `GET /tenants/{name}`.
    GetTenant(TenantId),
    /// `PATCH /tenants/{name}`.
    ChangeTenant(TenantId),
    /// `DELETE /tenants/{name}`.
    DeleteTenant(TenantId),
}

impl From<KeyRoute> for Route {
    fn from(route: KeyRoute) -> Self {
        Self::Keys(route)
    }
}

impl From<DeployerRoute> for Route {
    fn from(route: DeployerRoute) -> Self {
        Self::Deployer(route)
    }
}

/// Finds the route of a method and a path.
///
/// # Errors
/// [`NoRoute`], answered as 404 or 405.
pub fn route(method: &Method, path: &str) -> Result<Route, NoRoute> {
    routing::find(method, path, methods)
}

/// Returns the methods of a path; `None` if the path does not exist.
fn methods(segments: &[&str]) -> Option<Methods<Route>> {
    Some(match *segments {
        ["api-keys"] => vec![
            on(Method::GET, KeyRoute::ListKeys),
            on(Method::POST, KeyRoute::CreateKey),
        ],
        ["api-keys", id] => {
            let id = KeyId::parse(id)?;
            vec![
                on(Method::PATCH, KeyRoute::ChangeKey(id)),
                on(Method::DELETE, KeyRoute::RevokeKey(id)),
            ]
        }
        ["tenants"] => vec![
            on(Method::GET, DeployerRoute::ListTenants),
            on(Method::POST, DeployerRoute::CreateTenant),
        ],
        ["tenants", name] => {
            let name = TenantId::parse(name)?;
            vec![
                on(Method::GET, DeployerRoute::GetTenant(name.clone())),
                on(Method::PATCH, DeployerRoute::ChangeTenant(name.clone())),
                on(Method::DELETE, DeployerRoute::DeleteTenant(name)),
            ]
        }
        _ => return None,
    })
}

impl Routed for Route {
    fn name(&self) -> &'static str {
        match self {
            Self::Keys(KeyRoute::ListKeys) => "list_api_keys",
            Self::Keys(KeyRoute::CreateKey) => "create_api_key",
            Self::Keys(KeyRoute::ChangeKey(_)) => "change_api_key",
            Self::Keys(KeyRoute::RevokeKey(_)) => "revoke_api_key",
            Self::Deployer(DeployerRoute::ListTenants) => "list_tenants",
            Self::Deployer(DeployerRoute::CreateTenant) => "create_tenant",
            Self::Deployer(DeployerRoute::GetTenant(_)) => "get_tenant",
            Self::Deployer(DeployerRoute::ChangeTenant(_)) => "change_tenant",
            Self::Deployer(DeployerRoute::DeleteTenant(_)) => "delete_tenant",
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::Keys(KeyRoute::ChangeKey(id) | KeyRoute::RevokeKey(id)) => Some(id.to_string()),
            Self::Deployer(
                DeployerRoute::GetTenant(name) | DeployerRoute::ChangeTenant(name) | DeployerRoute::DeleteTenant(name),
            ) => Some(name.to_string()),
            Self::Keys(KeyRoute::ListKeys | KeyRoute::CreateKey)
            | Self::Deployer(DeployerRoute::ListTenants | DeployerRoute::CreateTenant) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01010101-0101-4101-8101-010101010101";

    fn of(method: &str, path: &str) -> Result<Route, NoRoute> {
        route(&Method::from_bytes(method.as_bytes()).unwrap(), path)
    }

    #[test]
    fn every_route_has_its_method_and_path() {
        let acme = || TenantId::parse("acme").unwrap();
        let id = KeyId::parse(ID).unwrap();
        let only = |allow: &str| {
            Err(NoRoute::NotAllowed {
                allow: allow.to_owned(),
            })
        };
        let key = format!("/api-keys/{ID}");
        for (method, path, expected) in [
            ("GET", "/api-keys", Ok(KeyRoute::ListKeys.into())),
            ("POST", "/api-keys", Ok(KeyRoute::CreateKey.into())),
            ("DELETE", &key, Ok(KeyRoute::RevokeKey(id).into())),
            ("PATCH", &key, Ok(KeyRoute::ChangeKey(id).into())),
            ("GET", &key, only("PATCH, DELETE")),
            ("PUT", "/api-keys", only("GET, POST")),
            ("GET", "/tenants", Ok(DeployerRoute::ListTenants.into())),
            ("POST", "/tenants", Ok(DeployerRoute::CreateTenant.into())),
            ("GET", "/tenants/acme", Ok(DeployerRoute::GetTenant(acme()).into())),
            ("PATCH", "/tenants/acme", Ok(DeployerRoute::ChangeTenant(acme()).into())),
            (
                "DELETE",
                "/tenants/acme",
                Ok(DeployerRoute::DeleteTenant(acme()).into()),
            ),
            ("POST", "/tenants/acme", only("GET, PATCH, DELETE")),
        ] {
            assert_eq!(of(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn an_unknown_path_has_no_route() {
        for path in [
            "",
            "/",
            "/api-keys/",
            "/api-keys/x",
            &format!("/api-keys/{ID}/"),
            &format!("/api-keys/{ID} "),
            "/Api-Keys",
            "/tenants/",
            "/tenants/Acme",
            "/tenants/a%23b",
            "/tenants/acme/keys",
            "/emails",
        ] {
            for method in ["GET", "POST", "DELETE"] {
                assert_eq!(of(method, path), Err(NoRoute::Unknown), "{method} {path}");
            }
        }
    }
}
