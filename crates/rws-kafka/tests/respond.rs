//! What `respond` makes of a handler's result.

mod common;

use common::http::Answer;
use common::wire::exchange;
use rust_web_server::app::App;
use rust_web_server::header::Header;
use rust_web_server::range::Range;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rws_kafka::{BodyError, HandlerError, ProducerError, respond};
use std::time::Duration;

fn answer_to(
    handler: impl Fn() -> Result<Response, HandlerError> + Send + Sync + 'static,
) -> Answer {
    let app = App::with_state(handler).get("/", |_req, _params, _conn, handler| respond(handler));
    exchange(app, "GET", "/")
}

#[test]
fn a_response_passes_untouched() {
    let answer = answer_to(|| {
        let body = Range::get_content_range(b"made".to_vec(), "text/plain".to_owned());
        let created = STATUS_CODE_REASON_PHRASE.n201_created;
        Ok(Response::get_response(created, None, Some(vec![body])))
    });

    assert_eq!((answer.status, answer.body.as_str()), (201, "made"));
}

#[test]
fn a_response_without_a_body_announces_no_bytes_once() {
    let created = STATUS_CODE_REASON_PHRASE.n201_created;
    let empty = answer_to(|| Ok(Response::get_response(created, None, None)));
    assert_eq!(empty.headers("Content-Length"), ["0"], "{}", empty.head);

    let own = answer_to(|| {
        let length = Header {
            name: "content-length".into(),
            value: "0".into(),
        };
        Ok(Response::get_response(created, Some(vec![length]), None))
    });
    assert_eq!(own.headers("Content-Length"), ["0"], "{}", own.head);
}

#[test]
fn a_response_that_can_have_no_body_announces_none() {
    for status in [
        STATUS_CODE_REASON_PHRASE.n204_no_content,
        STATUS_CODE_REASON_PHRASE.n304_not_modified,
    ] {
        let answer = answer_to(move || Ok(Response::get_response(status, None, None)));
        assert_eq!(answer.status, *status.status_code as u16);
        assert!(
            answer.headers("Content-Length").is_empty(),
            "{}",
            answer.head
        );
    }
}

#[test]
fn an_error_is_500_and_tells_the_client_nothing_of_its_cause() {
    let answer = answer_to(|| {
        "secret-host:5432".parse::<u16>()?;
        unreachable!("that is no number")
    });

    assert_eq!(answer.status, 500);
    assert_eq!(answer.body, r#"{"error":"internal server error"}"#);
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    assert_eq!(answer.header("Retry-After"), None);
}

#[test]
fn a_message_that_kafka_does_not_take_now_is_503_and_says_when_to_retry() {
    let passing: [fn() -> ProducerError; 3] = [
        || ProducerError::QueueFull {
            topic: "orders.created".to_owned(),
            waited: Duration::from_secs(5),
            cause: None,
        },
        || ProducerError::TimedOut {
            topic: "orders.created".to_owned(),
            after: Duration::from_secs(120),
            cause: None,
        },
        || ProducerError::Closed,
    ];
    for error in passing {
        let name = error();
        let answer = answer_to(move || Err(error().into()));

        assert_eq!(answer.status, 503, "{name}");
        assert_eq!(answer.header("Retry-After"), Some("1"), "{name}");
        assert_eq!(
            answer.body, r#"{"error":"temporarily unavailable"}"#,
            "{name}"
        );
    }
}

#[test]
fn a_cause_is_found_behind_an_error_of_the_services_own() {
    #[derive(Debug, thiserror::Error)]
    #[error("the order was not published")]
    struct NotPublished(#[source] ProducerError);

    let answer = answer_to(|| Err(NotPublished(ProducerError::Closed).into()));

    assert_eq!(answer.status, 503);
}

#[test]
fn a_message_that_kafka_will_never_take_is_500() {
    let answer = answer_to(|| {
        Err(ProducerError::UnknownTopic {
            topic: "orders.created".to_owned(),
        }
        .into())
    });

    assert_eq!(answer.status, 500);
}

#[test]
fn a_body_that_did_not_fit_is_413() {
    let answer = answer_to(|| {
        Err(BodyError::Incomplete {
            expected: 20_000,
            received: 9_900,
        }
        .into())
    });

    assert_eq!(answer.status, 413);
    assert_eq!(answer.body, r#"{"error":"request body too large"}"#);
}

#[test]
fn a_length_that_is_no_number_is_400() {
    let answer = answer_to(|| {
        Err(BodyError::InvalidLength {
            found: "many".to_owned(),
        }
        .into())
    });

    assert_eq!(answer.status, 400);
}
