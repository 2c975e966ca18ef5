use super::{Peers, between, contender, owned};
use crate::lap::Lap;
use crate::peer::Peer;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const NAME: &str = "rdkafka_performance";

/// Compiles it with librdkafka's own makefiles, once for each version: of the sources that the package
/// `rdkafka-sys` has, which may only be read where they are.
const SCRIPT: &str = r#"
rm -rf build && cp -r "$1" build && chmod -R u+w build && cd build && {
    ./configure --disable-ssl --disable-gssapi --disable-curl --disable-zlib --disable-zstd \
        --disable-lz4-ext && make -C src librdkafka.a && make -C examples rdkafka_performance
} >build.log 2>&1 </dev/null || { tail -n 20 build.log >&2; exit 1; }
mv examples/rdkafka_performance "$2"
"#;

pub(super) fn build() -> Result<Peers, String> {
    let (sources, version) = librdkafka()?;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("race-peers/librdkafka");
    let program = target.join(format!("{NAME}-{version}"));
    let peer = Peer {
        name: NAME,
        sources: target.clone(),
        target,
    };
    if !program.exists() {
        std::fs::create_dir_all(&peer.target).map_err(|error| format!("{NAME}: {error}"))?;
        let (from, to) = (sources.display().to_string(), program.display().to_string());
        peer.run("sh", &["-c", SCRIPT, "sh", &from, &to])?;
    }
    let built = peer.built(vec![program.display().to_string()]);
    Ok(Peers {
        consuming: vec![contender(&built, NAME, consume, consumed)],
        producing: vec![contender(&built, NAME, produce, produced)],
    })
}

/// Where its sources are, and their version.
fn librdkafka() -> Result<(PathBuf, String), String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|error| format!("{NAME}, for cargo metadata cannot be run: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{NAME}, for cargo metadata failed: {error}"))?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = packages.filter(|package| package["name"] == "rdkafka-sys");
    let package = found
        .next()
        .ok_or(format!("{NAME}, for there is no rdkafka-sys"))?;
    let manifest = text(&package["manifest_path"]);
    let sources = Path::new(&manifest).with_file_name("librdkafka");
    Ok((sources, text(&package["version"])))
}

fn consume(lap: &Lap<'_>) -> Vec<String> {
    owned([
        "-G",
        lap.group,
        "-B",
        "1000",
        "-b",
        lap.brokers,
        "-t",
        lap.topic,
        "-c",
        &lap.messages.to_string(),
        // As ours. By the default it waits a second whenever its queue is full.
        "-X",
        "fetch.queue.backoff.ms=5",
    ])
}

/// `% N messages (B bytes) consumed in Tms: …`
fn consumed(line: &str) -> Option<(usize, Duration)> {
    let millis = between(line, " consumed in ", "ms:")?;
    let count = between(line, "% ", " messages (")?;
    Some((count, Duration::from_millis(millis)))
}

fn produce(lap: &Lap<'_>) -> Vec<String> {
    owned([
        "-P",
        "-b",
        lap.brokers,
        "-t",
        lap.topic,
        "-c",
        &lap.messages.to_string(),
        "-s",
        &lap.payload.bytes.to_string(),
        "-m",
        lap.payload.of(0),
        "-X",
        "enable.idempotence=true",
        "-X",
        "acks=all",
        // librdkafka's default. Its own is 1000, and it waits for its last batches without a flush.
        "-X",
        "linger.ms=5",
    ])
}

/// `% N messages produced (B bytes), D delivered (offset …) in Tms: …`
fn produced(line: &str) -> Option<(usize, Duration)> {
    let millis = between(line, " failed) in ", "ms:")?;
    let count = between(line, " bytes), ", " delivered ")?;
    Some((count, Duration::from_millis(millis)))
}
