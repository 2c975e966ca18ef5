//! How a registry is set up.

/// What [`Registry::start_with`](crate::Registry::start_with) sets up.
#[derive(Debug, Clone)]
#[must_use = "options do nothing until a registry is started with them"]
pub struct RegistryOptions {
    pub(super) login: Option<(String, String)>,
    pub(super) bearer_token: Option<String>,
    pub(super) certificate_host: Option<String>,
    pub(super) client_certificates: bool,
    pub(super) compatibility: String,
    pub(super) properties: Vec<(String, String)>,
}

impl RegistryOptions {
    /// Over HTTP, open to all, with the compatibility `BACKWARD`, as Confluent's.
    pub fn new() -> Self {
        Self {
            login: None,
            bearer_token: None,
            certificate_host: None,
            client_certificates: false,
            compatibility: "BACKWARD".to_owned(),
            properties: Vec::new(),
        }
    }

    /// Only this user may do anything, by HTTP's basic authentication.
    ///
    /// # Panics
    ///
    /// Panics if the name has other characters than letters, digits, `-` and `_`, or the password a
    /// `$`: the registry's own settings have no room for them.
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        assert!(
            user.chars().all(fits) && !password.contains('$'),
            "invalid user {user:?}; allowed: letters, digits, - and _ in a name, no $ in a password"
        );
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Only who has this token may do anything.
    ///
    /// # Panics
    ///
    /// Panics if it has other characters than RFC 6750 allows.
    pub fn bearer_token(mut self, token: &str) -> Self {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
        assert!(token.chars().all(fits), "{token:?} is not a bearer token");
        self.bearer_token = Some(token.to_owned());
        self
    }

    /// Over HTTPS, with a certificate for `localhost` of an authority made for this registry.
    pub fn tls(self) -> Self {
        self.certificate_host("localhost")
    }

    /// As [`tls`](Self::tls), with a certificate for this host. Another than `localhost`, where the
    /// registry is, makes clients refuse it.
    pub fn certificate_host(mut self, host: &str) -> Self {
        self.certificate_host = Some(host.to_owned());
        self
    }

    /// As [`tls`](Self::tls), and clients must show a certificate of the same authority;
    /// [`Certificates::client`](crate::Certificates::client) makes one. Who has none gets a
    /// connection, and the answer 400.
    pub fn require_client_certificates(mut self) -> Self {
        self.client_certificates = true;
        self.certificate_host
            .get_or_insert_with(|| "localhost".to_owned());
        self
    }

    /// The compatibility of every subject without one of its own: `NONE`, `FULL_TRANSITIVE`, …
    pub fn compatibility(mut self, level: &str) -> Self {
        level.clone_into(&mut self.compatibility);
        self
    }

    /// Adds a line to Apicurio's `application.properties`.
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn has_front(&self) -> bool {
        self.certificate_host.is_some() || self.bearer_token.is_some()
    }

    pub(super) fn application_properties(&self) -> Vec<(String, String)> {
        let mut properties = self.properties.clone();
        if let Some((user, password)) = &self.login {
            let users = "quarkus.security.users.embedded";
            let permission = "quarkus.http.auth.permission.all";
            properties.extend(
                [
                    ("quarkus.http.auth.basic".to_owned(), "true"),
                    (format!("{users}.enabled"), "true"),
                    (format!("{users}.plain-text"), "true"),
                    (format!("{users}.users.{user}"), password),
                    (format!("{users}.roles.{user}"), "sr-admin"),
                    (format!("{permission}.paths"), "/apis/*"),
                    (format!("{permission}.policy"), "authenticated"),
                ]
                .map(|(name, value)| (name, value.to_owned())),
            );
        }
        properties
    }
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self::new()
    }
}
