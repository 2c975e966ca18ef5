use std::path::Path;

use rws_kafka_config::{
    ConfigError, KafkaConfig, KafkaConfigBuilder, SaslMechanism, SecurityProtocol,
};

use crate::support::{Files, env, pem, problem, problems};

fn tls() -> KafkaConfigBuilder {
    KafkaConfig::builder()
        .brokers("kafka")
        .security_protocol(SecurityProtocol::Ssl)
}

fn ca(path: &Path) -> Result<KafkaConfig, ConfigError> {
    tls().ssl_ca_file(path).build()
}

fn password(path: &Path) -> Result<KafkaConfig, ConfigError> {
    KafkaConfig::builder()
        .brokers("kafka")
        .security_protocol(SecurityProtocol::SaslPlaintext)
        .sasl_mechanism(SaslMechanism::ScramSha512)
        .sasl_username("app")
        .sasl_password_file(path)
        .build()
}

#[test]
fn a_ca_file_must_be_there_and_hold_a_certificate() {
    let files = Files::new();
    let missing = files.missing("ca.pem");
    let found = problem(ca(&missing));
    assert!(
        found.starts_with(&format!(
            "`ssl_ca_file` set in code: cannot read {}: No such file",
            missing.display()
        )),
        "{found}"
    );

    let begin = "-----BEGIN CERTIFICATE-----\n";
    for (name, content) in [
        ("empty.pem", String::new()),
        ("ca.der", "\u{30}\u{82}".to_owned()),
        ("key.pem", pem("PRIVATE KEY")),
        ("cut.pem", format!("{begin}MIIBszCC")),
        ("bare.pem", format!("{begin}-----END CERTIFICATE-----\n")),
        (
            "edited.pem",
            format!("{begin}not base64!\n-----END CERTIFICATE-----\n"),
        ),
    ] {
        let path = files.write(name, content);
        assert_eq!(
            problem(ca(&path)),
            format!(
                "`ssl_ca_file` set in code: {} contains no PEM certificate (-----BEGIN \
                 CERTIFICATE-----)",
                path.display()
            )
        );
    }
    let found = problem(ca(files.missing("").as_path()));
    assert!(found.ends_with("is a directory, not a file"), "{found}");
}

#[test]
fn a_bundle_with_text_around_its_certificates_is_taken() {
    let files = Files::new();
    let bundle = format!("# Root\r\n{}{}", pem("CERTIFICATE"), pem("CERTIFICATE"));
    let path = files.write("ca.pem", bundle.replace('\n', "\r\n"));
    let config = ca(&path).unwrap();
    assert_eq!(config.ssl_ca_file(), Some(path.as_path()));
    assert_eq!(
        config.client_properties().get("ssl.ca.location"),
        path.to_str()
    );
}

#[test]
fn certificate_and_key_come_together() {
    let files = Files::new();
    let certificate = files.certificate();
    let key = files.write("tls.key", pem("PRIVATE KEY"));

    assert_eq!(
        problem(tls().ssl_certificate_file(&certificate).build()),
        "`ssl_certificate_file` set in code: is set without its private key: set `ssl_key_file` \
         (RWS_CONFIG_KAFKA_SSL_KEY_FILE, --kafka-ssl-key-file=)"
    );
    assert_eq!(
        problem(tls().ssl_key_file(&key).build()),
        "`ssl_key_file` set in code: is set without its certificate: set `ssl_certificate_file` \
         (RWS_CONFIG_KAFKA_SSL_CERTIFICATE_FILE, --kafka-ssl-certificate-file=)"
    );
    assert_eq!(
        problem(tls().ssl_key_password("hunter2").build()),
        "`ssl_key_password` set in code: is set without the private key it opens: set \
         `ssl_key_file` (RWS_CONFIG_KAFKA_SSL_KEY_FILE, --kafka-ssl-key-file=)"
    );
    let config = tls()
        .ssl_certificate_file(&certificate)
        .ssl_key_file(&key)
        .build()
        .unwrap();
    assert_eq!(config.ssl_certificate_file(), Some(certificate.as_path()));
    assert_eq!(config.ssl_key_file(), Some(key.as_path()));
}

#[test]
fn either_of_certificate_and_key_may_be_a_property() {
    let files = Files::new();
    let config = tls()
        .ssl_certificate_file(files.certificate())
        .property("ssl.key.pem", pem("PRIVATE KEY"))
        .build();
    assert!(config.is_ok());
}

#[test]
fn a_key_must_be_one_and_an_encrypted_one_needs_its_password() {
    let files = Files::new();
    let with = |key: &Path| {
        tls()
            .ssl_certificate_file(files.certificate())
            .ssl_key_file(key)
    };

    let found = problem(with(&files.write("a", pem("PUBLIC KEY"))).build());
    assert!(
        found.ends_with("contains no PEM private key (-----BEGIN PRIVATE KEY-----)"),
        "{found}"
    );

    let cut = "-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n";
    let found = problem(with(&files.write("b", cut)).build());
    assert!(
        found.contains("`ssl_key_file` set in code: the private key in "),
        "{found}"
    );
    assert!(found.ends_with(" is damaged"), "{found}");

    let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                  DEK-Info: AES-256-CBC,00\n\nMIIB\n-----END RSA PRIVATE KEY-----\n";
    for encrypted in [
        files.write("c", pem("ENCRYPTED PRIVATE KEY")),
        files.write("d", legacy),
    ] {
        let found = problem(with(&encrypted).build());
        assert!(
            found.ends_with(
                " is encrypted: set its password, `ssl_key_password` \
                 (RWS_CONFIG_KAFKA_SSL_KEY_PASSWORD, --kafka-ssl-key-password=)"
            ),
            "{found}"
        );
        assert!(with(&encrypted).ssl_key_password("hunter2").build().is_ok());
    }
}

#[test]
fn a_password_file_gives_its_text_without_one_line_break() {
    let files = Files::new();
    for (content, expected) in [
        ("hunter2", "hunter2"),
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        (" hunter2 \n\n", " hunter2 \n"),
    ] {
        let config = password(&files.write("password", content)).unwrap();
        assert_eq!(
            config.client_properties().get("sasl.password"),
            Some(expected)
        );
    }
}

#[test]
fn a_password_file_must_be_there_and_hold_a_password() {
    let files = Files::new();
    let found = problem(password(&files.missing("password")));
    assert!(
        found.starts_with("`sasl_password_file` set in code: cannot open the file: "),
        "{found}"
    );
    for (content, message) in [
        (&b"\n"[..], "contains no password"),
        (b"hunter2\xff", "is not UTF-8 text"),
        (b"hunter2\0", "contains a NUL character"),
        (&[b'x'; 70_000], "is larger than 65536 bytes"),
    ] {
        let found = problem(password(&files.write("password", content)));
        assert!(found.ends_with(message), "{found}");
        assert!(!found.contains("hunter2"), "{found}");
    }
}

#[test]
fn a_password_in_place_of_its_files_path_is_not_shown() {
    for secret in [
        "hunter2",
        "a/b+c==",
        "/Zm9v/YmFy",
        "two\nlines",
        &"x".repeat(5_000),
    ] {
        let found = problem(password(Path::new(secret)));
        assert!(!found.contains(secret), "{found}");
        assert!(found.contains("takes the path of a file"), "{found}");
    }
    for name in ["PASSWORD_FILE", "TOKEN_FILE"] {
        let name = format!("RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_{name}");
        let found = problems(env(&[
            ("RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_URL", "http://registry"),
            (&name, "hunter2"),
        ]));
        let found = found.join("\n");
        assert!(found.contains("takes the path of a file"), "{found}");
        assert!(!found.contains("hunter2"), "{found}");
    }
    let found = problem(ca(Path::new("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n")));
    assert!(!found.contains("c2VjcmV0"), "{found}");
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_is_refused_rather_than_waited_for() {
    let files = Files::new();
    let pipe = files.missing("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let refused = "is not a regular file but a pipe, a socket or a device";
    for path in [pipe.as_path(), Path::new("/dev/zero")] {
        for found in [problem(ca(path)), problem(password(path))] {
            assert!(found.ends_with(refused), "{found}");
        }
        let found = problem(
            tls()
                .property("ssl.crl.location", path.display().to_string())
                .build(),
        );
        assert!(
            found.contains("names a pipe, a socket or a device"),
            "{found}"
        );
    }
    let found = problem(
        tls()
            .ssl_certificate_file(files.certificate())
            .ssl_key_file(&pipe)
            .build(),
    );
    assert!(found.ends_with(refused), "{found}");
}
