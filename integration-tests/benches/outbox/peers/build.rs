use crate::peer::{Built, Peer};

/// Builds the one on `oagudo/outbox`, or returns why it cannot.
pub(crate) fn go() -> Result<Built, String> {
    Peer::new("oagudo/outbox (Go)", "outbox", "go").go()
}

/// Builds the one on `transaction-outbox`, or returns why it cannot.
pub(crate) fn java() -> Result<Built, String> {
    let peer = Peer::new("transaction-outbox (Java)", "outbox", "java");
    let jars = peer.jars()?;
    let classes = peer.target.join("classes").display().to_string();
    let arguments = ["--release", "17", "-Xlint:all", "-Werror", "-cp", &jars];
    let arguments = [&arguments[..], &["-d", &classes, "Peer.java"]].concat();
    peer.run("javac", &arguments)?;
    let command = ["java", "-cp", &format!("{classes}:{jars}"), "Peer"];
    Ok(peer.built(command.map(str::to_owned).to_vec()))
}
