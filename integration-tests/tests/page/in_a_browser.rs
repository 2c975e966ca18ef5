//! The status page of a service in trouble, in headless Chromium.

use crate::operated::Service;
use integration_tests::{Browser, HttpAnswer, Kafka, Postgres, unique, unique_topic};
use std::fs;
use std::path::Path;

/// Shown in an error; harmless only as text.
const HOSTILE: &str = "<script>document.title = 'owned'</script><img src=x onerror=alert(1)>";

const PHONE: u32 = 360;
const DESKTOP: u32 = 1_000;

#[test]
fn it_shows_on_any_screen_what_is_wrong_and_runs_nothing_that_a_message_says() {
    let kafka = Kafka::shared();
    let topic = unique_topic("orders.created");
    kafka.create_topic(&topic, 6);
    kafka.create_topic(&format!("{topic}.dlq"), 1);
    let narrow = unique_topic("narrow");
    kafka.create_topic_with(&narrow, 1, &[("max.message.bytes", "200")]);
    // Kafka takes any text as a group.
    let group = format!("fulfilment {}", unique(HOSTILE));
    let database = Postgres::shared().create_database();
    let service = Service::start(
        kafka,
        &topic,
        &group,
        &[
            ("RWS_CONFIG_KAFKA_READYZ_LAG_TIMEOUT_MS", "1500"),
            ("DATABASE_URL", &database),
        ],
    );
    service.until("/readyz", |answer| (answer.status == 200).then_some(()));
    service.post(&format!("/enqueue/{narrow}"), &"x".repeat(1_000));
    for _ in 0..3 {
        service.publish(&topic, &format!("broken: {HOSTILE}"));
    }
    service.until("/kafka.json", |answer| {
        let letters = answer.json()["dead_letters"][0]["count"] == 3;
        (letters && answer.body.contains("owned")).then_some(())
    });
    for _ in 0..40 {
        service.publish(&topic, "hold");
    }
    let is_stalled = |answer: &HttpAnswer| {
        let json = answer.json();
        let consumer = &json["consumers"][0];
        let shows = consumer["state"] == "stalled" && consumer["lag"] == 40;
        (shows && json["outboxes"][0]["parked"] == 1).then_some(json)
    };
    let json = service.until("/kafka.json", is_stalled);
    assert_eq!(json["ready"], false);
    assert_eq!(json["consumers"][0]["group"], group.as_str());

    let url = format!("http://{}/kafka", service.address);
    let document = Browser::new(DESKTOP, 1_600).document(&url);

    assert!(document.contains("<title>✗ Not ready · Kafka</title>"));
    assert!(!document.contains("<script") && !document.contains("<img"));
    assert!(document.contains("&lt;script&gt;document.title = 'owned'&lt;/script&gt;&lt;img"));
    for shown in [
        "has work but has committed nothing for",
        "3 messages became dead letters.",
        "1 event parked after refusals.",
        "stalled</span>",
        "<dt>Lag</dt><dd>40</dd>",
        "6 partitions, lag 40",
        "<h2>Producers</h2>",
        "<h2>Last errors</h2>",
        "<h2>Brokers</h2>",
    ] {
        assert!(document.contains(shown), "{shown:?} is not in\n{document}");
    }

    // The database's password.
    assert!(!document.contains("secret") && !json.to_string().contains("secret"));

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("status-page");
    fs::create_dir_all(&folder).expect("a folder for the pictures");
    let still = format!("{url}?refresh=off");
    Browser::new(DESKTOP, 1_500).picture(&still, &folder.join("desktop.png"));
    Browser::new(PHONE, 2_600)
        .dark()
        .picture(&still, &folder.join("phone.png"));

    for width in [PHONE, DESKTOP] {
        let measured = measure(&service.get("/kafka?refresh=off").body, width);
        assert_eq!(measured, (width.into(), width.into()), "at {width}");
    }
    service.stop();
}

/// Creates `docs/status-page.png` again:
/// `cargo test -p integration-tests --test page -- --ignored the_readmes_picture`
#[test]
#[ignore = "writes into the repository"]
fn the_readmes_picture() {
    let kafka = Kafka::start();
    kafka.create_topic("orders.created", 6);
    kafka.create_topic("orders.created.dlq", 1);
    let database = Postgres::shared().create_database();
    let timeout = ("RWS_CONFIG_KAFKA_READYZ_LAG_TIMEOUT_MS", "1500");
    let variables = [timeout, ("DATABASE_URL", database.as_str())];
    let service = Service::start(&kafka, "orders.created", "fulfilment", &variables);
    service.until("/readyz", |answer| (answer.status == 200).then_some(()));
    for number in 0..400 {
        service.publish("orders.created", "done");
        if number % 100 == 0 {
            service.publish("orders.created", "broken: order has no customer");
            service.post("/enqueue/orders.created", "done");
        }
    }
    service.until("/readyz", |answer| {
        let is_done = answer.status == 200 && answer.body.contains(r#""kafka_consumer_lag":0"#);
        is_done.then_some(())
    });
    for _ in 0..400 {
        service.publish("orders.created", "hold");
    }
    // As soon as the lag is measured.
    service.until("/readyz", |answer| {
        let shows = answer.body.contains("stalled") && answer.body.contains(":400,");
        shows.then_some(())
    });
    let url = format!("http://{}/kafka", service.address);
    let picture = crate::queries::file("docs/status-page.png");
    Browser::new(DESKTOP, 1_060).picture(&url, &picture);
    service.stop();
}

/// Returns the widths of the page's content and of the window, with all that is folded unfolded.
/// Measured on a copy that has a script, which the page's own policy would refuse.
fn measure(html: &str, width: u32) -> (u64, u64) {
    const SCRIPT: &str = "<script>
        document.querySelectorAll('details').forEach(it => it.open = true);
        // An element that can scroll would hide that it is too wide.
        document.querySelectorAll('section, details').forEach(it => it.style.overflow = 'visible');
        document.title = document.documentElement.scrollWidth + ' ' + window.innerWidth;
        </script></body>";
    let folder = tempfile::tempdir().expect("an empty folder");
    let path = folder.path().join("copy.html");
    fs::write(&path, html.replace("</body>", SCRIPT)).expect("a file");
    let url = format!("file://{}", path.display());
    let document = Browser::new(width, 800).document(&url);
    let (_, title) = document.split_once("<title>").expect("a title");
    let (title, _) = title.split_once("</title>").expect("its end");
    let (content, window) = title.split_once(' ').expect("two widths");
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{title:?}"));
    (number(content), number(window))
}
