use crate::certificates::Certificates;

/// What [`Kafka::start_sasl_ssl`](crate::Kafka::start_sasl_ssl) sets up.
///
/// Every user may log in by SCRAM-SHA-256, SCRAM-SHA-512 and PLAIN.
#[derive(Debug, Clone)]
#[must_use = "options do nothing until a broker is started with them"]
pub struct SaslOptions {
    users: Vec<(String, String)>,
    certificate_host: String,
    super_users: Option<Vec<String>>,
    client_certificates: bool,
    properties: Vec<(String, String)>,
}

impl SaslOptions {
    /// No users, a certificate for `localhost`, everyone may do everything.
    pub fn new() -> Self {
        Self {
            users: Vec::new(),
            certificate_host: "localhost".to_owned(),
            super_users: None,
            client_certificates: false,
            properties: Vec::new(),
        }
    }

    /// Adds a user.
    ///
    /// # Panics
    ///
    /// Panics if name or password holds one of `,[]"=\` or a control character: the
    /// broker's own user syntax has no room for them.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        let unfit = |c: char| c.is_control() || r#",[]"=\"#.contains(c);
        assert!(
            !name.contains(unfit) && !password.contains(unfit),
            "user {name:?}: name and password must not contain ,[]\"=\\ or control characters"
        );
        self.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// The host name that the broker's certificate is for. Another than
    /// `localhost`, where the broker is, makes clients refuse it.
    pub fn certificate_host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.certificate_host);
        self
    }

    /// Turns the authorizer on: only these users may do anything, until
    /// [`Kafka::allow`](crate::Kafka::allow) gives the others a right.
    pub fn authorizer<'a>(mut self, super_users: impl IntoIterator<Item = &'a str>) -> Self {
        self.super_users = Some(super_users.into_iter().map(str::to_owned).collect());
        self
    }

    /// Clients must show a certificate of the broker's authority besides logging in;
    /// [`Certificates::client`] makes one.
    pub fn require_client_certificates(mut self) -> Self {
        self.client_certificates = true;
        self
    }

    /// Adds a line to the broker's `server.properties`.
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn server_pem(&self, certificates: &Certificates) -> String {
        certificates.server_pem(&self.certificate_host)
    }

    /// For the image's `SCRAM_USERS`.
    pub(crate) fn scram_users(&self) -> String {
        let mut lines = Vec::new();
        for (name, password) in &self.users {
            for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                lines.push(format!("{mechanism}=[name={name},password={password}]"));
            }
        }
        lines.join("\n")
    }

    /// Lines for `server.properties`; the clients' listener is called `HOST`.
    pub(crate) fn broker_properties(&self) -> Vec<(String, String)> {
        const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
        let mut plain =
            "org.apache.kafka.common.security.plain.PlainLoginModule required".to_owned();
        for (name, password) in &self.users {
            plain += &format!(" user_{name}=\"{password}\"");
        }
        plain.push(';');

        let listener = "listener.name.host";
        let mut properties: Vec<(String, String)> = [
            (
                format!("{listener}.sasl.enabled.mechanisms"),
                "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
            ),
            (format!("{listener}.scram-sha-256.sasl.jaas.config"), SCRAM),
            (format!("{listener}.scram-sha-512.sasl.jaas.config"), SCRAM),
            (format!("{listener}.plain.sasl.jaas.config"), &plain),
            (format!("{listener}.ssl.keystore.type"), "PEM"),
            (
                format!("{listener}.ssl.keystore.location"),
                crate::kafka::SERVER_PEM,
            ),
            (format!("{listener}.ssl.truststore.type"), "PEM"),
            (
                format!("{listener}.ssl.truststore.location"),
                crate::kafka::CA_PEM,
            ),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        if self.client_certificates {
            properties.push((format!("{listener}.ssl.client.auth"), "required".to_owned()));
        }
        if let Some(users) = &self.super_users {
            // The harness, the tools and the broker itself come over a plain listener.
            let mut names = vec!["User:ANONYMOUS".to_owned()];
            names.extend(users.iter().map(|user| format!("User:{user}")));
            properties.push((
                "authorizer.class.name".to_owned(),
                "org.apache.kafka.metadata.authorizer.StandardAuthorizer".to_owned(),
            ));
            properties.push(("super.users".to_owned(), names.join(";")));
        }
        properties.extend(self.properties.iter().cloned());
        properties
    }
}

impl Default for SaslOptions {
    fn default() -> Self {
        Self::new()
    }
}
