use crate::support::Scene;
use integration_tests::{TopicRecord, soon};
use rws_kafka::outbox::{Event, Outbox, OutboxError};
use rws_kafka::trace::TraceContext;

const REQUEST: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OWN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// The relay runs later and elsewhere, but the trace is that of the request.
#[test]
fn an_event_goes_out_in_the_trace_in_which_it_was_enqueued() -> Result<(), OutboxError> {
    let scene = Scene::new(1);
    let mut connection = scene.pool.get()?;
    let mut tx = connection.transaction()?;
    let outbox = Outbox::new(&mut tx);
    outbox.enqueue_keyed(&scene.topic, "without", "1")?;
    {
        let context = TraceContext::parse(REQUEST, Some("vendor=value")).expect("a context");
        let _scope = context.enter();
        outbox.enqueue_keyed(&scene.topic, "within", "2")?;
        let own = Event::to(&scene.topic).key("own").payload("3");
        outbox.enqueue_event(&own.header("traceparent", OWN))?;
    }
    tx.commit()?;
    let _relay = scene.relay().start(20);
    soon(|| scene.backlog() == 0);
    let found = scene.read();
    let header = |key: &str, name: &str| {
        let of_key = |read: &&TopicRecord| read.key_text().as_deref() == Some(key);
        let read = found.iter().find(of_key).expect("a record");
        read.header_texts(name).join(", ")
    };
    assert_eq!(header("without", "traceparent"), "");
    assert_eq!(header("within", "traceparent"), REQUEST);
    assert_eq!(header("within", "tracestate"), "vendor=value");
    assert_eq!(header("own", "traceparent"), OWN);
    assert_eq!(header("own", "tracestate"), "");
    Ok(())
}
