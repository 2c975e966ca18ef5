//! `/kafka` and `/kafka.json` of an application that is wrapped in `KafkaLayer`.

mod common;

use common::wire::{exchange, exchange_raw};
use rust_web_server::app::App;
use rust_web_server::application::Application;
use rust_web_server::middleware::Middleware;
use rust_web_server::request::Request;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rust_web_server::server::ConnectionInfo;
use rws_kafka::{KafkaLayer, Observer};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

fn app(observer: &Observer) -> impl Application + use<> {
    let layer = KafkaLayer::new().observer(observer.clone()).status_page();
    App::with_state(()).wrap(layer)
}

/// An observer that a stalled worker of this group reports to.
fn observer_of(group: &str) -> Observer {
    let observer = Observer::new();
    let consumer = observer.register_consumer(group, Duration::ZERO);
    consumer.reachable();
    consumer.assigned();
    consumer.work(Some(1_204), 1);
    // For as long as the test runs.
    std::mem::forget(consumer);
    observer
}

#[test]
fn there_is_no_page_unless_it_is_asked_for() {
    for path in ["/kafka", "/kafka.json"] {
        let layer = KafkaLayer::new().observer(Observer::new());
        let without = exchange(App::with_state(()), "GET", path);
        let with = exchange(App::with_state(()).wrap(layer), "GET", path);
        assert_eq!((with.status, with.body), (without.status, without.body));
        assert_ne!(with.status, 200);
    }
}

#[test]
fn the_page_shows_the_worker_and_escapes_its_names() {
    let observer = observer_of("<script>alert(1)</script>");

    let page = exchange(app(&observer), "GET", "/kafka");

    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    let length = page.body.len().to_string();
    assert_eq!(page.header("Content-Length"), Some(length.as_str()));
    assert!(page.body.contains("Not ready</h2>"), "{}", page.body);
    assert!(page.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.body.contains("<dd>1,204</dd>"));
    assert!(!page.body.contains("<script"));
}

#[test]
fn a_browser_may_load_nothing_keep_nothing_and_show_it_to_no_other_site() {
    for path in ["/kafka", "/kafka.json"] {
        let page = exchange_raw(
            app(&Observer::new()),
            &format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://elsewhere.example\r\n\
                 Connection: close\r\n\r\n"
            ),
        );
        let named = |name: &str| {
            let values = page.head.lines().filter_map(|line| line.split_once(": "));
            let values = values.filter(|(found, _)| found.eq_ignore_ascii_case(name));
            values.map(|(_, value)| value).collect::<Vec<_>>()
        };
        let policy = named("Content-Security-Policy");
        assert_eq!(policy.len(), 1, "{}", page.head);
        assert!(policy[0].starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!policy[0].contains("unsafe"));
        assert_eq!(named("Cache-Control"), ["no-store"]);
        assert_eq!(named("X-Content-Type-Options"), ["nosniff"]);
        assert_eq!(named("X-Frame-Options"), ["DENY"]);
        assert_eq!(named("Referrer-Policy"), ["no-referrer"]);
        assert!(!page.head.to_ascii_lowercase().contains("access-control-"));
    }
}

#[test]
fn the_json_tells_the_same_to_programs() {
    let observer = observer_of("fulfilment");

    let answer = exchange(app(&observer), "GET", "/kafka.json?pretty=1");

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    let json: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(json["ready"], false);
    assert_eq!(json["consumers"][0]["group"], "fulfilment");
    assert_eq!(json["consumers"][0]["state"], "stalled");
    assert_eq!(json["consumers"][0]["lag"], 1_204);
}

#[test]
fn the_page_reloads_itself_unless_the_query_says_no() {
    let refreshes = |path: &str| {
        let page = exchange(app(&Observer::new()), "GET", path);
        assert_eq!(page.status, 200);
        page.body.contains("http-equiv=\"refresh\"")
    };
    assert!(refreshes("/kafka"));
    assert!(refreshes("/kafka?refresh=offline&x"));
    assert!(!refreshes("/kafka?refresh=off"));
    assert!(!refreshes("/kafka?x=1&refresh=off"));
}

/// A service's own authentication.
struct Guard;

impl Middleware for Guard {
    fn handle(
        &self,
        request: &Request,
        connection: &ConnectionInfo,
        next: &dyn Application,
    ) -> Result<Response, String> {
        if request.get_header("Authorization".to_owned()).is_some() {
            return next.execute(request, connection);
        }
        let unauthorized = STATUS_CODE_REASON_PHRASE.n401_unauthorized;
        Ok(Response::get_response(unauthorized, None, None))
    }
}

#[test]
fn what_is_added_before_the_layer_guards_the_page() {
    let layer = || KafkaLayer::new().observer(Observer::new()).status_page();
    let app = || App::with_state(()).wrap(Guard).wrap(layer());
    assert_eq!(exchange(app(), "GET", "/kafka").status, 401);
    assert_eq!(exchange(app(), "GET", "/kafka.json").status, 401);
    let request = "GET /kafka HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\
                   Connection: close\r\n\r\n";
    assert_eq!(exchange_raw(app(), request).status, 200);
}

#[test]
fn head_has_no_body_and_other_methods_pass() {
    for path in ["/kafka", "/kafka.json?x"] {
        let head = exchange(app(&Observer::new()), "HEAD", path);
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        assert_eq!(head.header("Cache-Control"), Some("no-store"));
    }
    for (method, path) in [("POST", "/kafka"), ("GET", "/kafka/"), ("GET", "/kafkas")] {
        let without = exchange(App::with_state(()), method, path);
        let with = exchange(app(&Observer::new()), method, path);
        assert_eq!((with.status, with.body), (without.status, without.body));
    }
}

/// Lets no request for the page through that has no credentials.
struct Authentication;

impl Middleware for Authentication {
    fn handle(
        &self,
        request: &Request,
        connection: &ConnectionInfo,
        next: &dyn Application,
    ) -> Result<Response, String> {
        let path = request.request_uri.split('?').next().unwrap_or_default();
        let is_known = request
            .headers
            .iter()
            .any(|header| header.name == "Authorization");
        if ["/kafka", "/kafka.json"].contains(&path) && !is_known {
            let unauthorized = STATUS_CODE_REASON_PHRASE.n401_unauthorized;
            return Ok(Response::get_response(unauthorized, None, None));
        }
        next.execute(request, connection)
    }
}

#[test]
fn no_spelling_of_its_address_goes_past_an_authentication_in_front() {
    let observer = observer_of("fulfilment");
    let ask = |target: &str, headers: &str| {
        let layer = KafkaLayer::new().observer(observer.clone()).status_page();
        let app = App::with_state(()).wrap(Authentication).wrap(layer);
        let head =
            format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        exchange_raw(app, &head)
    };
    let with = ask("/kafka", "Authorization: Basic YTpi\r\n");
    assert!(
        with.status == 200 && with.body.contains("fulfilment"),
        "{with:?}"
    );
    let mut answered = 0;
    for page in ["/kafka", "/kafka.json"] {
        for target in [
            page.to_owned(),
            format!("{page}?refresh=off"),
            format!("http://x{page}"),
            format!("HTTP://x{page}?refresh=off"),
            format!("https://x:8080{page}"),
            format!("http://user@x{page}"),
            format!("http://x/{page}"),
            format!("/{page}"),
            format!("/.{page}"),
            format!("{page}/"),
            page.replace('k', "%6b"),
            page.to_uppercase(),
        ] {
            let asked = catch_unwind(AssertUnwindSafe(|| ask(&target, "")));
            let Ok(answer) = asked else {
                // rust-web-server 17.24 panics at a host without a port, which answers nothing.
                let has_host = target.starts_with("//") || target.contains("://");
                assert!(has_host, "{target} was not answered");
                continue;
            };
            answered += 1;
            assert_ne!(answer.status, 200, "{target}: {answer:?}");
            assert!(!answer.body.contains("fulfilment"), "{target}: {answer:?}");
        }
    }
    assert!(answered >= 14, "{answered} of 24");
}
