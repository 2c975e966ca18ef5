use crate::support::{Files, env, problem, problems, toml};

const SASL: (&str, &str) = ("RWS_CONFIG_KAFKA_SECURITY_PROTOCOL", "SASL_SSL");
const PLAIN: (&str, &str) = ("RWS_CONFIG_KAFKA_SASL_MECHANISM", "PLAIN");
const USER: (&str, &str) = ("RWS_CONFIG_KAFKA_SASL_USERNAME", "app");
const PASSWORD: (&str, &str) = ("RWS_CONFIG_KAFKA_SASL_PASSWORD", "hunter2");

#[test]
fn a_sasl_protocol_needs_a_mechanism_and_credentials() {
    assert_eq!(
        problem(env(&[SASL, USER, PASSWORD])),
        "`sasl_mechanism`: is not set, and SASL_SSL needs it: set `sasl_mechanism` \
         (RWS_CONFIG_KAFKA_SASL_MECHANISM, --kafka-sasl-mechanism=)"
    );
    assert_eq!(
        problems(env(&[SASL, PLAIN])),
        [
            "`sasl_username`: is not set, and PLAIN needs it: set `sasl_username` \
             (RWS_CONFIG_KAFKA_SASL_USERNAME, --kafka-sasl-username=)",
            "`sasl_password`: is not set, and PLAIN needs it: set `sasl_password` \
             (RWS_CONFIG_KAFKA_SASL_PASSWORD, --kafka-sasl-password=), or \
             RWS_CONFIG_KAFKA_SASL_PASSWORD_FILE",
        ]
    );
    assert!(env(&[SASL, PLAIN, USER, PASSWORD]).is_ok());
}

#[test]
fn credentials_that_would_not_be_used_are_refused() {
    let found = problems(env(&[PLAIN, USER, PASSWORD]));
    assert_eq!(
        found[0],
        "environment variable RWS_CONFIG_KAFKA_SASL_MECHANISM: is set, but security_protocol is \
         PLAINTEXT, its default, and only SASL_PLAINTEXT and SASL_SSL use it: remove it, or \
         change the protocol"
    );
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(!found.concat().contains("hunter2"));
}

#[test]
fn a_wrong_protocol_brings_no_further_problems() {
    let wrong = ("RWS_CONFIG_KAFKA_SECURITY_PROTOCOL", "SASL");
    assert_eq!(problems(env(&[wrong, PLAIN, USER])).len(), 1);
    let wrong = ("RWS_CONFIG_KAFKA_SASL_MECHANISM", "MD5");
    assert_eq!(problems(env(&[SASL, wrong])).len(), 1);
}

#[test]
fn tls_files_without_tls_are_refused() {
    let files = Files::new();
    let ca = files.certificate();
    let found = problem(env(&[
        ("RWS_CONFIG_KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"),
        ("RWS_CONFIG_KAFKA_SSL_CA_FILE", ca.to_str().unwrap()),
    ]));
    assert_eq!(
        found,
        "environment variable RWS_CONFIG_KAFKA_SSL_CA_FILE: is set, but security_protocol is \
         PLAINTEXT, and only SSL and SASL_SSL use it: remove it, or change the protocol"
    );
}

#[test]
fn a_password_and_a_password_file_exclude_each_other() {
    let files = Files::new();
    let file = files.write("password", "hunter3");
    let found = problem(env(&[
        SASL,
        PLAIN,
        USER,
        PASSWORD,
        (
            "RWS_CONFIG_KAFKA_SASL_PASSWORD_FILE",
            file.to_str().unwrap(),
        ),
    ]));
    assert_eq!(
        found,
        "environment variable RWS_CONFIG_KAFKA_SASL_PASSWORD: is set, and so is environment \
         variable RWS_CONFIG_KAFKA_SASL_PASSWORD_FILE: keep one"
    );
}

#[test]
fn the_session_timeout_fits_the_poll_interval() {
    assert_eq!(
        problem(env(&[("RWS_CONFIG_KAFKA_SESSION_TIMEOUT_MS", "400000")])),
        "environment variable RWS_CONFIG_KAFKA_SESSION_TIMEOUT_MS: is 400000, which is more than \
         max.poll.interval.ms (300000, its default): lower it, or raise that under \
         [kafka.properties]"
    );
    let kafka = "[kafka]\nbrokers = 'a'\n";
    assert_eq!(
        problem(toml(&format!(
            "{kafka}[kafka.properties]\nmax.poll.interval.ms = 10000"
        ))),
        "`session_timeout_ms`: is 45000, which is more than max.poll.interval.ms (10000): lower \
         it, or raise that under [kafka.properties]"
    );
    let raised = "session_timeout_ms = 400000\n[kafka.properties]\nmax.poll.interval.ms = 400000";
    assert!(toml(&format!("{kafka}{raised}")).is_ok());
}

#[test]
fn the_group_protocol_of_kip_848_takes_no_session_timeout() {
    let new = "[kafka.properties]\n'group.protocol' = 'consumer'";
    let config = toml(&format!("[kafka]\nbrokers = 'a'\n{new}")).unwrap();
    assert_eq!(config.consumer_properties().get("session.timeout.ms"), None);

    assert_eq!(
        problem(toml(&format!(
            "[kafka]\nbrokers = 'a'\nsession_timeout_ms = 45000\n{new}"
        ))),
        "`kafka.session_timeout_ms` in rws.config.toml, line 3: is set, but group.protocol is \
         consumer (KIP-848), where the broker sets the session timeout: remove it"
    );
}

fn oauth(properties: &str) -> Result<rws_kafka_config::KafkaConfig, rws_kafka_config::ConfigError> {
    toml(&format!(
        "[kafka]\nbrokers = 'a'\nsecurity_protocol = 'SASL_SSL'\nsasl_mechanism = 'OAUTHBEARER'\n\
         [kafka.properties]\n{properties}"
    ))
}

#[test]
fn bearer_tokens_need_a_source() {
    assert_eq!(
        problem(oauth("")),
        "`kafka.sasl_mechanism` in rws.config.toml, line 4: OAUTHBEARER has no source of tokens: \
         under [kafka.properties] set sasl.oauthbearer.method = \"oidc\" with \
         sasl.oauthbearer.token.endpoint.url, .client.id and .client.secret, or for tests \
         enable.sasl.oauthbearer.unsecure.jwt = true with sasl.oauthbearer.config"
    );
    let found = problem(oauth(
        "sasl.oauthbearer.method = 'oidc'\nsasl.oauthbearer.client.id = 'a'",
    ));
    assert!(
        found.ends_with(
            "sasl.oauthbearer.method = \"oidc\" needs sasl.oauthbearer.token.endpoint.url, \
             sasl.oauthbearer.client.secret under [kafka.properties]"
        ),
        "{found}"
    );
    let found = problem(oauth("enable.sasl.oauthbearer.unsecure.jwt = true"));
    assert!(found.contains("needs sasl.oauthbearer.config"), "{found}");
    let found = problem(oauth(
        "enable.sasl.oauthbearer.unsecure.jwt = true\nsasl.oauthbearer.method = 'OIDC'",
    ));
    assert!(found.contains("exclude each other"), "{found}");
}

#[test]
fn bearer_tokens_with_a_source_are_taken() {
    for properties in [
        "sasl.oauthbearer.method = 'oidc'\nsasl.oauthbearer.client.credentials.client.id = 'a'\n\
         sasl.oauthbearer.client.secret = 'hunter2'\n\
         sasl.oauthbearer.token.endpoint.url = 'https://idp/token'",
        "enable.sasl.oauthbearer.unsecure.jwt = true\nsasl.oauthbearer.config = 'principal=a'",
        "sasl.oauthbearer.method = 'oidc'\n\
         sasl.oauthbearer.metadata.authentication.type = 'azure_imds'",
    ] {
        oauth(properties).unwrap();
    }
}

#[test]
fn bearer_tokens_take_no_user() {
    let found = problems(env(&[
        SASL,
        ("RWS_CONFIG_KAFKA_SASL_MECHANISM", "OAUTHBEARER"),
        USER,
        PASSWORD,
    ]));
    assert_eq!(
        found[0],
        "environment variable RWS_CONFIG_KAFKA_SASL_USERNAME: is set, but sasl_mechanism is \
         OAUTHBEARER, which uses tokens: remove it"
    );
    assert_eq!(found.len(), 3, "{found:?}");
}
