//! A registry with errors, and clients that must not make them worse.

use crate::faulty::{Fault, Faulty};
use integration_tests::{Registry, RegistryOptions, soon, unique};
use rws_kafka::schema::Schema;
use rws_kafka::schema_registry::{RegistryError, SchemaId, SchemaRegistry};
use std::sync::Barrier;
use std::time::Duration;

/// Short, because the tests do not depend on the waits between tries.
const BACKOFF: Duration = Duration::from_millis(1);

fn schema() -> Schema {
    let name = unique("Order").replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    Schema::avro(format!(
        r#"{{"type":"record","name":"{name}","fields":[{{"name":"id","type":"string"}}]}}"#
    ))
}

/// Returns a schema that the registry has and no client knows.
fn registered() -> (SchemaId, String) {
    let subject = unique("faults");
    let id = crate::client(Registry::shared())
        .register(&subject, &schema())
        .unwrap();
    (id, subject)
}

fn through(server: &Faulty) -> SchemaRegistry {
    SchemaRegistry::confluent(server.url()).with_retries(3, BACKOFF)
}

fn answer(status: u16, body: &str) -> Fault {
    Fault::Answer {
        status,
        headers: "content-type: application/json\r\n",
        body: body.to_owned(),
    }
}

#[test]
fn what_may_pass_is_asked_again() {
    let (id, _) = registered();
    for fault in [
        answer(408, ""),
        answer(429, r#"{"error_code":429,"message":"slow down"}"#),
        answer(500, r#"{"error_code":50001,"message":"store"}"#),
        answer(503, "<html>maintenance</html>"),
        answer(504, ""),
        Fault::Closed,
        Fault::CutShort,
    ] {
        let server = Faulty::before(Registry::shared());
        let registry = through(&server);
        server.next([fault.clone(), fault.clone()]);
        registry
            .schema(id)
            .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(server.requests(), 3, "{fault:?}");
        assert_eq!(registry.stats().failures, 2, "{fault:?}");
    }
}

#[test]
fn what_does_not_pass_errs_after_the_last_try_and_is_not_kept() {
    let (id, _) = registered();
    let server = Faulty::before(Registry::shared());
    let registry = through(&server);
    server.next(std::iter::repeat_n(
        answer(429, r#"{"error_code":42901,"message":"slow down"}"#),
        4,
    ));
    let error = registry.schema(id).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the schema registry at {}/schemas/ids/{id} is unavailable (4 tries): status 429, code \
             42901: slow down",
            server.url()
        )
    );
    assert!(error.is_transient());
    assert_eq!(server.requests(), 4);
    registry.schema(id).unwrap();
}

#[test]
fn a_refusal_is_not_asked_again_and_not_kept() {
    let (id, _) = registered();
    let server = Faulty::before(Registry::shared());
    let registry = through(&server);
    server.next([
        answer(404, r#"{"error_code":40403,"message":"Schema not found"}"#),
        answer(403, r#"{"error_code":40301,"message":"no"}"#),
        answer(418, "teapot"),
    ]);
    let unknown = registry.schema(id).unwrap_err();
    assert!(
        matches!(unknown, RegistryError::UnknownId { .. }),
        "{unknown:?}"
    );
    let denied = registry.schema(id).unwrap_err();
    assert!(
        matches!(denied, RegistryError::Unauthorized { status: 403, .. }),
        "{denied:?}"
    );
    let refused = registry.schema(id).unwrap_err();
    assert!(
        matches!(refused, RegistryError::Refused { status: 418, .. }),
        "{refused:?}"
    );
    registry.schema(id).unwrap();
    assert_eq!(server.requests(), 4);
}

#[test]
fn the_wait_that_the_registry_asks_for_is_kept() {
    let (id, _) = registered();
    let server = Faulty::before(Registry::shared());
    server.next([Fault::Answer {
        status: 429,
        headers: "retry-after: 3600\r\n",
        body: String::new(),
    }]);
    // An hour is longer than the deadline of all tries, so there is no second one.
    let error = through(&server).schema(id).unwrap_err();
    let RegistryError::Unavailable {
        attempts,
        retry_after,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(
        (attempts, retry_after),
        (1, Some(Duration::from_secs(3600)))
    );
    assert_eq!(server.requests(), 1);
}

#[test]
fn what_is_no_answer_of_a_registry_is_told() {
    let (id, _) = registered();
    let page = "<html><body>Sign in to the network</body></html>";
    let large = format!("{{\"schema\":\"{}\"}}", "x".repeat(10 << 20));
    for (fault, words) in [
        (answer(200, page), "Sign in to the network"),
        (answer(200, "{}"), "missing field `schema`"),
        (
            answer(200, r#"{"schema":"{}","schemaType":"XML"}"#),
            "is of type \"XML\"",
        ),
        (Fault::HalfOfTheJson, "EOF while parsing"),
        (answer(200, &large), "larger than the 4194304 bytes allowed"),
    ] {
        let server = Faulty::before(Registry::shared());
        let registry = through(&server);
        server.next([fault]);
        let error = registry.schema(id).unwrap_err();
        assert!(matches!(error, RegistryError::Answer { .. }), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().len() < 500, "{error}");
        registry.schema(id).unwrap();
    }
}

#[test]
fn a_page_that_is_missing_is_not_a_schema_that_is() {
    let (id, _) = registered();
    let server = Faulty::before(Registry::shared());
    server.next([answer(404, "<html>no such page</html>")]);
    let error = through(&server).schema(id).unwrap_err();
    assert!(
        matches!(error, RegistryError::Refused { status: 404, .. }),
        "{error:?}"
    );
}

#[test]
fn redirects_are_followed_and_loops_end() {
    let (id, _) = registered();
    let real = Faulty::before(Registry::shared());
    let location = |url: String| -> &'static str {
        Box::leak(format!("location: {url}/schemas/ids/{id}\r\n").into_boxed_str())
    };
    let moved = |headers| Fault::Answer {
        status: 302,
        headers,
        body: String::new(),
    };
    let server = Faulty::before(Registry::shared());
    server.on("/", moved(location(real.url())));
    through(&server).schema(id).unwrap();

    let circle = Faulty::before(Registry::shared());
    circle.on("/", moved(location(circle.url())));
    let error = through(&circle).schema(id).unwrap_err();
    assert!(
        error.to_string().contains("redirects more than 4 times"),
        "{error}"
    );
    assert_eq!(circle.requests(), 5);
}

#[test]
fn credentials_and_headers_follow_a_redirect_within_their_origin_alone() {
    let (id, _) = registered();
    let redirecting = |to: &str| {
        let server = Faulty::before(Registry::shared());
        let headers = Box::leak(format!("location: {to}/again\r\n").into_boxed_str());
        let fault = Fault::Answer {
            status: 307,
            headers,
            body: String::new(),
        };
        server.on("/schemas/ids", fault);
        server
    };
    let schema = answer(
        200,
        &serde_json::json!({"schema": schema().text()}).to_string(),
    );
    let ask = |server: &Faulty| {
        SchemaRegistry::confluent(server.url())
            .with_basic_auth("user", "s3cret")
            .with_header("x-api-key", "k3y")
            .schema(id)
            .unwrap();
    };

    let other = Faulty::before(Registry::shared());
    other.on("/again", schema.clone());
    let first = redirecting(&other.url());
    ask(&first);
    let (sent, followed) = (first.headers().concat(), other.headers().concat());
    assert!(
        sent.contains("x-api-key: k3y") && sent.contains("authorization: basic"),
        "{sent}"
    );
    assert!(followed.contains("accept: "), "{followed}");
    assert!(
        !followed.contains("k3y") && !followed.contains("authorization"),
        "{followed}"
    );

    // They are also sent to another path of the same server.
    let same = redirecting("");
    same.on("/again", schema);
    ask(&same);
    let followed = &same.headers()[1];
    assert!(
        followed.contains("x-api-key: k3y") && followed.contains("authorization: basic"),
        "{followed}"
    );
}

#[test]
fn threads_that_meet_an_unknown_id_make_one_request() {
    const THREADS: usize = 64;
    let (id, _) = registered();
    let server = Faulty::before(Registry::shared());
    server.on("/", Fault::Held);
    let registry = through(&server);
    let start = Barrier::new(THREADS + 1);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                registry.schema(id).unwrap();
            });
        }
        start.wait();
        soon(|| server.requests() == 1);
        server.release();
    });
    assert_eq!(server.requests(), 1);
    assert_eq!(registry.stats().requests, 1);
}

#[test]
fn those_who_wait_for_a_failing_request_share_its_error_and_the_next_asks_anew() {
    let (id, _) = registered();
    let server = Faulty::before(Registry::shared());
    server.next([answer(404, r#"{"error_code":40403,"message":"not yet"}"#)]);
    let registry = through(&server);
    registry.schema(id).unwrap_err();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| registry.schema(id).unwrap());
        }
    });
    assert_eq!(server.requests(), 2);
}

#[test]
fn a_slow_lookup_holds_up_nobody_who_wants_something_else() {
    let (slow, _) = registered();
    let (known, _) = registered();
    let (other, _) = registered();
    let server = Faulty::before(Registry::shared());
    let registry = through(&server);
    registry.schema(known).unwrap();
    server.on(&format!("/ids/{slow}"), Fault::Held);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| registry.schema(slow));
        soon(|| server.requests() == 2);
        // Both would wait forever for a lock.
        registry.schema(known).unwrap();
        registry.schema(other).unwrap();
        assert!(!waiting.is_finished());
        server.release();
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn a_slow_registry_is_waited_for_and_a_silent_one_given_up() {
    let (id, _) = registered();
    let server = Faulty::before(Registry::shared());
    server.next([Fault::Slow(Duration::from_secs(3))]);
    through(&server).schema(id).unwrap();

    let silent = Faulty::before(Registry::shared());
    silent.on("/", Fault::Held);
    let registry = through(&silent)
        .with_timeout(Duration::from_millis(50))
        .with_retries(1, BACKOFF);
    let error = registry.schema(id).unwrap_err();
    let RegistryError::Unreachable { attempts, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*attempts, 2);
    assert!(error.to_string().contains("timeout"), "{error}");
}

#[test]
fn the_next_url_is_asked_where_one_cannot_answer_and_stays_first() {
    let (id, subject) = registered();
    let (down, up) = (
        Faulty::before(Registry::shared()),
        Faulty::before(Registry::shared()),
    );
    down.on("/", answer(503, ""));
    let urls = format!("http://127.0.0.1:1,{},{}", down.url(), up.url());
    let registry = SchemaRegistry::confluent(urls).with_retries(0, BACKOFF);
    registry.schema(id).unwrap();
    assert_eq!((down.requests(), up.requests()), (1, 1));
    registry.latest(&subject).unwrap();
    assert_eq!((down.requests(), up.requests()), (1, 2));
    // A refusal is a valid response: no other server is tried.
    up.next([answer(404, r#"{"error_code":40401,"message":"no"}"#)]);
    registry.latest(&unique("nowhere")).unwrap_err();
    assert_eq!((down.requests(), up.requests()), (1, 3));
}

#[test]
fn an_old_latest_version_serves_while_the_registry_is_down() {
    let server = Registry::start_with(RegistryOptions::new().compatibility("NONE"));
    let registry = crate::client(&server)
        .with_retries(0, BACKOFF)
        .with_timeout(Duration::from_secs(2))
        .with_latest_ttl(Duration::ZERO);
    let other = crate::client(&server);
    let first = other.register("orders-value", &schema()).unwrap();
    assert_eq!(registry.latest("orders-value").unwrap().id, first);
    let second = other.register("orders-value", &schema()).unwrap();
    assert_eq!(registry.latest("orders-value").unwrap().id, second);

    server.stop();
    assert_eq!(registry.latest("orders-value").unwrap().id, second);
    assert_eq!(registry.stats().stale, 1);
    assert!(registry.latest("never-seen").unwrap_err().is_transient());
    server.restart();
    let third = other.register("orders-value", &schema()).unwrap();
    soon(|| registry.latest("orders-value").unwrap().id == third);
}
