use super::{Contender, Peers, contender, owned};
use crate::lap::Lap;
use crate::peer::{Built, Peer};
use std::time::Duration;

pub(super) fn build() -> Result<Peers, String> {
    let built = Peer::new("franz-go", "race", "go").go()?;
    Ok(Peers {
        consuming: vec![
            peer(&built, "franz-go, marks each", |lap| {
                arguments("mark-each", lap, lap.group)
            }),
            peer(&built, "franz-go, marks each poll", |lap| {
                arguments("mark-poll", lap, lap.group)
            }),
        ],
        producing: vec![peer(&built, "franz-go", |lap| {
            let file = lap.payload.file().display().to_string();
            arguments("produce", lap, &file)
        })],
    })
}

fn peer(built: &Built, name: &'static str, arguments: fn(&Lap<'_>) -> Vec<String>) -> Contender {
    contender(built, name, arguments, |line| {
        let (count, micros) = line.split_once(' ')?;
        let time = Duration::from_micros(micros.parse().ok()?);
        Some((count.parse().ok()?, time))
    })
}

fn arguments(task: &str, lap: &Lap<'_>, last: &str) -> Vec<String> {
    owned([
        task,
        lap.brokers,
        lap.topic,
        last,
        &lap.messages.to_string(),
    ])
}
