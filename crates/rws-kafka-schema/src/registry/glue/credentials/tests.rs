//! Tests of the credentials chain with servers and files.

use super::super::testing::{Asked, Server, Told};
use super::*;
use crate::registry::error::RegistryError;
use crate::registry::http::Http;
use crate::registry::tls::RegistryTls;
use secrecy::ExposeSecret;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const EXPIRES: &str = "2100-01-01T00:00:00Z";
/// A variable that keeps a test from asking the instance it runs on.
const OFF: (&str, &str) = ("AWS_EC2_METADATA_DISABLED", "true");

fn chain(variables: &[(&str, &str)], home: &Path) -> Chain {
    of_container(variables, home, "http://127.0.0.1:1")
}

fn of_container(variables: &[(&str, &str)], home: &Path, container: &str) -> Chain {
    let http = Http::new(Duration::from_secs(10), &RegistryTls::new()).unwrap();
    let environment = Environment::of(variables, home, container);
    Chain::new(environment, http, "eu-central-1")
}

fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    home
}

fn write(home: &TempDir, file: &str, text: &str) -> String {
    let path = home.path().join(file);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The response of a server that returns credentials as JSON.
fn document(id: &str) -> Told {
    let json = format!(
        r#"{{"Code":"Success","AccessKeyId":"{id}","SecretAccessKey":"hidden","Token":"tok/en=","Expiration":"{EXPIRES}"}}"#
    );
    (200, "", json)
}

/// The response of STS.
fn assumed(action: &str, id: &str) -> Told {
    let xml = format!(
        "<{action}Response><{action}Result><Credentials><AccessKeyId>{id}</AccessKeyId>\
         <SecretAccessKey>hidden</SecretAccessKey><SessionToken>tok/en=</SessionToken>\
         <Expiration>{EXPIRES}</Expiration></Credentials></{action}Result></{action}Response>"
    );
    (200, "", xml)
}

#[track_caller]
fn assert_temporary(found: &Credentials, id: &str) {
    assert_eq!(found.access_key_id(), id);
    assert_eq!(found.secret_access_key().expose_secret(), "hidden");
    assert_eq!(found.session_token().unwrap().expose_secret(), "tok/en=");
    assert_eq!(found.expires, parse(EXPIRES));
}

/// Returns the error's message, which must contain no secret.
#[track_caller]
fn refused(chain: &Chain) -> String {
    let error = chain.find().unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hidden"), "{shown}");
    match error {
        RegistryError::NoCredentials { detail } => detail,
        other => panic!("{other:?}"),
    }
}

fn field<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    let mut fields = asked.body.split('&');
    fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

#[test]
fn variables_come_first() {
    let home = home();
    write(
        &home,
        ".aws/credentials",
        "[default]\naws_access_key_id=of-file\naws_secret_access_key=hidden",
    );
    let variables = [
        ("AWS_ACCESS_KEY_ID", "of-variables"),
        ("AWS_SECRET_ACCESS_KEY", "hidden"),
        ("AWS_SESSION_TOKEN", "token"),
    ];
    let found = chain(&variables, home.path()).find().unwrap();
    assert_eq!(found.access_key_id(), "of-variables");
    assert_eq!(found.session_token().unwrap().expose_secret(), "token");
    let found = chain(&variables[..0], home.path()).find().unwrap();
    assert_eq!(found.access_key_id(), "of-file");
    assert!(found.session_token().is_none());

    let half = refused(&chain(&variables[1..], home.path()));
    assert_eq!(
        half,
        "environment: AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not"
    );
}

#[test]
fn each_place_that_was_looked_in_is_told() {
    let home = home();
    let words = refused(&chain(&[OFF], home.path()));
    for expected in [
        "environment: AWS_ACCESS_KEY_ID is not set",
        "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set",
        "profile: no profile default in",
        ".aws/config and",
        "container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "instance: AWS_EC2_METADATA_DISABLED is true",
    ] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
}

#[test]
fn a_web_identity_takes_its_role_unsigned() {
    let sts = Server::telling(vec![assumed("AssumeRoleWithWebIdentity", "of-role")]);
    let home = home();
    let token = write(&home, "token", "a.web+identity\n");
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"),
        ("AWS_ROLE_SESSION_NAME", "orders"),
        ("AWS_ENDPOINT_URL_STS", &sts.url),
    ];
    let found = chain(&variables, home.path()).find().unwrap();
    assert_temporary(&found, "of-role");

    let asked = &sts.asked()[0];
    assert_eq!(asked.line, "POST /");
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(field(asked, "Action"), Some("AssumeRoleWithWebIdentity"));
    assert_eq!(field(asked, "Version"), Some("2011-06-15"));
    assert_eq!(
        field(asked, "RoleArn"),
        Some("arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx")
    );
    assert_eq!(field(asked, "RoleSessionName"), Some("orders"));
    assert_eq!(field(asked, "WebIdentityToken"), Some("a.web%2Bidentity"));
}

#[test]
fn where_a_web_identity_is_refused_no_one_else_is_asked() {
    let denied = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not \
                  authorized.</Message></Error></ErrorResponse>";
    let sts = Server::telling(vec![(403, "", denied.to_owned()), (503, "", String::new())]);
    let home = home();
    let token = write(&home, "token", "hidden");
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"),
        ("AWS_ENDPOINT_URL_STS", &sts.url),
    ];
    let chain = chain(&variables, home.path());
    let words = refused(&chain);
    assert!(
        words.ends_with(
            "refuses role arn:aws:iam::1:role/x: status 403: AccessDenied: Not authorized."
        ),
        "{words}"
    );
    assert!(!words.contains("instance"), "{words}");
    match chain.find().unwrap_err() {
        RegistryError::Unavailable { status, text, .. } => {
            assert_eq!(status, 503);
            assert!(
                text.starts_with("while requesting AWS credentials (web identity): "),
                "{text}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_web_identity_without_its_token_or_role_is_told_of() {
    let home = home();
    let role = ("AWS_ROLE_ARN", "arn");
    let gone = home.path().join("gone");
    let file = ("AWS_WEB_IDENTITY_TOKEN_FILE", gone.to_str().unwrap());
    let words = refused(&chain(&[file, role], home.path()));
    assert!(words.contains("there is no file"), "{words}");
    let empty = write(&home, "empty", "\n");
    let file = ("AWS_WEB_IDENTITY_TOKEN_FILE", empty.as_str());
    let words = refused(&chain(&[file, role], home.path()));
    assert!(words.contains("is empty"), "{words}");
    let words = refused(&chain(&[file], home.path()));
    assert!(words.contains("AWS_ROLE_ARN is not"), "{words}");
}

#[test]
fn a_profile_takes_its_role_by_its_source() {
    let sts = Server::telling(vec![assumed("AssumeRole", "of-role")]);
    let home = home();
    write(
        &home,
        ".aws/config",
        "[profile orders]\nrole_arn = arn:x\nsource_profile = base\nexternal_id = e&x\n\
         duration_seconds = 900\nrole_session_name = name\n",
    );
    write(
        &home,
        ".aws/credentials",
        "[base]\naws_access_key_id = of-base\naws_secret_access_key = hidden\n",
    );
    let variables = [
        ("AWS_PROFILE", "orders"),
        ("AWS_ENDPOINT_URL_STS", &sts.url),
    ];
    let found = chain(&variables, home.path()).find().unwrap();
    assert_temporary(&found, "of-role");

    let asked = &sts.asked()[0];
    let signed = asked.header("authorization").unwrap();
    assert!(signed.contains("Credential=of-base/"), "{signed}");
    assert!(
        signed.contains("/eu-central-1/sts/aws4_request"),
        "{signed}"
    );
    assert_eq!(field(asked, "ExternalId"), Some("e%26x"));
    assert_eq!(field(asked, "DurationSeconds"), Some("900"));
    assert_eq!(field(asked, "RoleSessionName"), Some("name"));
}

#[test]
fn a_role_is_taken_through_another_role_and_by_a_web_identity() {
    let sts = Server::start(|asked, _| match field(asked, "Action") {
        Some("AssumeRole") => assumed("AssumeRole", "second"),
        _ => assumed("AssumeRoleWithWebIdentity", "first"),
    });
    let home = home();
    write(&home, "token", "web");
    let config = write(
        &home,
        "elsewhere",
        "[default]\nrole_arn = arn:second\nsource_profile = first\n\
         [profile first]\nrole_arn = arn:first\nweb_identity_token_file = ~/token\n",
    );
    let variables = [
        ("AWS_CONFIG_FILE", config.as_str()),
        ("AWS_ENDPOINT_URL", &sts.url),
    ];
    let found = chain(&variables, home.path()).find().unwrap();
    assert_temporary(&found, "second");
    let signed = sts.asked()[1].header("authorization").unwrap().to_owned();
    assert!(signed.contains("Credential=first/"), "{signed}");
    assert_eq!(
        sts.asked()[1].header("x-amz-security-token"),
        Some("tok/en=")
    );
}

#[test]
fn a_profile_that_cannot_do_says_why() {
    let home = home();
    for (config, why) in [
        (
            "sso_session = s\nsso_account_id = 1",
            "profile x uses single sign-on",
        ),
        ("role_arn = a", "role_arn needs source_profile"),
        ("role_arn = a\nsource_profile = gone", "no profile gone in"),
        (
            "role_arn = a\nsource_profile = y\n[profile y]\nregion = r",
            "profile y contains no credentials",
        ),
        (
            "role_arn = a\ncredential_source = Moon",
            "credential_source is Moon; allowed: Environment",
        ),
        (
            "role_arn = a\ncredential_source = Environment",
            "AWS_ACCESS_KEY_ID is not set",
        ),
        (
            "role_arn = a\nsource_profile = y\nmfa_serial = m",
            "mfa_serial needs a person",
        ),
        (
            "role_arn = a\nsource_profile = x",
            "its own source_profile, but has no keys",
        ),
        (
            "aws_secret_access_key = hidden",
            "aws_secret_access_key is set, aws_access_key_id is not",
        ),
        #[cfg(unix)]
        ("credential_process = exit 7", "exit status: 7"),
    ] {
        write(&home, ".aws/config", &format!("[profile x]\n{config}"));
        let words = refused(&chain(&[("AWS_PROFILE", "x")], home.path()));
        assert!(words.contains(why), "{config}: {words}");
        assert!(!words.contains("container"), "{words}");
    }
    let words = refused(&chain(&[("AWS_PROFILE", "y")], home.path()));
    assert!(words.contains("AWS_PROFILE names it"), "{words}");
}

#[test]
fn profiles_in_a_circle_are_told_once_each() {
    let home = home();
    write(
        &home,
        ".aws/config",
        "[profile x]\nrole_arn = a\nsource_profile = y\n[profile y]\nrole_arn = b\n\
         source_profile = x",
    );
    let words = refused(&chain(&[("AWS_PROFILE", "x")], home.path()));
    assert!(words.ends_with("forms a circle: x, y, x"), "{words}");
}

#[test]
fn a_profile_without_credentials_leaves_it_to_the_next_place() {
    let home = home();
    write(&home, ".aws/config", "[profile x]\nregion = r");
    let words = refused(&chain(&[("AWS_PROFILE", "x"), OFF], home.path()));
    assert!(
        words.contains("profile x contains no credentials; container:"),
        "{words}"
    );
}

#[cfg(unix)]
#[test]
fn a_profile_runs_its_program() {
    let home = home();
    let (_, _, json) = document("of-process");
    let json = json.replacen('{', "{\"Version\":1,", 1);
    write(&home, "json", &json);
    write(
        &home,
        ".aws/credentials",
        &format!(
            "[default]\ncredential_process = cat '{}/json'",
            home.path().display()
        ),
    );
    let found = chain(&[], home.path()).find().unwrap();
    assert_temporary(&found, "of-process");
}

#[test]
fn a_container_gives_credentials_to_who_has_its_token() {
    let agent = Server::start(|asked, _| match asked.header("authorization") {
        Some("Bearer of-file") => document("of-container"),
        _ => (
            401,
            "",
            r#"{"code":"Unauthorized","message":"who?"}"#.to_owned(),
        ),
    });
    let home = home();
    let file = write(&home, "token", "Bearer of-file\n");
    let full = format!("{}/v1/credentials", agent.url);
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", full.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer hidden"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file),
    ];
    let found = chain(&variables, home.path()).find().unwrap();
    assert_temporary(&found, "of-container");
    assert_eq!(agent.asked()[0].line, "GET /v1/credentials");

    let words = refused(&chain(&variables[..2], home.path()));
    assert!(
        words.contains("answers status 401: Unauthorized: who?"),
        "{words}"
    );
}

#[test]
fn a_container_is_asked_at_its_own_address_for_a_relative_uri() {
    let agent = Server::telling(vec![document("of-container")]);
    let home = home();
    let variables = [
        (
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "/v2/credentials/1?x=y",
        ),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
    ];
    let chain = of_container(&variables, home.path(), &agent.url);
    assert_temporary(&chain.find().unwrap(), "of-container");
    assert_eq!(agent.asked()[0].line, "GET /v2/credentials/1?x=y");
}

#[test]
fn a_container_is_asked_nowhere_else_and_sends_no_one_elsewhere() {
    let home = home();
    let far = [(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "http://far.example/?hidden",
    )];
    let words = refused(&chain(&far, home.path()));
    assert!(
        words.contains("FULL_URI is http://far.example/; allowed"),
        "{words}"
    );

    let other = Server::telling(vec![document("of-other")]);
    let location: &'static str = Box::leak(format!("Location: {}", other.url).into_boxed_str());
    let agent = Server::telling(vec![(302, location, String::new())]);
    let near = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.url.as_str())];
    let words = refused(&chain(&near, home.path()));
    assert!(words.contains("answers status 302"), "{words}");
    assert!(other.asked().is_empty());
}

#[test]
fn an_instance_gives_the_credentials_of_its_role() {
    let instance = Server::start(|asked, _| match asked.line.as_str() {
        "PUT /latest/api/token" => (200, "", "a-token".to_owned()),
        "GET /latest/meta-data/iam/security-credentials/" => (200, "", "a-role\n".to_owned()),
        "GET /latest/meta-data/iam/security-credentials/a-role" => document("of-instance"),
        _ => (404, "", String::new()),
    });
    let home = home();
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url.as_str())];
    let found = chain(&variables, home.path()).find().unwrap();
    assert_temporary(&found, "of-instance");
    let asked = instance.asked();
    assert_eq!(
        asked[0].header("x-aws-ec2-metadata-token-ttl-seconds"),
        Some("21600")
    );
    for later in &asked[1..] {
        assert_eq!(later.header("x-aws-ec2-metadata-token"), Some("a-token"));
    }
}

#[test]
fn an_instance_without_a_role_or_that_is_none_is_told_of() {
    let home = home();
    let of = |url: &str| {
        let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)];
        chain(&variables, home.path())
    };
    let server = Server::telling(vec![
        (200, "", "a-token".to_owned()),
        (404, "", String::new()),
        (403, "", "no".to_owned()),
        (200, "", "a-token".to_owned()),
        (200, "", "../hidden?".to_owned()),
        (200, "", "a-token".to_owned()),
        (503, "", String::new()),
    ]);
    let words = refused(&of(&server.url));
    assert!(words.ends_with("the instance has no role"), "{words}");
    let words = refused(&of(&server.url));
    assert!(
        words.ends_with("/latest/api/token answers status 403: no"),
        "{words}"
    );
    let words = refused(&of(&server.url));
    assert!(words.ends_with("returned an invalid role name"), "{words}");
    let error = of(&server.url).find().unwrap_err();
    assert!(error.is_worth_a_retry(), "{error:?}");

    let words = refused(&of("http://127.0.0.1:1"));
    assert!(
        words.contains("instance: http://127.0.0.1:1 does not answer (2 tries): "),
        "{words}"
    );
}

#[test]
fn no_rendering_shows_a_secret() {
    let credentials = Credentials::new("id", "hidden", Some("hidden".to_owned()));
    assert!(!format!("{credentials:?}").contains("hidden"));
    let home = home();
    let variables = [("AWS_SECRET_ACCESS_KEY", "hidden")];
    assert!(!format!("{:?}", chain(&variables, home.path())).contains("hidden"));
}
